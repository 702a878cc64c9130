# SPDX-License-Identifier: ISC
"""An HTTP server behind listen ... proxy_protocol: it keeps the PROXY header of each connection as it came."""
import socket
import struct
import threading

from .proxy_header import SIGNATURE

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class HeaderBackend:
    """.headers are those of all connections, in order; .answers what is done instead of an OK:
    answers["/path"] = [False, True, …] says for each time whether it is answered or the connection closed."""

    def __init__(self, tls=None):
        self.headers, self.requests, self.answers = [], [], {}
        self._tls = tls
        self._open = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        for sock in (self.listener, *list(self._open)):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self._open.add(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        try:
            number = len(self.headers)
            self.headers.append(read_header(sock))
            if self._tls:
                self._open.discard(sock)
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._open.add(sock)
            self._serve(sock, number)
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def _serve(self, sock, number):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            self.requests.append((number, path))
            if path in self.answers and not self.answers[path].pop(0):
                return
            sock.sendall(OK)


def read_exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def read_header(sock):
    """Nothing beyond it is read."""
    data = read_exactly(sock, len(SIGNATURE))
    if data == SIGNATURE:
        data += read_exactly(sock, 4)
        return data + read_exactly(sock, struct.unpack("!H", data[-2:])[0])
    while not data.endswith(b"\r\n"):
        data += read_exactly(sock, 1)
    return data
