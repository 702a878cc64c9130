# SPDX-License-Identifier: ISC
"""PROXY protocol headers as a load balancer sends them."""
import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source="192.0.2.1", source_port=56324, destination="198.51.100.1", destination_port=443):
    family = "TCP6" if ":" in source else "TCP4"
    return f"PROXY {family} {source} {destination} {source_port} {destination_port}\r\n".encode()


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def v2(source="192.0.2.1", source_port=56324, destination="198.51.100.1", destination_port=443,
       tlvs=b"", command=1):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    body = (socket.inet_pton(family, source) + socket.inet_pton(family, destination) +
            struct.pack("!HH", source_port, destination_port) + tlvs)
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, kind, len(body)) + body
