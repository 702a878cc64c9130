# SPDX-License-Identifier: ISC
"""stream: whoever ends, and however, the other side gets what was said: all of it, or after a reset a beginning of it."""
import socket
import ssl
import threading

import pytest

from support.client import Client, tls_context
from support.pattern import pattern_bytes
from support.process import stopped
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


def test_the_last_words_go_out_though_more_has_come(tinyproxyd, free_port):
    """A client whose bytes stay unread is reset by the close: what it was told before must be on its way by then."""
    port, heard, asked, over = free_port(), *(threading.Event() for _ in range(3))

    def refuse(sock):
        sock.recv(100)
        heard.set()
        assert asked.wait(30)
        sock.sendall(pattern_bytes(500))
        sock.close()
        over.set()

    backend = TcpServer(refuse)
    proxy = tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_upload_rate 100; }} }}""")
    with Client(port) as client:
        client.send(pattern_bytes(20000))
        assert heard.wait(30)
        with stopped(proxy.worker_pids()[0]):
            asked.set()
            assert over.wait(30)
        assert read_all(client.sock)[0] == pattern_bytes(500)
    proxy.wait_for_error("upstream disconnected")
    backend.stop()


def heedful(context):
    """An end without close_notify is an error."""
    context.options &= ~0x80    # SSL_OP_IGNORE_UNEXPECTED_EOF, which python sets
    return context


def tls_server(sock, cert):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.fullchain, cert.key)
    return heedful(context).wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)


def tls_client(sock):
    return heedful(tls_context()).wrap_socket(sock, server_hostname="a.example", suppress_ragged_eofs=False)


def read_tls(sock):
    """What comes out of TLS, and whether it ended with close_notify."""
    data = bytearray()
    try:
        while more := sock.recv(1 << 18):
            data += more
        return bytes(data), True
    except (ssl.SSLEOFError, OSError):
        return bytes(data), False


@pytest.mark.parametrize("half_close", ["on", "off"])
@pytest.mark.parametrize("speaker, secure, answer", [
    ("server", "", 0), ("server", "", 10), ("server", "", 40000), ("server", "client", 0), ("server", "server", 0),
    ("server", "server", 10), ("server", "server", 40000), ("client", "client", 10), ("client", "client", 40000),
    ("client", "", 0), ("client", "", 10), ("client", "", 40000), ("client", "client", 0), ("client", "server", 0)])
def test_what_was_said_before_a_reset_arrives(tinyproxyd, free_port, certs, speaker, secure, answer, half_close):
    """Words and reset are found at once, by themselves or behind something that the other side says meanwhile."""
    port, cert, sides = free_port(), certs.issue("a.example"), {}
    ready, over = threading.Event(), threading.Event()

    def serve(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)    # nothing waits for an ACK
        sides["server"] = tls_server(sock, cert) if secure == "server" else sock
        sides["server"].sendall(b"!")
        ready.set()
        over.wait(30)

    backend = TcpServer(serve)
    proxy = tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port} {"ssl" if secure == "client" else ""};
        ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key}; proxy_half_close {half_close};
        proxy_pass 127.0.0.1:{backend.port}; proxy_ssl {"on" if secure == "server" else "off"}; }} }}""")
    with Client(port) as client:
        sides["client"] = tls_client(client.sock) if secure == "client" else client.sock
        assert sides["client"].recv(1) == b"!" and ready.wait(30)
        mine, other = (sides[who] for who in (speaker, "server" if speaker == "client" else "client"))
        worker = proxy.worker_pids()[0]
        with stopped(worker):
            other.sendall(pattern_bytes(answer))
            mine.sendall(pattern_bytes(5000))
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            mine.close()
        if secure and secure != speaker:
            assert read_tls(other) == (pattern_bytes(5000), False)
        else:
            assert read_all(other)[0] == pattern_bytes(5000)
        proxy.wait_for_error(rf"(reset|failed|peer).*: {'client' if speaker == 'client' else 'upstream'} disconnected")
        over.set()
        for sock in sides.values():
            sock.close()
    backend.stop()
