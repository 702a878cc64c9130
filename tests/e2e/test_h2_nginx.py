# SPDX-License-Identifier: ISC
"""HTTP/2 side by side with nginx: the same frames to both, the same bytes at the backend and fields and body at the client."""
import os
import re

from support.h2frames import H2
from support.nginx import SIGNATURE, side_by_side  # noqa: F401
from support.pattern import pattern_bytes

HTTP = """
    types {{ text/plain txt; }}
    server {{
        listen 127.0.0.1:@PORT@ http2;
        server_name a.example;
        root @DIR@/www;
        client_max_body_size 100k;
        location / {{ }}
        location /p/ {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Connection "";
                       proxy_set_header X-Proto "$server_protocol $scheme $host"; }}
        location /mapped/ {{ proxy_pass http://127.0.0.1:{port}/base/; proxy_http_version 1.1; proxy_set_header Connection "";
                            proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}
        location /direct/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_http_version 1.1; proxy_set_header Connection "";
                            proxy_request_buffering off; }}
        location /text {{ return 200 "$request|$request_method|$uri|$args|$http_host|$http_cookie|$content_length"; }}
        location /moved {{ return 302 /there; }}
        location /gone {{ return 410; }}
        location /none {{ return 204; }}
        location /dead {{ proxy_pass http://127.0.0.1:1; }}
    }}
"""

BODY = pattern_bytes(50000)
# method, path, fields, body
ROWS = [
    ("GET", "/a.txt", (), None), ("HEAD", "/a.txt", (), None), ("GET", "/empty.txt", (), None), ("GET", "/missing", (), None),
    ("GET", "/a.txt", (("range", "bytes=2-4"),), None), ("GET", "/a.txt", (("range", "bytes=900-"),), None),
    ("GET", "/a.txt", (("if-none-match", "*"),), None), ("GET", "/dir", (), None), ("POST", "/a.txt", (), b"x"),
    ("GET", "/text?a=b&c", (("cookie", "a=1"), ("cookie", "b=2")), None), ("GET", "/text?", (), None),
    ("POST", "/text", (("content-length", "3"),), b"abc"), ("GET", "/moved", (), None), ("GET", "/gone", (), None),
    ("HEAD", "/gone", (), None), ("GET", "/none", (), None), ("GET", "/dead", (), None),
    ("GET", "/p/echo", (), None), ("GET", "/p/a%2fb/../c?x=%20", (), None), ("HEAD", "/p/bytes/10", (), None),
    ("GET", "/p/bytes/1000", (("accept", "*/*"), ("x-one", "1"), ("x-one", "2"), ("te", "trailers")), None),
    ("GET", "/p/chunked/70000", (), None), ("GET", "/p/close/5000", (), None), ("GET", "/p/status/204", (), None),
    ("GET", "/p/status/304", (), None), ("GET", "/p/status/404", (), None), ("GET", "/p/status/500", (), None),
    ("POST", "/p/echo", (("content-length", "50000"), ("content-type", "a/b")), BODY), ("POST", "/p/echo", (), BODY),
    ("PUT", "/p/echo", (("content-length", "0"),), None), ("DELETE", "/p/echo", (), None), ("OPTIONS", "/p/echo", (), None),
    ("GET", "/mapped/x y".replace(" ", "%20"), (("cookie", "a=1"), ("cookie", "b=2"), ("x_dropped", "1")), None),
    ("GET", "/mapped/?q", (("x-forwarded-for", "192.0.2.7"),), None), ("POST", "/direct/echo", (("content-length", "50000"),), BODY),
    ("POST", "/direct/echo", (), BODY), ("GET", "/p/fields", (), None), ("GET", "/p/moved", (), None),
    ("POST", "/p/echo", (("content-length", "200000"),), b"x"), ("GET", "/%00", (), None), ("GET", "/../..", (), None),
    ("GET", "/%zz", (), None), ("get", "/", (), None), ("GET", "//p//echo", (), None),
]


def exchange(port, method, path, fields, body):
    with H2(port) as client:
        client.headers(1, path, method, more=list(fields), end=body is None)
        if body is not None:
            client.until(lambda: client.settings)
            for at in range(0, len(body), 16384):
                piece = body[at:at + 16384]
                client.data(1, piece, end=at + 16384 >= len(body))
        answer = client.response(1)
    if answer.head is None:
        return {"reset": True}, b""
    seen = {name: value for name, value in answer.head if name not in ("date", "server")}
    text = answer.body
    if text.startswith(b"<html>"):
        text = SIGNATURE.sub(b"SIGNATURE", text)
        seen.pop("content-length", None)
    elif seen.get("content-type") == "text/html" and method == "HEAD":
        seen.pop("content-length", None)
    if seen.get("content-type") == "application/json":
        text = re.sub(rb'"connection": [0-9]+', b"", text)
        seen.pop("content-length", None)
    if "location" in seen:
        seen["location"] = seen["location"].replace(f":{port}", ":PORT")
    return seen, text


def test_same_requests(side_by_side, backend):  # noqa: F811
    backend.script["/p/fields"] = (b"HTTP/1.1 200 Fine\r\nServer: x\r\nX-Odd_Name: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                                   b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nCache-Control: no-store\r\nContent-Length: 2\r\n"
                                   b"Content-Type: a/b; c=d\r\nETag: \"x\"\r\n\r\nok")
    backend.script["/p/moved"] = (b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:%d/p/x\r\nContent-Length: 0\r\n\r\n" % backend.port)
    ours, nginx = side_by_side(HTTP.format(port=backend.port))
    for server in (ours, nginx):
        (server.directory / "www" / "dir").mkdir(parents=True)
        (server.directory / "www").chmod(0o755)
        (server.directory / "www" / "dir").chmod(0o755)
        (server.directory / "www" / "empty.txt").write_text("")
        (server.directory / "www" / "a.txt").write_text("hello, world\n")
    stamp = 1700000000
    for server in (ours, nginx):
        for name in ("a.txt", "empty.txt"):
            os.utime(server.directory / "www" / name, (stamp, stamp))
    different = []
    for row in ROWS:
        results = []
        for server in (nginx, ours):
            before = len(backend.requests)
            seen, body = exchange(server.port, *row)
            heads = [re.sub(rb"127\.0\.0\.1:%d" % server.port, b"SELF", r.head) for r in backend.requests[before:]]
            results.append((seen, body, heads))
        if results[0] != results[1]:
            different.append(f"{row[:3]}\n  nginx {str(results[0])[:700]}\n  ours  {str(results[1])[:700]}")
    assert not different, f"{len(different)} of {len(ROWS)} differ:\n" + "\n".join(different)
