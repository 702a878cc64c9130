# SPDX-License-Identifier: ISC
"""Where log lines go: conditions, names with variables, buffers, several files, JSON, reopening."""
import json
import os
import re
import signal

from support.client import Client, get
from support.inside import descriptors
from support.nginx import Row, answer, raw_bytes, side_by_side  # noqa: F401
from support.wait import wait_until

HTTP = """
    log_format short "$request_uri|$status";
    access_log @DIR@/all.log short;
    access_log @DIR@/asked.log short if=$arg_log;
    access_log @DIR@/by-$host.log short;
    access_log @DIR@/args/$arg_name short;
    error_log @DIR@/http.log info;
    server {
        listen 127.0.0.1:@PORT@;
        root @DIR@;
        location /quiet/ { log_not_found off; }
        location /off/ { access_log off; return 200 "x"; }
        location /own/ { access_log @DIR@/own.log short if=1; access_log @DIR@/never.log short if=0; return 200 "x"; }
        location /rootless/ { root @DIR@/nowhere; }
    }
"""
ROWS = [Row("GET " + uri) for uri in (
    "/none", "/none?log=1", "/none?log=0", "/none?log=", "/none?log=00", "/quiet/none", "/off/", "/own/",
    "/none?name=a", "/none?name=b", "/none?name=../x", "/none?name=sub/x", "/none?name=", "/rootless/x",
    "/rootless/x?name=r")]
ROWS += [Row("GET /none", ["Host: b.example"]), Row("GET /none", ["Referer: http://r/"]), Row("FOO"),
         Row("GET /none", ["Host: C.example:80", "Referer: http://r/\""])]


def prepare(server):
    for name in ("args", "args/sub"):
        (server.directory / name).mkdir()
        (server.directory / name).chmod(0o777)
    server.directory.chmod(0o777)


def settled(server, name):
    path = server.directory / name
    return sorted(path.read_text().splitlines()) if path.exists() else None


def told(line, port):
    """An error line without its time, ids and where it ran."""
    text = line.split(": ", 1)[1].split(" ", 1)[1]
    return text.replace(f":{port}", ":PORT")


def test_lines_go_where_nginx_sends_them(side_by_side):  # noqa: F811
    ours, nginx = side_by_side(HTTP)
    prepare(ours)
    prepare(nginx)
    for server in (ours, nginx):
        for row in ROWS:
            answer(server.port, raw_bytes(row))
        wait_until(lambda s=server: len(settled(s, "all.log") or []) == len(ROWS) - 2, "all log lines")
    for name in ("all.log", "asked.log", "own.log", "never.log", "by-a.example.log", "by-b.example.log",
                 "by-c.example.log", "args/a", "args/b", "args/sub/x", "args/r"):
        mine, theirs = settled(ours, name), settled(nginx, name)
        # A file that stays empty is made by both but for names with variables.
        assert (mine or []) == (theirs or []), name
    # A value does not lead out of the directory, whatever nginx does.
    assert not (ours.directory / "x").exists()
    mine, theirs = ([told(line, s.port) for line in (s.directory / "http.log").read_text().splitlines()
                     if "[error]" in line and "is written" not in line] for s in (ours, nginx))
    theirs = [line.replace(str(nginx.directory), str(ours.directory)) for line in theirs if "logging" not in line]
    assert mine == theirs


BUFFERED = """
user root root;
http {{
    log_format uri "$request_uri";
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "x"; }}
        location /full {{ access_log {dir}/full.log uri buffer=64; return 200 "x"; }}
        location /kept {{ access_log {dir}/kept.log uri buffer=64k; return 200 "x"; }}
        location /timed {{ access_log {dir}/timed.log uri buffer=64k flush=100ms; return 200 "x"; }}
        location /json {{ access_log {dir}/json.log json; return 200 "x"; }}
        location /bad {{ error_log {dir}/warn.log warn; error_log {dir}/crit.log crit; error_log {dir}/info.log info;
                         root /nowhere; }}
    }}
}}
"""


def test_buffers_and_several_files(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("http { }", started=False)
    proxy.write(BUFFERED.format(port=port, dir=proxy.directory))
    proxy.start()
    log = proxy.directory.joinpath
    get(port, "/timed")
    wait_until(lambda: log("timed.log").read_text() == "/timed\n", "the time to be up")
    for i in range(20):
        get(port, f"/full/{i:02}")
        get(port, f"/kept/{i:02}")
    # Nine bytes each: seven fit, and are written when the eighth does not.
    wait_until(lambda: log("full.log").read_text().splitlines() == [f"/full/{i:02}" for i in range(14)], "two buffers")
    assert log("kept.log").read_text() == ""
    os.rename(log("kept.log"), log("kept.1"))
    proxy.send(signal.SIGUSR1)
    wait_until(lambda: len(log("kept.1").read_text().splitlines()) == 20, "the buffer to go to the old file")
    get(port, "/kept/later")

    with Client(port) as client:
        client.request('/json/"\\', headers=[("User-Agent", 'a"\tb')])
        client.request("/json/2", method="POST", body=b"x")
    wait_until(lambda: len(log("json.log").read_text().splitlines()) == 2, "two objects")
    line, second = (json.loads(text) for text in log("json.log").read_text().splitlines())
    assert line["uri"] == '/json/"\\' and line["status"] == "200" and line["user_agent"] == 'a"\tb'
    assert line["remote_addr"] == "127.0.0.1" and line["body_bytes_sent"] == 1 and line["request_time"] >= 0
    assert second["method"] == "POST" and second["connection"] == line["connection"]

    get(port, "/bad/x", headers=[("Referer", "http://r/")])
    for name, lines in (("warn.log", 1), ("crit.log", 0), ("info.log", 1)):
        assert len(log(name).read_text().splitlines()) == lines, name
    assert ', referrer: "http://r/"' in log("warn.log").read_text()

    # What libraries say goes to the reopened error log too.
    worker, = proxy.worker_pids()
    os.rename(proxy.error_log, log("error.1"))
    proxy.send(signal.SIGUSR1)
    wait_until(lambda: descriptors(worker)[2] == str(proxy.error_log), "descriptor 2 to follow")
    assert descriptors(proxy.pid)[2] == str(proxy.error_log)
    assert proxy.stop() == 0
    # What is buffered is on disk at the end.
    assert log("kept.log").read_text() == "/kept/later\n"
    assert len(log("full.log").read_text().splitlines()) == 20


# nginx forgets before it logs whether the connection is kept.
SENT = """content_type content_length location last_modified transfer_encoding cache_control
    expires etag accept_ranges content_range x_one server date set_cookie""".split()
LATE = ["status", "body_bytes_sent", "request_length", "connection_requests", "limit_rate", "request_completion",
        "realip_remote_addr", "request_method", "request_uri", "uri", "args", "server_name", "scheme",
        "document_root", "request_filename", "host", "is_args", "content_length", "remote_user"]
SENT_HTTP = f"""
    log_format late '{'|'.join(f"{name}=[$sent_http_{name}]" for name in SENT)}|'
                    '{'|'.join(f"{name}=[${name}]" for name in LATE)}';
    keepalive_timeout 60s 20s;
    server {{
        listen 127.0.0.1:@PORT@;
        server_name a.example;
        access_log @DIR@/late.log late;
        root @DIR@;
        limit_rate 1m;
        location /text {{ return 200 "text"; }}
        location /go {{ return 301 /elsewhere; }}
        location /away {{ return 302 http://b.example/x; }}
        location /none {{ return 204; }}
        location /error {{ return 403; }}
        location /added {{ add_header X-One 1; add_header Cache-Control a; expires 1h;
                           add_header Set-Cookie a=b; return 200 "x"; }}
        location /closed {{ keepalive_timeout 0; return 200 "x"; }}
        location /file.txt {{ }}
    }}
"""


def test_what_is_known_at_the_end_as_nginx_has_it(side_by_side):  # noqa: F811
    ours, nginx = side_by_side(SENT_HTTP)
    rows = [Row(f"{method} {uri}", fields) for method in ("GET", "HEAD", "POST") for uri in (
        "/text", "/text?a=b", "/go", "/away", "/none", "/error", "/added", "/closed", "/file.txt", "/missing")
        for fields in ((), ("Connection: keep-alive",), ("If-None-Match: *",), ("Range: bytes=0-1",))]
    for server in (ours, nginx):
        path = server.directory / "file.txt"
        path.write_bytes(b"0123456789")
        os.utime(path, (1795225564, 1795225564))
        for row in rows:
            with Client(server.port) as client:
                client.send(raw_bytes(row))
                client.response(row.line.split()[0])
        wait_until(lambda s=server: len(settled(s, "late.log") or []) == len(rows), "all log lines")

    def lines(server):
        for line in (server.directory / "late.log").read_text().splitlines():
            line = line.replace(str(server.directory), "DIR").replace(f":{server.port}", ":PORT")
            # Pages carry the signature, dates the second.
            if "status=[403]" in line or "status=[405]" in line or "status=[404]" in line or "status=[30" in line \
                    or "status=[416]" in line or "status=[412]" in line:
                line = re.sub(r"^(content_type=\[text/html\]\|content_length=\[)\d+", r"\1PAGE", line)
                line = re.sub(r"body_bytes_sent=\[[1-9]\d+\]", "body_bytes_sent=[PAGE]", line)
            yield re.sub(r"expires=\[[^]]+\]", "expires=[SOON]", line)
    wrong = [(mine, theirs) for mine, theirs in zip(lines(ours), lines(nginx)) if mine != theirs]
    assert not wrong, f"{len(wrong)} of {len(rows)} differ:\n" + "\n".join(
        f"nginx {theirs}\nours  {mine}" for mine, theirs in wrong[:10])


def test_what_the_codec_writes_is_known_too(tinyproxyd, backend, free_port):
    port = free_port()
    proxy = tinyproxyd("http { }", started=False)
    proxy.write(f"""http {{ log_format sent "$uri|$sent_http_connection|$sent_http_keep_alive|$sent_http_transfer_encoding";
        access_log {proxy.access_log} sent; keepalive_timeout 60s 20s;
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}
                  location /close {{ keepalive_timeout 0; return 200 "x"; }} }} }}""")
    proxy.start()
    expected = []
    for path in ("/bytes/10", "/chunked/10", "/close"):
        with Client(port) as client:
            got = client.request(path)
        expected.append("|".join([path] + [got.get(name) or "-" for name in (
            "connection", "keep-alive", "transfer-encoding")]))
    wait_until(lambda: settled(proxy, "access.log") == sorted(expected), f"{expected}")
