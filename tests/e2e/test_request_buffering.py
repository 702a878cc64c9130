# SPDX-License-Identifier: ISC
"""Bodies on their way up: read whole before anyone is asked, or passed on as they come."""
import pathlib
import re

import pytest

from support.client import Client, get
from support.pattern import pattern, pattern_sha256
from support.peer import read_head
from support.wait import wait_until

LOCATIONS = """
    client_max_body_size 0;
    client_body_buffer_size 8k;
    client_body_temp_path {dir}/bodies 1 2;
    location / {{ proxy_pass http://127.0.0.1:{port}; }}
    location /raw/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_request_buffering off; }}
    location /raw10/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_request_buffering off; proxy_http_version 1.0; }}
    location /kept/ {{ proxy_pass http://127.0.0.1:{port}/; client_body_in_file_only on; proxy_pass_request_body off;
        proxy_set_header X-File $request_body_file; proxy_set_header X-Body "<$request_body>"; }}
    location /clean/ {{ proxy_pass http://127.0.0.1:{port}/; client_body_in_file_only clean;
        proxy_set_header X-File $request_body_file; }}
    location /single/ {{ proxy_pass http://127.0.0.1:{port}/; client_body_in_single_buffer on;
        proxy_set_header X-Body "<$request_body>"; proxy_set_header X-File "<$request_body_file>"; }}
    location /lost/ {{ proxy_pass http://127.0.0.1:{port}/; client_body_temp_path {dir}/lost; }}
"""


@pytest.fixture
def site(tinyproxyd, backend, free_port, tmp_path):
    port = free_port()
    site_dir = tmp_path / "site"
    site_dir.mkdir()
    site_dir.chmod(0o755)
    make = LOCATIONS.format(dir=site_dir, port=backend.port)
    daemon = tinyproxyd(f"http {{ server {{ listen 127.0.0.1:{port};\n{make}\n}} }}")
    daemon.port, daemon.bodies = port, site_dir / "bodies"
    daemon.lost = site_dir / "lost"
    return daemon


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("where", ["/", "/raw/", "/raw10/", "/clean/", "/single/"])
def test_bodies_arrive_as_they_were_sent(site, backend, where):
    with Client(site.port) as client:
        for length in (0, 1, 8191, 8192, 8193, 16385, 300_000, 3_000_001):
            whole = b"".join(pattern(length))
            for body in (whole, list(pattern(length, 5000)) or [b"."]):
                told = client.request(where + "echo", "POST", body=body).json
                size = length or (1 if isinstance(body, list) else 0)
                assert told["length"] == size
                assert told["sha256"] == pattern_sha256(length) or not length
                fields = {name.lower(): value for name, value in told["headers"]}
                streamed = where == "/raw/" and isinstance(body, list)
                assert fields.get("content-length") == (None if streamed else str(size))
                assert fields.get("transfer-encoding") == ("chunked" if streamed else None)
    wait_until(lambda: not files_in(site.bodies), "the bodies' files to go")


@pytest.mark.parametrize("where", ["/", "/raw/"])
def test_trailers_of_requests_are_passed_on(site, backend, where):
    with Client(site.port) as client:
        client.send(f"POST {where}echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: evil\r\ncookie: a\r\nX-Other: 2\r\n\r\n")
        told = client.response().json
        assert told["body"] == "abc" and told["trailers"] == [["X-Sum", "1"], ["X-Other", "2"]]
        assert client.request("/").status == 200


def test_nobody_is_asked_before_the_body_is_here(site, backend):
    with Client(site.port) as client:
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + "x" * 10000)
        get(site.port, "/other")
        assert backend.connections == 1
        client.send(b"x" * 10000)
        assert client.response().json["length"] == 20000
    assert backend.connections == 1


def test_unbuffered_bodies_go_on_at_once(site, backend):
    backend.early.add("/no")
    backend.script["/no"] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    backend.script_close.add("/no")
    with Client(site.port) as client:
        client.send("POST /raw/no HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + "x" * 10000)
        assert client.response().status == 403


def test_files_of_bodies(site, backend):
    body = b"y" * 50000
    assert get(site.port, "/kept/echo", method="POST", body=body).status == 200
    kept = backend.last
    path = kept.get("x-file")
    assert kept.get("x-body") == "<>" and kept.body_length == 0 and kept.get("content-length") is None
    assert re.fullmatch(re.escape(str(site.bodies)) + r"/\d/\d\d/\d{10}", path)
    assert pathlib.Path(path).read_bytes() == body
    assert get(site.port, "/kept/echo", method="POST", body=b"small").status == 200
    assert pathlib.Path(backend.last.get("x-file")).read_bytes() == b"small"
    assert get(site.port, "/clean/echo", method="POST", body=b"small").status == 200
    gone = backend.last.get("x-file")
    wait_until(lambda: not pathlib.Path(gone).exists(), "the file to go")
    assert get(site.port, "/single/echo", method="POST", body=b"z" * 8000).status == 200
    assert backend.last.get("x-body") == f"<{'z' * 8000}>" and backend.last.get("x-file") == "<>"
    assert any("a client request body is buffered to a temporary file" in line for line in site.errors("notice"))


def test_a_file_that_cannot_be_written_is_a_500(site, backend):
    site.lost.rename(site.lost.with_name("elsewhere"))
    with Client(site.port) as client:
        assert client.request("/lost/echo", "POST", body=b"x" * 8000).status == 200
        client.send("POST /lost/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
        client.send(b"x" * 20000)
        assert client.response().status == 500
    assert len(backend.requests) == 1
    site.wait_for_error(r"\[crit\].* cannot buffer the request body in ")


def test_a_client_that_leaves_while_its_body_is_read(site, backend):
    with Client(site.port) as client:
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n" + "x" * 10000)
    wait_until(lambda: " 499 " in site.access_log.read_text(), "the access log's line")
    assert not backend.connections
    wait_until(lambda: not files_in(site.bodies), "the body's file to go")


@pytest.mark.parametrize("extra, method, status", [
    ("", "PUT", 200), ("", "POST", 502), ("proxy_next_upstream error non_idempotent;", "POST", 200),
    ("proxy_request_buffering off;", "PUT", 502), ("proxy_next_upstream off;", "PUT", 502),
    ("proxy_next_upstream timeout;", "PUT", 502), ("proxy_next_upstream_tries 1;", "PUT", 502),
])
def test_a_body_goes_to_the_next_server_whole(tinyproxyd, backend, peer, free_port, extra, method, status):
    def reads_and_resets(sock, number):
        read_head(sock)
        taken = 0
        while taken < 100_000:
            taken += len(sock.recv(65536))

    port = free_port()
    daemon = tinyproxyd(f"""http {{
        upstream b {{ server 127.0.0.1:{peer(reads_and_resets).port} weight=100; server 127.0.0.1:{backend.port}; }}
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://b; {extra} }} }} }}""")
    body = b"".join(pattern(300_000))
    answer = get(port, "/echo", method=method, body=body)
    assert answer.status == status
    if status == 200:
        assert answer.json["sha256"] == pattern_sha256(300_000)
    assert any("while reading response header from upstream" in line or "while sending request to upstream" in line
               for line in daemon.errors("error"))
