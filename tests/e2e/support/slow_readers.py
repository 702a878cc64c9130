# SPDX-License-Identifier: ISC
"""What clients cost that ask for 8 MiB and read nothing or next to nothing, for a short test and a long one."""
import json
import pathlib
import socket

from .client import get, tls_context
from .inside import open_files
from .wait import wait_until

SIZE = 8 << 20
ASK = f"GET /bytes/{SIZE} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError("no VmRSS")


class Site:
    """
    A proxy before the backend, plain or, with a leaf certificate, over TLS; and its one worker. The kernel keeps less
    for each client than it would by itself: a thousand times 4 MiB make it refuse memory to all.
    """

    def __init__(self, tinyproxyd, backend, port, build, leaf=None, more=""):
        tls = f"ssl_certificate {leaf.cert}; ssl_certificate_key {leaf.key};" if leaf else ""
        self.proxy = tinyproxyd(f"""worker_rlimit_nofile 65536;
events {{ worker_connections 20000; }}
http {{ {tls} {more} server {{ listen 127.0.0.1:{port}{" ssl" if leaf else ""} sndbuf=256k;
                               location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""", build=build)
        self.port, self.context = port, tls_context() if leaf else None
        for _ in range(3):
            self.get("/bytes/1000000")
        self.worker, = self.proxy.worker_pids()

    def get(self, path):
        return get(self.port, path, tls=self.context, server_name="a.example" if self.context else None)

    def connect(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.port))
        return self.context.wrap_socket(client, server_hostname="a.example") if self.context else client

    def asked(self):
        """Connections to the backend with a request on them."""
        return sum(peer["connections"] for peer in json.loads(self.proxy.ctl("upstreams", "--json").out)["upstreams"])

    def connections(self):
        return sum(worker["connections"] for worker in self.proxy.status()["workers"])


def cost_of_slow_readers(tinyproxyd, backend, port, build, count, leaf=None):
    """
    KiB that a worker has grown by when all of them stand still and their upstreams are done: since before they came;
    over TLS, whose own state is OpenSSL's, since before they asked.
    """
    site = Site(tinyproxyd, backend, port, build, leaf, "send_timeout 1h;")
    before = resident_kib(site.worker)
    clients = [site.connect() for _ in range(count)]
    if leaf:
        before = resident_kib(site.worker)
    for client in clients:
        client.sendall(ASK)
    backend.wait_for_requests(count + 3, deadline_s=300)
    wait_until(lambda: len(open_files(site.worker, "/proxy_temp/")) == count and site.asked() == 0,
               "the responses to be in files", 300)
    cost = resident_kib(site.worker) - before
    assert site.get("/bytes/10").status == 200
    for client in clients:
        client.close()
    wait_until(lambda: not open_files(site.worker, "/proxy_temp/"), "the files to go", 120)
    return cost


def slow_readers_are_closed(tinyproxyd, backend, port, build, count, timeout_s, leaf=None):
    """Half of them read nothing, half a byte now and then: all are gone in half a minute."""
    site = Site(tinyproxyd, backend, port, build, leaf, f"send_timeout {timeout_s}s;")
    clients = [site.connect() for _ in range(count)]
    for client in clients:
        client.sendall(ASK)

    def gone():
        for client in clients[::2]:
            try:
                client.recv(1)
            except OSError:
                pass        # it is one of those that were closed
        return site.connections() == 0
    wait_until(gone, "the clients to be closed", 30)
    for client in clients:
        client.close()
    wait_until(lambda: not open_files(site.worker, "/proxy_temp/"), "the files to go", 30)
