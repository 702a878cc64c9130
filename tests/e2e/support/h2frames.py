# SPDX-License-Identifier: ISC
"""An HTTP/2 client that sends exactly the frames it is given, and says what came back.

    with H2(port) as client:                       # h2c with prior knowledge; tls=True: by ALPN
        client.headers(1, "/path")                 # a whole request
        answer = client.response(1)                # .status .fields .body .trailers .ended .reset
        client.frame(DATA, 0, 1, b"...")           # any frame, right or wrong
        client.goaway()                            # the error code of the GOAWAY that must come

Nothing is answered by itself but SETTINGS, PING and, unless told otherwise, flow control.
"""
import collections
import struct

import hpack

from .client import Client, tls_context
from .wire import WireError

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 1, 4, 8, 32
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, \
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, \
    ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED = range(14)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, \
    MAX_HEADER_LIST_SIZE = range(1, 7)
ENABLE_CONNECT_PROTOCOL = 8

Frame = collections.namedtuple("Frame", "type flags stream payload")


class Closed(Exception):
    """The connection ended."""


class Answer:
    def __init__(self):
        self.interim, self.head, self.body, self.trailers = [], None, b"", None
        self.ended, self.reset = False, None

    @property
    def status(self):
        return int(dict(self.head)[":status"])

    @property
    def fields(self):
        return {name: value for name, value in self.head if name[:1] != ":"}


def frame_bytes(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def setting(**values):
    return b"".join(struct.pack(">HI", globals()[name], value) for name, value in values.items())


class H2:
    def __init__(self, port, tls=None, server_name="a.example", settings=b"", start=True, rcvbuf=None,
                 updates=True):
        context = tls_context(alpn=["h2"]) if tls is True else tls
        self.client = Client(port, tls=context, server_name=server_name if tls else None, rcvbuf=rcvbuf)
        self.sock, self.reader = self.client.sock, self.client.reader
        self.scheme = "https" if tls else "http"
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.answers = collections.defaultdict(Answer)
        self.settings, self.seen, self.gone, self.heading = {}, [], None, []
        self.updates = updates
        if start:
            self.send(PREFACE + frame_bytes(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def send(self, data):
        self.sock.sendall(data)

    def frame(self, kind, flags, stream, payload=b""):
        self.send(frame_bytes(kind, flags, stream, payload))

    def fields(self, path="/", method="GET", authority="a.example", more=()):
        return [(":method", method), (":scheme", self.scheme), (":path", path),
                (":authority", authority), *more]

    def block(self, fields):
        return self.encoder.encode([(n, v) for n, v in fields], huffman=True)

    def headers(self, stream, path="/", method="GET", authority="a.example", more=(), end=True,
                fields=None):
        """One HEADERS frame: a request by its parts, or exactly these fields."""
        block = self.block(self.fields(path, method, authority, more) if fields is None else fields)
        self.frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block)

    def data(self, stream, payload, end=False):
        self.frame(DATA, END_STREAM if end else 0, stream, payload)

    def reset(self, stream, code=CANCEL):
        self.frame(RST_STREAM, 0, stream, struct.pack(">I", code))

    def window(self, stream, by):
        self.frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", by))

    # ---- what comes back -----------------------------------------------------------------------

    def next(self):
        """The next frame, noted in .answers and .settings; Closed at the connection's end."""
        try:
            head = self.reader.exactly(9)
        except (WireError, OSError) as error:
            raise Closed from error
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        frame = Frame(kind, flags, stream, self.reader.exactly(length) if length else b"")
        self._note(frame)
        self.seen.append(frame)
        return frame

    def _note(self, frame):
        answer = self.answers[frame.stream] if frame.stream else None
        if frame.type == SETTINGS and not frame.flags & ACK:
            for at in range(0, len(frame.payload), 6):
                name, value = struct.unpack(">HI", frame.payload[at:at + 6])
                self.settings[name] = value
            self._reply(SETTINGS, ACK, b"")
        elif frame.type == PING and not frame.flags & ACK:
            self._reply(PING, ACK, frame.payload)
        elif frame.type == GOAWAY:
            self.gone = struct.unpack(">II", frame.payload[:8])
        elif frame.type == RST_STREAM:
            answer.reset = struct.unpack(">I", frame.payload)[0]
        elif frame.type in (HEADERS, CONTINUATION):
            self._take_block(answer, frame)
        elif frame.type == DATA:
            answer.body += frame.payload
            if self.updates and frame.payload:
                for at in (0, frame.stream):
                    self._reply(WINDOW_UPDATE, 0, struct.pack(">I", len(frame.payload)), at)
        if frame.type in (DATA, HEADERS) and frame.flags & END_STREAM:
            assert not answer.ended, "END_STREAM twice"
            answer.ended = True

    def _take_block(self, answer, frame):
        assert not frame.flags & (PADDED | PRIORITY_FLAG)
        assert (frame.type == CONTINUATION) == bool(self.heading), "a header block inside another"
        self.heading.append(frame.payload)
        if frame.flags & END_HEADERS:
            self._take_fields(answer, self.decoder.decode(b"".join(self.heading)))
            self.heading = []

    def _take_fields(self, answer, fields):
        if answer.head is not None:
            answer.trailers = fields
        elif dict(fields)[":status"].startswith("1"):
            answer.interim.append(fields)
        else:
            answer.head = fields

    def _reply(self, kind, flags, payload, stream=0):
        try:
            self.frame(kind, flags, stream, payload)
        except OSError:
            pass  # closing: what it said before is still to be read

    def until(self, condition):
        while not condition():
            self.next()

    def response(self, stream):
        """A stream's answer once it is over: whole, or reset."""
        answer = self.answers[stream]
        self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    def request(self, stream, path="/", body=None, **more):
        self.headers(stream, path, end=body is None, **more)
        if body is not None:
            self.data(stream, body, end=True)
        return self.response(stream)

    def head(self, stream):
        """A stream's final head, or its reset."""
        answer = self.answers[stream]
        self.until(lambda: answer.head is not None or answer.reset is not None)
        return answer

    def stream_error(self, stream):
        """The code of the RST_STREAM that must come."""
        answer = self.answers[stream]
        self.until(lambda: answer.reset is not None)
        return answer.reset

    def goaway(self):
        """The code of the GOAWAY that must come; what is sent meanwhile may fail."""
        self.until(lambda: self.gone is not None)
        return self.gone[1]

    def error(self):
        """All frames until the connection ends; the code of its GOAWAY (None: there was none)."""
        try:
            while True:
                self.next()
        except Closed:
            return self.gone[1] if self.gone else None

    def sync(self):
        """All frames sent so far have been looked at: PING and its answer."""
        mark = struct.pack(">Q", len(self.seen) + 1)
        self.frame(PING, 0, 0, mark)
        self.until(lambda: any(f.type == PING and f.flags & ACK and f.payload == mark for f in self.seen))
