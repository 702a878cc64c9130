# SPDX-License-Identifier: ISC
"""Limits on clients: rates, header counts, how long a connection lives, how it ends, its socket."""
import os
import signal

import pytest
from support.client import Client, get
from support.process import run
from support.wait import wait_until

CONFIG = """
worker_processes 2;
http {
    log_format times "$request_uri $request_time $limit_rate $pid";
    access_log @LOG@ times;
    server {
        listen 127.0.0.1:@PORT@;
        root @DIR@;
        send_timeout 1s;
        max_headers 5;
        location /rate { alias @DIR@/30k; limit_rate 15k; }
        location /after { alias @DIR@/30k; limit_rate 1; limit_rate_after 30k; }
        location /of { alias @DIR@/30k; limit_rate $arg_rate; limit_rate_after $arg_after; }
        location /kernel { alias @DIR@/30k; limit_rate 15k; sendfile on; }
        location /old { keepalive_time 1ms; return 200 "x"; }
        location /reset { alias @DIR@/8m; reset_timedout_connection on; }
        location /kept { alias @DIR@/8m; }
        location /linger/on { client_max_body_size 1; return 200 "x"; }
        location /linger/always { lingering_close always; return 200 "x"; }
        location /linger/off { lingering_close off; return 200 "x"; }
    }
}
"""


@pytest.fixture
def limits(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("http { }", started=False)
    (proxy.directory / "30k").write_bytes(b"x" * 30720)
    (proxy.directory / "8m").write_bytes(bytes(8 << 20))
    proxy.write(CONFIG.replace("@PORT@", str(port)).replace("@DIR@", str(proxy.directory))
                .replace("@LOG@", str(proxy.access_log)))
    proxy.start()
    proxy.port = port
    return proxy


def logged(proxy, uri):
    return wait_until(lambda: [line.split() for line in proxy.access_log.read_text().splitlines()
                               if line.startswith(uri + " ")], f"a log line for {uri}")[-1]


def test_rates(limits):
    for uri, rate, least in (("/rate", "15360", 0.9), ("/kernel", "15360", 0.9), ("/of?rate=15k", "15360", 0.9),
                             ("/after", "1", 0), ("/of", "0", 0), ("/of?rate=1&after=1m", "1", 0),
                             ("/of?rate=nonsense", "0", 0)):
        assert len(get(limits.port, uri).body) == 30720
        # The first second's worth comes at once.
        time, told = logged(limits, uri)[1:3]
        assert told == rate and float(time) >= least, uri
    assert any('invalid size "nonsense"' in line for line in limits.errors("error"))


def test_the_number_of_fields(limits):
    with Client(limits.port) as client:
        assert client.request("/linger/on", headers=[("X", "y")] * 4).status == 200
        assert client.request("/linger/on", headers=[("X", "y")] * 5).status == 400


def test_an_old_connection_ends_with_its_next_answer(limits):
    with Client(limits.port) as client:
        wait_until(lambda: client.request("/old").get("connection") == "close", "Connection: close")
        assert client.until_closed() == b""


@pytest.mark.parametrize("uri, by_reset", [("/reset", True), ("/kept", False)])
def test_a_client_that_takes_nothing(limits, uri, by_reset):
    with Client(limits.port, rcvbuf=4096) as client:
        client.send(f"GET {uri} HTTP/1.1\r\nHost: a\r\n\r\n")
        limits.wait_for_error("client timed out")
        was_reset = False
        try:
            while client.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            was_reset = True
        assert was_reset == by_reset


def active(proxy):
    return sum(worker["connections"] for worker in proxy.status()["workers"])


def test_lingering(limits):
    with Client(limits.port) as client:
        client.send("GET /linger/always HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.until_closed().endswith(b"x")
        # Our side is read from still: what comes is dropped without a reset.
        client.send("more")
        assert active(limits) == 1
    wait_until(lambda: active(limits) == 0, "the connection to go with the client")
    for uri in ("/linger/on", "/linger/off"):
        with Client(limits.port) as client:
            client.send(f"GET {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.until_closed().endswith(b"x")
            wait_until(lambda: active(limits) == 0, "the connection to go")
    with Client(limits.port) as client:
        client.send("POST /linger/on HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert client.response().status == 413
        assert active(limits) == 1
        client.send("x" * 9)


SOCKETS = """
worker_processes %d;
http {
    log_format pid "$pid"; access_log %s pid;
    server { listen 127.0.0.1:%d%s; location / { return 200 "x"; } }
}
"""


def test_each_worker_has_a_socket_of_its_own(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("http { }", started=False)

    def configure(workers, options):
        proxy.write(SOCKETS % (workers, proxy.access_log, port, options))

    def sockets():
        listed = run(["ss", "-Hltn", f"sport = :{port}"], check=0).out
        return len(listed.splitlines())

    def all_serve(workers):
        proxy.access_log.write_text("")
        for _ in range(40 * workers):
            assert get(port).body == b"x"
        wait_until(lambda: len(proxy.access_log.read_text().split()) == 40 * workers, "all log lines")
        return len(set(proxy.access_log.read_text().split()))

    configure(2, " reuseport deferred so_keepalive=10s:5s:3 backlog=64 rcvbuf=64k sndbuf=64k")
    proxy.start()
    assert sockets() == 2 and all_serve(2) == 2
    configure(3, " reuseport")
    proxy.reload()
    assert sockets() == 3 and all_serve(3) == 3
    # One that fails leaves nothing behind that nobody accepts from.
    configure(5, " reuseport; listen 192.0.2.1:80")
    assert proxy.reload(check=None).code != 0
    assert sockets() == 3
    configure(1, " reuseport")
    proxy.reload()
    wait_until(lambda: sockets() == 1, "the sockets of the workers that left to go")
    assert all_serve(1) == 1
    configure(2, "")
    proxy.reload()
    wait_until(lambda: sockets() == 1, "one socket for all")
    all_serve(1)
    proxy.forget_errors()


def test_a_limit_that_stays_needs_no_capability(tinyproxyd, free_port):
    port = free_port()
    site = f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; return 200 'x'; }} }}"
    proxy = tinyproxyd("worker_rlimit_nofile 500;\n" + site, started=False)
    without = ["setpriv", "--inh-caps=-sys_resource", "--bounding-set=-sys_resource"] if os.geteuid() == 0 else []
    proxy.process = proxy._start("tinyproxyd", [*without, *proxy.argv()], logs=[proxy.error_log], cwd=proxy.directory)
    proxy.process.wait_for(proxy.pid_file.exists, "the pid file")
    proxy.reload()
    assert not proxy.errors()
    proxy.reload("worker_rlimit_nofile 600;\n" + site)
    assert [line for line in proxy.errors("alert") if "prlimit" in line]
    proxy.forget_errors()
    proxy.send(signal.SIGQUIT)
    assert proxy.process.wait() == 0
