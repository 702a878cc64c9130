# SPDX-License-Identifier: ISC
"""Upgraded connections: WebSocket and anything else after a 101, byte for byte, both ways, over reloads."""
import contextlib
import hashlib
import json
import select
import ssl

import pytest

from support.client import Client, tls_context
from support.pattern import pattern_bytes as pattern
from support.soak_websocket import Soak, resident_kb
from support.upgrade import EARLY, HEARD, UpgradeBackend
from support.wait import DEADLINE_S, wait_until

UPGRADE = (("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"))
IDIOMS = {
    "none": "",
    "map": "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $wish;",
    "literal": 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
}


@pytest.fixture
def upgrading(tmp_path):
    """upgrading(unix=None) → UpgradeBackend; stopped after the test."""
    made = []

    def make(**more):
        made.append(UpgradeBackend(**more))
        return made[-1]
    yield make
    for backend in made:
        backend.stop()


def switched(client, path="/echo", headers=UPGRADE):
    answer = client.request(path, headers=headers)
    assert answer.status == 101, answer
    assert answer.get("connection") == "upgrade" and answer.get("x-own") == "1"
    return answer


def exactly(client, n):
    data = b""
    while len(data) < n:
        data += client.reader.some(n - len(data))
    return data


@pytest.fixture
def site(tinyproxyd, upgrading, free_port, certs, tmp_path):
    """One proxy for many cases: plain and TLS, to a port and to a unix socket, with and without header lines."""
    class Site:
        backend, sockets = upgrading(), upgrading(unix=tmp_path / "b.sock")
        tls = {}
    certificate = certs.issue("a.example")
    servers = []
    for idiom, lines in IDIOMS.items():
        for upstream in (f"127.0.0.1:{Site.backend.port}", f"unix:{tmp_path}/b.sock"):
            plain, tls = free_port(), free_port()
            Site.tls[(idiom, upstream[:4] == "unix")] = (plain, tls)
            servers.append(f"""server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;
                ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
                {lines}
                location / {{ proxy_pass http://{upstream}; }} }}""")
    Site.proxy = tinyproxyd(f"""http {{
        log_format bytes escape=json '{{"status":"$status","sent":"$body_bytes_sent","received":"$request_length",'
            '"up":"$upstream_bytes_sent","down":"$upstream_bytes_received","line":"$request"}}';
        access_log {tmp_path}/bytes.log bytes;
        map $http_upgrade $wish {{ default upgrade; '' close; }}
        {chr(10).join(servers)}
    }}""")
    Site.log = tmp_path / "bytes.log"
    Site.connect = staticmethod(lambda idiom="none", unix=False, tls=False: Client(
        Site.tls[(idiom, unix)][tls], tls=tls or None, server_name="a.example"))
    return Site


def test_every_idiom_every_transport(site):
    for idiom in IDIOMS:
        for unix in (False, True):
            for tls in (False, True):
                with site.connect(idiom, unix, tls) as client:
                    assert switched(client).get("upgrade") == "websocket"
                    for n in (1, 125, 70000):
                        client.send(pattern(n))
                        assert exactly(client, n) == pattern(n)
                head = (site.sockets if unix else site.backend).heads[-1].lower()
                assert "\r\nupgrade: websocket\r\n" in head and "\r\nconnection: upgrade\r\n" in head
                assert head.count("connection:") == 1 and head.count("upgrade:") == 1


def test_without_a_wish_nothing_is_upgraded(site):
    for idiom in IDIOMS:
        with site.connect(idiom) as client:
            answer = client.request("/echo")
            assert (answer.status, answer.body) == (200, b"plain")
            assert "\nupgrade:" not in site.backend.heads[-1].lower()
            # A 101 nobody asked for is no answer.
            assert client.request("/always").status == 502
    for wish in ("h2c", "websocket, h2c", "TLS/1.0"):
        with site.connect("none") as client:
            assert client.request("/echo", headers=(("Connection", "Upgrade"), ("Upgrade", wish))).status == 200
            assert "upgrade" not in site.backend.heads[-1].lower()
    with site.connect("none") as client:
        # Neither in HTTP/1.0, nor without Connection naming it.
        assert client.request("/echo", headers=UPGRADE, version="HTTP/1.0").status == 200
    with site.connect("none") as client:
        assert client.request("/echo", headers=(("Upgrade", "websocket"),)).status == 200
        # A refused upgrade leaves a connection as good as any.
        assert client.request("/echo").status == 200


def test_any_protocol_and_a_body_before_it(site):
    with site.connect() as client:
        answer = client.request("/echo", "POST", headers=(("Connection", "upgrade"), ("Upgrade", "my-own/3")),
                                body=b"")
        assert answer.status == 101 and answer.get("upgrade") == "my-own/3"
        client.send(b"xyz")
        assert exactly(client, 3) == b"xyz"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_early_bytes_are_kept(site, tls):
    with site.connect(tls=tls) as client:
        client.send("GET /early HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" + "mine")
        assert client.response().status == 101
        assert exactly(client, len(EARLY) + 4) == EARLY + b"mine"


def test_each_way_ends_by_itself(site):
    with site.connect() as client:
        switched(client, "/listen")
        client.send(pattern(300000))
        client.half_close()
        assert client.until_closed() == HEARD
        wait_until(lambda: site.backend.heard, "the upstream to have it all")
        assert site.backend.heard.pop() == pattern(300000)
    with site.connect() as client:
        switched(client, "/speak/300000")
        assert exactly(client, 300000) == pattern(300000)
        assert client.reader.some(1) == b""
        # The other way is still open.
        client.send(b"still talking")
        client.half_close()
        wait_until(lambda: site.backend.heard, "the upstream to have it all")
        assert site.backend.heard.pop() == b"still talking"


def test_an_upstream_that_breaks_off(site):
    with site.connect() as client:
        switched(client, "/cut")
        assert client.until_closed() in (b"cut", b"")
    assert site.proxy.wait_for_error("while proxying upgraded connection.*upstream: ")


PIECE = 1 << 16


def send_until_stuck(sock, data):
    """What is left of data when nobody takes any more."""
    rest = memoryview(data)
    sock.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while rest:
            rest = rest[sock.send(rest[:PIECE]):]
    return rest


def send_and_hear(sock, rest, total):
    """The hash of total bytes that come while rest is sent. In one thread: OpenSSL allows no two on a connection."""
    nothing_now = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
    digest, poller = hashlib.sha256(), select.poll()
    sock.setblocking(False)
    while total:
        poller.register(sock, select.POLLIN | (select.POLLOUT if rest else 0))
        assert poller.poll(DEADLINE_S * 1000), f"{total} bytes are missing"
        with contextlib.suppress(nothing_now):
            rest = rest[sock.send(rest[:PIECE]):] if rest else rest
        with contextlib.suppress(nothing_now):
            while total:
                more = sock.recv(PIECE)
                assert more, f"closed, {total} bytes are missing"
                digest.update(more)
                total -= len(more)
    return digest.hexdigest()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_back_pressure_both_ways_at_once(site, tls):
    """Neither side's slowness costs a byte, or the other way its progress."""
    data = pattern(48 << 20)
    worker = site.proxy.worker_pids()[0]
    with site.connect(tls=tls) as client:
        switched(client)
        before = resident_kb(worker)
        rest = send_until_stuck(client.sock, data)  # runs into what nobody reads, all the way to itself
        assert rest, "more than sockets can hold was taken, and nothing was read"
        with site.connect() as other:
            switched(other)
            for _ in range(1000):
                other.send(b"quick")
                assert exactly(other, 5) == b"quick"
        assert resident_kb(worker) - before < 30 << 10  # a sanitizer keeps some of what is freed
        assert send_and_hear(client.sock, rest, len(data)) == hashlib.sha256(data).hexdigest()


def test_bytes_are_counted_in_the_log(site):
    with site.connect() as client:
        switched(client, "/echo?log")
        client.send(pattern(100000))
        assert exactly(client, 100000) == pattern(100000)
    wait_until(lambda: site.log.exists() and "echo?log" in site.log.read_text(), "the log line")
    line = json.loads(next(line for line in site.log.read_text().splitlines() if "echo?log" in line))
    assert line["status"] == "101" and line["sent"] == "100000"
    for name in ("received", "up", "down"):
        assert 100000 < int(line[name]) < 101000, line


def test_silence_ends_it_and_nothing_else_does(tinyproxyd, upgrading, free_port):
    port, backend = free_port(), upgrading()
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        proxy_read_timeout 300ms; proxy_send_timeout 300ms; client_body_timeout 300ms; keepalive_timeout 300ms;
        client_max_body_size 1k;
        location / {{ tunnel_timeout 2s; proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with Client(port) as client:
        switched(client)
        for _ in range(40):
            client.send(b"x" * 100)
            assert exactly(client, 100) == b"x" * 100
        assert client.reader.some(1) == b""
    assert proxy.wait_for_error(r"\[info\].*upgraded connection timed out")
    assert not proxy.errors()


def test_a_drained_worker_waits_for_it_and_reloads_do_not_matter(tinyproxyd, upgrading, free_port):
    port, backend = free_port(), upgrading()
    config = f"http {{ server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}"
    proxy = tinyproxyd(config)
    with Client(port) as client:
        switched(client)
        proxy.reload(config.replace("location / {", "location /other {"))
        other = free_port()
        proxy.reload(config.replace(str(port), str(other)))
        client.send(b"still here")
        assert exactly(client, 10) == b"still here"
        proxy.send(3)
        wait_until(lambda: not proxy.control.exists(), "the drain to begin")
        client.send(b"and now?")
        assert exactly(client, 8) == b"and now?"
    proxy.process.wait(DEADLINE_S)


def test_websockets_through_reloads(tinyproxyd, free_port, certs):
    """A short version of tests/soak/test_soak_websocket.py."""
    Soak(tinyproxyd, free_port, certs, sockets=20, reloads=6).run(rounds=12)
