# SPDX-License-Identifier: ISC
"""Bodies on their way: slow peers, small buffers, many at once, and every byte where it belongs."""
import hashlib
import random
import threading

import pytest

from support import wire
from support.client import Client, get, tls_context
from support.pattern import pattern, pattern_sha256
from support.peer import read_head
from support.proxied import site
from support.wait import DEADLINE_S


# ---- slow readers --------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["bytes", "chunked", "close"])
@pytest.mark.parametrize("over_tls", [False, True])
def test_a_slow_reader_gets_every_byte(proxy, backend, certs, kind, over_tls):
    cert = certs.issue("slow.example")
    port = proxy(backend.port, options="ssl" if over_tls else "",
                 server=f"ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};")
    length = 3_000_017
    with Client(port, tls=over_tls and tls_context(certs.ca), server_name="slow.example", rcvbuf=4096) as client:
        client.send(f"GET /{kind}/{length} HTTP/1.1\r\nHost: a\r\n\r\n")
        _read_little(client.reader, 9000)
        assert client.response().sha256 == pattern_sha256(length)


def _read_little(reader, most):
    """From now on the reader takes a few bytes at a time."""
    def fill():
        data = reader.sock.recv(random.randint(1, most))
        reader.held += data
        reader.seen += len(data)
        return len(data)
    reader.fill = fill


def test_a_reader_that_stops_is_timed_out(proxy, backend):
    port = proxy(backend.port, server="send_timeout 300ms;")
    with Client(port, rcvbuf=4096) as client:
        client.send("GET /bytes/3000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        proxy.daemon.wait_for_error("client timed out")
        with pytest.raises(wire.WireError):
            client.response()


def test_a_long_text_from_the_configuration_reaches_a_slow_reader(tinyproxyd, free_port):
    port = free_port()
    text = "".join(f"{n:07} " for n in range(25000))
    tinyproxyd(site(f"127.0.0.1:{port}", f"location / {{ return 200 '{text}'; }}"))
    with Client(port, rcvbuf=4096) as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _read_little(client.reader, 3000)
        assert client.response().text == text
        assert client.request("/").text == text


# ---- slow backends -------------------------------------------------------------------------------

def _slow_backend(go):
    """Reads the head, waits, then reads the body and answers with its hash."""
    def serve(sock, number):
        head, rest = read_head(sock)
        length = int(next(line.split(b":")[1] for line in head.split(b"\r\n")
                          if line.lower().startswith(b"content-length")))
        assert go.wait(DEADLINE_S)
        digest = hashlib.sha256(rest)
        left = length - len(rest)
        while left > 0:
            data = sock.recv(min(left, 5000))
            if not data:
                return
            digest.update(data)
            left -= len(data)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest.hexdigest().encode())
    return serve


def test_a_client_is_not_blamed_for_a_backend_that_reads_nothing(proxy, peer):
    """client_body_timeout runs while the client is waited for, and only then."""
    go = threading.Event()
    port = proxy(peer(_slow_backend(go), rcvbuf=4096).port,
                 server="client_body_timeout 400ms; client_max_body_size 0;")
    length = 20_000_000
    with Client(port) as client:
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
        sender = threading.Thread(target=lambda: [client.send(piece) for piece in pattern(length)])
        sender.start()
        # Another's body time-out is the clock: once it is over, so would be ours.
        for _ in range(2):
            with Client(port) as clock:
                clock.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
                assert clock.response().status == 408
        go.set()
        assert client.response().body.decode() == pattern_sha256(length)
        sender.join(DEADLINE_S)


# ---- many at once ----------------------------------------------------------------------------------

def test_many_up_and_down_through_one_worker(proxy, backend):
    port = proxy(backend.port, server="client_max_body_size 0;")
    wrong = []

    def one(seed):
        dice = random.Random(seed)
        try:
            with Client(port, rcvbuf=dice.choice([None, 4096, 65536])) as client:
                for _ in range(6):
                    length = dice.choice([0, 1, 4095, 16384, 16385, dice.randrange(2_000_000)])
                    if dice.random() < 0.5:
                        kind = dice.choice(["bytes", "chunked"])
                        answer = client.request(f"/{kind}/{length}")
                        good = answer.sha256 == pattern_sha256(length)
                    else:
                        pieces = list(pattern(length, dice.choice([1000, 70000, 1 << 20])))
                        body = pieces if dice.random() < 0.5 else b"".join(pieces)
                        answer = client.request("/echo", "POST", body=body)
                        good = answer.json["sha256"] == pattern_sha256(length)
                    if not good:
                        wrong.append((seed, length))
        except Exception as error:  # pylint: disable=broad-except
            wrong.append((seed, repr(error)))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong
    assert not proxy.daemon.errors("error")


def test_a_torrent_does_not_keep_others_waiting(proxy, peer):
    """Client and backend as fast as they can: the worker still sees to others, and to their time-outs."""
    stop = threading.Event()
    block = bytes(1 << 20)

    def serve(sock, number):
        head, _ = read_head(sock)
        if b"/torrent" not in head:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            return
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.is_set():
            sock.sendall(block)

    port = proxy(peer(serve).port)
    flowing = threading.Event()

    def swallow():
        with Client(port) as client:
            client.send("GET /torrent HTTP/1.0\r\n\r\n")
            room = bytearray(1 << 20)
            try:
                while client.sock.recv_into(room):
                    flowing.set()
            except OSError:
                pass

    readers = [threading.Thread(target=swallow) for _ in range(2)]
    for reader in readers:
        reader.start()
    assert flowing.wait(DEADLINE_S)
    for _ in range(20):
        assert get(port, "/").body == b"ok"
    stop.set()
    for reader in readers:
        reader.join(DEADLINE_S)
