# SPDX-License-Identifier: ISC
"""10 GiB through the tunnel in both directions at once, byte for byte; what that costs a worker is told."""
import hashlib
import os
import pathlib
import socket
import threading

import pytest

from support.client import Client
from support.pattern import pattern, pattern_sha256
from support.tcp_server import TcpServer

SIZE = 10 << 30


def say(sock):
    for piece in pattern(SIZE):
        sock.sendall(piece)
    sock.shutdown(socket.SHUT_WR)


def hear(sock, where):
    digest, count = hashlib.sha256(), 0
    buffer = bytearray(1 << 20)
    while n := sock.recv_into(buffer):
        digest.update(memoryview(buffer)[:n])
        count += n
    where.append((count, digest.hexdigest()))


def both(sock, where):
    sender = threading.Thread(target=say, args=(sock,))
    sender.start()
    hear(sock, where)
    sender.join()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.timeout(3600)
def test_ten_gibibytes_each_way(tinyproxyd, free_port, release_build, capsys):
    port, up, down = free_port(), [], []
    backend = TcpServer(lambda sock: both(sock, up))
    proxy = tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_half_close on; }} }}""", build=release_build)
    before = cpu_seconds(proxy.worker_pids()[0])
    with Client(port, timeout_s=600) as client:
        both(client.sock, down)
    spent = cpu_seconds(proxy.worker_pids()[0]) - before
    backend.stop()
    assert down == up == [(SIZE, pattern_sha256(SIZE))]
    with capsys.disabled():
        print(f"\n2 x {SIZE >> 30} GiB: {spent:.1f} s of a worker's CPU, {spent / (2 * (SIZE >> 30)):.3f} s/GiB")
