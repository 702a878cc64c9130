# SPDX-License-Identifier: ISC
"""What routing makes of requests that go to a backend: the same bytes there and at the client as with nginx.

And nothing a client escapes in its path ever begins a header field or a request line of its own.
"""
import re

import pytest

from support.nginx import Row, answer, difference, normal, raw_bytes, side_by_side  # noqa: F401

CONFIG = r"""
proxy_http_version 1.1; proxy_set_header Connection "";
upstream b { server 127.0.0.1:@BACKEND@; }
map $arg_to $mapped { default /other; a /a; }
server { listen 127.0.0.1:@PORT@; root @DIR@;
    rewrite ^/sr/(.*) /plain/$1 last;
    rewrite ^/srb/(.*) /uri/$1 break;
    location /plain { proxy_pass http://b; }
    location /uri/ { proxy_pass http://b/two/; }
    location /rb/ { rewrite ^/rb/(.*) /done/$1 break; proxy_pass http://b; }
    location /rbu/ { rewrite ^/rbu/(.*) /done/$1 break; proxy_pass http://b/two/; }
    location /rba/ { rewrite ^/rba/(.*) /done?x=$1&y=$uri break; proxy_pass http://b; }
    location /rl/ { rewrite ^/rl/(.*) /uri/$1 last; }
    location /args/ { set $args "new=$arg_a"; proxy_pass http://b; }
    location /argsu/ { set $args "new=$arg_a"; proxy_pass http://b/two/; }
    location ~ ^/re/(\w+)/(.*)$ { proxy_pass http://b; proxy_set_header X-One $1; proxy_set_header X-Two "<$2>"; }
    location ~ ^/rev/(.*)$ { proxy_pass http://b/v/$1; }
    location /map { proxy_pass http://b$mapped; }
    location /if { if ($arg_a) { proxy_pass http://b; } return 200 "here"; }
    location /ifset { proxy_pass http://b; proxy_set_header X-In outer; if ($arg_a) { set $x 1; } }
    location /limit { proxy_pass http://b; limit_except GET { proxy_pass http://b; } }
    location /limit2 { limit_except GET { proxy_pass http://b; } return 200 "get"; }
    location /named { try_files /none @b; }
    location /fallback { error_page 404 = @b; error_page 405 = @b; return 405; }
    location /errpath { error_page 404 = /uri/e?x=$uri; return 404; }
    location /teapot { error_page 418 = @b; if ($arg_a) { return 418; } return 200 "no"; }
    location @b { proxy_pass http://b; proxy_set_header X-Uri $uri; }
    location /missing { error_page 502 =200 /plain/instead; proxy_pass http://127.0.0.1:1; }
    location /missing2 { error_page 502 = @b; proxy_pass http://127.0.0.1:1; }
    location /intercept { proxy_intercept_errors on; proxy_pass http://b; error_page 404 /plain/404; error_page 500 =503 @b;
        error_page 403 =200 /sorry; error_page 301 = @b; }
    location /sorry { return 200 "sorry $status"; }
    location /nointercept { proxy_pass http://b; error_page 404 /plain/404; }
    location /accel { proxy_pass http://b; }
    location /inside/ { internal; return 200 "inside $uri $args"; }
    location /try { try_files $uri /plain$uri?t=1; }
    location /big { client_max_body_size 1k; error_page 413 /plain/big; proxy_pass http://b; }
    location /broken { error_page 400 = /plain/broken; proxy_pass http://b; }
    location /nest/ { proxy_pass http://b; location /nest/deep/ { proxy_pass http://b/d/; } location ~ \.x$ { proxy_pass http://b; } }
}
"""


def script(body=b"ok", status="200 OK", *fields):
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]).encode() + body


ANSWERS = {
    "/intercept/404": script(b"own", "404 Not Found", "X-A: 1"),
    "/intercept/500": script(b"own", "500 Oops", "X-A: 1"),
    "/intercept/403": script(b"own", "403 No", "X-A: 1"),
    "/intercept/301": script(b"own", "301 Moved", "Location: http://x/", "X-A: 1"),
    "/nointercept": script(b"own", "404 Not Found", "X-A: 1"),
    "/accel/named": script(b"gone", "200 OK", "X-Accel-Redirect: @b"),
    "/accel/inside": script(b"gone", "200 OK", "X-Accel-Redirect: /inside/x?y"),
}

PATHS = ["/plain/a%20b?c", "/sr/a%20b?c=d", "/srb/x", "/rb/a%20b?c", "/rb/a%3fb", "/rb/", "/rbu/x?y", "/rba/a%26b?c", "/rl/a%20b?c",
         "/args/x?a=1&b=2", "/args/a%20b", "/argsu/x?a=1", "/re/one/two%20three?x", "/rev/ab?q", "/map?to=a", "/map?to=x", "/if?a=1",
         "/if", "/ifset?a=1", "/ifset", "/limit", "/limit2", "/named/a%20b?c=d", "/fallback/a%20b?c", "/errpath?z", "/teapot?a=1",
         "/teapot", "/missing?a", "/missing2?a", "/intercept/404", "/intercept/500", "/intercept/403", "/intercept/301",
         "/intercept/200", "/nointercept", "/accel/named?a", "/accel/inside", "/inside/x", "/try/x?y", "/nest/x", "/nest/deep/x",
         "/nest/a.x", "/nest/deep", "/nest"]

ROWS = [Row(f"GET {p}") for p in PATHS] + [
    Row("POST /fallback/x", [], b"the body"), Row("POST /errpath", [], b"the body"), Row("POST /teapot?a=1", [], b"body"),
    Row("POST /limit", [], b"x"), Row("POST /limit2", [], b"x"), Row("HEAD /fallback/x"), Row("HEAD /errpath"),
    Row("POST /named/x", [], b"x" * 5000), Row("POST /rl/x", [], b"y"), Row("PUT /if?a=1", [], b"z"),
    Row("POST /missing2", [], b"again"), Row("POST /missing", [], b"not again"), Row("POST /big", [], b"x" * 3000),
    Row("", raw=b"POST /broken HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Row("HEAD /intercept/404"),
]


@pytest.fixture
def both(side_by_side, backend):  # noqa: F811
    backend.script.update(ANSWERS)
    return side_by_side(CONFIG.replace("@BACKEND@", str(backend.port)))


def at_backend(requests):
    return [(re.sub(rb"\r\nConnection: close", b"", r.head), r.sha256, r.body_length) for r in requests]


def test_same_requests_and_answers(both, backend):
    ours, nginx = both
    different = []
    for row in ROWS:
        data = raw_bytes(row)
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


INJECTABLE = r"""
http { server { listen 127.0.0.1:@PORT@;
    location /ret301 { return 301 $uri; }
    location /ret302 { return 302 http://x$uri?$arg_a; }
    location /ret200 { return 200 "$uri"; }
    location /add { add_header X-Uri $uri always; return 200 ok; }
    location /rewrite { rewrite ^/rewrite(.*) http://x$1 redirect; }
    location /rewritev { rewrite ^ /x$uri? permanent; }
    location /error { error_page 404 =302 http://x$uri; return 404; }
    location /try { try_files /none /bounce$uri; }
    location /bounce { return 301 $uri; }
    location ~ ^/re/(?<cap>.*)$ { add_header X-Cap $cap; add_header X-One $1; return 307 /y/$1; }
    location /set { set $v "a$uri"; proxy_set_header X-V $v; proxy_set_header X-U $uri; proxy_pass http://127.0.0.1:@BACKEND@; }
    location /line { rewrite ^ /l?u=$uri break; proxy_pass http://127.0.0.1:@BACKEND@; }
    location /linep { rewrite ^/linep(.*) /l$1 break; proxy_pass http://127.0.0.1:@BACKEND@; }
    location /linev/ { set $t $uri; proxy_pass http://127.0.0.1:@BACKEND@$t; }
    location /args { set $args "x=$uri"; proxy_pass http://127.0.0.1:@BACKEND@; }
    location ~ ^/pass/(.*)$ { proxy_pass http://127.0.0.1:@BACKEND@/p/$1; }
    location /dir { alias @DIR@/; }
} }
"""

HOSTILE = ["%0d%0aInjected:%20yes", "%0aInjected:%20yes", "%0dInjected:%20yes", "%0d%0a%0d%0aInjected", "%20HTTP/1.1%0d%0aInjected:%20x",
           "%09Injected%0b%7f%01", "a%0d%0a%20Injected:%20folded"]


@pytest.mark.parametrize("where", re.findall(r"location (?:~ \^)?(/\w+)", INJECTABLE))
def test_no_escape_becomes_a_line(where, injectable, backend):
    for hostile in HOSTILE:
        before = len(backend.requests)
        out = answer(injectable.port, f"GET {where}/{hostile} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        head, _, body = out.partition(b"\r\n\r\n")
        assert out.count(b"HTTP/1.1 ") - body.count(b"HTTP/1.1 ") == 1, out
        sent = [head] + [r.head for r in backend.requests[before:]]
        for text in sent:
            lines = text.rstrip(b"\r\n").split(b"\r\n")
            assert not any(line.lower().startswith((b"injected", b" ")) for line in lines), text
            assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text), text
            assert text.replace(b"\r\n", b"").count(b"\n") == text.replace(b"\r\n", b"").count(b"\r") == 0, text
        for request in backend.requests[before:]:
            assert request.head.split(b"\r\n")[0].count(b" ") == 2, request.head
        assert len(backend.requests) - before <= 1


@pytest.fixture
def injectable(tinyproxyd, backend, free_port):
    proxy = tinyproxyd("http { }", started=False)
    proxy.port = free_port()
    proxy.write(INJECTABLE.replace("@PORT@", str(proxy.port)).replace("@BACKEND@", str(backend.port))
                .replace("@DIR@", str(proxy.directory)))
    proxy.start()
    return proxy
