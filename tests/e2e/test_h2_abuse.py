# SPDX-License-Identifier: ISC
"""HTTP/2 clients that cost more than they ask for: each ends in GOAWAY, and the log says why."""
import struct
import threading

import pytest

from support.h2frames import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, H2,
                              HEADERS, INITIAL_WINDOW_SIZE, NO_ERROR, PADDED, PING, PRIORITY, RST_STREAM, SETTINGS,
                              WINDOW_UPDATE, Closed, frame_bytes, setting)
from support.peer import read_head
from support.wait import DEADLINE_S


@pytest.fixture
def site(tinyproxyd, backend, free_port):
    port = free_port()
    proxy = tinyproxyd(f"""http {{
        lingering_timeout 30s; lingering_time 60s;
        server {{
            listen 127.0.0.1:{port}; http2 on; send_timeout 1s; keepalive_requests 1000000;
            location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}
            location /here {{ return 200 here; }}
        }} }}""")
    proxy.port = port
    return proxy


def rapid_resets(client):
    """Requests taken back as soon as they are sent (CVE-2023-44487)."""
    for stream in range(1, 2001, 2):
        yield frame_bytes(HEADERS, END_HEADERS | END_STREAM, stream, client.block(client.fields("/hold/x"))) \
            + frame_bytes(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def provoked_by_window(client):
    """The server is made to reset what it has begun to serve (CVE-2025-8671)."""
    for stream in range(1, 401, 2):
        yield frame_bytes(HEADERS, END_HEADERS | END_STREAM, stream, client.block(client.fields("/hold/x"))) \
            + frame_bytes(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff))


def provoked_by_malformed(client):
    fields = client.fields("/", more=[("connection", "close")])
    for stream in range(1, 401, 2):
        yield frame_bytes(HEADERS, END_HEADERS | END_STREAM, stream, client.block(fields))


def provoked_by_length(client):
    fields = client.fields("/hold/x", "POST", more=[("content-length", "1")])
    for stream in range(1, 401, 2):
        yield frame_bytes(HEADERS, END_HEADERS, stream, client.block(fields)) + frame_bytes(DATA, 0, stream, b"xx")


def continuation_frames(client):
    yield frame_bytes(HEADERS, END_STREAM, 1, client.block(client.fields()))
    for _ in range(32):
        yield frame_bytes(CONTINUATION, 0, 1, client.block([("x", "1")]))


def empty_continuation_frames(client):
    yield frame_bytes(HEADERS, END_STREAM, 1, client.block(client.fields()))
    for _ in range(32):
        yield frame_bytes(CONTINUATION, 0, 1)


def continuation_bytes(client):
    yield frame_bytes(HEADERS, END_STREAM, 1, client.block(client.fields()))
    for _ in range(3):
        yield frame_bytes(CONTINUATION, 0, 1, client.encoder.encode([("x", "z" * 7000)], huffman=False))


def hpack_bomb(client):
    """A large entry of the table, named by a byte each."""
    yield frame_bytes(HEADERS, END_STREAM, 1, client.block(client.fields(more=[("x", "v" * 3900)])))
    yield frame_bytes(CONTINUATION, 0, 1, client.block([("x", "v" * 3900)]) * 8000)


def settings(client):
    for _ in range(2000):
        yield frame_bytes(SETTINGS, 0, 0)


def pings(client):
    for _ in range(2000):
        yield frame_bytes(PING, 0, 0, b"12345678")


def acknowledgements(client):
    for _ in range(2000):
        yield frame_bytes(PING, ACK, 0, b"12345678")


def priorities(client):
    for _ in range(2000):
        yield frame_bytes(PRIORITY, 0, 1, b"\0\0\0\x03\x10")


def updates(client):
    for _ in range(2000):
        yield frame_bytes(WINDOW_UPDATE, 0, 0, b"\0\0\0\x01")


def empty_data(client):
    yield frame_bytes(HEADERS, END_HEADERS, 1, client.block(client.fields("/hold/x", "POST")))
    for _ in range(2000):
        yield frame_bytes(DATA, 0, 1)


def padding(client):
    yield frame_bytes(HEADERS, END_HEADERS, 1, client.block(client.fields("/hold/x", "POST")))
    for _ in range(2000):
        yield frame_bytes(DATA, PADDED, 1, b"\x01\0")


def unknown_frames(client):
    for _ in range(600):
        yield frame_bytes(0x77, 0, 0, b"x" * 16384)


RESETS, PROVOKED = "client resets too many streams", "client provokes too many resets of streams"
NO_END = "client sends too many frames to no end"
# So many at once would be too many streams.
IN_STEPS = (provoked_by_window, provoked_by_malformed, provoked_by_length)


@pytest.mark.parametrize("attack, reason", [
    (rapid_resets, RESETS), (provoked_by_window, PROVOKED),
    (provoked_by_malformed, PROVOKED), (provoked_by_length, PROVOKED),
    (continuation_frames, "client sends too many CONTINUATION frames"),
    (empty_continuation_frames, "client sends too many CONTINUATION frames"),
    (continuation_bytes, "client sends too long CONTINUATION frames"),
    (hpack_bomb, "client sends a field list that grows beyond all bounds"),
    (settings, NO_END), (pings, NO_END), (acknowledgements, NO_END), (priorities, NO_END), (updates, NO_END),
    (empty_data, NO_END), (padding, NO_END),
    (unknown_frames, "client sends too many bytes to no end"),
], ids=lambda value: getattr(value, "__name__", ""))
def test_each_ends_in_goaway(site, attack, reason):
    with H2(site.port) as client:
        client.until(lambda: client.settings)
        try:
            for number, data in enumerate(attack(client)):
                client.send(data)
                if number % 50 == 49 and attack in IN_STEPS:
                    client.sync()
        except (OSError, Closed):
            pass  # the server has had enough: what it said is there to be read
        assert client.error() == ENHANCE_YOUR_CALM
    site.wait_for_error(r"\[info\] .*\*1 " + reason)
    # Nobody else is the worse for it.
    with H2(site.port) as client:
        assert client.request(1, "/here").body == b"here"


def test_bodies_that_nobody_wanted_are_no_abuse(site):
    """What was on its way when the answer came, 64 KiB each time."""
    with H2(site.port) as client:
        for stream in range(1, 401, 2):
            client.headers(stream, "/here", "POST", end=False)
            assert client.stream_error(stream) == NO_ERROR
            for _ in range(4):
                client.data(stream, b"x" * 16380)
            client.sync()
        assert client.gone is None


def test_cut_uploads_give_the_window_back(tinyproxyd, peer, free_port):
    """More than the connection's window has room for, which is opened anew at half of it: 1 GiB."""
    port = free_port()
    over = threading.Event()
    silent = peer(lambda sock, number: over.wait(DEADLINE_S))
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port}; http2 on; keepalive_requests 1000000; client_max_body_size 0;
        http2_body_preread_size 16m; proxy_request_buffering off;
        location / {{ proxy_pass http://127.0.0.1:{silent.port}; }} location /here {{ return 200 here; }} }} }}""")
    with H2(port) as client:
        client.sync()
        for stream in range(1, 1 + 4 * 135, 4):
            client.headers(stream, "/", "POST", end=False)
            client.send(frame_bytes(DATA, 0, stream, b"x" * 16384) * 1023)
            client.reset(stream)
            assert client.request(stream + 2, "/here").ended
            client.seen.clear()
        assert client.gone is None
    over.set()


def test_a_window_that_stays_shut(site):
    with H2(site.port, settings=setting(INITIAL_WINDOW_SIZE=0), updates=False) as client:
        client.headers(1, "/bytes/1000")
        assert client.error() == ENHANCE_YOUR_CALM
    site.wait_for_error(r"client timed out: it opens no window")


def test_a_window_that_stays_shut_before_the_end(tinyproxyd, peer, free_port):
    """Room for the body and not a byte more: the end alone waits for it, and not for ever."""
    port, go = free_port(), threading.Event()

    def serve(sock, _):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        go.wait(DEADLINE_S)
        sock.sendall(b"0\r\n\r\n")
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port}; http2 on; send_timeout 1s;
        location / {{ proxy_pass http://127.0.0.1:{peer(serve).port}; }} }} }}""")
    with H2(port, settings=setting(INITIAL_WINDOW_SIZE=5), updates=False) as client:
        client.headers(1, "/")
        client.until(lambda: client.answers[1].body == b"hello")
        go.set()
        assert client.error() == ENHANCE_YOUR_CALM


def test_a_window_that_stays_shut_beside_one_that_does_not(site):
    """Others on the connection go on."""
    with H2(site.port, settings=setting(INITIAL_WINDOW_SIZE=0), updates=False) as client:
        client.headers(1, "/bytes/1000")
        client.headers(3, "/bytes/100000")
        client.window(0, 100000)
        while client.answers[1].reset is None:
            client.window(3, 5)
            client.sync()
        assert client.answers[1].reset == CANCEL
        client.window(3, 100000)
        client.window(0, 100000)
        assert len(client.response(3).body) == 100000


def test_a_window_that_stays_shut_beside_a_request_under_way(site, backend):
    """One that waits for something else than the client's window, be it a body or its backend, loses nothing by it."""
    with H2(site.port, settings=setting(INITIAL_WINDOW_SIZE=0), updates=False) as client:
        client.headers(1, "/hold/x")
        client.headers(3, "/bytes/1000")
        assert client.stream_error(3) == CANCEL
        backend.release("x")
        assert client.head(1).status == 200


def test_honest_clients_may_live_long(site):
    """As many frames and cancelled requests as one likes, with answers in between."""
    with H2(site.port) as client:
        stream = 1
        for _ in range(40):
            for _ in range(40):
                client.headers(stream, "/here")
                client.headers(stream + 2, "/here")
                client.reset(stream + 2)
                client.frame(PING, 0, 0, b"abcdefgh")
                stream += 4
            client.response(stream - 4)
        client.sync()
        assert client.gone is None
