# SPDX-License-Identifier: ISC
"""stream: when descriptors run short, what is under way goes on, and nobody else is blamed."""

import pytest

from support.client import Client
from support.tcp_server import TcpServer, echo
from support.wait import wait_until


@pytest.fixture
def serve():
    servers = []

    def make(function):
        servers.append(TcpServer(function))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def blast(sock):
    while True:
        sock.sendall(bytes(1 << 16))


def read_exactly(sock, count):
    while count > 0:
        count -= len(sock.recv(count))


def test_pipes_leave_descriptors_to_a_reload(tinyproxyd, free_port, serve):
    """Readers that stall in the middle of much keep their pipes, but not the worker's last descriptors."""
    port, backend = free_port(), serve(blast)
    text = f"worker_rlimit_nofile 100;\nstream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port}; }}\n}}"
    proxy = tinyproxyd(text)
    worker, = proxy.worker_pids()
    clients = [Client(port, rcvbuf=4096) for _ in range(25)]
    for client in clients:
        read_exactly(client.sock, 100000)
    more = "".join(f"server {{ listen 127.0.0.1:{free_port()}; return x; }}\n" for _ in range(8))
    assert proxy.reload(text.removesuffix("}") + more + "}").code == 0
    assert proxy.worker_pids() == [worker]
    for client in clients:
        read_exactly(client.sock, 1000000)
        client.close()


def said(proxy):
    return proxy.access_log.read_text().splitlines()


def test_a_peer_is_not_blamed_for_our_lack_of_descriptors(tinyproxyd, free_port, serve):
    port, backends = free_port(), [serve(echo), serve(echo)]
    servers = "".join(f"server 127.0.0.1:{backend.port}; " for backend in backends)
    proxy = tinyproxyd(f"""worker_rlimit_nofile 40;
        stream {{ log_format s '$status $upstream_addr'; access_log access.log s;
            upstream both {{ {servers} }}
            server {{ listen 127.0.0.1:{port}; proxy_pass both; }} }}""")
    clients = [Client(port) for _ in range(40)]
    proxy.wait_for_error(r"\[crit\] .*socket\(\) failed \(24: Too many open files\) while connecting to upstream")
    for client in clients:
        client.close()
    wait_until(lambda: proxy.status()["workers"][0]["connections"] == 0, "the clients to be forgotten")
    assert {line.split()[0] for line in said(proxy)} == {"200", "500"}
    told = len(said(proxy))
    for _ in range(4):
        with Client(port) as client:
            client.send(b"x")
            assert client.sock.recv(1) == b"x"
    wait_until(lambda: len(said(proxy)) == told + 4, "four more lines")
    assert sorted(said(proxy)[told:]) == sorted(2 * [f"200 127.0.0.1:{backend.port}" for backend in backends])
    assert not [line for line in proxy.errors("error") if "upstream" in line]
    proxy.forget_errors()
