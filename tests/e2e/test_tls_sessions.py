# SPDX-License-Identifier: ISC
"""Resumption by ID and by ticket: which worker, after which reload, with whose keys, and where never."""
import contextlib
import os
import signal
import socket
import ssl
import threading

import h2.connection
import pytest

from support.client import tls_context
from support.process import run
from support.tcp_server import TcpServer
from support.wait import DEADLINE_S, wait_until
from support.wire import Reader

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
both_versions = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])


def context_for(version, tickets=True):
    context = tls_context(minimum=version, maximum=version)
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


def connect(port, context, name="a.example", session=None):
    """One request; (resumed, session to resume next, the worker's pid)."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
        with context.wrap_socket(plain, server_hostname=name, session=session) as sock:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            body = b""
            while more := sock.recv(65536):
                body += more
            pid, said = body.rpartition(b"\r\n\r\n")[2].decode().split(" ")
            assert said == ("r" if sock.session_reused else "."), body
            return sock.session_reused, sock.session, int(pid)


def server(port, site, lines, names="a.example", listen=""):
    return f"""server {{ listen 127.0.0.1:{port} ssl {listen}; server_name {names};
        ssl_certificate {site.cert}; ssl_certificate_key {site.key}; {lines}
        return 200 "$pid $ssl_session_reused"; }}"""


@both_versions
def test_by_id_at_every_worker_and_over_reloads(tinyproxyd, free_port, certs, version):
    """Without tickets TLS 1.3 resumes from the cache as well."""
    port, site = free_port(), certs.issue("a.example")
    lines = "ssl_session_cache shared:S:128k; ssl_session_tickets off;"
    config = f"worker_processes 2;\nhttp {{ {server(port, site, lines)} }}"
    proxy = tinyproxyd(config)
    proxy.expect_alerts = True
    context = context_for(version, tickets=version == V13)
    _, session, pid = connect(port, context)
    proxy.reload(config + "\n# changed")
    resumed, session, pid = connect(port, context, session=session)
    assert resumed
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in proxy.worker_pids(), "the worker to be gone")
    resumed, session, other = connect(port, context, session=session)
    assert resumed and other != pid
    # Another size is another zone, and an empty one.
    proxy.reload(config.replace("128k", "256k"))
    assert not connect(port, context, session=session)[0]
    wait_until(lambda: len(proxy.worker_pids()) == 2, "new workers")


def test_a_ticket_comes_to_clients_that_say_nothing(tinyproxyd, free_port, certs):
    """TLS 1.3: it is held back for a response to take it along, but not for long."""
    def ticket_has_come(sock):
        with contextlib.suppress(TimeoutError):
            sock.recv(1)
        return sock.session and sock.session.has_ticket

    port = free_port()
    tinyproxyd(f"http {{ {server(port, certs.issue('a.example'), '')} }}")
    context = context_for(V13)
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
        with context.wrap_socket(plain, server_hostname="a.example") as sock:
            sock.settimeout(0.1)
            wait_until(lambda: ticket_has_come(sock), "a ticket")
            session = sock.session
    assert connect(port, context, session=session)[0]


def test_what_kind_of_cache(tinyproxyd, free_port, certs):
    site = certs.issue("a.example")
    kinds = {"none": False, "off": False, "builtin": True, "builtin:100": True, "shared:A:1m": True,
             "builtin:100 shared:A": True}
    ports = {kind: free_port() for kind in kinds}
    tinyproxyd("http {" + "\n".join(server(ports[kind], site, f"ssl_session_cache {kind};") for kind in kinds) + "}")
    context = context_for(V12, tickets=False)
    for kind, kept in kinds.items():
        _, session, _ = connect(ports[kind], context)
        assert (session.id == b"") == (kind == "off"), kind
        assert connect(ports[kind], context, session=session)[0] == kept, kind


@both_versions
def test_a_cache_behind_a_default_server_without(tinyproxyd, free_port, certs, version):
    """Whether sessions are kept is the named server's word, both ways."""
    port, site, context = free_port(), certs.issue("a.example"), context_for(version, tickets=version == V13)
    shared, off = "ssl_session_tickets off; ssl_session_cache shared:S:1m;", "ssl_session_tickets off; ssl_session_cache off;"
    proxy = tinyproxyd("http {" + server(port, site, off, names="off.example", listen="default_server")
                       + server(port, site, shared) + "}")
    for _ in range(2):
        for name, kept in (("a.example", True), ("off.example", False)):
            _, session, _ = connect(port, context, name)
            assert version == V13 or (session.id != b"") == kept, name
            assert connect(port, context, name, session=session)[0] == kept, name
        proxy.reload("http {" + server(port, site, shared, listen="default_server")
                     + server(port, site, off, names="off.example") + "}")


@both_versions
def test_ticket_keys_of_files_rotate(tinyproxyd, free_port, certs, tmp_path, version):
    port, site = free_port(), certs.issue("a.example")
    keys = [tmp_path / f"{n}.key" for n in range(3)]
    for key, size in zip(keys, (80, 48, 80)):
        key.write_bytes(os.urandom(size))
    def config(*order):
        return "http { " + server(port, site, "".join(f"ssl_session_ticket_key {keys[n]};" for n in order)) + " }"
    proxy = tinyproxyd(config(0))
    context = context_for(version)
    _, session, _ = connect(port, context)
    # A new first key: the old one still decrypts, and what is handed out next outlives it.
    proxy.reload(config(1, 0))
    resumed, next_session, _ = connect(port, context, session=session)
    assert resumed
    assert connect(port, context, session=next_session)[0]
    proxy.reload(config(1))
    _, fresh, _ = connect(port, context)
    assert not connect(port, context, session=session)[0]
    proxy.reload(config(2, 1))
    assert connect(port, context, session=fresh)[0]
    # The same name with other bytes is another key, taken up by a reload.
    keys[1].write_bytes(os.urandom(80))
    proxy.reload()
    assert not connect(port, context, session=fresh)[0]


def test_early_data(tinyproxyd, free_port, certs, backend, tmp_path):
    """A request in the first flight is answered, known as such, and only where it is on; the handshake still ends."""
    port, site, session, early = free_port(), certs.issue("a.example", "b.example"), tmp_path / "s", tmp_path / "early"
    def host(name, lines, listen=""):
        return f"""server {{ listen 127.0.0.1:{port} ssl {listen}; server_name {name}; {lines}
            ssl_certificate {site.cert}; ssl_certificate_key {site.key};
            location / {{ proxy_set_header Early-Data $ssl_early_data;
                proxy_pass http://127.0.0.1:{backend.port}; }} }}"""
    proxy = tinyproxyd("http {" + host("b.example", "", "default_server") + host("a.example", "ssl_early_data on;") + "}")
    def connect(name, *arguments, request):
        done = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-tls1_3", "-ign_eof",
                    *arguments], stdin=request, deadline_s=DEADLINE_S)
        return done.out + done.err
    def get(name, n, close=True):
        return f"GET /bytes/{n} HTTP/1.1\r\nHost: {name}\r\n{'Connection: close' if close else 'X: y'}\r\n\r\n"
    for name, wanted in (("a.example", "1"), ("b.example", None)):
        connect(name, "-sess_out", session, request=get(name, 3))
        assert backend.last.get("early-data") is None
        for n in (5, 100000):
            early.write_text(get(name, n, close=False))
            said = connect(name, "-sess_in", session, "-early_data", early, request=get(name, 7))
            assert f"Early data was {'accepted' if wanted else 'not sent' if 'not sent' in said else 'rejected'}" in said
            if wanted:
                assert [r.get("early-data") for r in backend.requests[-2:]] == ["1", None], said
                assert f"Content-Length: {n}" in said and "Content-Length: 7" in said
            else:
                assert backend.last.get("early-data") is None
    assert not proxy.errors()


def unfinished(port, wait):
    """A way to port on which wait() returns between early data, of one record, and the rest of the client's handshake."""
    def serve(client):
        def back():
            with contextlib.suppress(OSError):  # who ends first closes both
                while data := server.recv(1 << 16):
                    client.sendall(data)
                client.shutdown(socket.SHUT_WR)
        records, types = Reader(client), b""
        with socket.create_connection(("127.0.0.1", port)) as server:
            threading.Thread(target=back, daemon=True).start()
            while types != b"\x16\x14\x17":  # ClientHello, change_cipher_spec, early data
                head = records.exactly(5)
                types += head[:1]
                server.sendall(head + records.exactly(int.from_bytes(head[3:])))
            wait()
            while data := records.some(1 << 16):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
    return TcpServer(serve)


def test_early_data_over_http2(tinyproxyd, free_port, certs, backend, tmp_path):
    """Told to the upstream, whose 425 goes through; and refused by a configuration that wants none (RFC 8470)."""
    port, site, session, early = free_port(), certs.issue("a.example"), tmp_path / "s", tmp_path / "early"
    proxy = tinyproxyd(f"""http {{ log_format line '$uri $server_protocol $status'; access_log @LOG@ line;
        server {{ listen 127.0.0.1:{port} ssl http2; server_name a.example; ssl_early_data on;
            ssl_certificate {site.cert}; ssl_certificate_key {site.key}; keepalive_timeout 300ms;
            proxy_set_header Early-Data $ssl_early_data;
            location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}
            location /once {{ if ($ssl_early_data) {{ return 425; }} return 200 "done"; }} }} }}""".replace(
                "@LOG@", str(tmp_path / "tinyproxyd" / "access.log")))
    backend.script["/late"] = b"HTTP/1.1 425 Too Early\r\nContent-Length: 0\r\n\r\n"

    def requests(*paths):
        client = h2.connection.H2Connection()
        client.initiate_connection()
        for path in paths:
            client.send_headers(client.get_next_available_stream_id(), [
                (":method", "GET"), (":scheme", "https"), (":authority", "a.example"), (":path", path)], end_stream=True)
        return client.data_to_send()

    def connect(port, *arguments, stdin=""):
        run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.example", "-tls1_3", "-alpn", "h2",
             "-ign_eof", *arguments], stdin=stdin, deadline_s=DEADLINE_S)
    connect(port, "-sess_out", session, stdin="what is no preface is hung up on\n")
    early.write_bytes(requests("/early", "/late", "/once"))
    # What waits for its upstream until the handshake is over is no early data any more.
    held = unfinished(port, lambda: backend.wait_for_requests(2))
    connect(held.port, "-sess_in", session, "-early_data", early)
    held.stop()
    lines = {"/early HTTP/2.0 200", "/late HTTP/2.0 425", "/once HTTP/2.0 425"}
    wait_until(lambda: lines <= set(proxy.access_log.read_text().splitlines()), proxy.access_log.read_text)
    assert [request.get("early-data") for request in backend.requests] == ["1", "1"]
    assert not proxy.errors()


def test_a_wrong_ticket_key_is_refused(tinyproxyd, free_port, certs, tmp_path):
    key, site = tmp_path / "t.key", certs.issue("a.example")
    key.write_bytes(b"x" * 79)
    proxy = tinyproxyd("http { " + server(free_port(), site, f"ssl_session_ticket_key {key};") + " }", started=False)
    done = proxy.run("-t", check=1)
    assert f'cannot load session ticket key "{key}": it has 79 bytes' in done.err and "openssl rand 80" in done.err


@both_versions
def test_timeouts_are_the_named_servers(tinyproxyd, free_port, certs, version):
    port, site = free_port(), certs.issue("a.example", "b.example")
    tinyproxyd("http {" + server(port, site, "ssl_session_timeout 1h;", listen="default_server")
               + server(port, site, "ssl_session_timeout 7m;", names="b.example") + "}")
    context = context_for(version)
    for name, seconds in (("a.example", 3600), ("b.example", 420)):
        _, session, _ = connect(port, context, name)
        assert session.ticket_lifetime_hint == seconds, name


@both_versions
@pytest.mark.parametrize("how", ["ssl_session_tickets on", "ssl_session_tickets off; ssl_session_cache shared:S:1m"],
                         ids=["tickets", "cache"])
def test_never_where_other_clients_are_let_in(tinyproxyd, free_port, certs, tmp_path, version, how):
    """A session of one host is none at another, nor at the same once its CAs or revocation lists have changed."""
    port, site = free_port(), certs.issue("a.example", "b.example", "c.example")
    other = tmp_path / "other-ca.pem"
    other.write_bytes(certs.issue("Other CA", self_signed=True).cert.read_bytes())
    rules = f"ssl_verify_client optional; ssl_client_certificate {certs.ca};"
    def config(b):
        return "http {" + f"{how};" + server(port, site, "", listen="default_server") \
            + server(port, site, b, names="b.example") + server(port, site, rules, names="c.example") + "}"
    proxy = tinyproxyd(config(rules))
    context = context_for(version, tickets="off" not in how or version == V13)
    sessions = {name: connect(port, context, name)[1] for name in ("a.example", "b.example", "c.example")}
    for name, session in sessions.items():
        for at in sessions:
            assert connect(port, context, at, session)[0] == (at == name), (name, at)
    proxy.reload(config(rules.replace(str(certs.ca), str(other))))
    assert not connect(port, context, "b.example", sessions["b.example"])[0]
    assert connect(port, context, "c.example", sessions["c.example"])[0]


def test_refusals(tinyproxyd, free_port, certs):
    port, site = free_port(), certs.issue("a.example")
    proxy = tinyproxyd("http { " + server(port, site, "@") + " }", started=False)
    text = proxy.config.read_text()
    for lines, said in (
            ("ssl_session_cache shared:S:16k;", 'session cache "shared:S:16k" is too small'),
            ("ssl_session_cache shared:S;", 'no size is given for the zone "S"'),
            ("ssl_session_cache shared::1m;", 'invalid session cache "shared::1m"'),
            ("ssl_session_cache builtin:0;", 'invalid parameter "builtin:0"'),
            ("ssl_session_cache memcached;", 'invalid parameter "memcached"'),
            ("ssl_session_cache shared:S:1m; } server { ssl_session_cache shared:S:2m;",
             'the zone "S" has another size already')):
        proxy.config.write_text(text.replace("@", lines))
        assert said in proxy.run("-t", check=1).err, lines
