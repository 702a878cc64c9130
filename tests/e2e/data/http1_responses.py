# SPDX-License-Identifier: ISC
"""Raw answers of a hostile or broken backend, and what the client may make of them.

REFUSED: heads that are no answer: the client gets 502.
CUT: bodies that end wrongly: the client gets 502 or sees the answer cut off, never a whole one.
DELIVERED: answers that count, with bytes behind them that must not, at once or late: in front of the
answer to the next request on the same connection. Such a connection must not be used again.
A row's end: "close", "reset", or "hold" (open and silent; the proxy's read time-out ends it).
"""
import dataclasses

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"


@dataclasses.dataclass
class Answer:
    name: str
    raw: bytes
    end: str = "close"
    statuses: tuple = (502,)
    body: bytes = b""
    method: str = "GET"
    late: bytes = b""


def head(*fields, status=b"HTTP/1.1 200 OK"):
    return status + b"\r\n" + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def status_line(first):
    return Answer(repr(first), head(b"Content-Length: 5", status=first) + b"hello")


def fields(name, *lines):
    return Answer(name, head(*lines) + b"hello")


def chunked(body):
    return head(b"Transfer-Encoding: chunked") + body


REFUSED = {}

REFUSED["status line"] = [status_line(first) for first in (
    b"HTTP/1.1 099 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 600 OK", b"HTTP/1.1 999 OK", b"HTTP/1.1 20 OK",
    b"HTTP/1.1 2000 OK", b"HTTP/1.1 2OO OK", b"HTTP/1.1 -20 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 0xc OK",
    b"HTTP/1.1 200OK", b"HTTP/1.1 200\tOK", b"HTTP/1.1\t200 OK", b"HTTP/1.1  200 OK", b"HTTP/1.1 OK",
    b"HTTP/1.1 ", b"HTTP/1.1", b"HTTP/1.10 200 OK", b"HTTP/1 200 OK", b"HTTP/0.9 200 OK",
    b"HTTP/2.0 200 OK", b"HTTP/2 200", b"http/1.1 200 OK", b"Http/1.1 200 OK", b"HTTPS/1.1 200 OK",
    b"ICY 200 OK", b"RTSP/1.0 200 OK", b" HTTP/1.1 200 OK", b"\r\nHTTP/1.1 200 OK",
    b"\xef\xbb\xbfHTTP/1.1 200 OK", b"GET / HTTP/1.1", b"200 OK", b"Status: 200 OK",
    b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\x01K", b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 O\rK",
    b"HTTP/1.1 200 OK\nX: y")]

REFUSED["fields"] = [
    fields("empty name", b": b"),
    fields("no colon", b"X-A"),
    fields("blank before the colon", b"X-A : b"),
    fields("tab before the colon", b"X-A\t: b"),
    fields("blank in the name", b"X A: b"),
    fields("parenthesis in the name", b"X(A: b"),
    fields("UTF-8 in the name", "ü: b".encode()),
    fields("NUL in the name", b"X\0A: b"),
    fields("NUL in a value", b"X-A: b\0c"),
    fields("control byte in a value", b"X-A: b\x01c"),
    fields("DEL in a value", b"X-A: b\x7fc"),
    fields("CR in a value", b"X-A: b\rc"),
    fields("CR in a value hides a field", b"X-A: b\rSet-Cookie: c=d"),
    fields("LF ends a field", b"X-A: b\nX-C: d"),
    fields("LF in a value hides a body", b"X-A: b\n\n<script>"),
    fields("folded with a blank", b"X-A: b\r\n c"),
    fields("folded with a tab", b"X-A: b\r\n\tc"),
    fields("blank first field line", b" X-A: b"),
    fields("CR CR LF", b"X-A: b\r"),
    Answer("LF as the empty line", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello"),
    Answer("LF everywhere", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    Answer("100 KiB in one field", head(b"X-A: " + 102400 * b"x", b"Content-Length: 5") + b"hello"),
    Answer("100 KiB in many fields", head(*(102400 // 6 * [b"X: y"])) + b"hello"),
    Answer("100 KiB reason", head(status=b"HTTP/1.1 200 " + 102400 * b"x") + b"hello"),
]

REFUSED["framing"] = [
    fields("both", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    fields("both, other order", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    fields("length twice, equal", b"Content-Length: 5", b"Content-Length: 5"),
    fields("length twice, different", b"Content-Length: 5", b"Content-Length: 4"),
    fields("length list", b"Content-Length: 5, 5"),
    fields("length empty", b"Content-Length:"),
    fields("length plus", b"Content-Length: +5"),
    fields("length minus", b"Content-Length: -5"),
    fields("length hex", b"Content-Length: 0x5"),
    fields("length fraction", b"Content-Length: 5.0"),
    fields("length and word", b"Content-Length: 5 bytes"),
    fields("length 2^63", b"Content-Length: 9223372036854775808"),
    fields("length 2^64 + 5", b"Content-Length: 18446744073709551621"),
    fields("length with a blank before the colon", b"Content-Length : 5"),
    fields("length with an underscore", b"Content_Length: 5"),
    *(fields(f"coding {value!r}", b"Transfer-Encoding: " + value) for value in (
        b"", b"gzip", b"identity", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked", b"chunked,",
        b"xchunked", b"chunked;x", b'"chunked"', b"\x0bchunked", b"chunked\xa0", b"chunked\0")),
    fields("coding twice", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    fields("coding with a blank before the colon", b"Transfer-Encoding : chunked"),
    fields("coding with an underscore", b"Transfer_Encoding: chunked"),
    Answer("coding on HTTP/1.0",
           head(b"Transfer-Encoding: chunked", status=b"HTTP/1.0 200 OK") + b"5\r\nhello\r\n0\r\n\r\n"),
    Answer("coding on HTTP/1.0, kept alive", head(b"Transfer-Encoding: chunked",
           b"Connection: keep-alive", status=b"HTTP/1.0 200 OK") + b"5\r\nhello\r\n0\r\n\r\n"),
]

REFUSED["no answer"] = [
    Answer("nothing", b""),
    Answer("nothing, reset", b"", "reset"),
    Answer("half a status line", b"HTTP/1.1 20"),
    Answer("a status line", b"HTTP/1.1 200 OK\r\n"),
    Answer("half a field", b"HTTP/1.1 200 OK\r\nContent-Le"),
    Answer("fields without an end", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"),
    Answer("fields without an end, reset", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "reset"),
    Answer("half an empty line", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r"),
    Answer("an empty line", b"\r\n\r\n"),
    Answer("HTTP/0.9", b"<html>hello</html>\r\n"),
    Answer("TLS", b"\x15\x03\x01\x00\x02\x02\x16"),
    Answer("SSH", b"SSH-2.0-OpenSSH_9.2\r\n"),
    Answer("HTTP/2", b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"),
    Answer("a head that never ends", b"HTTP/1.1 200 OK\r\nX-A: b\r\n", "hold", (504,)),
]

REFUSED["interim"] = [
    Answer("100 and no more", head(status=b"HTTP/1.1 100 Continue")),
    Answer("100 and garbage", head(status=b"HTTP/1.1 100 Continue") + b"hello\r\n"),
    Answer("100 with a length", head(b"Content-Length: 49", status=b"HTTP/1.1 100 Continue") + POISON),
    Answer("103 with a coding",
           head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 103 Early Hints") + b"0\r\n\r\n" + POISON),
    Answer("101 that nobody asked for",
           head(b"Connection: upgrade", b"Upgrade: x", status=b"HTTP/1.1 101 x") + POISON),
    Answer("thousands of 100", 20000 * head(status=b"HTTP/1.1 100 Continue") + POISON),
]

CUT = {}


def cut(name, raw, end="close"):
    return Answer(name, raw, end)


CUT["length"] = [
    cut("one byte short", head(b"Content-Length: 6") + b"hello"),
    cut("one byte short, reset", head(b"Content-Length: 6") + b"hello", "reset"),
    cut("one byte short, silent", head(b"Content-Length: 6") + b"hello", "hold"),
    cut("nothing", head(b"Content-Length: 6")),
    cut("far too short", head(b"Content-Length: 9223372036854775807") + b"hello"),
    cut("a megabyte less", head(b"Content-Length: 2097152") + 1048576 * b"x"),
    cut("HTTP/1.0", head(b"Content-Length: 6", status=b"HTTP/1.0 200 OK") + b"hello"),
    cut("close said", head(b"Content-Length: 6", b"Connection: close") + b"hello"),
    cut("error page", head(b"Content-Length: 6", status=b"HTTP/1.1 404 Not Found") + b"hello"),
    cut("until close, reset", head(b"Connection: close") + b"hello", "reset"),
    cut("until close, silent", head(b"Connection: close") + b"hello", "hold"),
]

CUT["chunked, cut off"] = [
    cut(f"after {body[-12:]!r}, {end}", chunked(body), end)
    for body in (b"", b"5", b"5\r", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r", b"5\r\nhello\r\n",
                 b"5\r\nhello\r\n0", b"5\r\nhello\r\n0\r", b"5\r\nhello\r\n0\r\n",
                 b"5\r\nhello\r\n0\r\n\r", b"5\r\nhello\r\n0\r\nX: y", b"5\r\nhello\r\n0\r\nX: y\r\n",
                 b"5\r\nhello\r\n0;x", b"0", b"0\r\n")
    for end in (("close", "reset") if len(body) < 12 else ("close",))
] + [
    cut("silent in the data", chunked(b"5\r\nhel"), "hold"),
    cut("silent before the end", chunked(b"5\r\nhello\r\n0\r\n"), "hold"),
    cut("a megabyte in", chunked(b"200000\r\n" + 1048576 * b"x")),
]

CUT["chunked, broken"] = [
    cut(repr(body[:24]), chunked(body)) for body in (
        b"hello", b"\r\nhello\r\n0\r\n\r\n", b"g\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n", b"5\0\r\nhello\r\n0\r\n\r\n", b"5,\r\nhello\r\n0\r\n\r\n",
        b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"8000000000000000\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n", b"5\rhello\r0\r\r", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n", b"6\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n\r\n0\r\n\r\n",
        b"5;x\nhello\r\n0\r\n\r\n", b"5;\x01\r\nhello\r\n0\r\n\r\n", b"5;;\r\nhello\r\n0\r\n\r\n",
        b"5;" + 8192 * b"x" + b"\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\n\n",
        b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\r\n: y\r\n\r\n", b"5\r\nhello\r\n0\r\nX y\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX : y\r\n\r\n", b"5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
        b"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n0\r\nHost: a\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX: " + 16384 * b"x" + b"\r\n\r\n", POISON)
]


def whole(name, raw, status=200, body=b"hello", end="hold", method="GET", late=b""):
    return Answer(name, raw, end, (status,), body, method, late)


DELIVERED = {}

DELIVERED["well-formed"] = [
    whole("length", head(b"Content-Length: 5") + b"hello"),
    whole("length 0", head(b"Content-Length: 0"), body=b""),
    whole("chunked", chunked(b"5\r\nhello\r\n0\r\n\r\n")),
    whole("chunked, empty", chunked(b"0\r\n\r\n"), body=b""),
    whole("chunked with extension and trailer", chunked(b'5;a="b;c"\r\nhello\r\n0\r\nX: y\r\n\r\n')),
    whole("until close", head() + b"hello", end="close"),
    whole("until close on HTTP/1.0", head(status=b"HTTP/1.0 200 OK") + b"hello", end="close"),
    whole("no reason", head(b"Content-Length: 5", status=b"HTTP/1.1 200") + b"hello"),
    whole("empty reason", head(b"Content-Length: 5", status=b"HTTP/1.1 200 ") + b"hello"),
    whole("UTF-8 reason", head(b"Content-Length: 5", status="HTTP/1.1 200 schön".encode()) + b"hello"),
    whole("status 599", head(b"Content-Length: 5", status=b"HTTP/1.1 599 x") + b"hello", 599),
    whole("underscore in a name", head(b"X_A: b", b"Content-Length: 5") + b"hello"),
    whole("100 first", head(status=b"HTTP/1.1 100 Continue") + head(b"Content-Length: 5") + b"hello"),
    whole("103 and 102 first", head(b"Link: </a>", status=b"HTTP/1.1 103 Early Hints") +
          head(status=b"HTTP/1.1 102 x") + head(b"Content-Length: 5") + b"hello"),
]

DELIVERED["with something behind"] = [
    whole("length, one byte more", head(b"Content-Length: 5") + b"hello!"),
    whole("length, another answer", head(b"Content-Length: 5") + b"hello" + POISON),
    whole("length 0, another answer", head(b"Content-Length: 0") + POISON, body=b""),
    whole("length, an empty line", head(b"Content-Length: 5") + b"hello\r\n"),
    whole("chunked, another answer", chunked(b"5\r\nhello\r\n0\r\n\r\n") + POISON),
    whole("chunked, one byte more", chunked(b"5\r\nhello\r\n0\r\n\r\n") + b"\r"),
    whole("204 with a length", head(b"Content-Length: 5", status=b"HTTP/1.1 204 x") + b"hello", 204, b""),
    whole("204 with a body", head(status=b"HTTP/1.1 204 x") + POISON, 204, b""),
    whole("204 with chunks", head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 204 x") +
          b"5\r\nhello\r\n0\r\n\r\n", 204, b""),
    whole("204 with a length, late", head(b"Content-Length: 49", status=b"HTTP/1.1 204 x"), 204, b"",
          late=POISON),
    whole("204 with a coding, late", head(b"Transfer-Encoding: chunked", status=b"HTTP/1.1 204 x"),
          204, b"", late=POISON),
    whole("close said, late", head(b"Content-Length: 5", b"Connection: close") + b"hello", late=POISON),
    whole("HTTP/1.0, late", head(b"Content-Length: 5", status=b"HTTP/1.0 200 OK") + b"hello", late=POISON),
    whole("304 with a body", head(b"Content-Length: 5", status=b"HTTP/1.1 304 x") + b"hello", 304, b""),
    whole("304 with another answer", head(status=b"HTTP/1.1 304 x") + POISON, 304, b""),
    whole("HEAD with a body", head(b"Content-Length: 5") + b"hello", body=b"", method="HEAD"),
    whole("HEAD with chunks", chunked(b"5\r\nhello\r\n0\r\n\r\n"), body=b"", method="HEAD"),
    whole("HEAD with another answer", head(b"Content-Length: 5") + POISON, body=b"", method="HEAD"),
]
