# SPDX-License-Identifier: ISC
"""What directives about clients do, side by side with nginx: caching fields, conditions, the real
address, when a connection is kept."""
import os
import re

import pytest
from support.client import Client
from support.nginx import Row, answer, assert_same, normal, raw_bytes, side_by_side  # noqa: F401

MTIME = 1795225564
DATE = "Sat, 21 Nov 2026 01:46:04 GMT"

STATIC = """
    types { text/css css; text/plain txt; }
    server {
        listen 127.0.0.1:@PORT@;
        root @DIR@;
        location /plain/ { alias @DIR@/; }
        location /epoch/ { alias @DIR@/; expires epoch; }
        location /max/ { alias @DIR@/; expires max; add_header Cache-Control public; }
        location /zero/ { alias @DIR@/; expires 0; }
        location /hour/ { alias @DIR@/; expires 1h; }
        location /minus/ { alias @DIR@/; expires -1; }
        location /modified/ { alias @DIR@/; expires modified 30d; }
        location /modified-minus/ { alias @DIR@/; expires modified -30d; }
        location /daily/ { alias @DIR@/; expires @12h; }
        location /variable/ { alias @DIR@/; expires $arg_e; }
        location /variable-modified/ { alias @DIR@/; expires modified $arg_e; }
        location /off/ { alias @DIR@/; expires off; }
        location /returned { expires 1h; return 200 "x"; }
        location /redirect { expires 1h; return 301 /x; }
        location /error { expires 1h; return 404; }
        location /no-etag/ { alias @DIR@/; etag off; }
        location /since-off/ { alias @DIR@/; if_modified_since off; }
        location /since-before/ { alias @DIR@/; if_modified_since before; }
        location /mine/ { alias @DIR@/; add_header Last-Modified "Thu, 01 Jan 1970 00:00:01 GMT";
                          add_header ETag '"mine"'; }
        location /none/ { alias @DIR@/; add_header Last-Modified ""; add_header ETag ""; }
        location /always { add_header X-A $arg_a always; add_header X-B b; return 404; }
        location /sendfile/ { alias @DIR@/; sendfile on; tcp_nopush on; }
        location /nodelay/ { alias @DIR@/; tcp_nodelay off; }
    }
"""
EVERYWHERE = """plain epoch max zero hour minus modified modified-minus daily off no-etag since-off
    since-before mine none sendfile nodelay""".split()
LATER, EARLIER = "Sat, 21 Nov 2026 01:46:05 GMT", "Sat, 21 Nov 2026 01:46:03 GMT"

ROWS = [Row(f"{method} /{where}/a.css", fields) for where in EVERYWHERE for method, fields in (
    ("GET", ()), ("HEAD", ()), ("GET", (f"If-Modified-Since: {DATE}",)),
    ("GET", (f"If-Modified-Since: {LATER}",)), ("GET", (f"If-Modified-Since: {EARLIER}",)),
    ("GET", ('If-None-Match: "6b00f7dc-a"',)), ("GET", ('If-Match: "6b00f7dc-a"',)),
    ("GET", (f"If-Unmodified-Since: {EARLIER}",)), ("GET", ("Range: bytes=0-1",)),
    ("GET", ("Range: bytes=1-2,4-5", f"If-Range: {DATE}")), ("GET", ("Range: bytes=99-",)))]
ROWS += [Row(f"GET /{where}/missing") for where in EVERYWHERE]
ROWS += [Row(f"GET /variable/a.css?e={e}") for e in ("", "max", "epoch", "off", "1h", "-5", "@1h", "x", "modified")]
ROWS += [Row(f"GET /variable-modified/a.css?e={e}") for e in ("", "max", "1h", "-5", "@1h")]
ROWS += [Row("GET " + path) for path in ("/returned", "/redirect", "/error", "/always?a=1", "/always")]
ROWS += [Row("GET /returned", ["If-Modified-Since: " + DATE])]


def prepare(*servers):
    for server in servers:
        for name, size in (("a.css", 10), ("large.txt", 300000)):
            path = server.directory / name
            path.write_bytes(bytes(i * 7 % 95 + 32 for i in range(size)))
            os.utime(path, (MTIME, MTIME))


def near(data):
    """Times of the two runs may be a second apart."""
    data = re.sub(rb"max-age=(\d+)", lambda m: b"max-age=%d" % ((int(m[1]) + 5) // 10), data)
    return re.sub(rb"(Expires: ...)[^\r]*:\d\d GMT", rb"\1 SOON", data)


def differing(ours, nginx, rows):
    wrong = []
    for row in rows:
        # What differs because a second has passed in between is the same when it is asked again.
        for _ in range(3):
            mine, theirs = (near(normal(answer(s.port, raw_bytes(row)), s.port)) for s in (ours, nginx))
            if mine == theirs:
                break
        if mine != theirs:
            wrong.append(f"{row}\n  nginx {theirs!r}\n  ours  {mine!r}")
    return wrong


def test_files_and_what_is_added_to_them(side_by_side):  # noqa: F811
    ours, nginx = side_by_side(STATIC)
    prepare(ours, nginx)
    wrong = differing(ours, nginx, ROWS)
    assert not wrong, f"{len(wrong)} of {len(ROWS)} differ:\n" + "\n".join(wrong)
    # The kernel sends it, in whatever pieces the client takes it.
    for path in ("/sendfile/large.txt", "/plain/large.txt"):
        with Client(ours.port) as client:
            got = client.request(path)
            again = client.request(path, headers=[("Range", "bytes=1000-250000")])
        assert got.body == (ours.directory / "large.txt").read_bytes()
        assert again.status == 206 and again.body == got.body[1000:250001]


FROM = "set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8; set_real_ip_from unix:; set_real_ip_from fd00::/8;"
TEXT = '"$remote_addr|$realip_remote_addr|$remote_port|$proxy_add_x_forwarded_for"'
SHOW, FIELD = f"return 200 {TEXT};", f"add_header X-Address {TEXT};"
KINDS = {
    "default": FROM, "xff": FROM + "real_ip_header X-Forwarded-For;",
    "recursive": FROM + "real_ip_header X-Forwarded-For; real_ip_recursive on;",
    "other": FROM + "real_ip_header CF-Connecting-IP;", "untrusted": "set_real_ip_from 192.0.2.1;",
    "nobody": "real_ip_header X-Forwarded-For;",
    "all": "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For; real_ip_recursive on;",
}
VALUES = ["192.0.2.7", "192.0.2.7:1234", "2001:db8::1", "[2001:db8::1]:99", "fd00::1", "garbage", "",
          "192.0.2.7, 10.1.1.1", "10.1.1.1, 192.0.2.7", "192.0.2.7,10.1.1.1,10.2.2.2", "10.3.3.3",
          "192.0.2.7, garbage, 10.1.1.1", "garbage, 192.0.2.7", "192.0.2.7 10.1.1.1", "192.0.2.7,", ",",
          "1.2.3.4:99999", "unix:/x", "[::1]", "2001:db8::1, fd00::2", " 192.0.2.9 , 10.0.0.1 , "]


def test_the_address_that_a_trusted_proxy_reports(side_by_side):  # noqa: F811
    # In a location it is known to what comes behind the rewrite phase; in a server, to all.
    locations = "".join(f"location /{kind} {{ {text} alias @DIR@/a.css; {FIELD} }}\n"
                        f"location /returned/{kind} {{ {text} {SHOW} }}\n" for kind, text in KINDS.items())
    servers = "".join(f"server {{ listen 127.0.0.1:@PORT@; server_name {kind}.example; {text} {SHOW} }}\n"
                      for kind, text in KINDS.items())
    ours, nginx = side_by_side("server { listen 127.0.0.1:@PORT@;" + locations + "}" + servers)
    prepare(ours, nginx)
    rows = []
    for kind in KINDS:
        name = {"default": "X-Real-IP", "untrusted": "X-Real-IP", "other": "CF-Connecting-IP"}.get(
            kind, "X-Forwarded-For")
        twice = [(f"{name}: 192.0.2.1", f"{name}: 10.9.9.9")] if name == "X-Forwarded-For" else []
        for fields in [(f"{name}: {value}",) for value in VALUES] + [()] + twice:
            rows += [Row("GET /x", (f"Host: {kind}.example", *fields)), Row(f"GET /{kind}", fields),
                     Row(f"GET /returned/{kind}", fields)]
    # Our own port is free to be any.
    wrong = []
    for row in rows:
        mine, theirs = (re.sub(rb"\|\d{5}\|", b"|PORT|", normal(answer(s.port, raw_bytes(row)), s.port))
                        for s in (ours, nginx))
        if mine != theirs:
            wrong.append(f"{row}\n  nginx {theirs!r}\n  ours  {mine!r}")
    assert not wrong, f"{len(wrong)} of {len(rows)} differ:\n" + "\n".join(wrong)
    # Debian's takes the first of several: whoever stands before us has written the last.
    twice = Row("GET /x", ("Host: default.example", "X-Real-IP: 192.0.2.1", "X-Real-IP: 10.9.9.9"))
    assert b"\r\n\r\n10.9.9.9|127.0.0.1|" in answer(ours.port, raw_bytes(twice))


RULES = {
    "allow": "allow 192.0.2.0/24; deny all;", "deny": "deny 192.0.2.7; allow all;", "v6": "allow 2001:db8::/32; deny all;",
    "proxy": "allow 127.0.0.1; deny all;", "unix": "allow unix:; deny all;",
    "method": "allow all; limit_except GET { allow 192.0.2.7; deny all; }",
    "inner": "deny 192.0.2.0/24; if ($arg_a) { set $x 1; }",
}


def test_rules_judge_the_real_address(side_by_side):  # noqa: F811
    locations = "".join(f"location /{name} {{ {rules} alias @DIR@/a.css; {{more}} }}\n" for name, rules in RULES.items())
    trust = "set_real_ip_from 127.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on; set_real_ip_from 10.0.0.0/8;"
    ours, nginx = side_by_side(
        "server { listen 127.0.0.1:@PORT@;" + trust + locations.replace("{more}", "") + "}"
        # In a location it is found before the rules are asked, too.
        "server { listen 127.0.0.1:@PORT@; server_name inside.example;" + locations.replace("{more}", trust) + "}"
        "server { listen 127.0.0.1:@PORT@; server_name nobody.example;" + locations.replace("{more}", "") + "}")
    prepare(ours, nginx)
    rows = [Row(f"{method} /{name}?{query}", [f"Host: {host}.example", f"X-Forwarded-For: {value}"])
            for host in ("a", "inside", "nobody") for name in RULES for method, query in (("GET", ""), ("HEAD", ""), ("GET", "a=1"))
            for value in ("192.0.2.7", "192.0.2.8", "2001:db8::1", "198.51.100.1", "192.0.2.7, 10.0.0.1", "192.0.2.7, 198.51.100.1",
                          "127.0.0.1", "garbage")]
    wrong = differing(ours, nginx, rows)
    assert not wrong, f"{len(wrong)} of {len(rows)} differ:\n" + "\n".join(wrong)
    # It did tell them apart.
    assert b" 403 " in answer(ours.port, raw_bytes(Row("GET /allow", ["X-Forwarded-For: 198.51.100.1"])))
    assert b" 200 " in answer(ours.port, raw_bytes(Row("GET /allow", ["X-Forwarded-For: 192.0.2.1"])))


def test_the_address_in_a_proxy_header(side_by_side):  # noqa: F811
    ours, nginx = side_by_side(f"""
        real_ip_header proxy_protocol;
        server {{ listen 127.0.0.1:@PORT@ proxy_protocol; set_real_ip_from 127.0.0.0/8; {SHOW} }}
        server {{ listen 127.0.0.1:@PORT@ proxy_protocol; server_name other.example; set_real_ip_from 10.0.0.0/8; {SHOW} }}
    """)
    for line in ("PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n", "PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n"):
        for host in ("a.example", "other.example"):
            data = line.encode() + raw_bytes(Row("GET /x"), host)
            mine, theirs = (re.sub(rb"\|\d{5}\|", b"|PORT|", normal(answer(s.port, data), s.port)) for s in (ours, nginx))
            assert mine == theirs


KEEP = """
    keepalive_timeout 60s;
    client_max_body_size 10;
    server {
        listen 127.0.0.1:@PORT@;
        location / { return 200 "x"; }
        location /code/400 { return 400; } location /code/404 { return 404; } location /code/413 { return 413; }
        location /code/414 { return 414; } location /code/500 { return 500; } location /code/501 { return 501; }
        location /code/502 { return 502; } location /code/403 { return 403; } location /code/405 { return 405; }
        location /code/503 { return 503; } location /code/504 { return 504; } location /code/204 { return 204; }
        location /off { keepalive_timeout 0; return 200 "x"; }
        location /safari { keepalive_disable safari; return 200 "x"; }
        location /both { keepalive_disable msie6 safari; return 200 "x"; }
        location /none { keepalive_disable none; return 200 "x"; }
        location /header { keepalive_timeout 60s 20s; return 200 "x"; }
        location /file { alias @DIR@/; }
    }
"""
AGENTS = {
    "msie4": "Mozilla/4.0 (compatible; MSIE 4.01; Windows 98)",
    "msie6": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
    "msie6sv1": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
    "msie7": "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)",
    "opera": "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; en) Opera 8.54",
    "safari": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6) AppleWebKit/533 (KHTML, like Gecko) Version/5.0 Safari/533",
    "chrome": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_6) AppleWebKit/5 (KHTML, like Gecko) Chrome/9 Safari/5",
    "windows": "Mozilla/5.0 (Windows; U) AppleWebKit/533 (KHTML, like Gecko) Version/5.0 Safari/533",
    "short": "MSIE 6", "shorter": "MSIE ",
}


def test_which_connections_are_kept(side_by_side):  # noqa: F811
    ours, nginx = side_by_side(KEEP)
    keep = ["Connection: keep-alive"]
    rows = [Row(f"GET /code/{code}", keep) for code in
            (400, 404, 413, 414, 500, 501, 502, 403, 405, 503, 504, 204)]
    rows += [Row("GET /", keep), Row("GET /off", keep), Row("GET /header", keep), Row("GET /file/none", keep),
             Row("PUT /file/none", keep), Row("POST /", keep, b"x" * 11), Row("POST /", keep, b"x" * 9)]
    rows += [Row(f"{method} /{where}", keep + [f"User-Agent: {agent}"]) for agent in AGENTS.values()
             for where in ("", "safari", "both", "none") for method in ("GET", "POST")]

    def kept(server, row):
        with Client(server.port) as client:
            client.send(raw_bytes(row))
            got = client.response("HEAD" if row.line.startswith("HEAD") else "GET")
            return got.status, got.get("connection"), got.get("keep-alive")

    wrong = [(row, mine, theirs) for row in rows
             if (mine := kept(ours, row)) != (theirs := kept(nginx, row))]
    assert not wrong, "\n".join(f"{row}: {mine}, nginx {theirs}" for row, mine, theirs in wrong)
