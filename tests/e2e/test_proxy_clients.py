# SPDX-License-Identifier: ISC
"""Clients that leave when nobody expects it, and how connections of theirs are ended."""
import os
import signal
import socket
import ssl
import threading

import pytest

from support import wire
from support.client import Client, get, tls_context
from support.pattern import pattern
from support.peer import read_head
from support.proxied import site
from support.wait import DEADLINE_S, wait_until


def requests_logged(daemon, status):
    text = daemon.access_log.read_text() if daemon.access_log.exists() else ""
    return text.count(f'" {status} ')


# ---- clients that leave ----------------------------------------------------------------------------

def test_a_reset_in_the_middle_of_a_download(proxy, backend):
    port = proxy(backend.port)
    for _ in range(5):
        client = Client(port)
        client.send("GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
        client.reader.some(100000)
        client.reset()
    wait_until(lambda: backend.open_connections == 0, "the backend's connections to end")
    assert get(port).status == 200
    wait_until(lambda: requests_logged(proxy.daemon, 200) == 6, "the access log's lines")


def test_a_reset_in_the_middle_of_an_upload(proxy, backend):
    port = proxy(backend.port, server="client_max_body_size 0;")
    for _ in range(5):
        client = Client(port)
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        for piece in pattern(3_000_000):
            client.send(piece)
        client.reset()
    wait_until(lambda: backend.open_connections == 0, "the backend's connections to end")
    assert not backend.requests
    assert get(port).status == 200
    wait_until(lambda: requests_logged(proxy.daemon, 499) == 5, "the access log's lines")


def test_a_reset_while_the_backend_reads_nothing(proxy, peer):
    """Nobody asks the client for more, so nobody would read its end: it is noticed all the same."""
    went = threading.Event()

    def serve(sock, number):
        read_head(sock)
        went.wait(DEADLINE_S)
        while sock.recv(1 << 20):
            pass

    backend = peer(serve, rcvbuf=4096)
    port = proxy(backend.port, "proxy_send_timeout 1h;", server="client_max_body_size 0;")
    client = Client(port)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n")
    client.sock.settimeout(0.5)
    with pytest.raises(TimeoutError):  # everything on the way is full
        while True:
            client.sock.send(bytes(65536))
    client.reset()
    wait_until(lambda: requests_logged(proxy.daemon, 499) == 1, "the access log's line")
    went.set()
    wait_until(lambda: backend.ended == 1, "the backend's connection to end")


def test_an_end_that_comes_with_the_request(proxy, backend):
    """As in nginx: who ends its side before the response has left, also when it did so at once."""
    port = proxy(backend.port)
    worker, = proxy.daemon.worker_pids()
    client = Client(port)
    os.kill(worker, signal.SIGSTOP)
    client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
    client.half_close()
    os.kill(worker, signal.SIGCONT)
    wait_until(lambda: requests_logged(proxy.daemon, 499) == 1, "the access log's line")
    assert client.until_closed() == b""
    client.close()
    backend.release("x")


def test_an_end_behind_a_whole_upload(proxy, backend):
    port = proxy(backend.port)
    with Client(port) as client:
        client.send("POST /hold/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        backend.wait_for_requests(1)
        client.half_close()
        assert client.until_closed() == b""
    wait_until(lambda: requests_logged(proxy.daemon, 499) == 1, "the access log's line")
    backend.release("x")


def test_an_end_in_the_middle_of_an_upload(proxy, backend):
    port = proxy(backend.port, "proxy_request_buffering off;")
    with Client(port) as client:
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello")
        client.half_close()
        assert client.until_closed() == b""
    wait_until(lambda: len(backend.broken) == 1, "the backend to see the request cut")
    assert not backend.requests


def test_a_client_that_ends_its_side_gets_what_is_ready(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(site(f"127.0.0.1:{port}", "location / { return 200 fine; }"))
    with Client(port) as client:
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        client.half_close()
        assert client.response().text == "fine"
        assert client.response().text == "fine"
        assert client.until_closed() == b""


def test_what_an_abandoned_request_cost_is_logged(proxy, backend, tmp_path):
    port = proxy(backend.port, before=f"""log_format cost "$status sent=$upstream_bytes_sent";
        access_log {tmp_path}/cost.log cost;""")
    with Client(port) as client:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
    line = wait_until(lambda: (tmp_path / "cost.log").exists() and (tmp_path / "cost.log").read_text(), "the line")
    status, _, sent = line.strip().partition(" sent=")
    assert status == "499" and int(sent) > 20
    backend.release("x")


# ---- connections that we end ---------------------------------------------------------------------

def test_keepalive_timeout_is_the_server_s_that_answered(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(f"""http {{
        server {{ listen 127.0.0.1:{port}; server_name long.example; keepalive_timeout 1h; return 200; }}
        server {{ listen 127.0.0.1:{port}; server_name short.example; keepalive_timeout 200ms; return 200; }}
    }}""")
    with Client(port) as short, Client(port) as long:
        assert short.request("/", host="short.example").status == 200
        assert long.request("/", host="long.example").status == 200
        short.wait_closed()
        assert long.is_open()


@pytest.mark.parametrize("how", ["quit", "keepalive_timeout"])
def test_an_idle_tls_connection_is_ended_properly(tinyproxyd, free_port, certs, how):
    port, cert = free_port(), certs.issue("bye.example")
    timeout = "200ms" if how != "quit" else "1h"
    daemon = tinyproxyd(site(f"127.0.0.1:{port} ssl", "return 200;", server=f"""ssl_certificate {cert.fullchain};
        ssl_certificate_key {cert.key}; keepalive_timeout {timeout};"""))
    raw = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
    context = tls_context(certs.ca)
    context.options &= ~0x80  # SSL_OP_IGNORE_UNEXPECTED_EOF, which python sets
    with context.wrap_socket(raw, server_hostname="bye.example", suppress_ragged_eofs=False) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: bye.example\r\n\r\n")
        assert wire.read_head(wire.Reader(sock)).status == 200
        if how == "quit":
            daemon.send(signal.SIGQUIT)
        try:
            assert sock.recv(1) == b""  # close_notify; without it this raises
        except ssl.SSLEOFError:
            pytest.fail("the connection was cut, not ended")
