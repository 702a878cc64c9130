# SPDX-License-Identifier: ISC
"""HTTP/1 messages read off a socket, for the client and the backend alike.

Deliberately forgiving and complete: what was on the wire is kept as it was (`head`), bodies are
hashed as they pass and kept only up to KEEP bytes, so a gigabyte costs no memory.
"""
import hashlib
import json

KEEP = 4 << 20


class WireError(Exception):
    """The peer closed, reset or broke its own framing in the middle of a message."""


class Reader:
    """Buffered reads with exact lengths; `seen` counts all bytes."""

    def __init__(self, sock):
        self.sock = sock
        self.held = b""
        self.seen = 0

    def fill(self):
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise WireError(f"reset by peer after {self.seen} bytes") from error
        self.held += data
        self.seen += len(data)
        return len(data)

    def until(self, mark):
        """Bytes up to and including mark; None at a clean end before the first byte."""
        while mark not in self.held:
            if not self.fill():
                if not self.held:
                    return None
                raise WireError(f"closed in the middle: {self.held[-200:]!r}")
        end = self.held.index(mark) + len(mark)
        taken, self.held = self.held[:end], self.held[end:]
        return taken

    def exactly(self, length):
        while len(self.held) < length:
            if not self.fill():
                raise WireError(f"closed in the middle: {self.held[-200:]!r}")
        taken, self.held = self.held[:length], self.held[length:]
        return taken

    def some(self, limit):
        if not self.held and not self.fill():
            return b""
        taken, self.held = self.held[:limit], self.held[limit:]
        return taken


class Message:
    """One request or response."""

    def __init__(self, head):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.start_line = lines[0]
        self.headers = [(name, value.strip(" \t")) for name, _, value in
                        (line.partition(":") for line in lines[1:] if line)]
        self.trailers = []
        self.chunk_sizes = []
        self.body = b""
        self.body_length = 0
        self.truncated = False
        self._digest = hashlib.sha256()

    def all(self, name):
        return [value for header, value in self.headers if header.lower() == name.lower()]

    def get(self, name, default=None):
        """The header's value, or default; a header that came twice is an error of the test."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else default

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def reason(self):
        return self.start_line.split(" ", 2)[2]

    @property
    def version(self):
        first, *_, last = self.start_line.split(" ")
        return first if first.startswith("HTTP/") else last

    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    @property
    def sha256(self):
        return self._digest.hexdigest()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    def add(self, data):
        self.body_length += len(data)
        self._digest.update(data)
        if len(self.body) < KEEP:
            self.body += data[:KEEP - len(self.body)]


def read_head(reader):
    """A Message without its body, or None at a clean end of the connection."""
    head = reader.until(b"\r\n\r\n")
    return None if head is None else Message(head)


def read_body(reader, message, until_close, on_data=None):
    """Read the body that the head announces; on_data(total) is called as it grows."""
    if (message.get("transfer-encoding") or "").lower() == "chunked":
        _read_chunked(reader, message, on_data)
    elif message.all("content-length"):
        _read_exactly(reader, message, int(message.get("content-length")), on_data)
    elif until_close:
        while data := reader.some(1 << 18):
            message.add(data)
            if on_data:
                on_data(message.body_length)


def _read_exactly(reader, message, length, on_data):
    while length > 0:
        data = reader.some(length)
        if not data:
            message.truncated = True
            raise WireError(f"closed with {length} bytes of the body to come")
        message.add(data)
        length -= len(data)
        if on_data:
            on_data(message.body_length)


def _read_chunked(reader, message, on_data):
    while True:
        line = reader.until(b"\r\n")
        if line is None:
            message.truncated = True
            raise WireError("closed before the last chunk")
        size = int(line.split(b";")[0], 16)
        message.chunk_sizes.append(size)
        if size == 0:
            break
        _read_exactly(reader, message, size, on_data)
        if reader.until(b"\r\n") != b"\r\n":
            raise WireError("no line end after a chunk")
    while (line := reader.until(b"\r\n")) not in (b"\r\n", None):
        name, _, value = line.decode("latin-1").rstrip("\r\n").partition(":")
        message.trailers.append((name, value.strip()))
    if line is None:
        raise WireError("closed in the trailers")
