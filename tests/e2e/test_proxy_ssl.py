# SPDX-License-Identifier: ISC
"""TLS to upstreams: names, verdicts on certificates, our own certificate, sessions, WebSocket and stream."""
import fcntl
import hashlib
import socket
import ssl
import struct
import termios
import threading

import pytest
from cryptography.hazmat.primitives import serialization

from support.client import Client, get
from support.pattern import pattern_bytes, pattern_sha256
from support.process import stopped
from support.tcp_server import TcpServer, echo, tls
from support.tls_origin import Origin
from support.wait import wait_until


@pytest.fixture
def origin(request):
    def make(issued, **more):
        server = Origin(issued, **more)
        request.addfinalizer(server.stop)
        return server
    return make


def ask(port, path):
    answer = get(port, path)
    assert answer.status == 200, (path, answer.status, answer.text)
    return answer.json


@pytest.fixture
def site(tinyproxyd, free_port):
    """site(locations, http=…) → (proxy, port)"""
    def make(locations, http=""):
        port = free_port()
        text = "".join(f"location /{name} {{ {lines} }}\n" for name, lines in locations.items())
        return tinyproxyd(f"http {{ {http}\nserver {{ listen 127.0.0.1:{port};\n{text} }} }}"), port
    return make


def test_an_answer_that_refuses_an_upload(tinyproxyd, free_port, certs):
    """It has arrived, though the rest of the request found the connection reset."""
    port, cert = free_port(), certs.issue("a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.fullchain, cert.key)
    asked, late, over = (threading.Event() for _ in range(3))

    def refuse(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)    # the answer does not wait for an ACK
        sock.recv(1000)
        asked.set()
        assert late.wait(30)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nmuch")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        over.set()

    backend = TcpServer(tls(context, refuse))
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass https://127.0.0.1:{backend.port}; proxy_request_buffering off; }} }} }}""")
    with Client(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        assert asked.wait(30)
        with stopped(proxy.worker_pids()[0]):
            client.send(bytes(40000))
            late.set()
            assert over.wait(30)
        answer = client.response()
        assert (answer.status, answer.body) == (413, b"much")
    backend.stop()


def test_names_and_variables(site, origin, certs):
    to = origin(certs.issue("a.example", "127.0.0.1"))
    proxy, port = site({
        "plain": f"proxy_pass https://127.0.0.1:{to.port};",
        "address": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_server_name on;",
        "group": "proxy_pass https://named.example; proxy_ssl_server_name on;",
        "quiet": "proxy_pass https://named.example;",
        "own": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_server_name on; proxy_ssl_name $arg_n.example;",
        "port": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_server_name on; proxy_ssl_name b.example:99;",
        "variable": f"set $u https://127.0.0.1:{to.port}; proxy_pass $u; proxy_ssl_server_name on;"
                    " proxy_ssl_name c.example;",
        "old": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_protocols TLSv1.2;"
               " proxy_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
    }, f"upstream named.example {{ server 127.0.0.1:{to.port}; }}")
    assert ask(port, "/plain")["version"] == "TLSv1.3"
    assert ask(port, "/old")["version"] == "TLSv1.2"
    for path, name in (("/plain", None), ("/address", None), ("/group", "named.example"), ("/quiet", None),
                       ("/own?n=x", "x.example"), ("/own?n=y", "y.example"), ("/port", "b.example"),
                       ("/variable", "c.example")):
        assert ask(port, path)["name"] == name, path


def test_verdicts(site, origin, certs):
    good, expired = certs.issue("a.example", "127.0.0.1"), certs.issue("a.example", days=-1, begins_days=-9)
    revoked = certs.issue("a.example")
    stranger = certs.issue("other.example", self_signed=True)
    servers = {"good": origin(good), "expired": origin(expired), "revoked": origin(revoked)}
    verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca}; proxy_ssl_name a.example;"
    crl = f"proxy_ssl_crl {certs.revoked(revoked)};"

    def to(name, lines=verify):
        return f"proxy_pass https://127.0.0.1:{servers[name].port}; {lines}"
    proxy, port = site({
        "ok": to("good"),
        "address": to("good", f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca};"),
        "crlok": to("good", verify + crl),
        "wrongname": to("good", verify.replace("a.example", "b.example")),
        "stranger": to("good", verify.replace(str(certs.ca), str(stranger.cert))),
        "expired": to("expired"),
        "revoked": to("revoked", verify + crl),
        "unasked": to("expired", ""),
    })
    for path in ("/ok", "/address", "/crlok", "/unasked", "/ok"):
        ask(port, path)
    assert not proxy.errors()
    for path, words in (("/wrongname", 'upstream SSL certificate does not match "b.example"'),
                        ("/stranger", "upstream SSL certificate verify error: (19:self-signed certificate in certificate chain)"),
                        ("/expired", "upstream SSL certificate verify error: (10:certificate has expired)"),
                        ("/revoked", "upstream SSL certificate verify error: (23:certificate revoked)")):
        for _ in range(2):  # a session must not make it pass
            assert get(port, path).status == 502, path
            errors = "\n".join(proxy.errors())
            assert words in errors and "while SSL handshaking to upstream" in errors, errors
            proxy.forget_errors()


def test_next_upstream(site, origin, certs, free_port):
    good, bad = origin(certs.issue("a.example")), origin(certs.issue("b.example"))
    plain = TcpServer(lambda sock: sock.sendall(b"220 hello there\r\n"))
    verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca}; proxy_ssl_name a.example;"
    try:
        proxy, port = site({
            "next": f"proxy_pass https://pair; {verify}",
            "plain": f"proxy_pass https://127.0.0.1:{plain.port};",
        }, f"upstream pair {{ server 127.0.0.1:{bad.port} max_fails=0; server 127.0.0.1:{good.port} max_fails=0; }}")
        for _ in range(4):
            ask(port, "/next")
        assert bad.accepted >= 1
        assert sum("does not match" in line for line in proxy.errors()) == bad.accepted
        assert get(port, "/plain").status == 502
        assert any("peer does not speak TLS" in line for line in proxy.errors()), proxy.errors()
        proxy.forget_errors()
    finally:
        plain.stop()


def test_certificate_of_ours(site, origin, certs, tmp_path):
    ours = certs.issue("client.example", client=True)
    locked, password = tmp_path / "locked.key", tmp_path / "passwords"
    locked.touch(mode=0o600)
    locked.write_bytes(serialization.load_pem_private_key(ours.key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"open")))
    password.write_text("wrong\nopen\n")
    to = origin(certs.issue("a.example"), client_ca=certs.ca)
    proxy, port = site({
        "with": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_certificate {ours.cert};"
                f" proxy_ssl_certificate_key {ours.key};",
        "locked": f"proxy_pass https://127.0.0.1:{to.port}; proxy_ssl_certificate {ours.cert};"
                  f" proxy_ssl_certificate_key {locked}; proxy_ssl_password_file {password};",
        "without": f"proxy_pass https://127.0.0.1:{to.port};",
    })
    assert ask(port, "/with")["peer"] == "client.example"
    assert ask(port, "/locked")["peer"] == "client.example"
    assert not proxy.errors()
    # A renewed one is shown from the next reload on; sessions of before do not hide it.
    renewed = certs.issue("renewed.example", client=True)
    for old, new in ((ours.cert, renewed.cert), (ours.key, renewed.key)):
        old.write_bytes(new.read_bytes())
    proxy.reload()
    assert ask(port, "/with")["peer"] == "renewed.example"
    proxy.forget_errors()  # the locked key no longer belongs to the certificate
    # What is read of its refusal, an alert or a reset, is up to the kernel.
    assert get(port, "/without").status == 502
    assert len(proxy.errors()) == 1, proxy.errors()
    proxy.forget_errors()


def test_refusals(tinyproxyd, free_port, certs):
    ours, other = certs.issue("client.example", client=True), certs.issue("other.example", client=True)
    proxy = tinyproxyd(f"http {{ server {{ listen 127.0.0.1:{free_port()}; location / {{ proxy_pass https://127.0.0.1:1; @ }} }} }}",
                       started=False)
    text = proxy.config.read_text()
    key = f"proxy_ssl_certificate_key {ours.key};"
    for lines, words in (
            (f"proxy_ssl_certificate {other.cert}; {key}",
             ("does not belong to it; upstreams that are to be shown it cannot be reached",)),
            (f"proxy_ssl_certificate {ours.cert};", ('no "proxy_ssl_certificate_key" is defined',)),
            (f"proxy_ssl_certificate /etc/$host.pem; {key}",
             ('variables in "proxy_ssl_certificate" are not supported', "worker processes open no files")),
            ("proxy_ssl_verify on;", ('no "proxy_ssl_trusted_certificate" for "proxy_ssl_verify"',)),
            ("proxy_ssl_protocols TLSv1;", ("TLS 1.0 and 1.1 need OpenSSL's security level 0", "@SECLEVEL=0"))):
        proxy.config.write_text(text.replace("@", lines))
        said = proxy.run("-t", check=1).err
        assert all(word in said for word in words), (lines, said)
        assert "TLS is off" not in said


def test_sessions_and_kept_connections(site, origin, certs):
    once, kept = origin(certs.issue("a.example")), origin(certs.issue("a.example"), keep=True)
    proxy, port = site({
        "reuse": f"proxy_pass https://127.0.0.1:{once.port};",
        "afresh": f"proxy_pass https://127.0.0.1:{once.port}; proxy_ssl_session_reuse off;",
        "kept": "proxy_pass https://kept; proxy_http_version 1.1; proxy_set_header Connection '';"
                " proxy_ssl_server_name on; proxy_ssl_name $arg_n;",
    }, f"upstream kept {{ server 127.0.0.1:{kept.port}; keepalive 4; }}")
    assert [ask(port, "/reuse")["reused"] for _ in range(3)] == [False, True, True]
    assert [ask(port, "/afresh")["reused"] for _ in range(3)] == [False] * 3
    names = [ask(port, f"/kept?n={n}.example") for n in ("x", "y", "x", "y")]
    assert [answer["name"] for answer in names] == ["x.example", "y.example", "x.example", "y.example"]
    assert kept.accepted == 2, "a connection for one name is none for another, but one for the same"
    proxy.reload()
    assert ask(port, "/kept?n=x.example")["name"] == "x.example"
    assert kept.accepted == 2, "what did not change is kept over a reload"


def test_bodies(site, make_backend, certs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = certs.issue("a.example")
    context.load_cert_chain(issued.fullchain, issued.key)
    backend = make_backend(tls=context)
    _, port = site({"": f"proxy_pass https://127.0.0.1:{backend.port}; client_max_body_size 0;"})
    size = 3 << 20
    for path in ("bytes", "chunked", "close"):
        assert get(port, f"/{path}/{size}").sha256 == pattern_sha256(size), path
    with Client(port) as client:
        for _ in range(2):
            answer = client.request("/echo", method="POST", body=b"x" * size)
            assert answer.json["length"] == size
    assert backend.last.get("host") == f"127.0.0.1:{backend.port}"


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_body_that_must_wait(site, certs, buffering):
    """An upstream that reads nothing until all buffers on the way are full: what had to wait comes whole."""
    size, issued = 24 << 20, certs.issue("a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.fullchain, issued.key)

    def serve(sock):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1)
        looks = [-1]

        def is_full():
            looks.append(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)))[0])
            return looks[-1] == looks[-2] > 0
        wait_until(is_full, "full buffers", interval_s=0.05)
        digest, left = hashlib.sha256(), size
        while left and (more := sock.recv(1 << 16)):
            digest.update(more)
            left -= len(more)
        text = digest.hexdigest().encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
    to = TcpServer(tls(context, serve))
    proxy, port = site({"": f"proxy_pass https://127.0.0.1:{to.port}; client_max_body_size 0; proxy_request_buffering {buffering};"})
    answer = get(port, "/", method="POST", body=pattern_bytes(size))
    assert (answer.status, answer.text) == (200, pattern_sha256(size)), proxy.errors()
    to.stop()


def test_websocket(site, origin, certs):
    to = origin(certs.issue("a.example"))
    _, port = site({"ws": f"proxy_pass https://127.0.0.1:{to.port};"})
    with Client(port) as client:
        assert client.request("/ws", headers=(("Connection", "upgrade"), ("Upgrade", "websocket"))).status == 101
        for size in (5, 200000):
            client.send(b"y" * size)
            assert client.reader.exactly(size) == b"y" * size
        # More than all buffers hold, both ways at once.
        much = pattern_bytes(16 << 20)
        sender = threading.Thread(target=client.send, args=(much,), daemon=True)
        sender.start()
        assert client.reader.exactly(len(much)) == much
        sender.join()


def test_stream(tinyproxyd, free_port, certs, tmp_path):
    issued = certs.issue("a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.fullchain, issued.key)
    names, headers = [], []
    context.sni_callback = lambda sock, name, _: names.append(name)

    def behind_header(sock):
        header = b""
        while not header.endswith(b"\n"):
            header += sock.recv(1)
        headers.append(header)
        tls(context, echo)(sock)

    plain, proxied = TcpServer(tls(context, echo)), TcpServer(behind_header)
    verify = f"proxy_ssl on; proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca};"
    ports = [free_port() for _ in range(4)]
    proxy = tinyproxyd(f"""stream {{
        upstream a.example {{ server 127.0.0.1:{plain.port}; }}
        proxy_ssl_server_name on;
        server {{ listen 127.0.0.1:{ports[0]}; proxy_pass a.example; {verify} }}
        server {{ listen 127.0.0.1:{ports[1]}; proxy_pass 127.0.0.1:{proxied.port}; proxy_protocol on;
                  proxy_ssl on; proxy_ssl_name b.example; }}
        server {{ listen 127.0.0.1:{ports[2]}; proxy_pass a.example; {verify} proxy_ssl_name c.example; }}
        server {{ listen 127.0.0.1:{ports[3]} ssl; proxy_pass a.example; {verify}
                  ssl_certificate {issued.fullchain}; ssl_certificate_key {issued.key}; }} }}""")

    def through(port, wrap=False):
        sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        if wrap:
            trusting = ssl.create_default_context(cafile=certs.ca)
            sock = trusting.wrap_socket(sock, server_hostname="a.example")
        with sock:
            sock.sendall(b"hello" * 50000)
            data = b""
            try:
                while len(data) < 250000 and (more := sock.recv(1 << 16)):
                    data += more
            except ConnectionError:
                pass
            return data

    try:
        assert through(ports[0]) == b"hello" * 50000
        assert through(ports[1]) == b"hello" * 50000
        assert through(ports[3], wrap=True) == b"hello" * 50000
        assert headers[0].startswith(b"PROXY TCP4 127.0.0.1 ")
        assert names == ["a.example", "b.example", "a.example"]
        assert not proxy.errors()
        assert through(ports[2]) == b""
        assert any('does not match "c.example" while SSL handshaking to upstream' in line
                   for line in proxy.errors()), proxy.errors()
        proxy.forget_errors()
    finally:
        plain.stop()
        proxied.stop()
