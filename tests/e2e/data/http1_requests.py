# SPDX-License-Identifier: ISC
"""Raw HTTP/1 requests and what must become of them: refused, or forwarded as exactly one request.

REFUSED[group] = rows of (name, bytes, status). Behind each the test sends another request, which must
not be answered and must not reach the backend. `cut` rows break in their body: the backend may see
them begin but never end.
FORWARDED[group] = Forwarded rows: what the backend must have seen.
"""
import dataclasses

HOST = b"Host: a.example\r\n"
CONTROLS = [byte for byte in (*range(0x20), 0x7f) if byte not in b"\t\r\n"]


@dataclasses.dataclass
class Refused:
    name: str
    raw: bytes
    status: int = 400
    cut: bool = False


@dataclasses.dataclass
class Forwarded:
    """body: what the backend read; fields: header lines it saw, lower-case name to value (None: not
    there); closes: the connection ends after the answer; count: requests in raw. X-Host is $http_host."""
    name: str
    raw: bytes
    line: str = "GET /x HTTP/1.1"
    body: bytes = b""
    fields: dict = dataclasses.field(default_factory=dict)
    closes: bool = False
    count: int = 1
    head_only: bool = False


def line(first):
    """A request of this request line and a Host."""
    return first + b"\r\n" + HOST + b"\r\n"


def get(*fields, host=HOST, version=b"1.1", target=b"/x"):
    return (b"GET " + target + b" HTTP/" + version + b"\r\n" + host +
            b"".join(field + b"\r\n" for field in fields) + b"\r\n")


def post(*fields, body=b"", host=HOST, version=b"1.1"):
    return get(*fields, host=host, version=version).replace(b"GET", b"POST", 1) + body


def chunks(body, *fields):
    return post(b"Transfer-Encoding: chunked", *fields, body=body)


def named(rows, status=400, cut=False):
    return [Refused(name, raw, status, cut) for name, raw in rows]


def bytes_rows(what, build):
    """One row per control byte at the place that build() puts it."""
    return [Refused(f"{what}: byte {byte:#04x}", build(bytes([byte]))) for byte in CONTROLS]


REFUSED = {}

REFUSED["control bytes"] = [
    *bytes_rows("before the method", lambda b: b + line(b"GET /x HTTP/1.1")),
    *bytes_rows("in the method", lambda b: line(b"GE" + b + b"T /x HTTP/1.1")),
    *bytes_rows("in the target", lambda b: line(b"GET /x" + b + b"y HTTP/1.1")),
    *bytes_rows("in the version", lambda b: line(b"GET /x HTTP/1.1" + b)),
    *bytes_rows("in a field name", lambda b: get(b"X-A" + b + b"B: c")),
    *bytes_rows("in a field value", lambda b: get(b"X-A: b" + b + b"c")),
    *bytes_rows("in Host", lambda b: get(host=b"Host: a" + b + b".example\r\n")),
]

REFUSED["line ends"] = named([
    ("LF behind the request line", b"GET /x HTTP/1.1\n" + HOST + b"\r\n"),
    ("LF behind a field", get(b"X-A: b\nX-C: d")),
    ("LF behind the last field", b"GET /x HTTP/1.1\r\nHost: a.example\n\r\n"),
    ("LF as the empty line", b"GET /x HTTP/1.1\r\n" + HOST + b"\n"),
    ("LF everywhere", b"GET /x HTTP/1.1\nHost: a.example\n\n"),
    ("LF before the request line", b"\n" + get()),
    ("CR before the request line", b"\r" + get()),
    ("CR CR LF behind the request line", b"GET /x HTTP/1.1\r\r\n" + HOST + b"\r\n"),
    ("CR CR LF behind a field", get(b"X-A: b\r")),
    ("CR CR LF as the empty line", b"GET /x HTTP/1.1\r\n" + HOST + b"\r\r\n"),
    ("CR as a line end", get(b"X-A: b\rX-C: d")),
    ("CR in the request line", line(b"GET /x\rHTTP/1.1")),
    ("CR in a value hides a framing field", get(b"X-A: b\rContent-Length: 5")),
    ("LF in a value hides a framing field", get(b"X-A: b\nContent-Length: 5")),
    ("CR in a field name", get(b"X-\rA: b")),
    ("LF CR as a line end", b"GET /x HTTP/1.1\n\r" + HOST + b"\r\n"),
    ("folded value with a blank", get(b"X-A: b\r\n c")),
    ("folded value with a tab", get(b"X-A: b\r\n\tc")),
    ("folded Host", get(host=b"Host:\r\n a.example\r\n")),
    ("folded Content-Length", post(b"Content-Length:\r\n 5", body=b"hello")),
    ("folded Transfer-Encoding", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n")),
    ("blank first field line", b"GET /x HTTP/1.1\r\n X-A: b\r\n" + HOST + b"\r\n"),
    ("line of one blank", b"GET /x HTTP/1.1\r\n" + HOST + b" \r\n\r\n"),
    ("line of one tab", b"GET /x HTTP/1.1\r\n" + HOST + b"\t\r\n\r\n"),
])

REFUSED["request line"] = named([
    ("HTTP/0.9", b"GET /x\r\n"),
    ("HTTP/0.9 with a blank", b"GET /x \r\n"),
    ("HTTP/0.9 with fields", line(b"GET /x")),
    ("HTTP/0.9 spelled out", line(b"GET /x HTTP/0.9")),
    ("nothing but a word", b"GET\r\n\r\n"),
    ("no method", line(b"/x HTTP/1.1")),
    ("blank before the method", line(b" GET /x HTTP/1.1")),
    ("tab before the method", line(b"\tGET /x HTTP/1.1")),
    ("two blanks behind the method", line(b"GET  /x HTTP/1.1")),
    ("two blanks behind the target", line(b"GET /x  HTTP/1.1")),
    ("tab behind the method", line(b"GET\t/x HTTP/1.1")),
    ("tab behind the target", line(b"GET /x\tHTTP/1.1")),
    ("blank behind the version", line(b"GET /x HTTP/1.1 ")),
    ("tab behind the version", line(b"GET /x HTTP/1.1\t")),
    ("word behind the version", line(b"GET /x HTTP/1.1 x")),
    ("two versions", line(b"GET /x HTTP/1.1 HTTP/1.1")),
    ("no target", line(b"GET HTTP/1.1")),
    ("no target, two blanks", line(b"GET  HTTP/1.1")),
    ("no blank before the version", line(b"GET /xHTTP/1.1")),
    ("lower-case method", line(b"get /x HTTP/1.1")),
    ("mixed-case method", line(b"Get /x HTTP/1.1")),
    ("digit in the method", line(b"GET1 /x HTTP/1.1")),
    ("colon in the method", line(b"GET: /x HTTP/1.1")),
    ("slash in the method", line(b"GE/T /x HTTP/1.1")),
    ("quotes around the method", line(b'"GET" /x HTTP/1.1')),
    ("parenthesis in the method", line(b"G(E)T /x HTTP/1.1")),
    ("dot in the method", line(b"GE.T /x HTTP/1.1")),
    ("byte above 0x7f in the method", line(b"G\xc3\x89T /x HTTP/1.1")),
    ("byte order mark", line(b"\xef\xbb\xbfGET /x HTTP/1.1")),
    ("lower-case http", line(b"GET /x http/1.1")),
    ("mixed-case Http", line(b"GET /x Http/1.1")),
    ("HTTPS as protocol", line(b"GET /x HTTPS/1.1")),
    ("other protocol", line(b"GET /x RTSP/1.0")),
    ("ICAP", line(b"OPTIONS /x ICAP/1.0")),
    ("no slash in the version", line(b"GET /x HTTP 1.1")),
    ("comma in the version", line(b"GET /x HTTP/1,1")),
    ("no minor version", line(b"GET /x HTTP/1.")),
    ("no dot in the version", line(b"GET /x HTTP/1")),
    ("no major version", line(b"GET /x HTTP/.1")),
    ("two-digit minor", line(b"GET /x HTTP/1.10")),
    ("padded minor", line(b"GET /x HTTP/1.01")),
    ("two-digit major", line(b"GET /x HTTP/11.1")),
    ("padded major", line(b"GET /x HTTP/01.1")),
    ("signed major", line(b"GET /x HTTP/+1.1")),
    ("signed minor", line(b"GET /x HTTP/1.-1")),
    ("letter for a minor", line(b"GET /x HTTP/1.x")),
    ("three numbers", line(b"GET /x HTTP/1.1.1")),
    ("major 0", line(b"GET /x HTTP/0.1")),
    ("a response", b"HTTP/1.1 200 OK\r\n" + HOST + b"\r\n"),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("an SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("a PROXY line", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + get()),
    ("an SMTP greeting", b"EHLO a.example\r\n"),
    ("PRI on HTTP/1.1", line(b"PRI * HTTP/1.1")),
]) + [
    Refused("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    Refused("HTTP/2.0", line(b"GET /x HTTP/2.0"), 505),
    Refused("HTTP/3.0", line(b"GET /x HTTP/3.0"), 505),
    Refused("HTTP/9.9", line(b"GET /x HTTP/9.9"), 505),
    Refused("TRACE", line(b"TRACE /x HTTP/1.1"), 405),
    Refused("CONNECT with a path", line(b"CONNECT /x HTTP/1.1"), 405),
    Refused("CONNECT", line(b"CONNECT a.example:443 HTTP/1.1"), 405),
]

REFUSED["target"] = named([
    ("not rooted", line(b"GET x HTTP/1.1")),
    ("query alone", line(b"GET ?x HTTP/1.1")),
    ("fragment alone", line(b"GET #x HTTP/1.1")),
    ("dots alone", line(b"GET ../x HTTP/1.1")),
    ("backslash first", line(b"GET \\x HTTP/1.1")),
    ("escaped slash first", line(b"GET %2fx HTTP/1.1")),
    ("asterisk for GET", line(b"GET * HTTP/1.1")),
    ("asterisk for OPTIONS, as in nginx", line(b"OPTIONS * HTTP/1.1")),
    ("asterisk and more", line(b"OPTIONS *x HTTP/1.1")),
    ("asterisk with a query", line(b"OPTIONS *?x HTTP/1.1")),
    ("authority for GET", line(b"GET a.example:80 HTTP/1.1")),
    ("blank in the path", line(b"GET /x y HTTP/1.1")),
    ("tab in the path", line(b"GET /x\ty HTTP/1.1")),
    ("blank in the query", line(b"GET /x?a b HTTP/1.1")),
    ("raw UTF-8 in the path", line("GET /ü HTTP/1.1".encode())),
    ("raw UTF-8 in the query", line("GET /x?ü HTTP/1.1".encode())),
    ("raw byte 0x80", line(b"GET /\x80 HTTP/1.1")),
    ("raw byte 0xff", line(b"GET /\xff HTTP/1.1")),
    ("raw 0x85, a line end to some", line(b"GET /x\x85y HTTP/1.1")),
    ("raw 0xa0, a blank to some", line(b"GET /x\xa0HTTP/1.1")),
    ("above the root", line(b"GET /../x HTTP/1.1")),
    ("above the root at last", line(b"GET /a/../../x HTTP/1.1")),
    ("above the root, escaped", line(b"GET /%2e%2e/x HTTP/1.1")),
    ("above the root, escaped slash", line(b"GET /a/..%2f..%2fx HTTP/1.1")),
    ("above the root, half escaped", line(b"GET /.%2e/x HTTP/1.1")),
    ("nothing but above the root", line(b"GET /.. HTTP/1.1")),
    ("escaped NUL", line(b"GET /x%00 HTTP/1.1")),
    ("escaped NUL in the middle", line(b"GET /x%00.html HTTP/1.1")),
    ("half an escape", line(b"GET /x%4 HTTP/1.1")),
    ("an escape without digits", line(b"GET /x% HTTP/1.1")),
    ("an escape of letters", line(b"GET /x%zz HTTP/1.1")),
    ("an escape of one digit", line(b"GET /x%4g HTTP/1.1")),
    ("%u escape", line(b"GET /x%u0041 HTTP/1.1")),
    ("signed escape", line(b"GET /x%+1 HTTP/1.1")),
    ("ftp", line(b"GET ftp://a.example/x HTTP/1.1")),
    ("file", line(b"GET file:///x HTTP/1.1")),
    ("javascript", line(b"GET javascript:x HTTP/1.1")),
    ("scheme with one slash", line(b"GET http:/a.example/x HTTP/1.1")),
    ("scheme without slashes", line(b"GET http:a.example/x HTTP/1.1")),
    ("scheme with backslashes", line(b"GET http:\\\\a.example/x HTTP/1.1")),
    ("absolute without authority", line(b"GET http:///x HTTP/1.1")),
    ("absolute without anything", line(b"GET http:// HTTP/1.1")),
    ("absolute with a query alone", line(b"GET http://?x HTTP/1.1")),
    ("absolute with a user", line(b"GET http://u@a.example/x HTTP/1.1")),
    ("absolute with user and password", line(b"GET http://u:p@a.example/x HTTP/1.1")),
    ("absolute with a bad port", line(b"GET http://a.example:x/x HTTP/1.1")),
    ("absolute with a huge port", line(b"GET http://a.example:65536/x HTTP/1.1")),
    ("absolute with a backslash", line(b"GET http://a.example\\@b.example/x HTTP/1.1")),
    ("absolute with an escape", line(b"GET http://a%2eexample/x HTTP/1.1")),
    ("absolute for another host", line(b"GET http://b.example/x HTTP/1.1")),
    ("absolute for a longer host", line(b"GET http://a.example.b.example/x HTTP/1.1")),
    ("absolute for another port", line(b"GET http://a.example:8080/x HTTP/1.1")),
    ("absolute for the other scheme's port", line(b"GET http://a.example:443/x HTTP/1.1")),
    ("absolute without Host", get(host=b"", target=b"http://a.example/x")),
    ("absolute with an empty Host", get(host=b"Host:\r\n", target=b"http://a.example/x")),
])

REFUSED["host"] = named([
    ("none on HTTP/1.1", get(host=b"")),
    ("none on HTTP/1.2", get(host=b"", version=b"1.2")),
    ("empty", get(host=b"Host:\r\n")),
    ("blank", get(host=b"Host:  \r\n")),
    ("empty on HTTP/1.0", get(host=b"Host:\r\n", version=b"1.0")),
    ("twice", get(b"Host: a.example")),
    ("twice, other name", get(b"Host: b.example")),
    ("twice, apart and in other case", get(b"X-A: b", b"hOST: a.example")),
    ("twice, second empty", get(b"Host:")),
    ("twice on HTTP/1.0", get(b"Host: a.example", version=b"1.0")),
    ("blank before the colon", get(host=b"Host : a.example\r\n")),
    ("underscore behind the name", get(host=b"Host_: a.example\r\n")),
    ("dropped spelling beside the real one", get(b"Ho_st: b.example")),
    ("list", get(host=b"Host: a.example, b.example\r\n")),
    ("list without a blank", get(host=b"Host: a.example,b.example\r\n")),
    ("two words", get(host=b"Host: a.example b.example\r\n")),
    ("tab inside", get(host=b"Host: a.example\tb\r\n")),
    ("path", get(host=b"Host: a.example/x\r\n")),
    ("URL", get(host=b"Host: http://a.example\r\n")),
    ("user", get(host=b"Host: u@a.example\r\n")),
    ("query", get(host=b"Host: a.example?x\r\n")),
    ("fragment", get(host=b"Host: a.example#x\r\n")),
    ("backslash", get(host=b"Host: a.example\\x\r\n")),
    ("escape", get(host=b"Host: a%2eexample\r\n")),
    ("quotes", get(host=b'Host: "a.example"\r\n')),
    ("angle brackets", get(host=b"Host: <script>\r\n")),
    ("raw UTF-8", get(host="Host: ä.example\r\n".encode())),
    ("two dots", get(host=b"Host: a..example\r\n")),
    ("dot first", get(host=b"Host: .a.example\r\n")),
    ("dot alone", get(host=b"Host: .\r\n")),
    ("two dots last", get(host=b"Host: a.example..\r\n")),
    ("port alone", get(host=b"Host: :80\r\n")),
    ("port of letters", get(host=b"Host: a.example:http\r\n")),
    ("signed port", get(host=b"Host: a.example:+80\r\n")),
    ("huge port", get(host=b"Host: a.example:65536\r\n")),
    ("port that overflows", get(host=b"Host: a.example:18446744073709551696\r\n")),
    ("two ports", get(host=b"Host: a.example:80:80\r\n")),
    ("blank before the port", get(host=b"Host: a.example: 80\r\n")),
    ("address without brackets", get(host=b"Host: ::1\r\n")),
    ("bracket not closed", get(host=b"Host: [::1\r\n")),
    ("brackets around nothing", get(host=b"Host: []\r\n")),
    ("brackets around a name", get(host=b"Host: [a.example]\r\n")),
    ("brackets and more", get(host=b"Host: [::1]x\r\n")),
    ("zone", get(host=b"Host: [fe80::1%25eth0]\r\n")),
])

REFUSED["content length"] = named([
    ("twice, equal", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello")),
    ("twice, different", post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello")),
    ("twice, apart, other case",
     post(b"Content-Length: 5", b"X-A: b", b"CONTENT-LENGTH: 5", body=b"hello")),
    ("second empty", post(b"Content-Length: 5", b"Content-Length:", body=b"hello")),
    ("list, equal", post(b"Content-Length: 5, 5", body=b"hello")),
    ("list, different", post(b"Content-Length: 5,6", body=b"hello")),
    ("list with nothing behind", post(b"Content-Length: 5,", body=b"hello")),
    ("list with nothing before", post(b"Content-Length: ,5", body=b"hello")),
    ("empty", post(b"Content-Length:")),
    ("blank", post(b"Content-Length:   ")),
    ("plus", post(b"Content-Length: +5", body=b"hello")),
    ("minus", post(b"Content-Length: -5", body=b"hello")),
    ("minus zero", post(b"Content-Length: -0")),
    ("hex", post(b"Content-Length: 0x5", body=b"hello")),
    ("hex digit", post(b"Content-Length: a", body=b"hello")),
    ("number and word", post(b"Content-Length: 5a", body=b"hello")),
    ("word", post(b"Content-Length: five", body=b"hello")),
    ("fraction", post(b"Content-Length: 5.0", body=b"hello")),
    ("exponent", post(b"Content-Length: 5e0", body=b"hello")),
    ("underscore", post(b"Content-Length: 0_5", body=b"hello")),
    ("blank inside", post(b"Content-Length: 1 1", body=b"hello")),
    ("tab inside", post(b"Content-Length: 1\t1", body=b"hello")),
    ("quotes", post(b'Content-Length: "5"', body=b"hello")),
    ("parameter", post(b"Content-Length: 5;x", body=b"hello")),
    ("vertical tab", post(b"Content-Length: \x0b5", body=b"hello")),
    ("form feed behind", post(b"Content-Length: 5\x0c", body=b"hello")),
    ("no-break blank", post(b"Content-Length: \xa05", body=b"hello")),
    ("full-width digit", post("Content-Length: ５".encode(), body=b"hello")),
    ("2^63", post(b"Content-Length: 9223372036854775808")),
    ("2^64 - 1", post(b"Content-Length: 18446744073709551615")),
    ("2^64", post(b"Content-Length: 18446744073709551616")),
    ("2^64 + 5", post(b"Content-Length: 18446744073709551621", body=b"hello")),
    ("2^32 + 5 times 2^64", post(b"Content-Length: 79228162514264337593543950341", body=b"hello")),
    ("forty nines", post(b"Content-Length: " + 40 * b"9")),
    ("blank before the colon", post(b"Content-Length : 5", body=b"hello")),
    ("tab before the colon", post(b"Content-Length\t: 5", body=b"hello")),
    ("blank before the name", b"POST /x HTTP/1.1\r\n Content-Length: 5\r\n" + HOST + b"\r\nhello"),
    ("blank in the name", post(b"Content Length: 5", body=b"hello")),
    ("underscore in the name", post(b"Content_Length: 5", body=b"hello")),
    ("underscore beside the real one", post(b"Content_Length: 5", b"Content-Length: 0")),
    ("dot in the name", post(b"Content.Length: 5", body=b"hello")),
    ("quotes around the name", post(b'"Content-Length": 5', body=b"hello")),
    ("byte above 0x7f in the name", post(b"Content-Length\x80: 5", body=b"hello")),
    ("minus on GET", get(b"Content-Length: -1")),
])

REFUSED["transfer encoding"] = named([
    ("with Content-Length", chunks(b"0\r\n\r\n", b"Content-Length: 5")),
    ("behind Content-Length",
     post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("with Content-Length 0", chunks(b"0\r\n\r\n", b"Content-Length: 0")),
    ("with a broken Content-Length", chunks(b"0\r\n\r\n", b"Content-Length: x")),
    ("twice", chunks(b"0\r\n\r\n", b"Transfer-Encoding: chunked")),
    ("twice, other coding last", chunks(b"0\r\n\r\n", b"Transfer-Encoding: identity")),
    ("twice, other coding first",
     post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("twice, other case", chunks(b"0\r\n\r\n", b"transfer-encoding: chunked")),
    ("twice, second empty", chunks(b"0\r\n\r\n", b"Transfer-Encoding:")),
    ("empty", post(b"Transfer-Encoding:", body=b"0\r\n\r\n")),
    *[(f"value {value!r}", post(b"Transfer-Encoding:" + value, body=b"0\r\n\r\n")) for value in (
        b" chunked, chunked", b" gzip, chunked", b" chunked, gzip", b" identity, chunked",
        b" chunked, identity", b" chunked,", b" ,chunked", b" identity", b" gzip", b" deflate",
        b" xchunked", b" chunkedx", b" x", b" cow", b" chunked;q=1", b" chunked; x", b' "chunked"',
        b" 'chunked'", b" chun ked", b" chunk", b" chunked chunked", b" \x0bchunked",
        b" chunked\x0b", b" \x0cchunked", b" chunked\x00", b" \x00chunked", b" chunked\x7f",
        b" chunked\x80", b" \xa0chunked", b" \xef\xbb\xbfchunked", b" chun\xc4\xb1ked",
        b"\x01 chunked", b" [chunked]", b" chunked\\", b" =chunked")],
    ("blank before the colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    ("tab before the colon", post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n")),
    ("blank before the name",
     b"POST /x HTTP/1.1\r\n Transfer-Encoding: chunked\r\n" + HOST + b"\r\n0\r\n\r\n"),
    ("folded onto another field",
     post(b"X-A: b\r\n Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("blank in the name", post(b"Transfer Encoding: chunked", body=b"0\r\n\r\n")),
    ("underscore in the name", post(b"Transfer_Encoding: chunked", body=b"0\r\n\r\n")),
    ("underscore beside Content-Length",
     post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n")),
    ("dot in the name", post(b"Transfer.Encoding: chunked", body=b"0\r\n\r\n")),
    ("byte above 0x7f in the name", post(b"Transfer\xadEncoding: chunked", body=b"0\r\n\r\n")),
    ("parenthesis in the name", post(b"Transfer-Encoding(: chunked", body=b"0\r\n\r\n")),
    ("NUL behind the name", post(b"Transfer-Encoding\0: chunked", body=b"0\r\n\r\n")),
    ("HTTP/1.0", post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.0")),
    ("HTTP/1.0 with Content-Length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5",
                                          body=b"0\r\n\r\n", version=b"1.0")),
    ("HTTP/1.0 kept alive", post(b"Transfer-Encoding: chunked", b"Connection: keep-alive",
                                 body=b"0\r\n\r\n", version=b"1.0")),
    ("identity on GET", get(b"Transfer-Encoding: identity")),
])

REFUSED["fields"] = named([
    ("empty name", get(b": b")),
    ("empty name, blank", get(b" : b")),
    ("no colon", get(b"X-A")),
    ("no colon, a word", get(b"X-A b")),
    ("blank before the colon", get(b"X-A : b")),
    ("tab before the colon", get(b"X-A\t: b")),
    ("blank in the name", get(b"X A: b")),
    ("request line as a field", get(b"GET /y HTTP/1.1")),
    ("underscore before Connection", get(b"_Connection: close")),
    ("dot in Connection", get(b"Connec.tion: close")),
    ("name that holds a CR", get(b"X-A\r: b")),
    ("name that holds a LF", get(b"X-A\n: b")),
])

REFUSED["chunk sizes"] = named([(name, chunks(body)) for name, body in [
    ("none", b"\r\nhello\r\n0\r\n\r\n"),
    ("not hex", b"g\r\nhello\r\n0\r\n\r\n"),
    ("0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("blank before", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("tab before", b"\t5\r\nhello\r\n0\r\n\r\n"),
    ("blank behind", b"5 \r\nhello\r\n0\r\n\r\n"),
    ("tab behind", b"5\t\r\nhello\r\n0\r\n\r\n"),
    ("blank inside", b"0 5\r\nhello\r\n0\r\n\r\n"),
    ("comma", b"5,5\r\nhello\r\n0\r\n\r\n"),
    ("dot", b"5.0\r\nhello\r\n0\r\n\r\n"),
    ("underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    ("h behind", b"5h\r\nhello\r\n0\r\n\r\n"),
    ("quotes", b'"5"\r\nhello\r\n0\r\n\r\n'),
    ("NUL", b"5\0\r\nhello\r\n0\r\n\r\n"),
    ("vertical tab", b"5\x0b\r\nhello\r\n0\r\n\r\n"),
    ("byte above 0x7f", b"5\x80\r\nhello\r\n0\r\n\r\n"),
    ("16 digits", b"0000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("2^63", b"8000000000000000\r\nhello\r\n0\r\n\r\n"),
    ("2^64 - 2", b"fffffffffffffffe\r\nhello\r\n0\r\n\r\n"),
    ("2^64", b"10000000000000000\r\nhello\r\n0\r\n\r\n"),
    ("2^64 + 5", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("2^32 + 5 padded", b"00000000100000005\r\nhello\r\n0\r\n\r\n"),
    ("LF behind", b"5\nhello\r\n0\r\n\r\n"),
    ("CR behind", b"5\rhello\r\n0\r\n\r\n"),
    ("CR CR LF behind", b"5\r\r\nhello\r\n0\r\n\r\n"),
    ("LF CR behind", b"5\n\rhello\r\n0\r\n\r\n"),
    ("a request", b"GET /y HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    ("last chunk of LFs", b"5\r\nhello\r\n0\n\n"),
]], cut=True)

REFUSED["chunk extensions"] = named([(name, chunks(body)) for name, body in [
    ("no name", b"5;\r\nhello\r\n0\r\n\r\n"),
    ("no name but a value", b"5;=x\r\nhello\r\n0\r\n\r\n"),
    ("two semicolons", b"5;;x\r\nhello\r\n0\r\n\r\n"),
    ("LF", b"5;x\nhello\r\n0\r\n\r\n"),
    ("LF hides a chunk", b"2;\nxx\r\n4d\r\n0\r\n\r\n"),
    ("CR", b"5;x\ry\r\nhello\r\n0\r\n\r\n"),
    ("NUL", b"5;x\0\r\nhello\r\n0\r\n\r\n"),
    ("control byte", b"5;x\x01\r\nhello\r\n0\r\n\r\n"),
    ("DEL", b"5;x\x7f\r\nhello\r\n0\r\n\r\n"),
    ("CRLF in quotes", b'5;x="\r\n"\r\nhello\r\n0\r\n\r\n'),
    ("LF in quotes", b'5;x="\n"\r\nhello\r\n0\r\n\r\n'),
    ("CR behind a backslash", b'5;x="\\\r\n"\r\nhello\r\n0\r\n\r\n'),
    ("on the last chunk, LF", b"5\r\nhello\r\n0;x\n\r\n"),
    ("5 KiB of it", b"5;" + 5120 * b"x" + b"\r\nhello\r\n0\r\n\r\n"),
    ("hundreds of them", 500 * b"1;abcdefghij\r\nx\r\n" + b"0\r\n\r\n"),
]], cut=True)

REFUSED["chunk data"] = named([(name, chunks(body)) for name, body in [
    ("longer than its size", b"5\r\nhello!\r\n0\r\n\r\n"),
    ("shorter than its size", b"6\r\nhello\r\n0\r\n\r\n"),
    ("no CRLF behind", b"5\r\nhello0\r\n\r\n"),
    ("LF behind", b"5\r\nhello\n0\r\n\r\n"),
    ("CR behind", b"5\r\nhello\r0\r\n\r\n"),
    ("LF CR behind", b"5\r\nhello\n\r0\r\n\r\n"),
    ("CR CR LF behind", b"5\r\nhello\r\r\n0\r\n\r\n"),
    ("two CRLF behind", b"5\r\nhello\r\n\r\n0\r\n\r\n"),
    ("blank behind", b"5\r\nhello \r\n0\r\n\r\n"),
]], cut=True)

REFUSED["trailers"] = named([(name, chunks(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n"))
                             for name, lines in [
    ("Content-Length", b"Content-Length: 5\r\n"),
    ("Content_Length", b"Content_Length: 5\r\n"),
    ("Transfer-Encoding", b"Transfer-Encoding: chunked\r\n"),
    ("Host", b"Host: b.example\r\n"),
    ("Host behind others", b"X-A: b\r\nhost: b.example\r\n"),
    ("Connection", b"Connection: close\r\n"),
    ("Trailer", b"Trailer: x\r\n"),
    ("TE", b"TE: x\r\n"),
    ("Upgrade", b"Upgrade: x\r\n"),
    ("no colon", b"X-A\r\n"),
    ("empty name", b": b\r\n"),
    ("blank before the colon", b"X-A : b\r\n"),
    ("folded", b"X-A: b\r\n c\r\n"),
    ("LF behind", b"X-A: b\n"),
    ("CR inside", b"X-A: b\rc\r\n"),
    ("NUL inside", b"X-A: b\0\r\n"),
    ("control byte inside", b"X-A: b\x01\r\n"),
    ("invalid name", b"X(A): b\r\n"),
    ("LF for the empty line", b"\n"),
    ("CR CR LF for the empty line", b"\r\r\n"),
    ("9 KiB", b"X-A: " + 9216 * b"x" + b"\r\n"),
    ("thousands", 2000 * b"A: b\r\n"),
    ("a request", b"GET /y HTTP/1.1\r\n"),
]], cut=True)

REFUSED["limits"] = [
    Refused("9 KiB target", line(b"GET /" + 9216 * b"x" + b" HTTP/1.1"), 414),
    Refused("9 KiB method", line(9216 * b"X" + b" /x HTTP/1.1"), 414),
    Refused("9 KiB of text without a line end", 9216 * b"x", 414),
    Refused("9 KiB field value", get(b"X-A: " + 9216 * b"x")),
    Refused("9 KiB field name", get(9216 * b"X" + b": a")),
    Refused("40 KiB of fields", get(*(b"X-%d: " % i + 1000 * b"x" for i in range(40)))),
    Refused("1,001 fields", get(*(b"X: y" for _ in range(1000)))),
]

FORWARDED = {}

FORWARDED["request line"] = [
    Forwarded(method, line(method.encode() + b" /x HTTP/1.1"), f"{method} /x HTTP/1.1")
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "M-SEARCH",
                   "VERSION-CONTROL", "X_Y", "A", 60 * "LONG")
] + [
    Forwarded("HEAD", line(b"HEAD /x HTTP/1.1"), "HEAD /x HTTP/1.1", head_only=True),
    Forwarded("HTTP/1.0", get(version=b"1.0"), closes=True),
    Forwarded("HTTP/1.0 without Host", get(host=b"", version=b"1.0"), closes=True),
    Forwarded("HTTP/1.2", get(version=b"1.2")),
    Forwarded("HTTP/1.9", get(version=b"1.9")),
    Forwarded("one empty line first", b"\r\n" + get()),
    Forwarded("three empty lines first", b"\r\n\r\n\r\n" + get()),
]

FORWARDED["target"] = [
    Forwarded(target, line(b"GET " + target.encode() + b" HTTP/1.1"), f"GET {target} HTTP/1.1")
    for target in (
        "/", "/x/", "//x", "/x//y", "/./x", "/a/../x", "/a/b/../../x", "/x/.", "/a/..", "/...", "/x%20y",
        "/x%2fy", "/%78", "/x%2F..%2Fy", "/x%25", "/x%2500", "/x%0d%0aX-Y:%20z", "/x%0a", "/x%ff", "/x+y",
        "/x?", "/x??", "/x?a=b&c=d", "/x?a=/../..", "/x?%00", "/x?%zz", "/x?a+b%20c", "/x?a?b", "/x#y", "/x?y#z",
        "/x?http://b.example/", "/x;a=b", "/x:y@z", "/x,y", "/x!$&'()*=~", "/x|y", '/x"y', "/x<y>",
        "/x{y}", "/x[y]", "/x\\y", "/x^y`z", "/.well-known/x", "/x?" + 4000 * "a", "/" + 4000 * "x")
] + [
    Forwarded("absolute", line(b"GET http://a.example/x?y HTTP/1.1"), "GET /x?y HTTP/1.1",
              fields={"x-host": "a.example"}),
    Forwarded("absolute, upper case", line(b"GET HTTP://A.EXAMPLE/x HTTP/1.1")),
    Forwarded("absolute, default port", line(b"GET http://a.example:80/x HTTP/1.1")),
    Forwarded("absolute, no path", line(b"GET http://a.example HTTP/1.1"), "GET / HTTP/1.1"),
    Forwarded("absolute, query alone", line(b"GET http://a.example?y HTTP/1.1"), "GET /?y HTTP/1.1"),
    Forwarded("absolute, port in both",
              get(host=b"Host: a.example:8080\r\n", target=b"http://a.example:8080/x")),
    Forwarded("absolute on HTTP/1.0 without Host",
              get(host=b"", version=b"1.0", target=b"http://a.example/x"), closes=True),
]

FORWARDED["host"] = [
    Forwarded(host, get(host=f"Host: {host}\r\n".encode()), fields={"x-host": host})
    for host in ("a.example", "A.Example", "a.example:80", "a.example:", "a.example.", "localhost",
                 "127.0.0.1:8080", "[::1]", "[::1]:8080", "a_b.example", "a-b.example", "xn--4ca.example")
] + [
    Forwarded("blanks around", get(host=b"Host: \t a.example \t\r\n"), fields={"x-host": "a.example"}),
    Forwarded("no blank", get(host=b"hOsT:a.example\r\n"), fields={"x-host": "a.example"}),
]

FORWARDED["fields"] = [
    Forwarded("empty value", get(b"X-A:"), fields={"x-a": ""}),
    Forwarded("blanks around a value", get(b"X-A: \t b c \t"), fields={"x-a": "b c"}),
    Forwarded("tab in a value", get(b"X-A: b\tc"), fields={"x-a": "b\tc"}),
    Forwarded("UTF-8 in a value", get("X-A: ü".encode()),
              fields={"x-a": "ü".encode().decode("latin-1")}),
    Forwarded("colons in a value", get(b"X-A: b: c:"), fields={"x-a": "b: c:"}),
    Forwarded("digits in a name", get(b"1-2: b"), fields={"1-2": "b"}),
    Forwarded("underscore in a name", get(b"X_A: b"), fields={"x_a": None}),
    Forwarded("dot in a name", get(b"X.A: b"), fields={"x.a": None}),
    Forwarded("token punctuation in a name", get(b"!#$%&'*+^`|~: b"), fields={"!#$%&'*+^`|~": None}),
    Forwarded("parenthesis in a name", get(b"X(A: b"), fields={"x(a": None}),
    Forwarded("UTF-8 in a name", get("ü: b".encode()), fields={"ü".encode().decode("latin-1"): None}),
    Forwarded("Connection", get(b"Connection: x"), fields={"connection": None}),
    Forwarded("Keep-Alive", get(b"Keep-Alive: timeout=5"), fields={"keep-alive": None}),
    Forwarded("Upgrade without Connection", get(b"Upgrade: h2c"), fields={"upgrade": None}),
    Forwarded("Cookie twice", get(b"Cookie: a=b", b"Cookie: c=d")),
    Forwarded("close", get(b"Connection: close"), closes=True),
    Forwarded("close among tokens", get(b"Connection: x , CLOSE,"), closes=True),
    Forwarded("close and keep-alive", get(b"Connection: keep-alive", b"Connection: close"), closes=True),
    Forwarded("closed is not close", get(b"Connection: closed")),
    Forwarded("HTTP/1.0 kept alive", get(b"Connection: keep-alive", version=b"1.0")),
    Forwarded("HTTP/1.0 keep-alive and close",
              get(b"Connection: keep-alive, close", version=b"1.0"), closes=True),
    Forwarded("eight KiB of fields", get(*(b"X-%d: " % i + 1000 * b"x" for i in range(8)))),
    Forwarded("500 fields", get(*(b"X-%d: y" % i for i in range(498)))),
]


def sent(name, raw, body, method="POST", **more):
    return Forwarded(name, raw, f"{method} /x HTTP/1.1", body, **more)


FORWARDED["bodies"] = [
    sent("length", post(b"Content-Length: 5", body=b"hello"), b"hello"),
    sent("length 0", post(b"Content-Length: 0"), b"", fields={"content-length": "0"}),
    sent("padded length", post(b"Content-Length: 0005", body=b"hello"), b"hello"),
    sent("length, blanks around", post(b"Content-Length: \t 5 \t", body=b"hello"), b"hello"),
    sent("length on GET", get(b"Content-Length: 5") + b"hello", b"hello", "GET"),
    sent("length on HTTP/1.0", post(b"Content-Length: 5", body=b"hello", version=b"1.0"), b"hello",
         closes=True),
    sent("no length", post(), b"", fields={"transfer-encoding": None}),
    sent("a body like a request", post(b"Content-Length: 20", body=b"GET /y HTTP/1.1\r\n\r\n "),
         b"GET /y HTTP/1.1\r\n\r\n "),
    sent("chunked", chunks(b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    sent("chunked, other case",
         post(b"TRANSFER-ENCODING: ChunKed", body=b"5\r\nhello\r\n0\r\n\r\n"), b"hello"),
    sent("chunked, empty", chunks(b"0\r\n\r\n"), b""),
    sent("chunked, blanks around",
         post(b"Transfer-Encoding: \t chunked \t", body=b"0\r\n\r\n"), b""),
    sent("chunked on GET", get(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n", b"hello", "GET"),
    sent("many chunks", chunks(b"1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n"), b"hello"),
    sent("upper-case size", chunks(b"A\r\n0123456789\r\n0\r\n\r\n"), b"0123456789"),
    sent("padded size", chunks(b"0005\r\nhello\r\n000\r\n\r\n"), b"hello"),
    sent("CRLF in chunk data", chunks(b"7\r\n0\r\n\r\nhi\r\n0\r\n\r\n"), b"0\r\n\r\nhi"),
    sent("extension", chunks(b"5;a\r\nhello\r\n0\r\n\r\n"), b"hello"),
    sent("extension with a value", chunks(b"5;a=b;c=d\r\nhello\r\n0;e\r\n\r\n"), b"hello"),
    sent("extension with quotes", chunks(b'5;a="b;c\\"d"\r\nhello\r\n0\r\n\r\n'), b"hello"),
    sent("extension with blanks", chunks(b"5 ; a = b\r\nhello\r\n0\r\n\r\n"), b"hello"),
    sent("trailer", chunks(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n"), b"hello", fields={"x-a": None}),
    sent("trailer like a field that counts", chunks(b"0\r\nX-Forwarded-For: b\r\n\r\n"), b"",
         fields={"x-forwarded-for": None}),
]

FORWARDED["pipelines"] = [
    Forwarded("two", get() + get(), count=2),
    Forwarded("five", 5 * get(), count=5),
    Forwarded("an empty line between", get() + b"\r\n" + get(), count=2),
    sent("behind a length", 2 * post(b"Content-Length: 5", body=b"hello"), b"hello", count=2),
    sent("behind chunks", 2 * chunks(b"5\r\nhello\r\n0\r\n\r\n"), b"hello", count=2),
    sent("behind a trailer", 2 * chunks(b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n"), b"hello", count=2),
    Forwarded("none behind close", get(b"Connection: close") + get(), closes=True),
    Forwarded("none behind HTTP/1.0", get(version=b"1.0") + get(), closes=True),
]
