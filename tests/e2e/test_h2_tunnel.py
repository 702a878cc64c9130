# SPDX-License-Identifier: ISC
"""WebSockets over HTTP/2: extended CONNECT (RFC 8441) towards the client, Upgrade towards the backend."""
import hashlib
import re
import socket
import threading

import pytest

from support.h2frames import CANCEL, ENABLE_CONNECT_PROTOCOL, H2, NO_ERROR, PROTOCOL_ERROR, WINDOW_UPDATE
from support.pattern import pattern_bytes as pattern
from support.tcp_server import TcpServer
from support.upgrade import EARLY, HEARD, UpgradeBackend
from support.wait import DEADLINE_S, wait_until


@pytest.fixture
def site(tinyproxyd, free_port, certs, backend):
    upgrades = UpgradeBackend()
    port, tls_port, certificate = free_port(), free_port(), certs.issue("a.example")
    proxy = tinyproxyd("http { }", started=False)

    def text(more=""):
        return f"""http {{ access_log {proxy.access_log};
        server {{
            listen 127.0.0.1:{port}; listen 127.0.0.1:{tls_port} ssl; http2 on;
            ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
            location / {{ proxy_pass http://127.0.0.1:{upgrades.port}; }}
            location /classic/ {{ proxy_pass http://127.0.0.1:{upgrades.port}/; proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection "upgrade"; }}
            location /plain/ {{ proxy_pass http://127.0.0.1:{backend.port}/; }}
            location /here {{ return 200 here; }}
            location /no {{ return 403; }} {more}
        }} }}"""
    proxy.write(text())
    proxy.start()
    proxy.text, proxy.port, proxy.tls_port, proxy.upgrades = text, port, tls_port, upgrades
    yield proxy
    upgrades.stop()


def test_who_knows_nothing_of_websockets_is_spoken_to_as_one_no_further(site):
    """RFC 6455, 4.1: the key is the proxy's, and so is looking at what is made of it. Other protocols have none."""
    with H2(site.port) as client:
        assert connect(client, 1, "/stranger").status == 502
        assert connect(client, 3, "/stranger", protocol="other").status == 200
        assert connect(client, 5, "/stranger", protocol="WebSocket").status == 502
        assert connect(client, 7, "/echo").status == 200
    site.wait_for_error(r"upstream switched protocols, but knows nothing of WebSocket while reading response header")
    site.forget_errors()


def connect(client, stream, path, protocol="websocket"):
    client.headers(stream, end=False, fields=[(":method", "CONNECT"), (":protocol", protocol), (":scheme", client.scheme),
                                              (":path", path), (":authority", "a.example"), ("sec-websocket-version", "13"),
                                              ("origin", "https://a.example")])
    return client.head(stream)


def fill(client, stream):
    """Send until the windows stay shut; how much that was."""
    sent, left, seen, quiet = 0, {0: 65535, stream: 65536}, 0, 0
    while quiet < 5:
        for frame in client.seen[seen:]:
            if frame.type == WINDOW_UPDATE and frame.stream in left:
                left[frame.stream] += int.from_bytes(frame.payload, "big")
        seen = len(client.seen)
        n = min(*left.values(), 16384)
        if n == 0:
            client.sync()
            quiet += 1
            continue
        client.data(stream, b"x" * n)
        sent += n
        left = {at: room - n for at, room in left.items()}
        quiet = 0
    return sent


def test_echo(site):
    for port, tls, path in ((site.port, False, "/echo"), (site.tls_port, True, "/classic/echo")):
        with H2(port, tls) as client:
            client.sync()
            assert client.settings[ENABLE_CONNECT_PROTOCOL] == 1
            answer = connect(client, 1, path)
            assert (answer.status, answer.ended) == (200, False)
            assert answer.fields["x-own"] == "1"
            assert not {"connection", "upgrade", "sec-websocket-accept", "content-length"} & set(answer.fields)
            sent = pattern(200000)
            for at in range(0, len(sent), 10000):
                client.data(1, sent[at:at + 10000])
                client.until(lambda end=at + 10000: len(answer.body) >= end)
            assert hashlib.sha256(answer.body).digest() == hashlib.sha256(sent).digest()
            # Others beside it.
            assert client.request(3, "/here").body == b"here"
            client.data(1, b"", end=True)
            assert client.response(1).ended and client.answers[1].reset is None
            assert client.request(5, "/here").body == b"here"
    head = site.upgrades.heads[0].lower()
    assert head.startswith("get /echo http/1.1\r\n") and "upgrade: websocket" in head and "connection: upgrade" in head
    assert re.search(r"sec-websocket-key: [a-z0-9+/]{22}==\r", head) and "sec-websocket-version: 13" in head
    wait_until(lambda: site.access_log.read_text().count('"CONNECT /echo HTTP/2.0" 101') == 1, "the log line")


def test_ends(site):
    with H2(site.tls_port, True) as client:
        answer = connect(client, 1, "/early")
        client.until(lambda: answer.body.startswith(EARLY))
        client.data(1, b"", end=True)
        assert client.response(1).ended
        # The backend speaks its part and ends; the client goes on until it has said all.
        answer = connect(client, 3, "/speak/70000")
        client.until(lambda: answer.ended)
        assert answer.body == pattern(70000) and answer.reset is None
        client.data(3, b"last words", end=True)
        wait_until(lambda: b"last words" in site.upgrades.heard, "what the client said last")
        # The client ends first, then hears the rest.
        answer = connect(client, 5, "/listen")
        client.data(5, b"abc")
        client.data(5, b"def", end=True)
        assert client.response(5).body == HEARD
        wait_until(lambda: b"abcdef" in site.upgrades.heard, "what the client said")
        # Cut by either side (RFC 8441, 5).
        answer = connect(client, 7, "/cut")
        client.until(lambda: answer.reset is not None or answer.ended)
        assert (answer.ended, answer.reset) == (False, CANCEL) and b"cut".startswith(answer.body)
        answer = connect(client, 9, "/echo")
        client.reset(9)
        assert client.request(11, "/here").body == b"here"
        assert client.gone is None


def test_many_at_once_and_over_reloads(site):
    with H2(site.tls_port, True) as client:
        streams = range(1, 201, 2)
        for stream in streams:
            connect(client, stream, "/echo")
        site.reload(site.text("location /new { return 200 new; }"))
        for stream in streams:
            client.data(stream, b"%d" % stream)
        for stream in streams:
            client.until(lambda s=stream: client.answers[s].body == b"%d" % s)
        assert client.request(201, "/new").body == b"new"


def test_a_reset_without_an_error_ends_it_too(site):
    """Both its sides, for the backend as well: else each would be a connection that nobody counts."""
    with H2(site.port) as client:
        connect(client, 1, "/echo")
        client.reset(1, NO_ERROR)
        wait_until(lambda: site.access_log.exists() and "CONNECT /echo" in site.access_log.read_text(), "the log line")
        # What the backend has said to the end is no reason to wait for the client.
        answer = connect(client, 3, "/speak/3")
        client.until(lambda: answer.ended)
        client.reset(3, NO_ERROR)
        wait_until(lambda: "CONNECT /speak/3" in site.access_log.read_text(), "the log line")
        assert client.request(5, "/here").body == b"here"


def test_a_field_list_is_an_error(site):
    """RFC 9113, 8.5: nothing but DATA."""
    with H2(site.port) as client:
        for stream, end in ((1, True), (3, False)):
            connect(client, stream, "/echo")
            client.headers(stream, fields=[("x-sum", "42")], end=end)
            assert client.stream_error(stream) == PROTOCOL_ERROR
        wait_until(lambda: site.access_log.exists() and site.access_log.read_text().count("CONNECT /echo") == 2, "the log lines")
        assert client.request(5, "/here").body == b"here"


def test_what_waits_for_its_backend_ends_with_its_generation(tinyproxyd, free_port):
    """Ended on the wire both ways, and only the backend has yet to take the rest."""
    go, port = threading.Event(), free_port()

    def speak_and_wait(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        go.wait(DEADLINE_S)
    backend = TcpServer(speak_and_wait)
    proxy = tinyproxyd("http { }", started=False)
    text = f"""worker_shutdown_timeout 300ms; http {{ access_log {proxy.access_log}; server {{ listen 127.0.0.1:{port} http2;
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} location /here {{ return 200 here; }} }} }}"""
    proxy.write(text)
    proxy.start()
    with H2(port) as client:
        answer = connect(client, 1, "/", protocol="other")
        client.until(lambda: answer.ended)
        fill(client, 1)
        client.data(1, b"", end=True)
        client.sync()
        assert not proxy.access_log.exists() or "CONNECT" not in proxy.access_log.read_text()
        proxy.reload(text + "# new\n")
        wait_until(lambda: proxy.access_log.exists() and "CONNECT / HTTP/2.0" in proxy.access_log.read_text(), "the log line")
        assert client.request(3, "/here").body == b"here"
    go.set()
    backend.stop()


@pytest.mark.parametrize("backend_ended", (True, False))
def test_last_words_arrive_though_the_client_leaves(tinyproxyd, free_port, backend_ended):
    """A client that has sent END_STREAM may close its connection: to the backend it is one of TCP."""
    go, port, heard = threading.Event(), free_port(), []

    def speak_and_wait(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n")
        if backend_ended:
            sock.shutdown(socket.SHUT_WR)
        go.wait(DEADLINE_S)
        while data := sock.recv(1 << 20):
            heard.append(data)
        heard.append(None)
    backend = TcpServer(speak_and_wait)
    proxy = tinyproxyd(f"""http {{ log_format t "$status"; access_log access.log t; server {{ listen 127.0.0.1:{port} http2;
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with H2(port) as client:
        answer = connect(client, 1, "/", protocol="other")
        client.until(lambda: answer.ended == backend_ended)
        sent = fill(client, 1)
        client.data(1, b"", end=True)
        client.sync()
    log = proxy.directory / "access.log"
    wait_until(lambda: log.exists() and log.read_text() == "101\n", "the log line")
    go.set()
    wait_until(lambda: heard and heard[-1] is None, "the end")
    assert sum(len(data) for data in heard[:-1]) == sent
    backend.stop()


def test_what_is_no_tunnel_is_no_success(site):
    with H2(site.port) as client:
        for stream, path, status in ((1, "/here", 502), (3, "/plain/x", 502), (5, "/no", 403)):
            answer = connect(client, stream, path)
            client.until(lambda a=answer: a.ended or a.reset is not None)
            assert (answer.status, answer.body[:5] in (b"", b"<html")) == (status, True), path
        # A protocol that would make the backend something else is not passed on.
        assert connect(client, 9, "/echo", protocol="h2c").status == 502
        assert client.request(11, "/here").body == b"here"


def test_bytes_of_one_tunnel_wait_for_their_backend_alone(site):
    """One that is not read holds up nobody, and no more than its window."""
    with H2(site.port) as client:
        connect(client, 1, "/hold")
        left = 65535
        while left:
            client.data(1, b"x" * min(left, 16384))
            left -= min(left, 16384)
        answer = connect(client, 3, "/echo")
        client.data(3, b"hello")
        client.until(lambda: answer.body == b"hello")
        client.reset(1, CANCEL)
        assert client.request(5, "/here").body == b"here"
        assert client.gone is None or client.gone[1] == NO_ERROR
