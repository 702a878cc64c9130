# SPDX-License-Identifier: ISC
"""proxy_protocol towards http upstreams: they learn their client, and no connection is shared by two of them."""
import re
import socket
import ssl

import pytest

from support.client import Client, get, tls_context
from support.header_backend import HeaderBackend
from support.nginx import temp_paths
from support.proxy_header import tlv, v1, v2
from support.wait import wait_until

HTTP = b"http/1.1"


# ---- real peers -----------------------------------------------------------------------------------------

def nginx(start, directory, port):
    directory.mkdir()
    (directory / "nginx.conf").write_text(f"""daemon off; pid {directory}/pid; error_log {directory}/error.log; events {{ }}
http {{ access_log off; {temp_paths(directory)}
    server {{ listen 127.0.0.1:{port} proxy_protocol;
        return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port - $connection"; }} }}""")
    return ["/usr/sbin/nginx", "-p", directory, "-c", directory / "nginx.conf", "-e", directory / "error.log"]


def haproxy(start, directory, port):
    directory.mkdir()
    (directory / "haproxy.cfg").write_text(f"""
defaults
    mode http
    timeout client 30s
frontend f
    bind 127.0.0.1:{port} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port] %[fc_pp_authority] %[fc_rcvd_proxy]"
""")
    return ["/usr/sbin/haproxy", "-db", "-f", directory / "haproxy.cfg"]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("peer", [nginx, haproxy])
def test_real_peers_learn_their_clients(tinyproxyd, start, free_port, certs, tmp_path, peer, version):
    port, peer_port, cert = free_port(), free_port(), certs.issue("a.example")
    start(peer.__name__, peer(start, tmp_path / "peer", peer_port)).wait_for_port(peer_port)
    tinyproxyd(f"""http {{ upstream peer {{ server 127.0.0.1:{peer_port}; keepalive 8; }}
        server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
                  proxy_protocol {version}; location / {{ proxy_pass http://peer; }} }} }}""")
    seen = {}
    with Client(port, tls=tls_context(certs.ca), server_name="a.example") as one, \
            Client(port, tls=tls_context(certs.ca), server_name="a.example") as two:
        for client in (one, two, two, one, one, two):
            said = client.request("/", host="a.example").body.decode().split()
            assert said[:3] == ["127.0.0.1", str(client.source_port), str(port)]
            seen.setdefault(client, set()).add(said[-1])
            if peer is haproxy:
                assert said[3:] == (["a.example", "1"] if version == "v2" else ["1"])
    if peer is nginx:  # $connection: each client has had one of its own, kept over its requests
        assert [len(numbers) for numbers in seen.values()] == [1, 1] and seen[one] != seen[two]


# ---- byte for byte --------------------------------------------------------------------------------------

@pytest.fixture
def make_peer():
    running = []

    def make(**more):
        running.append(HeaderBackend(**more))
        return running[-1]

    yield make
    for peer in running:
        peer.stop()


def expected(version, client, port, name=None, protocol=HTTP):
    if version == "v1":
        return v1("127.0.0.1", client.source_port, "127.0.0.1", port)
    return v2("127.0.0.1", client.source_port, "127.0.0.1", port,
              tlvs=(tlv(2, name) if name else b"") + tlv(1, protocol))


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("secure", [False, True])
def test_what_is_sent(tinyproxyd, free_port, certs, make_peer, version, secure):
    """In front of the request, in front of TLS to the upstream; the name is the client's SNI."""
    plain, inside, cert = free_port(), free_port(), certs.issue("a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.fullchain, cert.key)
    peer = make_peer(tls=context if secure else None)
    tinyproxyd(f"""http {{ proxy_protocol {version};
        server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{inside} ssl; ssl_certificate {cert.fullchain};
                  ssl_certificate_key {cert.key};
                  location / {{ proxy_pass http{'s' * secure}://127.0.0.1:{peer.port}; }}
                  location /old/ {{ proxy_http_version 1.0; proxy_pass http{'s' * secure}://127.0.0.1:{peer.port}; }}
                  location /off/ {{ proxy_protocol off; return 204; }} }} }}""")
    with Client(plain) as client:
        assert client.request("/1").body == client.request("/2").body == b"ok"
        assert peer.headers == [expected(version, client, plain)]
        assert client.request("/old/").status == 200
        if version == "v2":  # version 1 does not say what is spoken: the same connection would do
            assert peer.headers.pop() == expected(version, client, plain, protocol=b"http/1.0")
    with Client(inside, tls=tls_context(certs.ca, alpn=["http/1.1"]), server_name="A.example") as client:
        assert client.request("/", host="a.example").body == b"ok"
        assert peer.headers[1:] == [expected(version, client, inside, b"a.example")]


def test_connections_are_not_shared(tinyproxyd, free_port, make_peer):
    """Two clients in turn, then a third when the others' kept connections are idle."""
    port, peer = free_port(), make_peer()
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port}; proxy_protocol v1;
        location / {{ proxy_pass http://127.0.0.1:{peer.port}; }}
        location /bare/ {{ proxy_protocol off; proxy_pass http://127.0.0.1:{peer.port}; }} }} }}""")
    with Client(port) as one, Client(port) as two:
        for client, path in ((one, "/1"), (two, "/2"), (one, "/1"), (two, "/2"), (one, "/1")):
            assert client.request(path).body == b"ok"
        with Client(port) as three:
            assert three.request("/3").body == b"ok"
            assert peer.headers == [expected("v1", client, port) for client in (one, two, three)]
    assert peer.requests == [(0, "/1"), (1, "/2"), (0, "/1"), (1, "/2"), (0, "/1"), (2, "/3")]


def test_the_next_server_is_told_anew(tinyproxyd, free_port, make_peer):
    port, first, second = free_port(), make_peer(), make_peer()
    first.answers["/x"] = [False]
    proxy = tinyproxyd(f"""http {{ upstream both {{ server 127.0.0.1:{first.port}; server 127.0.0.1:{second.port} backup; }}
        server {{ listen 127.0.0.1:{port}; proxy_protocol v2; location / {{ proxy_pass http://both; }} }} }}""")
    with Client(port) as client:
        assert client.request("/x").body == b"ok"
        assert first.headers == second.headers == [expected("v2", client, port)]
    proxy.forget_errors()


def test_a_kept_connection_that_ends_is_replaced_and_told_anew(tinyproxyd, free_port, make_peer):
    port, peer = free_port(), make_peer()
    peer.answers["/x"] = [True, False, True]
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port}; proxy_protocol v2;
        location / {{ proxy_pass http://127.0.0.1:{peer.port}; }} }} }}""")
    with Client(port) as client:
        assert client.request("/x").body == client.request("/x").body == b"ok"
        assert peer.headers == [expected("v2", client, port)] * 2
    assert peer.requests == [(0, "/x"), (0, "/x"), (1, "/x")]
    proxy.forget_errors()


def test_a_post_goes_on_when_only_the_header_was_sent(tinyproxyd, free_port, certs, make_peer):
    """The handshake fails: of the request itself the first server has seen nothing."""
    port, cert = free_port(), certs.issue("a.example")
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    contexts[1].load_cert_chain(cert.fullchain, cert.key)  # the first has none: nobody can shake hands with it
    bad, good = (make_peer(tls=context) for context in contexts)
    proxy = tinyproxyd(f"""http {{ upstream both {{ server 127.0.0.1:{bad.port}; server 127.0.0.1:{good.port} backup; }}
        server {{ listen 127.0.0.1:{port}; proxy_protocol v1; location / {{ proxy_pass https://both; }} }} }}""")
    with Client(port) as client:
        assert client.request("/", method="POST", body=b"x").body == b"ok"
        assert bad.headers == good.headers == [expected("v1", client, port)]
    assert any("while SSL handshaking to upstream" in line for line in proxy.errors("error"))
    proxy.forget_errors()


def test_a_trusted_senders_word_goes_on(tinyproxyd, free_port, make_peer):
    port, through, peer = free_port(), free_port(), make_peer()
    tinyproxyd(f"""http {{ proxy_protocol v1; set_real_ip_from 127.0.0.1;
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{peer.port}; }} }}
        server {{ listen 127.0.0.1:{through} proxy_protocol; real_ip_header proxy_protocol;
                  location / {{ proxy_pass http://127.0.0.1:{peer.port}; }} }} }}""")
    with Client(through) as client:
        client.send(v1())
        assert client.request("/").body == b"ok"
    assert peer.headers == [v1("192.0.2.1", 56324, "127.0.0.1", through)]
    # One client connection, but two clients: each has its own connection.
    with Client(port) as client:
        for said in ("192.0.2.7", "192.0.2.8", "192.0.2.7"):
            assert client.request("/", headers=[("X-Real-IP", said)]).body == b"ok"
    assert [header.split(b" ")[2] for header in peer.headers[1:]] == [b"192.0.2.7", b"192.0.2.8"]


@pytest.mark.parametrize("kind", ["http", "stream"])
def test_a_client_of_another_family_than_the_listener(tinyproxyd, free_port, make_peer, tmp_path, kind):
    """Where a header came with it, it says where the client went to; else IPv4 is written as IPv6 has it."""
    port, plain, peer, path = free_port(), free_port(), make_peer(), tmp_path / "socket"
    pass_on = f"location / {{ proxy_pass http://127.0.0.1:{peer.port}; }}" if kind == "http" else \
        f"proxy_pass 127.0.0.1:{peer.port};"
    real = "real_ip_header proxy_protocol;" if kind == "http" else ""
    tmp_path.chmod(0o777)
    tinyproxyd(f"""{kind} {{ proxy_protocol v1; set_real_ip_from 127.0.0.1; set_real_ip_from unix:;
        server {{ listen 127.0.0.1:{port} proxy_protocol; listen unix:{path} proxy_protocol; {real} {pass_on} }}
        {f"server {{ listen 127.0.0.1:{plain}; {pass_on} }}" if kind == "http" else ""} }}""")
    six, four = v1("2001:db8::1", 7, "2001:db8::2", 443), v1()
    for said, family, to in ((six, socket.AF_INET, ("127.0.0.1", port)), (six, socket.AF_UNIX, str(path)),
                             (four, socket.AF_UNIX, str(path))):
        with socket.socket(family) as sock:
            sock.connect(to)
            sock.sendall(said + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert sock.recv(12) == b"HTTP/1.1 200"
        assert peer.headers[-1] == said
    if kind == "http":
        assert get(plain, headers=[("X-Real-IP", "2001:db8::3")]).body == b"ok"
        assert peer.headers[-1] == v1("2001:db8::3", 0, "::ffff:127.0.0.1", plain)


@pytest.mark.parametrize("version, nobody", [
    ("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00")])
def test_health_checks_speak_for_nobody(tinyproxyd, free_port, make_peer, version, nobody):
    port, peer = free_port(), make_peer()
    proxy = tinyproxyd(f"""http {{ upstream peer {{ server 127.0.0.1:{peer.port}; zone z 64k;
            health_check interval=50ms uri=/alive proxy_protocol={version}; }}
        server {{ listen 127.0.0.1:{port}; proxy_protocol {version}; location / {{ proxy_pass http://peer; }} }} }}""")
    wait_until(lambda: [path for _, path in peer.requests].count("/alive") >= 2, "two checks")
    assert set(peer.headers) == {nobody}
    assert get(port, "/").body == b"ok"
    assert not proxy.errors()


@pytest.mark.parametrize("text, why", [
    ("proxy_protocol v3;", 'invalid value "v3"'), ("proxy_protocol;", "invalid number of arguments"),
    ("upstream u { server 127.0.0.1; health_check proxy_protocol=on; }", "invalid parameter"),
])
def test_refused(tinyproxyd, text, why):
    done = tinyproxyd("http { %s }" % text, started=False).run("-t")
    assert done.code == 1 and re.search(re.escape(why), done.err)
