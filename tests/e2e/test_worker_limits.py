# SPDX-License-Identifier: ISC
"""A worker's bounds: its time to shut down, its descriptors."""
import signal

import pytest

from support.client import Client, get
from support.h2frames import H2, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, setting
from support.proxied import site
from support.wait import wait_until


def test_the_shutdown_timeout_is_not_put_off_by_reloads(proxy, backend):
    port = proxy(backend.port, main="worker_shutdown_timeout 1s;")
    with Client(port) as old:
        old.send("GET /hold/old HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)

        def ended():
            proxy.daemon.reload()
            return not old.is_open()
        wait_until(ended, "the old request to be cut")
        proxy.daemon.wait_for_error("worker_shutdown_timeout is over")
    assert get(port).status == 200
    backend.release("old")


def test_the_shutdown_timeout_bounds_a_quit(proxy, backend):
    port = proxy(backend.port, main="worker_shutdown_timeout 300ms;")
    with Client(port) as client:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        proxy.daemon.send(signal.SIGQUIT)
        assert client.until_closed() == b""
        assert proxy.daemon.process.wait() == 0
    backend.release("x")


@pytest.mark.parametrize("size", (1000, 8 << 20))
def test_the_shutdown_timeout_does_not_wait_for_slow_http2_clients(proxy, backend, size):
    """Neither for its windows, with more to come for the stream or not, nor for its socket."""
    port = proxy(backend.port, main="worker_shutdown_timeout 300ms;", options="http2")
    with H2(port, settings=setting(INITIAL_WINDOW_SIZE=0), updates=False) as slow, \
            H2(port, settings=setting(INITIAL_WINDOW_SIZE=1 << 24), updates=False, rcvbuf=4096) as stuck:
        slow.headers(1, f"/bytes/{size}")
        slow.head(1)
        stuck.window(0, 1 << 24)
        stuck.headers(1, "/bytes/8000000")
        backend.wait_for_requests(2)
        proxy.daemon.wait_for_error(r"\*2 an upstream response is buffered to a temporary file")
        log = proxy.daemon.access_log
        proxy.daemon.reload()
        assert slow.stream_error(1) == INTERNAL_ERROR
        wait_until(lambda: log.exists() and log.read_text().count("HTTP/2.0") == 2, "the log lines")
        assert slow.request(3, "/bytes/0").ended
        proxy.daemon.wait_for_error(r"\*2 worker_shutdown_timeout is over while processing HTTP/2 connection")


# ---- descriptors run out ------------------------------------------------------------------------------------

def test_descriptors_run_out_and_come_back(proxy, backend):
    port = proxy(backend.port, main="worker_rlimit_nofile 64;")
    worker, = proxy.daemon.worker_pids()
    clients = [Client(port) for _ in range(100)]
    for client in clients:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    proxy.daemon.wait_for_error("accepting pauses")
    # There is room left for what matters more than another client.
    assert proxy.daemon.reload().code == 0
    proxy.daemon.forget_errors()
    backend.release("x")
    statuses = [client.response().status for client in clients]
    assert {200} <= set(statuses) <= {200, 500}
    for client in clients:
        client.close()
    assert get(port).status == 200
    assert proxy.daemon.worker_pids() == [worker]


def test_a_peer_is_not_blamed_for_our_lack_of_descriptors(proxy, tinyproxyd, free_port, make_backend):
    port, one, two = free_port(), make_backend("one"), make_backend("two")
    daemon = tinyproxyd(site(f"127.0.0.1:{port}", "location / { proxy_pass http://app; }",
                             main="worker_rlimit_nofile 40;",
                             before=f"upstream app {{ server 127.0.0.1:{one.port}; server 127.0.0.1:{two.port}; }}"))
    clients = [Client(port) for _ in range(40)]
    for client in clients:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    daemon.wait_for_error("socket\\(\\) failed \\(24: Too many open files\\)")
    one.release("x")
    two.release("x")
    statuses = [client.response().status for client in clients]
    assert set(statuses) == {200, 500}
    assert sorted({get(port).body for _ in range(4)}) == [b"one\n", b"two\n"]
    for client in clients:
        client.close()
