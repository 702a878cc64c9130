# SPDX-License-Identifier: ISC
"""Limits on heads and bodies, side by side with nginx: how large a head may be, which field names pass, where a body
is kept and whether variables show it."""
import re

from support.client import Client, tls_context
from support.nginx import Row, answer, difference, normal, raw_bytes, side_by_side  # noqa: F401

PROXY = "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass http://127.0.0.1:@BACKEND@;"


def compare(ours, nginx, backend, rows):
    """What of each row's answer, and of what the backend saw, is not the same."""
    different = []
    for row in rows:
        data = raw_bytes(row)
        seen = []
        for server in (nginx, ours):
            before = len(backend.requests)
            out = normal(answer(server.port, data), server.port)
            seen.append((out, [(shape(r.head, server), r.sha256) for r in backend.requests[before:]]))
        if seen[0] != seen[1]:
            different.append(f"{len(data)} bytes, {data[:100]!r}\n{difference(seen[0][0], seen[1][0])}"
                             f"- {seen[0][1]}\n+ {seen[1][1]}")
    assert not different, f"{len(different)} of {len(rows)} differ (- nginx, + ours)\n" + "\n".join(different)


def shape(head, server):
    """A request's head without what differs from server to server: where its files are and how they are numbered."""
    head = re.sub(rb"\r\nConnection: close", b"", head).replace(str(server.directory).encode(), b"DIR")
    return re.sub(rb"(X-File: <?DIR/[a-z_]*)/[0-9/]*", lambda m: m[1] + re.sub(rb"\d", b"9", m[0][len(m[1]):]), head)


HEADS = """
    client_header_buffer_size 256;
    large_client_header_buffers 3 1k;
    server { listen 127.0.0.1:@PORT@; return 200 "$request_length"; }
    server { listen 127.0.0.1:@PORT@; server_name large.example; large_client_header_buffers 4 8k;
             return 200 "$request_length"; }
"""


def test_how_large_a_head_may_be(side_by_side, backend):  # noqa: F811
    ours, nginx = side_by_side(HEADS)
    rows = [Row("GET /" + "x" * n) for n in (10, 200, 240, 300, 900, 990, 1100, 2000, 5000)]
    rows += [Row("GET /", ["X-A: " + "a" * n]) for n in (10, 240, 300, 900, 1000, 1100, 3000)]
    # As many lines as there are buffers, and one more.
    rows += [Row("GET /", [f"X-{i}: " + "a" * 800 for i in range(n)]) for n in (1, 2, 3, 5, 8)]
    rows += [Row("GET /" + "x" * 800, [f"X-{i}: " + "a" * 800 for i in range(n)]) for n in (1, 2, 3, 5)]
    rows += [Row("GET /", [f"X-{i}: b" for i in range(n)]) for n in (10, 60, 150)]
    # The server asked for has its say in what comes behind its name.
    large = "Host: large.example"
    rows += [Row("GET /" + "x" * n, [large]) for n in (200, 2000)]
    rows += [Row("GET /", fields) for n in (800, 3000, 9000) for fields in ([large, "X-A: " + "a" * n], ["X-A: " + "a" * n, large])]
    rows += [Row("GET /", [large] + [f"X-{i}: " + "a" * 4000 for i in range(n)]) for n in (3, 5, 8, 9)]
    compare(ours, nginx, backend, rows)


BY_SNI = """
    ssl_certificate @CERT@; ssl_certificate_key @KEY@;
    server { listen 127.0.0.1:@PORT@ ssl; server_name first.example; return 200 "first $request_length"; }
    server { listen 127.0.0.1:@PORT@ ssl; server_name small.example; client_header_buffer_size 128; large_client_header_buffers 2 512;
             error_page 400 414 494 =200 /mistake; location / { return 200 "small"; } location /mistake { return 200 "mistake"; } }
    server { listen 127.0.0.1:@PORT@ ssl; server_name large.example; large_client_header_buffers 4 32k; return 200 "large"; }
"""


def test_before_a_request_has_said_its_host_the_name_in_its_handshake_counts(side_by_side, certs):  # noqa: F811
    leaf = certs.issue("first.example", "small.example", "large.example")
    ours, nginx = side_by_side(BY_SNI.replace("@CERT@", str(leaf.cert)).replace("@KEY@", str(leaf.key)))
    rows = [Row("GET /" + "x" * n, [f"Host: {host}"]) for n in (10, 300, 1000, 9000, 20000)
            for host in ("first.example", "large.example", "unknown.example")]
    rows += [Row("GET /", ["X-A: " + "a" * n, "Host: first.example"]) for n in (400, 1000, 9000)]
    rows += [Row("", raw=raw) for raw in (b"no request\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
                                          b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    different = []
    for sni in ("first.example", "small.example", "large.example", "unknown.example", None):
        for row in rows:
            seen = []
            for server in (nginx, ours):
                with Client(server.port, tls=tls_context(), server_name=sni) as client:
                    client.send(raw_bytes(row))
                    seen.append(normal(client.until_closed(), server.port))
            if seen[0] != seen[1]:
                different.append(f"{sni}: {raw_bytes(row)[:60]!r}\n{difference(*seen)}")
    assert not different, "\n".join(different)


NAMES = ["X-A", "X_A", "X.A", "X!A", "X~A", "X$A", "X*A", "1", "_", "-", "X__A", "x-lower", "X|A", "X'A",
         "X+A", "X%A", "X&A", "X`A", "X^A", "X#A"]

FIELDS = f"""
    server {{ listen 127.0.0.1:@PORT@; server_name plain.example; location / {{ {PROXY} }} location /v {{ return 200 "[$http_x_a]"; }} }}
    server {{ listen 127.0.0.1:@PORT@; server_name under.example; underscores_in_headers on;
              location / {{ {PROXY} }} location /v {{ return 200 "[$http_x_a]"; }} }}
    server {{ listen 127.0.0.1:@PORT@; server_name all.example; ignore_invalid_headers off; location / {{ {PROXY} }} }}
    server {{ listen 127.0.0.1:@PORT@; server_name both.example; ignore_invalid_headers off; underscores_in_headers on;
              location / {{ {PROXY} }} }}
"""


def test_which_field_names_pass(side_by_side, backend):  # noqa: F811
    ours, nginx = side_by_side(FIELDS.replace("@BACKEND@", str(backend.port)))
    rows = [Row(f"GET /{kind}", [f"Host: {kind}.example", f"{name}: value", "X-After: 1"])
            for kind in ("plain", "under", "all", "both") for name in NAMES]
    rows += [Row("GET /v", [f"Host: {kind}.example", "X_A: under"]) for kind in ("plain", "under")]
    # Which server it is for is known from Host on.
    rows += [Row(f"GET /{kind}", [f"{name}: before", f"Host: {kind}.example", f"{name}: behind"])
             for kind in ("under", "all", "both") for name in ("X_A", "X.A")]
    compare(ours, nginx, backend, rows)


BODIES = f"""
    client_body_buffer_size 1k;
    client_max_body_size 8k;
    server {{
        listen 127.0.0.1:@PORT@;
        proxy_set_header X-Body "<$request_body>"; proxy_set_header X-File "<$request_body_file>";
        location / {{ {PROXY} }}
        location /single {{ client_body_in_single_buffer on; {PROXY} }}
        location /clean {{ client_body_in_file_only clean; client_body_temp_path @DIR@/levels 1 2; {PROXY} }}
        location /deep {{ client_body_in_file_only clean; client_body_temp_path @DIR@/deep 2 1 3; {PROXY} }}
        location /flat {{ client_body_in_file_only clean; client_body_temp_path @DIR@/flat; {PROXY} }}
        location /unbuffered {{ proxy_request_buffering off; {PROXY} }}
        location /larger {{ client_body_buffer_size 4k; {PROXY} }}
        location /limit {{ client_max_body_size 100; {PROXY} }}
        location /nolimit {{ client_max_body_size 0; {PROXY} }}
    }}
"""


def chunked(path, body, size):
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part)
                      for part in (body[at:at + size] for at in range(0, len(body), size)))
    head = f"POST {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Row("", raw=head.encode() + chunks + b"0\r\n\r\n")


def test_where_a_body_is_kept(side_by_side, backend):  # noqa: F811
    ours, nginx = side_by_side(BODIES.replace("@BACKEND@", str(backend.port)))
    places = ("/", "/single", "/clean", "/deep", "/flat", "/unbuffered", "/larger", "/limit", "/nolimit")
    sizes = (0, 1, 100, 101, 1000, 1024, 1025, 1200, 1280, 1281, 1300, 2000, 4096, 6000, 8192, 8193, 9000)
    rows = [Row(f"POST {place}", body=b"b" * size) for place in places for size in sizes]
    # What goes on as it comes is chunked at the backend too; nginx counts it first if it came whole with its head.
    rows += [chunked(place, b"c" * size, 500) for place in places if place != "/unbuffered"
             for size in (0, 1, 100, 101, 1000, 1024, 1100, 2000, 8192, 9000)]
    compare(ours, nginx, backend, rows)
