# SPDX-License-Identifier: ISC
"""What proxy_* directives make of requests and responses, side by side with Debian's nginx: the same
bytes at the backend and the same bytes at the client."""
import re

import pytest

from support.nginx import Row, answer, difference, normal, raw_bytes, side_by_side  # noqa: F401

# One location per row; keep-alive towards the backend is what ours has by default.
COMMON = """
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream b { server 127.0.0.1:@BACKEND@; }
    server {
        listen 127.0.0.1:@PORT@;
        root @DIR@;
        @LOCATIONS@
    }
"""

LOCATIONS = r"""
location /plain { proxy_pass http://b; }
location /uri/ { proxy_pass http://b/two/; }
location /bare/ { proxy_pass http://b/two; }
location /slash { proxy_pass http://b/; }
location /var/ { proxy_pass http://127.0.0.1:@BACKEND@/v/$arg_a; }
location /varall/ { proxy_pass http://127.0.0.1:@BACKEND@$request_uri; }
location /varnone/ { proxy_pass http://$http_x_to; }
location /vargroup/ { proxy_pass http://$http_x_group/g; }
location /varquery { proxy_pass http://$http_x_to?x=1; }
location /badvar { proxy_pass $http_x_to; }
location /method { proxy_pass http://b; proxy_method $http_x_method; }
location /fixed { proxy_pass http://b; proxy_method PUT; proxy_set_body "<$request_method $arg_b>"; }
location /emptybody { proxy_pass http://b; proxy_set_body ""; }
location /noheaders { proxy_pass http://b; proxy_pass_request_headers off; proxy_set_header X-Own me; }
location /set { proxy_pass http://b; proxy_set_header Host $host; proxy_set_header X-None "";
    proxy_set_header Connection ""; proxy_set_header X-Uri $request_uri; proxy_set_header Accept "x/$scheme"; }
location /http10 { proxy_pass http://b; proxy_http_version 1.0; }
location /redir/default/ { proxy_pass http://b/two/; proxy_redirect default; }
location /redir/none/ { proxy_pass http://b/two/; }
location /redir/nouri/ { proxy_pass http://b; }
location /redir/off/ { proxy_pass http://b/two/; proxy_redirect off; }
location /redir/own/ { proxy_pass http://b; proxy_redirect http://one/ http://$host:1/x/; proxy_redirect http://two/ /;
    proxy_redirect / /root/; proxy_redirect default; }
location /cookie { proxy_pass http://b; proxy_cookie_domain one.example $host; proxy_cookie_domain .two.example .three.example;
    proxy_cookie_path /one/ /two/; proxy_cookie_path / /$arg_p/; }
location /redir/regex/ { proxy_pass http://b; proxy_redirect ~*^http://[^/]*(/one)(?<tail>.*)$ https://$host$tail$1; proxy_redirect ~^(\w+)$ /$1/; }
location /cookieregex { proxy_pass http://b; proxy_cookie_domain ~^\.?(\w+)\.EXAMPLE$ $1.$host; proxy_cookie_path ~^/one/(.*)$ /$1/two; proxy_cookie_path ~*^/THREE /3; }
location /cookieoff { proxy_pass http://b; proxy_cookie_domain off; proxy_cookie_path off; }
location /flags/add { proxy_pass http://b; proxy_cookie_flags one httponly; }
location /flags/all { proxy_pass http://b; proxy_cookie_flags ~ secure httponly samesite=strict; }
location /flags/remove { proxy_pass http://b; proxy_cookie_flags ~ nosecure NoHttpOnly nosamesite; }
location /flags/none { proxy_pass http://b; proxy_cookie_flags ~^ONE$ samesite=none nosecure; proxy_cookie_flags ~ samesite=lax; }
location /flags/both { proxy_pass http://b; proxy_cookie_flags ~ samesite=lax samesite=strict nosamesite; proxy_cookie_path / /z; }
location /flags/variable { proxy_pass http://b; proxy_cookie_flags $arg_n $arg_f; }
location /flags/off { proxy_pass http://b; proxy_cookie_flags off; }
location /accel { proxy_pass http://b; }
location /noaccel { proxy_pass http://b; proxy_ignore_headers X-Accel-Redirect X-Accel-Charset; }
location /showaccel { proxy_pass http://b; proxy_pass_header X-Accel-Expires; proxy_pass_header X-Accel-Charset;
    proxy_ignore_headers X-Accel-Redirect; proxy_pass_header X-Accel-Redirect; }
location /hide { proxy_pass http://b; proxy_hide_header X-One; proxy_hide_header ETag; proxy_pass_header Server; proxy_pass_header Date; }
location /intercepted { proxy_pass http://b; proxy_intercept_errors on; error_page 404 500 =203 /inner/e; error_page 403 @named;
    error_page 401 https://other.example/; }
location @named { proxy_pass http://b; proxy_set_header X-Why $request_uri; }
location /retried/ { proxy_pass http://b; error_page 502 504 @named; proxy_next_upstream off; }
location /inner/ { return 200 "inner $uri $args $request_method $http_x_y"; }
location /file { proxy_pass http://b; client_body_in_file_only clean; proxy_set_header X-Body "$request_body";
     proxy_pass_request_body on; }
location /memory { proxy_pass http://b; proxy_set_header X-Body "$request_body"; }
location /intercept { proxy_pass http://b; proxy_intercept_errors on; }
"""


def script(body=b"ok", status="200 OK", *fields):
    head = "\r\n".join([f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


ANSWERS = {
    "/two/redir": script(b"", "302 Found", "Location: http://b/two/y"),
    "/two/far": script(b"", "302 Found", "Location: http://other/two/y", "X-After: 1"),
    "/two/rel": script(b"", "302 Found", "Location: /two/y"),
    "/two/refresh": script(b"r", "200 OK", "Refresh: 5; url=http://b/two/z", "X-After: 1"),
    "/two/refresh0": script(b"r", "200 OK", "Refresh: 5"),
    "/redir/nouri/x": script(b"", "301 Moved Permanently", "Location: http://b/y?z"),
    "/redir/own/1": script(b"", "302 Found", "X-Before: 1", "Location: http://one/p", "X-After: 1"),
    "/redir/own/2": script(b"", "302 Found", "X-Before: 1", "Location: http://two/p", "X-After: 1"),
    "/redir/own/3": script(b"", "201 Created", "Location: /p"),
    "/redir/own/4": script(b"", "302 Found", "Location: http://b/p"),
    "/redir/own/5": script(b"", "302 Found", "X-Before: 1", "Location: http://none/p", "X-After: 1"),
    "/cookie": script(b"c", "200 OK",
                      "Set-Cookie: a=b; Domain=one.example; Path=/one/x; Secure",
                      "Set-Cookie: c=d;domain=.ONE.example;path=/",
                      "Set-Cookie: e=f; Domain=two.example; Path=/three/; HttpOnly",
                      "Set-Cookie: path=/one/; Domain=xone.example",
                      "Set-Cookie: g=h", "Set-Cookie: i; Path", "Set-Cookie: j=;  Path = /one/y ; x"),
    "/redir/regex/1": script(b"", "302 Found", "Location: HTTP://any/one/two/three"),
    "/redir/regex/2": script(b"", "302 Found", "X-Before: 1", "Location: word"),
    "/redir/regex/3": script(b"", "302 Found", "Location: http://any/two"),
    "/cookieregex": script(b"c", "200 OK", "Set-Cookie: a=b; Domain=.x.example; Path=/one/x", "Set-Cookie: a=b; Domain=x.y; Path=/three/x"),
    "/cookieoff": script(b"c", "200 OK", "Set-Cookie: a=b; Domain=one.example; Path=/one/x"),
    "/accel/1": script(b"gone", "200 OK", "X-Accel-Redirect: /inner/a%20b?c=d", "Content-Type: text/x-mine",
                       "Set-Cookie: a=b", "X-Lost: 1", "Cache-Control: no-store", "Content-Disposition: inline",
                       "Expires: Thu, 01 Jan 1970 00:00:01 GMT", "ETag: \"x\""),
    "/accel/2": script(b"gone", "404 Not Found", "X-Accel-Redirect: /inner/x"),
    "/accel/3": script(b"gone", "200 OK", "X-Accel-Redirect: /inner/../../x"),
    "/accel/4": script(b"gone", "200 OK", "X-Accel-Redirect: inner"),
    "/accel/5": script(b"chars", "200 OK", "Content-Type: text/html", "X-Accel-Charset: koi8-r",
                       "X-Accel-Limit-Rate: 100000", "X-Accel-Buffering: no", "X-Accel-Expires: 10"),
    "/noaccel": script(b"here", "200 OK", "X-Accel-Redirect: /inner/x", "X-Accel-Charset: utf-8", "Content-Type: text/html"),
    "/showaccel": script(b"here", "200 OK", "X-Accel-Redirect: /inner/x", "X-Accel-Expires: 5", "X-Accel-Charset: utf-8"),
    "/hide": script(b"h", "200 OK", "X-One: 1", "Server: other/1", "Date: Thu, 01 Jan 1970 00:00:01 GMT",
                    "ETag: \"x\"", "X-Two: 2", "Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT", "Vary: x"),
    **{f"/intercepted/{code}": script(b"own page", f"{code} Own", "X-A: 1", "WWW-Authenticate: Basic") for code in (401, 403, 404, 500, 503)},
    "/accel/6": script(b"gone", "200 OK", "X-Accel-Redirect: @named", "X-A: 1", "Set-Cookie: a=b"),
    "/retried/bad": b"HTTP/1.1 nothing\r\n\r\n",
    "/intercept/404": script(b"own page", "404 Not Found", "X-A: 1"),
    "/intercept/500": script(b"own page", "500 Oops", "X-A: 1"),
}

# Names and flags in any case and order, said twice, with values, and what is no cookie.
COOKIES = [f"Set-Cookie: {text}" for text in (
    "one=1", "ONE=1", "One", "=v", "", "two=2; Secure; HttpOnly; SameSite=Lax; Path=/", "a=b;Path=/;;Secure", "one=1; SameSite",
    "one=1; secure; SECURE; Path=/x; samesite=None", "one=1;HttpOnly=x; Secure=y", "one =1; Path = /q ", "one=1; samesite=strict")]
FLAGS = ("add", "all", "remove", "none", "both", "variable", "off")
ANSWERS.update({f"/flags/{name}": script(b"c", "200 OK", *COOKIES) for name in FLAGS})

ROWS = [
    Row("GET /plain/a%20b/%7e//x?c=%20d"), Row("GET /uri/"), Row("GET /uri/a%20b%22c%7cd?e=f"), Row("GET /uri/a?"),
    Row("GET /uri/%c3%a9"), Row("GET /uri/a%3fb%23c%25d"), Row("GET /bare/x"), Row("GET /slash"), Row("GET /slashed/x"),
    Row("GET /var/x?a=q&b"), Row("GET /var/x"), Row("GET /varall/p%20q?r=%20"),
    Row("GET /varnone/a%20b?c", ["X-To: 127.0.0.1:@BACKEND@"]), Row("GET /varnone/x", ["X-To: b"]),
    Row("GET /varnone/x", ["X-To: "]), Row("GET /varnone/x", ["X-To: 127.0.0.1:x"]),
    Row("GET /vargroup/x?y", ["X-Group: b"]), Row("GET /varquery/y?z", ["X-To: 127.0.0.1:@BACKEND@"]),
    Row("GET /badvar", ["X-To: gopher://x"]), Row("GET /badvar", ["X-To: http://b/own?uri"]),
    Row("GET /method", ["X-Method: DELETE"]), Row("POST /method", ["X-Method: PATCH"], b"body"),
    Row("GET /method", ["X-Method: HEAD"]),
    Row("GET /fixed?b=1"), Row("POST /fixed?b=2", [], b"the client's"), Row("POST /emptybody", [], b"x"),
    Row("GET /noheaders", ["X-Client: 1", "Cookie: a=b"]), Row("POST /noheaders", ["X-Client: 1"], b"body"),
    Row("GET /set?x=%0d", ["Accept: z", "X-None: 1", "X-Uri: 2"]), Row("GET /http10"), Row("POST /http10", [], b"ten"),
    Row("GET /redir/none/redir"), Row("GET /redir/default/redir"), Row("GET /redir/off/redir"),
    Row("GET /redir/none/far"), Row("GET /redir/none/rel"), Row("GET /redir/none/refresh"),
    Row("GET /redir/none/refresh0"), Row("GET /redir/nouri/x"),
    *[Row(f"GET /redir/own/{n}") for n in range(1, 6)],
    *[Row(f"GET /redir/regex/{n}") for n in range(1, 4)], Row("GET /cookieregex"),
    Row("GET /cookie?p=q"), Row("GET /cookieoff"), *[Row(f"GET /flags/{name}") for name in FLAGS],
    *[Row(f"GET /flags/variable?n=one&f={flag}") for flag in ("secure", "samesite=lax", "", "bogus")],
    *[Row(f"GET /accel/{n}", ["X-Y: z"]) for n in range(1, 6)], Row("POST /accel/1", [], b"body"), Row("HEAD /accel/1"),
    *[Row(f"GET /intercepted/{code}") for code in (401, 404, 500, 503)], Row("POST /intercepted/404", [], b"body"), Row("GET /retried/ok"),
    Row("GET /noaccel"), Row("GET /showaccel"), Row("GET /hide"), Row("HEAD /hide"),
    Row("POST /memory", [], b"in memory"), Row("GET /memory"), Row("POST /file", [], b"in a file"),
    Row("GET /intercept/404"), Row("GET /intercept/500"),
    Row("POST /plain", [], b"x" * 70000),
    Row("", raw=b"POST /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"),
    Row("", raw=b"POST /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    Row("GET /plain", ["X-Dup: 1", "x-dup: 2", "TE: trailers", "Upgrade: x", "Keep-Alive: 5", "Via: 1.1 x"]),
]


@pytest.fixture
def both(side_by_side, backend):  # noqa: F811
    backend.script.update(ANSWERS)
    return side_by_side(COMMON.replace("@LOCATIONS@", LOCATIONS).replace("@BACKEND@", str(backend.port)))


def at_backend(requests):
    """What came, without what is about the connection."""
    return [(re.sub(rb"\r\nConnection: close", b"", r.head), r.sha256, r.body_length) for r in requests]


def test_same_requests_and_answers(both, backend):
    ours, nginx = both
    different = []
    for row in ROWS:
        data = raw_bytes(row).replace(b"@BACKEND@", str(backend.port).encode())
        seen = []
        for server in (nginx, ours):
            before = len(backend.requests)
            out = normal(answer(server.port, data), server.port)
            seen.append((out, at_backend(backend.requests[before:])))
        if seen[0][0] != seen[1][0]:
            different.append(f"{data[:120]!r} at the client\n{difference(seen[0][0], seen[1][0])}")
        if seen[0][1] != seen[1][1]:
            different.append(f"{data[:120]!r} at the backend\n- {seen[0][1]}\n+ {seen[1][1]}")
    assert not different, f"{len(different)} differences (- nginx, + ours)\n" + "\n".join(different)
