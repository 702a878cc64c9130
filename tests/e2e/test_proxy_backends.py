# SPDX-License-Identifier: ISC
"""Backends that say too much, too early, or goodbye."""
import pathlib
import socket
import threading

import pytest

from support import wire
from support.client import Client, get
from support.peer import read_head
from support.wait import wait_until


def test_bodies_nobody_has_keep_the_connection(proxy, backend):
    port = proxy(backend.port)
    backend.script["/304"] = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: \"x\"\r\n\r\n"
    backend.script["/204"] = b"HTTP/1.1 204 No Content\r\n\r\n"
    with Client(port) as client:
        for _ in range(3):
            assert client.request("/bytes/70000", "HEAD").get("content-length") == "70000"
            assert client.request("/chunked/70000", "HEAD").status == 200
            assert client.request("/304").status == 304
            assert client.request("/204").status == 204
            assert client.request("/echo", "POST", body=b"x").json["body"] == "x"
    assert backend.connections == 1


def test_a_backend_that_closes_without_saying_so(proxy, backend):
    port = proxy(backend.port)
    backend.script["/bye"] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    backend.script_close.add("/bye")
    with Client(port) as client:
        for count in range(10):
            assert client.request("/bye", "POST" if count % 2 else "GET", body=b"" if count % 2 else None).text == "ok"
            wait_until(lambda: backend.open_connections == 0, "the backend's connection to end")
    assert backend.connections == 10


@pytest.mark.parametrize("length", [2, 16384 - 100, 16384, 100000])
def test_surplus_bytes_never_answer_the_next_request(proxy, backend, length):
    body = b"x" * length
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    for surplus in (evil, b"\r\n", b"0"):
        backend.script["/more"] = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b%b" % (length, body, surplus)
        port = proxy(backend.port)
        with Client(port) as client:
            for _ in range(5):
                assert client.request("/more").body == body
                assert client.request("/").body == b"backend\n"


def test_a_backend_that_speaks_first_is_not_believed(proxy, peer):
    """What was there before the request is no answer to it."""
    def serve(sock, number):
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nevil")
        read_head(sock)
        sock.recv(1)

    port = proxy(peer(serve).port)
    worker, = proxy.daemon.worker_pids()
    for _ in range(3):
        with Client(port) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.response()
        # Should the kernel have let the request out first, the answer could not be told from a real one.
        assert answer.status == 502 or b"evil" in answer.body
    assert worker in proxy.daemon.worker_pids()


def test_a_head_too_big_is_refused_however_it_comes(proxy, backend, peer):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Big: " + b"a" * 3000 + b"\r\n\r\n"
    step = threading.Semaphore(0)

    def serve(sock, number):
        while read_head(sock):
            if number > 1:
                for piece in (head[:1500], head[1500:2500], head[2500:]):
                    sock.sendall(piece)
                    step.acquire(timeout=0.05)
            else:
                sock.sendall(head)
            sock.sendall(b"ok")

    port = proxy(peer(serve).port, "proxy_buffer_size 2k;")
    for _ in range(2):
        assert get(port).status == 502
    assert all("upstream sent too big header" in line for line in proxy.daemon.errors("error"))
    assert get(proxy(peer(serve).port, "proxy_buffer_size 4k;")).text == "ok"


def test_a_backend_that_resets_in_the_middle(proxy, peer):
    def serve(sock, number):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(200000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    port = proxy(peer(serve).port)
    for _ in range(5):
        with Client(port) as client, pytest.raises(wire.WireError):
            client.request("/")


def kernel_timer(port):
    """What the kernel waits for on the connection to this port: 0 nothing, 2 keep-alive (proc(5), /proc/net/tcp)."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    timers = [line.split()[5].split(":")[0] for line in lines
              if line.split()[2] == f"0100007F:{port:04X}" and line.split()[3] == "01"]
    return int(timers[0], 16) if timers else None


@pytest.mark.parametrize("said, timer", [("", 0), ("proxy_socket_keepalive on;", 2), ("proxy_socket_keepalive off;", 0)])
def test_the_kernel_watches_over_connections(said, timer, tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port}; {said}
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with Client(port) as client:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        # What was sent may not be acknowledged yet, which has a timer of its own.
        wait_until(lambda: kernel_timer(backend.port) == timer, "the timer")
        backend.release("x")
        assert client.response().status == 200
