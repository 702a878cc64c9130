# SPDX-License-Identifier: ISC
"""RFC 9113, sections 3 to 8, and RFC 7541: every demand that names an error code, one frame at a time.

A case sends its frames on a connection of its own. What has to come is a connection error (GOAWAY with the
code, then the end), a stream error (RST_STREAM with the code; the connection goes on), or nothing but service. Where the
RFC leaves a choice, or lets a stream error be a connection error, several are good.
"""
import struct

import pytest

from support.h2frames import (ACK, CANCEL, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM,
                              FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, GOAWAY, H2, HEADERS, NO_ERROR,
                              PADDED, PING, PREFACE, PRIORITY,
                              PRIORITY_FLAG, PROTOCOL_ERROR, PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS,
                              STREAM_CLOSED, WINDOW_UPDATE, Closed, frame_bytes, setting)


@pytest.fixture
def port(tinyproxyd, backend, free_port):
    number = free_port()
    tinyproxyd(f"""http {{
        client_max_body_size 1m;
        server {{
            listen 127.0.0.1:{number}; http2 on;
            location / {{ return 200 here; }}
            location /p/ {{ proxy_pass http://127.0.0.1:{backend.port}/; proxy_request_buffering off; }}
        }} }}""")
    return number


class Goaway:
    def __init__(self, *codes):
        self.codes = codes

    def check(self, client, sent):
        code = client.error()
        if code is None and PROTOCOL_ERROR in self.codes and sent == "preface":
            return None  # RFC 9113, 3.4: GOAWAY may be left out
        return None if code in self.codes else f"GOAWAY {code}, not {self.codes}"


class Reset:
    """Of stream 1 unless told otherwise; then the connection serves on."""

    def __init__(self, *codes, stream=1):
        self.codes, self.stream = codes, stream

    def check(self, client, sent):
        try:
            code = client.stream_error(self.stream)
        except Closed:
            return f"GOAWAY {client.gone}, not a reset"
        if code not in self.codes:
            return f"RST_STREAM {code}, not {self.codes}"
        return Served(101).check(client, sent)


class Either:
    def __init__(self, *codes):
        self.codes = codes

    def check(self, client, sent):
        try:
            client.until(lambda: client.gone or client.answers[1].reset is not None)
        except Closed:
            return f"closed, not {self.codes}"
        code = client.gone[1] if client.gone else client.answers[1].reset
        return None if code in self.codes else f"{code}, not {self.codes}"


class Served:
    """A request on this stream is answered (200 unless told otherwise); another was not reset."""

    def __init__(self, stream=101, status=200, asked=False):
        self.stream, self.status, self.asked = stream, status, asked

    def check(self, client, sent):
        try:
            if not self.asked:
                client.headers(self.stream)
            answer = client.response(self.stream)
        except (Closed, OSError):
            return f"closed, GOAWAY {client.gone}"
        if answer.reset is not None:
            return f"reset {answer.reset}"
        return None if answer.status == self.status else f"status {answer.status}"


def asked(status=200, stream=1):
    return Served(stream, status, asked=True)


def get(c, stream=1, flags=END_HEADERS | END_STREAM, more=(), pad=b"", path="/"):
    return frame_bytes(HEADERS, flags, stream, pad + c.block(c.fields(path, more=list(more))))


def post(c, stream=1, more=(), path="/p/echo"):
    return frame_bytes(HEADERS, END_HEADERS, stream, c.block(c.fields(path, "POST", more=list(more))))


def u32(n):
    return struct.pack(">I", n)


def with_fields(fields, flags=END_HEADERS | END_STREAM):
    return lambda c: frame_bytes(HEADERS, flags, 1, c.encoder.encode(fields, huffman=False))


BASE = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.example")]


def request_with(*more, base=None, flags=END_HEADERS | END_STREAM):
    return with_fields([*(BASE if base is None else base), *more], flags)


def without(name):
    return [field for field in BASE if field[0] != name]


def replaced(name, value):
    return [(n, value if n == name else v) for n, v in BASE]


SECTION_4_5 = {
    "4.1 unknown frame types are ignored": (lambda c: frame_bytes(0xaa, 0xff, 0, b"x") + frame_bytes(0xaa, 0, 1, b"x") + get(c),
                                            asked()),
    "4.1 undefined flags are ignored": (lambda c: frame_bytes(PING, 0xfe, 0, b"12345678") + get(c), asked()),
    "4.1 the reserved bit is ignored": (lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM, 0x80000001, c.block(c.fields())),
                                        asked()),
    "4.2 a DATA frame above SETTINGS_MAX_FRAME_SIZE": (lambda c: post(c) + frame_bytes(DATA, 0, 1, b"x" * 16385),
                                                       Either(FRAME_SIZE_ERROR)),
    "4.2 a HEADERS frame above it": (lambda c: frame_bytes(HEADERS, END_HEADERS, 1, b"\x82" * 16385), Goaway(FRAME_SIZE_ERROR)),
    "4.2 an extension frame above it": (lambda c: frame_bytes(0xaa, 0, 0, b"x" * 16385), Goaway(FRAME_SIZE_ERROR)),
    "4.3 a header block that cannot be decoded": (lambda c: frame_bytes(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
                                                  Goaway(COMPRESSION_ERROR)),
    "4.3 a PRIORITY frame inside a header block": (lambda c: get(c, flags=END_STREAM) + frame_bytes(PRIORITY, 0, 1, b"\0\0\0\0\1"),
                                                   Goaway(PROTOCOL_ERROR)),
    "4.3 another stream's HEADERS inside one": (lambda c: get(c, flags=END_STREAM) + get(c, 3), Goaway(PROTOCOL_ERROR)),
    "4.1 PRIORITY_UPDATE (RFC 9218, 7.1) says nothing that is listened to": (
        lambda c: frame_bytes(0x10, 0, 0, u32(1) + b"u=1, i") + get(c) + frame_bytes(0x10, 0, 0, u32(1) + b"u=9"), asked()),
    "4.3 an unknown frame inside one": (lambda c: get(c, flags=END_STREAM) + frame_bytes(0xaa, 0, 1), Goaway(PROTOCOL_ERROR)),
    "5.1 DATA on an idle stream": (lambda c: frame_bytes(DATA, 0, 1, b"x"), Goaway(PROTOCOL_ERROR)),
    "5.1 RST_STREAM on an idle stream": (lambda c: frame_bytes(RST_STREAM, 0, 1, u32(8)), Goaway(PROTOCOL_ERROR)),
    "5.1 WINDOW_UPDATE on an idle stream": (lambda c: frame_bytes(WINDOW_UPDATE, 0, 1, u32(8)), Goaway(PROTOCOL_ERROR)),
    "5.1 CONTINUATION on an idle stream": (lambda c: frame_bytes(CONTINUATION, END_HEADERS, 1, c.block(c.fields())),
                                           Goaway(PROTOCOL_ERROR)),
    "5.1 DATA on a half-closed stream": (lambda c: get(c, path="/p/hold/x") + frame_bytes(DATA, END_STREAM, 1, b"x"),
                                         Either(STREAM_CLOSED)),
    "5.1 HEADERS on a half-closed stream": (lambda c: get(c, path="/p/hold/x") + get(c), Either(STREAM_CLOSED)),
    "5.1 CONTINUATION on a half-closed stream": (lambda c: get(c, path="/p/hold/x") + frame_bytes(CONTINUATION, END_HEADERS, 1),
                                                 Goaway(PROTOCOL_ERROR, STREAM_CLOSED)),
    "5.1 HEADERS after RST_STREAM": (lambda c: get(c, path="/p/hold/x") + frame_bytes(RST_STREAM, 0, 1, u32(CANCEL)) + get(c),
                                     Goaway(STREAM_CLOSED)),
    "5.1 PRIORITY on an idle stream is no error": (lambda c: frame_bytes(PRIORITY, 0, 5, b"\0\0\0\0\1") + get(c), asked()),
    "5.1 WINDOW_UPDATE on a closed stream is no error": (lambda c: get(c) + frame_bytes(WINDOW_UPDATE, 0, 1, u32(1)) + get(c, 3),
                                                         asked(stream=3)),
    "5.1.1 an even stream": (lambda c: get(c, 2), Goaway(PROTOCOL_ERROR)),
    "5.1.1 a stream below the last": (lambda c: get(c, 5) + get(c, 3), Goaway(PROTOCOL_ERROR, STREAM_CLOSED)),
    "5.1.2 more streams than agreed": (lambda c: b"".join(get(c, n, path="/p/hold/x") for n in range(1, 259, 2)),
                                       Either(PROTOCOL_ERROR, REFUSED_STREAM)),
    "5.3 a stream that depends on itself": (lambda c: get(c, flags=END_HEADERS | END_STREAM | PRIORITY_FLAG, pad=u32(1) + b"\0"),
                                            Either(PROTOCOL_ERROR)),
    "5.5 an unknown frame on a closed stream": (lambda c: get(c) + frame_bytes(0xaa, 0, 1) + get(c, 3), asked(stream=3)),
}

SECTION_6 = {
    "6.1 DATA on stream 0": (lambda c: frame_bytes(DATA, 0, 0, b"x"), Goaway(PROTOCOL_ERROR)),
    "6.1 padding as long as the frame": (lambda c: post(c) + frame_bytes(DATA, PADDED, 1, b"\x05abcd"), Goaway(PROTOCOL_ERROR)),
    "6.1 PADDED without a length": (lambda c: post(c) + frame_bytes(DATA, PADDED, 1), Goaway(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    "6.1 padding is no data": (lambda c: post(c, more=[("content-length", "1")]) + frame_bytes(DATA, PADDED | END_STREAM, 1, b"\x03abcd"),
                               asked()),
    "6.2 HEADERS on stream 0": (lambda c: get(c, 0), Goaway(PROTOCOL_ERROR)),
    "6.2 padding as long as the frame": (lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, b"\xff" + c.block(c.fields())),
                                         Goaway(PROTOCOL_ERROR)),
    "6.2 padding and priority": (lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM | PADDED | PRIORITY_FLAG, 1,
                                                       b"\x02" + b"\0\0\0\0\1" + c.block(c.fields()) + b"\0\0"), asked()),
    "6.3 PRIORITY on stream 0": (lambda c: frame_bytes(PRIORITY, 0, 0, b"\0\0\0\1\1"), Goaway(PROTOCOL_ERROR)),
    "6.3 PRIORITY of another length": (lambda c: frame_bytes(PRIORITY, 0, 1, b"\0\0\0\1"), Either(FRAME_SIZE_ERROR)),
    "6.4 RST_STREAM on stream 0": (lambda c: frame_bytes(RST_STREAM, 0, 0, u32(8)), Goaway(PROTOCOL_ERROR)),
    "6.4 RST_STREAM of another length": (lambda c: post(c) + frame_bytes(RST_STREAM, 0, 1, b"abc"), Goaway(FRAME_SIZE_ERROR)),
    "6.5 SETTINGS with ACK and a payload": (lambda c: frame_bytes(SETTINGS, ACK, 0, setting(HEADER_TABLE_SIZE=1)),
                                            Goaway(FRAME_SIZE_ERROR)),
    "6.5 SETTINGS on a stream": (lambda c: frame_bytes(SETTINGS, 0, 1), Goaway(PROTOCOL_ERROR)),
    "6.5 SETTINGS of another length": (lambda c: frame_bytes(SETTINGS, 0, 0, b"abc"), Goaway(FRAME_SIZE_ERROR)),
    "6.5.2 ENABLE_PUSH of 2": (lambda c: frame_bytes(SETTINGS, 0, 0, setting(ENABLE_PUSH=2)), Goaway(PROTOCOL_ERROR)),
    "6.5.2 INITIAL_WINDOW_SIZE above 2^31-1": (lambda c: frame_bytes(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE=1 << 31)),
                                               Goaway(FLOW_CONTROL_ERROR)),
    "6.5.2 MAX_FRAME_SIZE below 16384": (lambda c: frame_bytes(SETTINGS, 0, 0, setting(MAX_FRAME_SIZE=16383)), Goaway(PROTOCOL_ERROR)),
    "6.5.2 MAX_FRAME_SIZE above 2^24-1": (lambda c: frame_bytes(SETTINGS, 0, 0, setting(MAX_FRAME_SIZE=1 << 24)), Goaway(PROTOCOL_ERROR)),
    "6.5.2 unknown settings are ignored": (lambda c: frame_bytes(SETTINGS, 0, 0, struct.pack(">HI", 0xaaaa, 1)) + get(c), asked()),
    "6.6 PUSH_PROMISE from a client": (lambda c: frame_bytes(PUSH_PROMISE, END_HEADERS, 1, u32(2) + c.block(c.fields())),
                                       Goaway(PROTOCOL_ERROR)),
    "6.7 PING on a stream": (lambda c: frame_bytes(PING, 0, 1, b"12345678"), Goaway(PROTOCOL_ERROR)),
    "6.7 PING of another length": (lambda c: frame_bytes(PING, 0, 0, b"1234567"), Goaway(FRAME_SIZE_ERROR)),
    "6.8 GOAWAY on a stream": (lambda c: frame_bytes(GOAWAY, 0, 1, bytes(8)), Goaway(PROTOCOL_ERROR)),
    "6.9 WINDOW_UPDATE by 0 on a stream": (lambda c: post(c) + frame_bytes(WINDOW_UPDATE, 0, 1, u32(0)), Either(PROTOCOL_ERROR)),
    "6.9 WINDOW_UPDATE by 0 on the connection": (lambda c: frame_bytes(WINDOW_UPDATE, 0, 0, u32(0)), Goaway(PROTOCOL_ERROR)),
    "6.9 WINDOW_UPDATE of another length": (lambda c: frame_bytes(WINDOW_UPDATE, 0, 0, b"abc"), Goaway(FRAME_SIZE_ERROR)),
    "6.9.1 a stream's window above 2^31-1": (lambda c: post(c) + frame_bytes(WINDOW_UPDATE, 0, 1, u32(0x7fffffff)),
                                             Reset(FLOW_CONTROL_ERROR)),
    "6.9.1 the connection's window above it": (lambda c: frame_bytes(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)), Goaway(FLOW_CONTROL_ERROR)),
    "6.9.1 more DATA than the window": (lambda c: post(c, path="/p/hold/x") + b"".join(frame_bytes(DATA, 0, 1, b"x" * 16384) for _ in range(400)),
                                        Either(FLOW_CONTROL_ERROR)),
    "6.9.2 a setting that lifts a window above it": (lambda c: post(c) + frame_bytes(WINDOW_UPDATE, 0, 1, u32(0x7fff0000 - 65535))
                                                     + frame_bytes(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE=0x7fffffff)),
                                                     Either(FLOW_CONTROL_ERROR)),
    "6.10 CONTINUATION without a beginning": (lambda c: get(c) + frame_bytes(CONTINUATION, END_HEADERS, 1), Goaway(PROTOCOL_ERROR, STREAM_CLOSED)),
    "6.10 CONTINUATION on stream 0": (lambda c: get(c, flags=END_STREAM) + frame_bytes(CONTINUATION, END_HEADERS, 0), Goaway(PROTOCOL_ERROR)),
    "6.10 CONTINUATION on another stream": (lambda c: get(c, flags=END_STREAM) + frame_bytes(CONTINUATION, END_HEADERS, 3), Goaway(PROTOCOL_ERROR)),
    "6.10 DATA before END_HEADERS": (lambda c: get(c, flags=0) + frame_bytes(DATA, 0, 1, b"x"), Goaway(PROTOCOL_ERROR)),
    "6.10 a request in pieces": (lambda c: (lambda b: frame_bytes(HEADERS, END_STREAM, 1, b[:3]) + frame_bytes(CONTINUATION, 0, 1, b[3:9])
                                            + frame_bytes(CONTINUATION, END_HEADERS, 1, b[9:]))(c.block(c.fields())), asked()),
    "7 an unknown error code is no error": (lambda c: get(c, path="/p/hold/x") + frame_bytes(RST_STREAM, 0, 1, u32(0xff)), Served()),
}

MALFORMED = Reset(PROTOCOL_ERROR)
SECTION_8 = {
    "8.1 a second HEADERS without END_STREAM": (lambda c: post(c) + frame_bytes(HEADERS, END_HEADERS, 1, c.block([("x", "1")])), MALFORMED),
    "8.1.1 less body than announced": (lambda c: post(c, more=[("content-length", "5")]) + frame_bytes(DATA, END_STREAM, 1, b"abcd"), MALFORMED),
    "8.1.1 more body than announced": (lambda c: post(c, more=[("content-length", "3")]) + frame_bytes(DATA, END_STREAM, 1, b"abcd"), MALFORMED),
    "8.1.1 no body where one is announced": (request_with(("content-length", "3")), MALFORMED),
    "8.1.1 a trailer too early": (lambda c: post(c, more=[("content-length", "3")]) + frame_bytes(DATA, 0, 1, b"a")
                                  + frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, c.block([("x", "1")])), MALFORMED),
    "8.2.1 a capital letter in a name": (request_with(("X-Upper", "1")), MALFORMED),
    "8.2.1 a blank in a name": (request_with(("a b", "1")), MALFORMED),
    "8.2.1 a colon in a name": (request_with(("a:b", "1")), MALFORMED),
    "8.2.1 a control byte in a name": (request_with(("a\x01", "1")), MALFORMED),
    "8.2.1 a byte above 0x7e in a name": (request_with((b"a\xff", b"1")), MALFORMED),
    "8.2.1 an empty name": (request_with(("", "1")), MALFORMED),
    "8.2.1 NUL in a value": (request_with(("a", "x\0y")), MALFORMED),
    "8.2.1 LF in a value": (request_with(("a", "x\ny")), MALFORMED),
    "8.2.1 CR in a value": (request_with(("a", "x\ry")), MALFORMED),
    "8.2.1 a blank before a value": (request_with(("a", " x")), MALFORMED),
    "8.2.1 a tab behind a value": (request_with(("a", "x\t")), MALFORMED),
    "8.2.2 Connection": (request_with(("connection", "keep-alive")), MALFORMED),
    "8.2.2 Keep-Alive": (request_with(("keep-alive", "5")), MALFORMED),
    "8.2.2 Proxy-Connection": (request_with(("proxy-connection", "keep-alive")), MALFORMED),
    "8.2.2 Transfer-Encoding": (request_with(("transfer-encoding", "chunked")), MALFORMED),
    "8.2.2 Upgrade": (request_with(("upgrade", "h2c")), MALFORMED),
    "8.2.2 TE of another value": (request_with(("te", "gzip")), MALFORMED),
    "8.2.2 TE: trailers": (request_with(("te", "trailers")), asked()),
    "8.3 an unknown pseudo-header": (request_with(base=[*BASE, (":x", "1")]), MALFORMED),
    "8.3 a response's pseudo-header": (request_with(base=[*BASE, (":status", "200")]), MALFORMED),
    "8.3 one behind a regular field": (request_with(base=[("a", "b"), *BASE]), MALFORMED),
    "8.3 one in a trailer": (lambda c: post(c) + frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, c.block([(":path", "/")])), MALFORMED),
    "8.3 one twice": (request_with(base=[*BASE, (":path", "/")]), MALFORMED),
    "8.3.1 no method": (request_with(base=without(":method")), MALFORMED),
    "8.3.1 no scheme": (request_with(base=without(":scheme")), MALFORMED),
    "8.3.1 no path": (request_with(base=without(":path")), MALFORMED),
    "8.3.1 an empty path": (request_with(base=replaced(":path", "")), MALFORMED),
    "8.3.1 userinfo in the authority": (request_with(base=replaced(":authority", "u@a.example")), MALFORMED),
    "8.3.1 no authority but Host": (request_with(("host", "a.example"), base=without(":authority")), asked()),
    "8.3.1 Host that agrees": (request_with(("host", "a.example")), asked()),
    "8.3.1 Host that disagrees": (request_with(("host", "b.example")), asked(400)),
    "8.3.1 neither": (request_with(base=without(":authority")), asked(400)),
    "8.3.1 * with another method than OPTIONS": (request_with(base=replaced(":path", "*")), asked(400)),
    "8.3.1 a path that is none": (request_with(base=replaced(":path", "nowhere")), asked(400)),
    "8.3.1 a blank in the path": (request_with(base=replaced(":path", "/ HTTP/1.1")), asked(400)),
    "8.3.1 a scheme that is another's": (request_with(base=replaced(":scheme", "ftp")), asked(400)),
    "8.3.1 a method in small letters": (request_with(base=replaced(":method", "get")), asked(400)),
    "8.3.1 a method with a blank": (request_with(base=replaced(":method", "GET /x")), MALFORMED),
    "8.4 ENABLE_PUSH of 1 is the client's affair": (lambda c: frame_bytes(SETTINGS, 0, 0, setting(ENABLE_PUSH=1)) + get(c), asked()),
    "8.5 CONNECT": (request_with(base=[(":method", "CONNECT"), (":authority", "a.example:443")]), asked(405)),
    "8.5 CONNECT with a path": (request_with(base=[(":method", "CONNECT"), (":authority", "a.example:443"), (":path", "/")]), MALFORMED),
    "8.5 CONNECT with a scheme": (request_with(base=[(":method", "CONNECT"), (":authority", "a.example:443"), (":scheme", "http")]), MALFORMED),
    "8.5 CONNECT without an authority": (request_with(base=[(":method", "CONNECT")]), MALFORMED),
    "9.1 a second Host": (request_with(("host", "a.example"), ("host", "a.example")), asked(400)),
    "several Content-Length": (request_with(("content-length", "0"), ("content-length", "0")), MALFORMED),
    "a signed Content-Length": (request_with(("content-length", "+0")), MALFORMED),
    "an odd spelling of a framing field": (request_with(("content_length", "0")), asked(400)),
    "a trailer that frames": (lambda c: post(c) + frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, c.block([("content-length", "0")])),
                              MALFORMED),
    "a field too long": (request_with(("x", "y" * 9000)), asked(400)),
    "a path too long": (request_with(base=replaced(":path", "/" + "y" * 9000)), asked(414)),
}


def block_of(hexadecimal):
    """A request whose block ends with these bytes."""
    return lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, c.encoder.encode(BASE, huffman=False) + bytes.fromhex(hexadecimal))


COMPRESSION = Goaway(COMPRESSION_ERROR)
HPACK = {
    "2.3.3 an index behind the table's end": (block_of("ff00"), COMPRESSION),
    "6.1 index 0": (block_of("80"), COMPRESSION),
    "5.1 an integer without end": (block_of("ffffffffffffffffffff"), COMPRESSION),
    "5.1 an integer that stops in the middle": (block_of("ff80"), COMPRESSION),
    "5.2 a string longer than the block": (block_of("0001780561"), COMPRESSION),
    "5.2 Huffman padding longer than 7 bits": (block_of("000178821fff"), COMPRESSION),
    "5.2 Huffman padding of zeros": (block_of("0001788118"), COMPRESSION),
    "5.2 EOS in a Huffman string": (block_of("00017884ffffffff"), COMPRESSION),
    "6.2 a literal without a value": (block_of("000178"), COMPRESSION),
    "6.3 a size update above what was agreed": (lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, b"\x3f\xe2\x1f" + c.block(c.fields())),
                                                COMPRESSION),
    "4.2 a size update in the middle": (block_of("20" + "82"), COMPRESSION),
    "4.2 size updates at the beginning": (lambda c: frame_bytes(HEADERS, END_HEADERS | END_STREAM, 1, b"\x20\x3f\xe1\x1f" + c.block(c.fields())),
                                          asked()),
    "6.2.3 never indexed": (block_of("1001780179"), asked()),
    "4.4 an entry larger than the table empties it": (lambda c: request_with(("a", "b"), ("big", "z" * 5000))(c) + get(c, 3), asked(stream=3)),
}


@pytest.mark.parametrize("cases", [SECTION_4_5, SECTION_6, SECTION_8, HPACK], ids=["4-5", "6-7", "8", "hpack"])
def test_frames(port, backend, cases):
    wrong = []
    for name, (frames, expected) in cases.items():
        with H2(port) as client:
            client.until(lambda: client.settings)
            try:
                client.send(frames(client))
            except OSError:
                pass
            told = expected.check(client, name)
        if told:
            wrong.append(f"{name}: {told}")
    backend.release("x")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def test_more_on_a_stream_that_both_have_ended(port):
    """RFC 9113, 5.1: what may have been on its way is passed over, a field list and DATA are not."""
    for more in ((HEADERS, END_HEADERS | END_STREAM, 1, b"\x82"), (DATA, END_STREAM, 1, b"x")):
        with H2(port) as client:
            assert client.request(1).ended
            client.frame(WINDOW_UPDATE, 0, 1, u32(1))
            client.frame(RST_STREAM, 0, 1, u32(CANCEL))
            assert client.request(3).ended
            client.frame(*more)
            assert client.error() == STREAM_CLOSED


def test_a_body_may_be_on_its_way_when_its_answer_is_out(port):
    """RFC 9113, 5.1: DATA that crosses our RST_STREAM is no mistake, also where others have ended on the connection."""
    with H2(port) as client:
        assert client.request(1).ended
        client.headers(3, method="POST", end=False)
        assert client.stream_error(3) == NO_ERROR and client.answers[3].ended
        client.data(3, b"x" * 100)
        client.data(3, b"", end=True)
        assert client.request(5).ended and client.gone is None


def test_a_window_below_nothing(port):
    """RFC 9113, 6.9.2: what was sent before counts against the smaller window, and is made up for first."""
    with H2(port, updates=False) as client:
        client.headers(1, "/p/bytes/100000")
        answer = client.answers[1]
        client.until(lambda: len(answer.body) == 65535)
        client.window(0, 100000)
        client.frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE=10))
        client.window(1, 65525)
        for _ in range(3):
            client.sync()
        assert len(answer.body) == 65535
        client.window(1, 1)
        client.until(lambda: len(answer.body) == 65536)
        client.frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW_SIZE=100000))
        assert len(client.response(1).body) == 100000


def test_padding_is_given_back(port):
    """RFC 9113, 6.1: it counts against both windows as data does, though nobody consumes it."""
    with H2(port) as client:
        client.headers(1, "/p/echo", "POST", end=False)
        client.sync()
        left, seen = {0: 65535, 1: 65536}, 0
        for _ in range(1500):
            client.frame(DATA, PADDED, 1, b"\xff" + b"xxxxxxx" + bytes(255))
            left = {at: room - 263 for at, room in left.items()}
            while min(left.values()) < 263:
                client.next()
                for frame in client.seen[seen:]:
                    if frame.type == WINDOW_UPDATE:
                        left[frame.stream] += int.from_bytes(frame.payload, "big")
                seen = len(client.seen)
        client.data(1, b"", end=True)
        assert b'"length": 10500' in client.response(1).body


@pytest.mark.parametrize("size", [0, 100, 4096, 1 << 20])
def test_the_table_is_as_large_as_the_client_allows(port, size):
    """RFC 7541, 4.2: the change is said at the beginning of the next block."""
    with H2(port) as client:
        assert client.request(1).status == 200
        client.frame(SETTINGS, 0, 0, setting(HEADER_TABLE_SIZE=size))
        client.sync()
        client.decoder.max_allowed_table_size = size
        for stream in (3, 5):
            assert client.request(stream).fields["content-length"] == "4"


def test_a_client_that_says_goodbye_first(port, backend):
    """RFC 9113, 6.8: what it has asked for is answered, then the connection ends."""
    with H2(port) as client:
        client.headers(1, "/p/hold/bye")
        client.frame(GOAWAY, 0, 0, bytes(8))
        client.sync()
        backend.release("bye")
        assert client.response(1).status == 200
        client.error()


def test_more_on_a_stream_that_was_refused(tinyproxyd, backend, free_port):
    """RFC 9113, 5.1: the client may not have heard of it yet."""
    number = free_port()
    tinyproxyd(f"""http {{ http2_max_concurrent_streams 1; server {{ listen 127.0.0.1:{number} http2;
        location / {{ return 200 here; }} location /p/ {{ proxy_pass http://127.0.0.1:{backend.port}/; }} }} }}""")
    for more in ((DATA, END_STREAM, b"x"), (HEADERS, END_HEADERS | END_STREAM, b"\x00\x01x\x01y")):
        with H2(number) as client:
            client.send(get(client, 1, path="/p/hold/x") + post(client, 3) + frame_bytes(RST_STREAM, 0, 1, u32(CANCEL))
                        + get(client, 5) + frame_bytes(more[0], more[1], 3, more[2]))
            assert client.response(5).body == b"here"
            assert client.answers[3].reset == REFUSED_STREAM
            assert client.request(7).body == b"here"
    backend.release("x")


def test_prefaces(port):
    """RFC 9113, 3.4."""
    first = frame_bytes(SETTINGS, 0, 0)
    cases = {
        "no SETTINGS first": (PREFACE + frame_bytes(PING, 0, 0, b"12345678"), Goaway(PROTOCOL_ERROR)),
        "a SETTINGS that is an ACK": (PREFACE + frame_bytes(SETTINGS, ACK, 0), Goaway(PROTOCOL_ERROR)),
        "byte by byte": (None, Served()),
    }
    for name, (data, expected) in cases.items():
        with H2(port, start=False) as client:
            for byte in [data] if data else [bytes([b]) for b in PREFACE + first]:
                client.send(byte)
            told = expected.check(client, "preface")
            assert not told, f"{name}: {told}"
    # What begins like the preface and is none is HTTP/1, and a bad one.
    with H2(port, start=False) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX")
        assert client.client.until_closed().startswith(b"HTTP/1.1 ")


def test_bad_preface_over_tls(tinyproxyd, certs, free_port):
    number, certificate = free_port(), certs.issue("a.example")
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{number} ssl http2; ssl_certificate {certificate.fullchain};
        ssl_certificate_key {certificate.key}; }} }}""")
    with H2(number, True, start=False) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.error() == PROTOCOL_ERROR
