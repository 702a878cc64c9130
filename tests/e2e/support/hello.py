# SPDX-License-Identifier: ISC
"""ClientHellos: real ones, larger ones made of them, and each in any records."""
import pathlib
import ssl

import pytest

from .client import tls_context

CAPTURES = {path.stem: path.read_bytes() for path in
            sorted((pathlib.Path(__file__).parent.parent / "data" / "client_hello").glob("*.bin"))}
RECORD_MAX = 16384
PADDING = 21  # RFC 7685


def made_by_openssl(name=None, alpn=None, padding=0):
    """What OpenSSL says first; padded by a long list of protocols."""
    context = tls_context(alpn=(alpn or []) + [f"pad-{i:05d}" + "x" * 240 for i in range(padding // 251)] or None)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        inside.do_handshake()
    return outgoing.read()


def message_of(data):
    """The handshake message inside the records."""
    message = b""
    while data:
        n = int.from_bytes(data[3:5], "big")
        message += data[5:5 + n]
        data = data[5 + n:]
    return message


def records_of(message, size=RECORD_MAX):
    """A handshake message in records of at most `size` bytes, or of size() bytes each."""
    records = b""
    while message:
        n = size() if callable(size) else size
        records += b"\x16\x03\x01" + len(message[:n]).to_bytes(2, "big") + message[:n]
        message = message[n:]
    return records


def in_records(data, size):
    """The same message in other records."""
    return records_of(message_of(data), size)


def widened(data, more):
    """The same hello with an extension of `more` bytes before all others; it may need several records."""
    message = bytearray(message_of(data))
    at = 4 + 2 + 32                                            # header, version, random
    at += 1 + message[at]                                      # session id
    at += 2 + int.from_bytes(message[at:at + 2], "big")        # cipher suites
    at += 1 + message[at]                                      # compression methods
    extensions = int.from_bytes(message[at:at + 2], "big")
    message[at + 2:at + 2] = PADDING.to_bytes(2, "big") + more.to_bytes(2, "big") + bytes(more)
    message[at:at + 2] = (extensions + 4 + more).to_bytes(2, "big")
    message[1:4] = (len(message) - 4).to_bytes(3, "big")
    return records_of(bytes(message))
