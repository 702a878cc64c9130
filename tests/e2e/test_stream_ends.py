# SPDX-License-Identifier: ISC
"""stream: whoever ends, and however, the other side gets what was said: all of it, or after a reset a beginning of it."""
import socket
import threading

import pytest

from support.client import Client
from support.pattern import pattern_bytes
from support.tcp_server import TcpServer
from support.wait import wait_until

# Copied and spliced, less and more than a buffer, a pipe and what sockets hold.
SIZES = (0, 1, 5000, 16384, 200000, 3 << 20)
RESET = b"\1\0\0\0\0\0\0\0"


def read_all(sock):
    """What comes, and whether it ended with a FIN."""
    data = bytearray()
    try:
        while more := sock.recv(1 << 18):
            data += more
        return bytes(data), True
    except OSError:
        return bytes(data), False


def finish(sock, how):
    """End what this side says; after a half close what the other has said is returned."""
    if how == "half":
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)
    if how == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()
    return None


class Ends:
    """One side speaks and ends; the other reads to the end, then answers if it still may."""

    def __init__(self, how, size, answer):
        self.how, self.size, self.answer = how, size, answer
        self.heard = self.answered = None
        self.done = threading.Event()

    def speak(self, sock):
        sock.sendall(pattern_bytes(self.size))
        self.answered = finish(sock, self.how)

    def listen(self, sock):
        self.heard = read_all(sock)
        if self.answer and self.heard[1]:
            try:
                sock.sendall(pattern_bytes(self.answer))
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def serve(self, function):
        def run(sock):
            try:
                function(sock)
            finally:
                self.done.set()
        return run


@pytest.mark.parametrize("half_close", ["on", "off"])
@pytest.mark.parametrize("speaker", ["client", "server"])
@pytest.mark.parametrize("how", ["half", "close", "reset"])
def test_ends(tinyproxyd, free_port, how, speaker, half_close):
    port = free_port()
    case = {}
    backend = TcpServer(lambda sock: case["now"].serve(
        case["now"].speak if speaker == "server" else case["now"].listen)(sock))
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_half_close {half_close}; }} }}""")
    for size in SIZES:
        ends = case["now"] = Ends(how, size, 100000 if how == "half" and half_close == "on" else 0)
        with Client(port) as client:
            (ends.speak if speaker == "client" else ends.listen)(client.sock)
            assert ends.done.wait(30)
        data, whole = ends.heard
        if how == "reset":
            assert pattern_bytes(size).startswith(data), size
        else:
            assert whole and data == pattern_bytes(size), size
        if ends.answer:
            assert ends.answered == (pattern_bytes(ends.answer), True), size
    backend.stop()


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_both_end_at_once(tinyproxyd, free_port, speaker):
    """Each has said all before it has read a byte."""
    port, size = free_port(), 300000
    heard, ready = {}, threading.Barrier(2)

    def talk(sock, who):
        def say():
            sock.sendall(pattern_bytes(size))
            sock.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=say)
        sender.start()
        if who == speaker:  # the other one does not read before this one is through
            sender.join()
        ready.wait(30)
        heard[who] = read_all(sock)
        sender.join()

    backend = TcpServer(lambda sock: talk(sock, "server"))
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_half_close on; }} }}""")
    with Client(port) as client:
        talk(client.sock, "client")
        wait_until(lambda: len(heard) == 2, "the server to have heard all")
    backend.stop()
    assert heard == {who: (pattern_bytes(size), True) for who in ("client", "server")}
