# SPDX-License-Identifier: ISC
"""Reload under traffic: no request fails, no connection closes, no process changes, no memory grows."""
import os
import threading

from support.client import Client, get, served_certificate, tls_context
from support.certs import fingerprint
from support.pattern import pattern, pattern_sha256
from support.process import resident_kib
from support.wait import wait_until

KEEP = "keepalive_requests 100000000; keepalive_timeout 1h;"


def publish(directory, issued):
    """Put a certificate where the configuration looks for it, as one rename each."""
    for name, source in (("site.crt", issued.fullchain), ("site.key", issued.key)):
        fresh = directory / (name + ".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(source.read_bytes())
        os.replace(fresh, directory / name)


def site(port, backend, marker="0", extra=""):
    return f"""worker_processes 2;
http {{
    {KEEP}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name a.example;
        ssl_certificate site.crt;
        ssl_certificate_key site.key;
        add_header X-Marker {marker};
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}
        {extra}
    }}
}}"""


class Load(threading.Thread):
    """Requests without pause, on one kept connection and on a new one each time."""

    def __init__(self, port, new_connections):
        super().__init__(daemon=True)
        self.port, self.new_connections = port, new_connections
        self.context = tls_context()
        self.done, self.failures, self.stopping = 0, [], False

    def run(self):
        client = None
        while not self.stopping:
            try:
                if client is None or self.new_connections:
                    if client:
                        client.close()
                    client = Client(self.port, tls=self.context, server_name="a.example")
                answer = client.request("/load", host="a.example")
                if answer.status != 200 or answer.body != b"backend\n":
                    self.failures.append((answer.status, answer.body))
                self.done += 1
            except Exception as error:  # pylint: disable=broad-except
                self.failures.append(repr(error))
                client = None
        if client:
            client.close()


def test_fifty_reloads_under_load(tinyproxyd, backend, certs, free_port):
    port = free_port()
    first, second = certs.issue("a.example"), certs.issue("a.example")
    proxy = tinyproxyd(site(port, backend), started=False)
    publish(proxy.directory, first)
    proxy.start()
    workers = proxy.worker_pids()
    assert len(workers) == 2
    kept = [Client(port, tls=True, server_name="a.example") for _ in range(20)]
    for client in kept:
        assert client.request("/kept", host="a.example").status == 200
    load = [Load(port, new_connections=n % 2 == 0) for n in range(4)]
    for thread in load:
        thread.start()
    wait_until(lambda: all(thread.done for thread in load), "load to begin")

    for number in range(1, 51):
        current = first
        if number % 2:
            current = second if number % 4 == 1 else first
            publish(proxy.directory, current)
        proxy.reload(site(port, backend, marker=str(number)))
        if number % 2:
            assert fingerprint(served_certificate(port, "a.example")) == current.sha256
    before = [thread.done for thread in load]
    wait_until(lambda: all(t.done > b for t, b in zip(load, before)), "load after the last reload")
    for thread in load:
        thread.stopping = True
    for thread in load:
        thread.join(20)

    assert [failure for thread in load for failure in thread.failures] == []
    for client in kept:
        answer = client.request("/kept", host="a.example")
        assert answer.status == 200
        assert answer.get("x-marker") == "50"
        client.close()
    assert proxy.worker_pids() == workers


def test_memory_is_flat_over_a_thousand_reloads(tinyproxyd, backend, certs, free_port, release_build):
    port = free_port()
    pair = certs.issue("a.example"), certs.issue("a.example")
    proxy = tinyproxyd(site(port, backend), started=False, build=release_build)
    publish(proxy.directory, pair[0])
    proxy.start()
    workers = proxy.worker_pids()

    def reloads(first, last):
        with Client(port, tls=True, server_name="a.example") as client:
            for number in range(first, last):
                if number % 2:
                    publish(proxy.directory, pair[number // 2 % 2])
                proxy.reload(site(port, backend, marker=str(number)))
                assert client.request("/", host="a.example").get("x-marker") == str(number)

    def resident():
        return sum(resident_kib(pid) for pid in [proxy.pid, *workers])

    reloads(0, 10)
    after_ten = resident()
    reloads(10, 1000)
    assert proxy.worker_pids() == workers
    assert resident() <= after_ten * 1.05


GIB = 1 << 30


class MemoryWatch(threading.Thread):
    """The largest resident size of the workers while something goes on."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.peak = pids, 0
        self._end = threading.Event()

    def run(self):
        while not self._end.wait(0.02):
            self.peak = max(self.peak, sum(resident_kib(pid) for pid in self.pids))

    def finish(self):
        self._end.set()
        self.join()
        return self.peak


def across_reloads(proxy, backend, port, transfer):
    """Run transfer() while the configuration is reloaded; returns by how many KiB workers grew."""
    workers = proxy.worker_pids()
    with Client(port, tls=True, server_name="a.example") as client:
        client.request("/warm", host="a.example")
    start = sum(resident_kib(pid) for pid in workers)
    watch, result = MemoryWatch(workers), []
    thread = threading.Thread(target=lambda: result.append(transfer()), daemon=True)
    watch.start()
    thread.start()
    number = 0
    while thread.is_alive():
        number += 1
        proxy.reload(site(port, backend, marker=str(number), extra="client_max_body_size 0;"))
        thread.join(0.2)
    peak = watch.finish()
    assert result == [True]
    assert number >= 3, "the transfer ended before it could be reloaded across"
    assert proxy.worker_pids() == workers
    return peak - start


def test_a_gibibyte_down_across_reloads(tinyproxyd, backend, certs, free_port, release_build):
    port = free_port()
    proxy = tinyproxyd(site(port, backend), started=False, build=release_build)
    publish(proxy.directory, certs.issue("a.example"))
    proxy.start()

    def download():
        with Client(port, tls=True, server_name="a.example", timeout_s=120) as client:
            client.send(f"GET /bytes/{GIB} HTTP/1.1\r\nHost: a.example\r\n\r\n")
            answer = client.response(on_data=lambda piece: None)
            return answer.status == 200 and answer.sha256 == pattern_sha256(GIB)

    assert across_reloads(proxy, backend, port, download) < 4096


def test_a_gibibyte_up_in_chunks_across_reloads(tinyproxyd, backend, certs, free_port, release_build):
    port = free_port()
    proxy = tinyproxyd(site(port, backend, extra="client_max_body_size 0; proxy_request_buffering off;"),
                       started=False, build=release_build)
    publish(proxy.directory, certs.issue("a.example"))
    proxy.start()

    def upload():
        with Client(port, tls=True, server_name="a.example", timeout_s=120) as client:
            answer = client.request("/echo", "POST", host="a.example", body=pattern(GIB, 65536))
            told = answer.json
            return told["length"] == GIB and told["sha256"] == pattern_sha256(GIB)

    assert across_reloads(proxy, backend, port, upload) < 4096


def test_a_broken_configuration_leaves_the_old_one_serving(tinyproxyd, backend, certs, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port, backend, marker="old"), started=False)
    proxy.expect_alerts = True
    publish(proxy.directory, certs.issue("a.example"))
    proxy.start()
    with Client(port, tls=True, server_name="a.example") as client:
        assert client.request("/", host="a.example").get("x-marker") == "old"
        done = proxy.reload(site(port, backend, marker="new", extra="proxy_pas x; lissten 1;"), check=78)
        assert 'unknown directive "proxy_pas"' in done.err and 'did you mean "proxy_pass"?' in done.err
        assert 'unknown directive "lissten"' in done.err
        assert client.request("/", host="a.example").get("x-marker") == "old"
    assert get(port, "/", host="a.example", tls=True).get("x-marker") == "old"


def test_a_listener_comes_and_goes(tinyproxyd, backend, free_port):
    stays, moves = free_port(), free_port()

    def config(*ports):
        listens = " ".join(f"listen 127.0.0.1:{port};" for port in ports)
        return f"""http {{ {KEEP} server {{ {listens}
            location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}"""

    proxy = tinyproxyd(config(stays))
    proxy.reload(config(stays, moves))
    idle, busy = Client(moves), Client(moves)
    assert idle.request("/").status == 200
    assert busy.request("/").status == 200
    busy.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.wait_for_requests(2)
    proxy.reload(config(stays))
    idle.wait_closed()
    backend.release("x")
    answer = busy.response()
    assert answer.status == 200 and answer.get("connection") == "close"
    assert get(stays, "/").status == 200
    idle.close()
    busy.close()
