# SPDX-License-Identifier: ISC
"""HTTP/2 requests whose body is cut on its way: passed on as it comes, it is never whole for the backend either."""
import threading

import pytest

from support.h2frames import H2
from support.tcp_server import TcpServer
from support.wait import DEADLINE_S, wait_until

SAID = [("content-length", "10000")]


@pytest.fixture
def listener():
    """A backend that only listens: .heard, and .ended once the proxy has closed."""
    heard, ended = [], threading.Event()

    def listen(sock):
        try:
            while more := sock.recv(65536):
                heard.append(more)
        finally:
            ended.set()
    server = TcpServer(listen)
    server.heard, server.ended = heard, ended
    yield server
    server.stop()


@pytest.mark.parametrize("more, end", [
    ([], lambda client: client.reset(1)),
    (SAID, lambda client: client.reset(1)),
    ([], lambda client: client.client.close()),
    (SAID, lambda client: client.data(1, b"", end=True)),
    (SAID, lambda client: client.data(1, b"x" * 5001, end=True)),
    (SAID, lambda client: client.headers(1, fields=[("x-sum", "1")])),
    ([], lambda client: client.headers(1, fields=[("host", "b.example")])),
    ([], lambda client: client.headers(1, fields=[("x-sum", "1")], end=False)),
    ([], lambda client: client.data(1, b"x" * 10001, end=True)),
    ([], lambda client: client.window(1, 0x7fffffff)),
    ([], lambda client: None),
], ids=["reset", "reset with a length", "closed", "too short", "too long", "trailer too early", "bad trailer", "trailer without an end",
        "too large", "window too wide", "timeout"])
def test_never_whole(tinyproxyd, free_port, listener, more, end):
    port = free_port()
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port} http2; client_max_body_size 10k; client_body_timeout 1s;
        location / {{ proxy_pass http://127.0.0.1:{listener.port}; proxy_request_buffering off; }} }} }}""")
    with H2(port) as client:
        client.headers(1, "/", "POST", end=False, more=more)
        client.data(1, b"x" * 5000)
        wait_until(lambda: b"".join(listener.heard).count(b"x") == 5000, "the beginning at the backend")
        end(client)
        assert listener.ended.wait(DEADLINE_S)
    head, _, body = b"".join(listener.heard).partition(b"\r\n\r\n")
    if more:
        assert b"Content-Length: 10000" in head and len(body) < 10000
    else:
        assert b"Transfer-Encoding: chunked" in head and b"\r\n0\r\n" not in body
    proxy.forget_errors()
