# SPDX-License-Identifier: ISC
"""A name server that says what a test tells it: answers["name"] = (["127.0.0.1", ...], ttl); others do not exist."""
import ipaddress
import socket
import struct
import threading

import pytest


class DnsServer:
    def __init__(self):
        self.answers = {}
        self.asked = []     # (name, type) in order
        self.silent = False
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self):
        self._closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nudge:
            nudge.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self.sock.close()

    def _serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self._closing:
                return
            if len(query) > 12 and not self.silent:
                self.sock.sendto(self._answer(query), peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack("!H", query[at + 1:at + 3])
        question = query[12:at + 5]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        addresses, ttl = self.answers.get(name, ([], 0))
        records = b""
        count = 0
        for text in addresses:
            address = ipaddress.ip_address(text)
            if kind == (1 if address.version == 4 else 28):
                records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(address.packed)) + address.packed
                count += 1
        code = 0 if name in self.answers else 3
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0) + question + records


@pytest.fixture
def dns():
    server = DnsServer()
    yield server
    server.stop()
