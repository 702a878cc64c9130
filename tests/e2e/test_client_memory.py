# SPDX-License-Identifier: ISC
"""What clients cost that do little: bytes per connection in the worker, all included."""
import pytest
from support.client import Client, get, tls_context
from support.process import resident_kib
from support.wait import wait_until

CONNECTIONS = 400

CONFIG = """
worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls} ssl;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ return 200 "x"; }}
    }}
}}
"""
SLOW = "GET /" + "x" * 100 + " HTTP/1.1\r\nHost: a\r\nX-A: b"


@pytest.mark.parametrize("tls, slow, most", [
    # Of our own: the struct, and what the allocator puts around it.
    (False, False, 768), (False, True, 1280), (True, True, 4096)])
def test_bytes_per_connection(tls, slow, most, tinyproxyd, certs, free_port, release_build):
    leaf = certs.issue("a.example")
    ports = {"port": free_port(), "tls": free_port()}
    proxy = tinyproxyd(CONFIG.format(cert=leaf.cert, key=leaf.key, **ports), build=release_build, events=False)
    worker, = proxy.worker_pids()
    context = tls_context() if tls else None

    def connect():
        client = Client(ports["tls" if tls else "port"], tls=context, server_name="a.example")
        if slow:
            client.send(SLOW)
        else:
            assert client.request("/").status == 200
        return client

    # What is there once for all is there before it is measured.
    clients = [connect() for _ in range(40)]
    get(ports["port"])
    before = resident_kib(worker)
    clients += [connect() for _ in range(CONNECTIONS)]
    assert get(ports["port"]).status == 200
    cost = (resident_kib(worker) - before) * 1024 / CONNECTIONS
    for client in clients:
        client.close()
    assert cost <= most, f"{cost:.0f} bytes per connection"


def test_readers_of_files_that_stall(tinyproxyd, free_port, release_build):
    port = free_port()
    proxy = tinyproxyd("http { }", started=False, build=release_build)
    with open(proxy.directory / "8m", "wb") as f:
        f.truncate(8 << 20)
    proxy.write(f"""worker_rlimit_nofile 4096; user root root;
http {{ access_log off; send_timeout 2s; server {{ listen 127.0.0.1:{port}; root {proxy.directory}; }} }}""")
    proxy.start()
    worker, = proxy.worker_pids()
    assert get(port, "/8m").body_length == 8 << 20
    before = resident_kib(worker)
    clients = [Client(port, rcvbuf=4096) for _ in range(CONNECTIONS)]
    for client in clients:
        client.send("GET /8m HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in clients:
        client.reader.some(1000)
    cost = (resident_kib(worker) - before) * 1024 / CONNECTIONS
    # They are closed by themselves: nobody takes anything.
    wait_until(lambda: sum(w["connections"] for w in proxy.status()["workers"]) == 0, "the clients to be timed out")
    for client in clients:
        client.close()
    assert cost <= 16384, f"{cost:.0f} bytes per stalled reader"
