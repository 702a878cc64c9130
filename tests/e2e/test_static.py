# SPDX-License-Identifier: ISC
"""Files, side by side with nginx: paths, types, indexes, conditions, ranges, refusals."""
import hashlib
import os
import re
import socket

import pytest

from support.client import Client
from support.nginx import Row, answer, assert_same, raw_bytes, side_by_side  # noqa: F401

MTIME = 1795225564
DATE = "Sat, 21 Nov 2026 01:46:04 GMT"
TAG = '"6b00f7dc-a"'

HTTP = """
    types { text/html html htm; text/css css; text/plain TXT; }
    default_type application/octet-stream;
    server {
        listen 127.0.0.1:@PORT@;
        server_name a.example;
        root ROOT;
        location / { index missing.html index.html; }
        location /other/ { index ../a.css sub.html; }
        location /alias/ { alias ROOT/sub/; }
        location /alias-file { alias ROOT/a.txt; }
        location /no-slash { alias ROOT/sub; }
        location = /exact { alias ROOT/a.css; }
        location /indexed/ { index rerouted.html; }
        location = /indexed/rerouted.html { return 200 "another location"; }
        location /absolute/ { index none.html /a.txt; }
        location /typed/ { alias ROOT/; default_type x/y; types { } }
        location /unnamed/ { alias ROOT/; default_type ""; }
        location /nowhere/ { root ROOT/does/not/exist; }
    }
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    top = tmp_path_factory.mktemp("static")
    for directory in (top, *list(top.parents)[:2]):
        directory.chmod(0o755)
    files = {"a.txt": b"0123456789", "a.css": b"body{}", "empty": b"", "index.html": b"index",
             "sub/index.html": b"sub", "b c.htm": b"blank", "per%cent": b"percent", "q?a": b"question",
             "\u00fcml": b"umlaut", ".hidden": b"hidden", "x.tar.CSS": b"case", "secret": b"secret",
             "indexed/rerouted.html": b"the file", "other/sub.html": b"other", "denied/index.html": b"x"}
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (MTIME, MTIME))
    for name in ("bare", "d x", "q?d", "p%d", "absolute"):
        (top / name).mkdir()
    (top / "link.txt").symlink_to(top / "a.txt")
    (top / "dangling").symlink_to(top / "nothing")
    (top / "loop").symlink_to(top / "loop")
    os.mkfifo(top / "fifo")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(top / "socket"))
    (top / "secret").chmod(0)
    (top / "denied").chmod(0)
    yield top
    (top / "denied").chmod(0o755)


def fields(*more):
    return [Row("GET /a.txt", [field]) for field in more]


PATHS = [Row("GET " + path) for path in """/ /a.txt /a.css /empty /index.html /sub /sub/ /sub/index.html
    /b%20c.htm /per%25cent /q%3fa /%c3%bcml /.hidden /x.tar.CSS /link.txt /a.txt?query /sub?q=1&r /sub/?q
    /d%20x /d%20x?a=b%20c /q%3Fd /p%25d /bare /bare/ /none /none/ /none/none /a.txt/ /a.txt/x /sub/none/
    //sub//index.html /sub/./index.html /sub/../a.txt /%2e%2e/a.txt /../a.txt /a.txt%00 /a%00.txt
    /fifo /socket /dangling /loop /loop/ /loop/x /secret /denied /denied/ /denied/index.html /denied/x
    /alias/ /alias/index.html /alias /alias/none /alias-file /alias-filex /no-slash /no-slash/
    /no-slash/index.html /exact /exact/ /exactx /other/ /indexed/ /indexed /indexed/rerouted.html
    /absolute/ /typed/a.txt /typed/a.css /unnamed/a.txt /nowhere/ /nowhere/x /nowhere""".split()]
PATHS += [Row("GET /" + "x" * 300), Row("GET /" + "x/" * 2000), Row("GET /sub/" + "y" * 255)]

METHODS = [Row(f"{method} {path}") for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO")
           for path in ("/a.txt", "/sub", "/sub/", "/none", "/bare/", "/none/", "/fifo")]
METHODS += [Row("POST /a.txt", body=b"x=1"), Row("PUT /none", body=b"data"), Row("GET /a.txt", body=b"why")]

CONDITIONS = fields(
    f"If-Modified-Since: {DATE}", "If-Modified-Since: Sat, 21 Nov 2026 01:46:03 GMT",
    "If-Modified-Since: Sat, 21 Nov 2026 01:46:05 GMT", "If-Modified-Since: garbage", "If-Modified-Since:",
    "If-Modified-Since: Saturday, 21-Nov-26 01:46:04 GMT", "If-Modified-Since: Sat Nov 21 01:46:04 2026",
    f"If-Unmodified-Since: {DATE}", "If-Unmodified-Since: Sat, 21 Nov 2026 01:46:03 GMT",
    "If-Unmodified-Since: Sat, 21 Nov 2026 01:46:05 GMT", "If-Unmodified-Since: garbage",
    f"If-None-Match: {TAG}", f"If-None-Match: W/{TAG}", 'If-None-Match: "x"', "If-None-Match: *",
    f'If-None-Match: "a", {TAG}', f'If-None-Match: "a,b" , W/{TAG},"c"', "If-None-Match: 6b00f7dc-a",
    f"If-None-Match: {TAG}x", "If-None-Match:", "If-None-Match: ,",
    f"If-Match: {TAG}", f"If-Match: W/{TAG}", 'If-Match: "x"', "If-Match: *", f'If-Match: "x",{TAG}')
CONDITIONS += [
    Row("GET /a.txt", [f"If-Modified-Since: {DATE}", f"If-None-Match: {TAG}"]),
    Row("GET /a.txt", [f"If-Modified-Since: {DATE}", 'If-None-Match: "x"']),
    Row("GET /a.txt", ["If-Modified-Since: Sat, 21 Nov 2026 01:46:05 GMT", f"If-None-Match: {TAG}"]),
    Row("GET /a.txt", ['If-Match: "x"', f"If-None-Match: {TAG}"]),
    Row("HEAD /a.txt", [f"If-None-Match: {TAG}"]), Row("GET /none", ["If-None-Match: *"]),
    Row("GET /none", ['If-Match: "x"']), Row("GET /sub", ['If-Match: "x"']), Row("GET /", ["If-None-Match: *"]),
]

RANGES = fields(*["Range: " + r for r in (
    "bytes=0-0", "bytes=0-", "bytes=2-5", "bytes=9-", "bytes=10-", "bytes=5-99", "bytes=-1", "bytes=-0",
    "bytes=-10", "bytes=-11", "bytes=-99", "bytes=5-4", "bytes=0-0,2-3", "bytes=0-0,-1", "bytes= 1 - 2",
    "bytes=0-5,5-9", "bytes=0-9,0-0", "bytes=0-1,20-30", "bytes=20-30,0-1", "bytes=20-30,40-50", "bytes=0-1,",
    "bytes=,0-1", "bytes=a-b", "bytes=1", "bytes=", "bytes", "octets=0-1", "BYTES=0-1", "bytes=0-1x",
    "bytes=--1", "bytes=+1-2", "bytes=18446744073709551616-", "bytes=0-18446744073709551616",
    "bytes=9223372036854775807-", "bytes=0-0,0-0,0-0", "bytes=1-1, 3-3 ,5-5 ", "bytes =0-1")])
RANGES += [
    Row("HEAD /a.txt", ["Range: bytes=0-1"]), Row("HEAD /a.txt", ["Range: bytes=99-"]),
    Row("GET /empty", ["Range: bytes=0-"]), Row("GET /empty", ["Range: bytes=-1"]),
    Row("GET /empty", ["Range: bytes=1-"]), Row("GET /typed/a.txt", ["Range: bytes=0-1,3-4"]),
    Row("GET /unnamed/a.txt", ["Range: bytes=0-1,3-4"]),
    Row("GET /a.txt", ["Range: bytes=0-1", f"If-Range: {TAG}"]),
    Row("GET /a.txt", ["Range: bytes=0-1", 'If-Range: "x"']),
    Row("GET /a.txt", ["Range: bytes=0-1", f"If-Range: W/{TAG}"]),
    Row("GET /a.txt", ["Range: bytes=0-1", f"If-Range: {DATE}"]),
    Row("GET /a.txt", ["Range: bytes=0-1", "If-Range: Sat, 21 Nov 2026 01:46:05 GMT"]),
    Row("GET /a.txt", ["Range: bytes=0-1", f"If-None-Match: {TAG}"]),
    Row("GET /a.txt", ["Range: bytes=0-1", 'If-Match: "x"']),
    Row("GET /none", ["Range: bytes=0-1"]), Row("POST /a.txt", ["Range: bytes=0-1"]),
    Row("GET /a.txt", raw=b"GET /a.txt HTTP/1.0\r\nRange: bytes=0-1\r\n\r\n"),
    Row("GET /a.txt", raw=b"GET /a.txt HTTP/1.0\r\n\r\n"),
    Row("GET /sub", raw=b"GET /sub HTTP/1.0\r\n\r\n"),
]


@pytest.mark.parametrize("rows", [PATHS, METHODS, CONDITIONS, RANGES],
                         ids=["paths", "methods", "conditions", "ranges"])
def test_as_nginx(side_by_side, root, rows):  # noqa: F811
    ours, nginx = side_by_side(HTTP.replace("ROOT", str(root)))
    assert_same(ours, nginx, rows)


def error_lines(path):
    """Level and text of each line about a file, without time, process and connection."""
    lines = re.findall(r"\[(\w+)\] \d+#\d+: \*\d+ (.*)", path.read_text())
    return [line for line in lines
            if any(words in line[1] for words in ('open() "', "forbidden", "not found", "not a regular"))]


def test_says_why_as_nginx(side_by_side, root):  # noqa: F811
    ours, nginx = side_by_side(HTTP.replace("ROOT", str(root)))
    for path in ("/none", "/bare/", "/none/", "/a.txt/", "/fifo", "/secret", "/denied/", "/denied/x", "/dangling",
                 "/loop"):
        for server in (ours, nginx):
            answer(server.port, raw_bytes(Row("GET " + path)))
    nginx.process.stop()
    ours.stop()
    assert error_lines(ours.error_log) == error_lines(nginx.error_log) != []


def test_stays_inside_an_alias(tinyproxyd, free_port, root):
    """nginx serves /alias../secret from beside the alias; we do not."""
    port = free_port()
    proxy = tinyproxyd(f"""http {{ server {{
        listen 127.0.0.1:{port};
        location /alias {{ alias {root}/sub/; }}
    }} }}""")
    assert b"404 Not Found" in answer(port, raw_bytes(Row("GET /alias../a.txt")))
    assert b"404 Not Found" in answer(port, raw_bytes(Row("GET /alias..")))
    assert b"\r\n\r\nsub" in answer(port, raw_bytes(Row("GET /alias/index.html")))
    assert "leads out of" in proxy.error_log.read_text()


@pytest.fixture
def big_file(tmp_path):
    path = tmp_path / "www" / "big"
    path.parent.mkdir()
    path.parent.chmod(0o755)
    block = bytes(range(251)) * 4177
    with open(path, "wb") as file:
        for _ in range(32):
            file.write(block)
    return path, hashlib.sha256(block * 32).hexdigest()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_large_file_arrives_whole(tinyproxyd, free_port, certs, big_file, tls):
    port, (path, digest) = free_port(), big_file
    site = certs.issue("a.example")
    certificate = f"ssl_certificate {site.cert}; ssl_certificate_key {site.key};" if tls else ""
    tinyproxyd(f"""http {{ server {{
        listen 127.0.0.1:{port} {'ssl' if tls else ''}; {certificate}
        root {path.parent};
    }} }}""")
    with Client(port, tls=tls, server_name="a.example" if tls else None) as client:
        for _ in range(2):
            response = client.request("/big", host="a.example")
            assert response.status == 200
            assert response.sha256 == digest


def test_slow_and_fast_readers_get_the_same(tinyproxyd, free_port, big_file):
    """One client reads nothing for as long as others are served, then gets all of it."""
    port, (path, digest) = free_port(), big_file
    tinyproxyd(f"http {{ server {{ listen 127.0.0.1:{port}; root {path.parent}; }} }}")
    slow = Client(port)
    slow.send(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    for _ in range(3):
        with Client(port) as fast:
            assert fast.request("/big").sha256 == digest
    assert slow.response().sha256 == digest
    slow.close()
