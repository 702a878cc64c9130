# SPDX-License-Identifier: ISC
"""What clients cost that ask for 8 MiB and read nothing, for a short test and a long one."""
import pathlib
import socket

from .client import get
from .inside import open_files
from .wait import wait_until

SIZE = 8 << 20


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError("no VmRSS")


def cost_of_slow_readers(tinyproxyd, backend, port, build, count):
    """KiB that a worker has grown by when all of them stand still and their upstreams are done."""
    proxy = tinyproxyd(f"""worker_rlimit_nofile 65536;
events {{ worker_connections 20000; }}
http {{ server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""",
                       build=build)
    for _ in range(3):
        get(port, "/bytes/1000000")
    worker, = proxy.worker_pids()
    before = resident_kib(worker)
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(f"GET /bytes/{SIZE} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        clients.append(client)
    backend.wait_for_requests(count + 3, deadline_s=120)
    # A connection to the upstream that is free again says that its response was read whole.
    wait_until(lambda: proxy.error_log.read_text().count("is buffered to a temporary file") == count and
               all_read(worker, count), "the responses to be in files", 120)
    cost = resident_kib(worker) - before
    assert get(port, "/bytes/10").status == 200
    for client in clients:
        client.close()
    wait_until(lambda: not open_files(worker, "/proxy_temp/"), "the files to go", 120)
    return cost


def all_read(worker, count):
    sizes = open_files(worker, "/proxy_temp/")
    return len(sizes) == count and min(sizes) > SIZE - (3 << 20)
