# SPDX-License-Identifier: ISC
"""A backend that switches protocols: after its 101 the bytes are what the path says.

  /echo      everything comes back; at the client's end of stream ours follows
  /early     the same, but the first bytes, EARLY, come in one packet with the 101
  /speak/N   N bytes of support.pattern, then end of stream; what the client says is collected in .heard
  /listen    says nothing; what the client says until its end is collected in .heard, then HEARD comes
  /hold      nothing is read or sent until release()
  /cut       three bytes, then a reset
  /stranger  the 101 has nothing to do with the key that was sent
  anything else is answered 200 and not upgraded; /always gets its 101 asked for or not
"""
import base64
import hashlib
import os
import re
import socket
import struct
import threading

from .pattern import pattern_bytes
from .wait import DEADLINE_S

EARLY, HEARD = b"early bird", b"heard you out"
TOKEN = re.compile(r"(?im)^upgrade: *(\S+)\r?$")
KEY = re.compile(r"(?im)^sec-websocket-key: *(\S+)\r?$")


class UpgradeBackend:
    def __init__(self, unix=None):
        self.heads, self.heard = [], []
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(unix))
            os.chmod(unix, 0o666)
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(512)
        self._go = threading.Event()
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def release(self):
        self._go.set()

    def stop(self):
        self._go.set()
        for sock in (self.listener, *list(self._open)):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(DEADLINE_S * 2)
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            rest = b""
            while head := self._head(sock, rest):
                head, rest = head
                self.heads.append(head.decode("latin-1"))
                path = head.split(b" ")[1].decode()
                token = TOKEN.search(self.heads[-1])
                if path == "/always" or (token and "upgrade" in self.heads[-1].lower().split("connection:")[-1]):
                    self._upgraded(sock, path, self._answer(self.heads[-1], path, token[1] if token else "none"), rest)
                    return
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
        except OSError:
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    @staticmethod
    def _head(sock, data):
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head + b"\r\n", rest

    @staticmethod
    def _answer(head, path, protocol):
        answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\nX-Own: 1\r\n"
        if key := KEY.search(head):
            said = key[1] if path != "/stranger" else "another"
            digest = hashlib.sha1((said + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            answer += f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"
        return answer.encode() + b"\r\n"

    def _upgraded(self, sock, path, head, rest):
        sock.sendall(head + (EARLY if path == "/early" else b""))
        if path == "/hold":
            self._go.wait(DEADLINE_S)
        if path == "/cut":
            sock.sendall(b"cut")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif path.startswith("/speak/"):
            sock.sendall(pattern_bytes(int(path[7:])))
            sock.shutdown(socket.SHUT_WR)
            self.heard.append(rest + self._all(sock))
        elif path == "/listen":
            self.heard.append(rest + self._all(sock))
            sock.sendall(HEARD)
        else:
            data = rest or sock.recv(65536)
            while data:
                sock.sendall(data)
                data = sock.recv(65536)
            sock.shutdown(socket.SHUT_WR)

    @staticmethod
    def _all(sock):
        parts = []
        while more := sock.recv(1 << 18):
            parts.append(more)
        return b"".join(parts)
