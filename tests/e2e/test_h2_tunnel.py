# SPDX-License-Identifier: ISC
"""WebSockets over HTTP/2: extended CONNECT (RFC 8441) towards the client, Upgrade towards the backend."""
import hashlib
import re

import pytest

from support.h2frames import CANCEL, ENABLE_CONNECT_PROTOCOL, H2, NO_ERROR
from support.pattern import pattern_bytes as pattern
from support.upgrade import EARLY, HEARD, UpgradeBackend
from support.wait import wait_until


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


def connect(client, stream, path, protocol="websocket"):
    client.headers(stream, end=False, fields=[(":method", "CONNECT"), (":protocol", protocol), (":scheme", client.scheme),
                                              (":path", path), (":authority", "a.example"), ("sec-websocket-version", "13"),
                                              ("origin", "https://a.example")])
    return client.head(stream)


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
        # Cut by either side.
        answer = connect(client, 7, "/cut")
        client.until(lambda: answer.reset is not None or answer.ended)
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
