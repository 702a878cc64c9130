# SPDX-License-Identifier: ISC
"""A backend whose every connection is served by a function of the test's: for peers that misbehave.

    def silent(sock, number): ...          number counts connections from 1
    port = peer(silent).port               with `peer` imported as a fixture
"""
import socket
import threading

import pytest

from .wait import DEADLINE_S


class Peer:
    def __init__(self, serve, rcvbuf=None):
        self.serve = serve
        self.connections = 0
        self.ended = 0              # connections whose function has returned
        self.listener = socket.socket()
        if rcvbuf:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self._open = set()
        self._threads = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            thread = threading.Thread(target=self._run, args=(sock, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, sock, number):
        try:
            sock.settimeout(DEADLINE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve(sock, number)
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()
            self.ended += 1

    def stop(self):
        for sock in (self.listener, *list(self._open)):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()
        for thread in (self._accepting, *self._threads):
            thread.join(DEADLINE_S)


@pytest.fixture
def peer():
    """peer(serve) → Peer; stopped after the test."""
    running = []

    def make(serve, **more):
        running.append(Peer(serve, **more))
        return running[-1]

    yield make
    for one in running:
        one.stop()


def read_head(sock):
    """A request's head, and what came behind it; None when the client has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest
