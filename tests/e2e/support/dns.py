# SPDX-License-Identifier: ISC
"""A name server on one UDP port of several loopback addresses, each with zones of its own."""
import socket
import struct
import threading

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "TXT": 16, "AAAA": 28}


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in text.rstrip(".").split(".")) + b"\0"


def _data(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    return _name(value)


class NameServer:
    """records[address][(name, type)] = [values]; a name with no record at all does not exist."""

    def __init__(self, port, *addresses):
        self.port = port
        self.records = {address: {} for address in addresses}
        self.asked = []                      # (address, name, type)
        self._sockets = []
        for address in addresses:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((address, port))
            self._sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock, address), daemon=True).start()

    def stop(self):
        for sock in self._sockets:
            sock.close()

    def _serve(self, sock, address):
        while True:
            try:
                query, peer = sock.recvfrom(1500)
            except OSError:
                return
            sock.sendto(self._answer(query, self.records[address], address), peer)

    def _answer(self, query, records, address):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        number, = struct.unpack("!H", query[at + 1:at + 3])
        name, question = ".".join(labels), query[12:at + 5]
        kind = next((word for word, code in TYPES.items() if code == number), "?")
        self.asked.append((address, name, kind))
        values = records.get((name, kind), [])
        exists = any(known == name or known.endswith("." + name) for known, _ in records)
        answers = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 0, len(_data(kind, value)))
                           + _data(kind, value) for value in values)
        flags = 0x8580 if exists else 0x8583
        return query[:2] + struct.pack("!HHHHH", flags, 1, len(values), 0, 0) + question + answers
