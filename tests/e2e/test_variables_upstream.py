# SPDX-License-Identifier: ISC
"""$upstream_... and $proxy_... variables, side by side with nginx: over retries, internal redirects and error pages."""
import re

from support.nginx import Row, answer, raw_bytes, side_by_side  # noqa: F401
from support.wait import wait_until

CONFIG = """
    log_format u '$request_uri|$upstream_addr|$upstream_status|$upstream_response_length|$upstream_bytes_received|'
        '$upstream_http_x_one|$upstream_http_content_type|$upstream_cookie_a|$upstream_trailer_x|$upstream_cache_status|'
        '$proxy_host|$proxy_port|$upstream_connect_time|$upstream_header_time|$upstream_response_time';
    access_log @DIR@/access.log u;
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream two { server 127.0.0.1:@DEAD@ max_fails=0 weight=100; server 127.0.0.1:@BACKEND@; }
    upstream dead { server 127.0.0.1:@DEAD@ down; }
    upstream fails { server 127.0.0.1:@BACKEND@ max_fails=0 weight=100; server 127.0.0.1:@DEAD@ max_fails=0; }
    server { listen 127.0.0.1:@PORT@;
        location / { proxy_pass http://127.0.0.1:@BACKEND@; }
        location /two { proxy_pass http://two; }
        location /dead { proxy_pass http://dead; }
        location /fails { proxy_pass http://fails; proxy_next_upstream error http_503; }
        location /accel { proxy_pass http://127.0.0.1:@BACKEND@; }
        location /none { return 200 none; }
        location /var { proxy_pass http://$http_x_to; }
        location /big { proxy_pass http://127.0.0.1:@BACKEND@/bytes/300000; }
    }
"""
ROWS = [Row("GET /x"), Row("HEAD /x"), Row("GET /two/y"), Row("GET /dead"), Row("GET /fails"), Row("GET /accel"), Row("GET /none"),
        Row("GET /var", ["X-To: 127.0.0.1:@BACKEND@"]), Row("GET /var", ["X-To: two"]), Row("GET /big"), Row("POST /x", [], b"body")]


def test_the_same_lines_as_nginx(side_by_side, backend, free_port):  # noqa: F811
    rich = b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Type: text/plain\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 4\r\n\r\nrich"
    for path in ("/x", "/two/y", "/var"):
        backend.script[path] = rich
    backend.script["/fails"] = b"HTTP/1.1 503 No\r\nX-One: 2\r\nContent-Length: 0\r\n\r\n"
    backend.script["/accel"] = b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /two/y\r\nX-One: 3\r\nContent-Length: 0\r\n\r\n"
    dead = free_port()
    ours, nginx = side_by_side(CONFIG.replace("@BACKEND@", str(backend.port)).replace("@DEAD@", str(dead)))
    lines = []
    for server in (ours, nginx):
        for row in ROWS:
            answer(server.port, raw_bytes(row).replace(b"@BACKEND@", str(backend.port).encode()))
        log = server.access_log
        wait_until(lambda log=log: len(log.read_text().splitlines()) == len(ROWS), "the access log")
        # How long things took is not for a test to say, but whether they happened is.
        lines.append([re.sub(r"\d+\.\d{3}", "T", line) for line in log.read_text().splitlines()])
    assert lines[0] == lines[1]
