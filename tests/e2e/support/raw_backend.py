# SPDX-License-Identifier: ISC
"""A backend that answers each request with exactly the bytes it is told, whole or broken.

  answers["/path"] = (b"HTTP/1.1 …", "close" | "reset" | "hold", late)   other paths: 200 and "probe"

"hold" leaves the connection open and serves the next request on it, before whose answer the bytes
`late` come.
"""
import socket
import struct
import threading

PROBE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nprobe"


class RawBackend:
    def __init__(self, host="127.0.0.1"):
        self.answers = {}
        self.connections = 0
        self.listener = socket.create_server((host, 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self._open = set()
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        self._closing = True
        for sock in (self.listener, *list(self._open)):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()
        self._thread.join(10)

    def _accept(self):
        while not self._closing:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            late = b""
            while path := self._request(sock):
                raw, end, more = self.answers.get(path, (PROBE, "hold", b""))
                sock.sendall(late + raw)
                late = more
                if end == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if end != "hold":
                    break
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    @staticmethod
    def _request(sock):
        head = b""
        while b"\r\n\r\n" not in head:
            more = sock.recv(65536)
            if not more:
                return None
            head += more
        return head.split(b" ")[1].decode("latin-1")
