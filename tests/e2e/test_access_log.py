# SPDX-License-Identifier: ISC
"""Access logs, side by side with nginx: formats, escapes, what is logged, where, and reopening."""
import os
import re
import signal

import pytest

from support.client import Client, get
from support.nginx import Row, answer, difference, raw_bytes, side_by_side  # noqa: F401
from support.wait import wait_until

ODD = ["User-Agent: a\"b\\c\t\xe9~", "Referer: http://r.example/?x=%20 y"]

REQUESTS = [
    Row("GET /"), Row("GET /?"), Row("GET /x?a=b"), Row("GET /none"), Row("HEAD /"), Row("POST /", body=b"12345"),
    Row("GET /", ODD), Row("GET /\"quoted\"\\back"), Row("GET /%22%5c%0a?x=\"y\""), Row("GET /dir"),
    Row("GET /", ["Authorization: Basic dXNlciBcIgE6cA=="]), Row("GET /", ["Authorization: Basic OnA="]),
    Row("GET /", ["Authorization: Basic eA=="]), Row("GET /", ["User-Agent:"]), Row("GET /302"), Row("GET /204"),
    Row("GET /444"), Row("", raw=b"GET / HTTP/1.0\r\n\r\n"), Row("GET /405", ["If-None-Match: *"]),
    Row("GET /a.txt", ["Range: bytes=0-1"]), Row("GET /a.txt"), Row("HEAD /a.txt"), Row("GET /off"),
    Row("GET /twice"), Row("GET /%00"), Row("", raw=b"NONSENSE\r\n\r\n"), Row("GET /x", ["Host: bad/host"]),
    Row("", raw=b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
]

HTTP = """
    types { text/plain txt; }
    log_format odd '[$time_local] "$request" $status $bytes_sent "$http_user_agent" $remote_user|$args|$is_args|$host';
    log_format json escape=json '{"r":"$request","u":"$http_user_agent","a":"$args","x":"$http_x","s":$status}';
    log_format none escape=none '$request $http_user_agent $http_x|';
    access_log @DIR@/combined.log;
    access_log @DIR@/odd.log odd;
    access_log @DIR@/json.log json;
    access_log @DIR@/none.log none;
    server {
        listen 127.0.0.1:@PORT@;
        server_name a.example;
        root @DIR@/www;
        location /none { return 404; }
        location /302 { return 302 http://b.example/; }
        location /204 { return 204; }
        location /444 { return 444; }
        location /405 { return 405; }
        location /off { access_log off; return 200 "not logged"; }
        location /twice { access_log @DIR@/twice.log; access_log @DIR@/twice.log odd; return 200 "two lines"; }
        location / { return 200 "ok"; }
        location /a.txt { }
        location /dir { }
    }
"""


def lines_of(path):
    text = path.read_bytes()
    text = re.sub(rb"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", b"TIME", text)
    return text.decode("latin-1").splitlines()


@pytest.fixture
def logged(side_by_side, tmp_path):  # noqa: F811
    """The lines of both after REQUESTS, by the log's name; stopped, so that all is written."""
    for name in ("tinyproxyd", "nginx"):
        www = tmp_path / name / "www"
        (www / "dir").mkdir(parents=True)
        (www / "a.txt").write_bytes(b"0123456789")
    os.rmdir(tmp_path / "nginx" / "www" / "dir")
    os.remove(tmp_path / "nginx" / "www" / "a.txt")
    os.rmdir(tmp_path / "nginx" / "www")
    os.rmdir(tmp_path / "nginx")
    ours, nginx = side_by_side(HTTP)
    (nginx.directory / "www" / "dir").mkdir(parents=True)
    (nginx.directory / "www" / "a.txt").write_bytes(b"0123456789")
    for row in REQUESTS:
        for server in (ours, nginx):
            answer(server.port, raw_bytes(row))
    nginx.process.stop(signal.SIGQUIT)
    ours.stop()
    return ours, nginx


# Our signature is longer than nginx's: lines about answers with a page differ in their size, and it is taken out.
def without_size(line, name):
    if name == "combined":
        return re.sub(r'(" (?:3|4)\d\d) \d+ "', r'\1 SIZE "', line)
    if name in ("odd", "twice"):
        return re.sub(r'(" \d\d\d) \d+ ', r"\1 SIZE ", line)
    return line


@pytest.mark.parametrize("name", ["combined", "odd", "json", "none", "twice"])
def test_lines_as_nginx(logged, name):
    mine, theirs = ([without_size(line, name) for line in lines_of(server.directory / f"{name}.log")]
                    for server in logged)
    assert mine == theirs, difference(*('\n'.join(lines).encode('latin-1') for lines in (theirs, mine)))
    assert len(mine) > (1 if name == "twice" else 20)


def test_sizes_are_those_sent(tinyproxyd, free_port, tmp_path):
    port = free_port()
    log = tmp_path / "sizes.log"
    proxy = tinyproxyd(f"""http {{
        log_format sizes "$uri $body_bytes_sent $bytes_sent $request_length $request_completion";
        access_log {log} sizes;
        server {{ listen 127.0.0.1:{port};
            location / {{ return 200 "0123456789"; }}
            location /page {{ return 404; }}
        }}
    }}""")
    sent = {}
    for method, path in (("GET", "/"), ("HEAD", "/head"), ("GET", "/page"), ("POST", "/body")):
        data = raw_bytes(Row(f"{method} {path}", body=b"x" * 1000 if method == "POST" else b""))
        whole = answer(port, data)
        sent[path] = (len(whole.partition(b"\r\n\r\n")[2]), len(whole), len(data), "OK")
    proxy.stop()
    logged = {line.split(" ")[0]: line.split(" ")[1:] for line in log.read_text().splitlines()}
    assert logged == {path: [str(n) for n in numbers] for path, numbers in sent.items()}


def test_a_line_is_on_disk_before_the_next_request(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(f"http {{ server {{ listen 127.0.0.1:{port}; return 200 x; }} }}")
    with Client(port) as client:
        for n in range(1, 20):
            client.request(f"/{n}")
            wait_until(lambda n=n: f"GET /{n} " in proxy.access_log.read_text(), f"line {n}")


def test_an_answer_cut_short_is_logged_with_what_was_sent(tinyproxyd, free_port, tmp_path):
    port = free_port()
    big = tmp_path / "www" / "big"
    big.parent.mkdir()
    big.parent.chmod(0o755)
    with open(big, "wb") as file:
        file.truncate(64 << 20)
    log = tmp_path / "cut.log"
    tinyproxyd(f"""http {{
        log_format cut "$status $body_bytes_sent [$request_completion]"; access_log {log} cut;
        server {{ listen 127.0.0.1:{port}; root {big.parent}; }} }}""")
    client = Client(port)
    client.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.reader.some(1000)
    client.reset()
    line = wait_until(lambda: log.exists() and log.read_text(), "the line")
    status, sent, completion = line.split()
    assert status == "200" and completion == "[]" and 1000 < int(sent) < 64 << 20


def test_reopened_logs_go_on_in_the_new_file(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(f"worker_processes 2;\nhttp {{ server {{ listen 127.0.0.1:{port}; return 200 x; }} }}")
    get(port, "/before")
    wait_until(lambda: "/before" in proxy.access_log.read_text(), "the first line")
    old = proxy.access_log.with_suffix(".old")
    proxy.access_log.rename(old)
    get(port, "/between")
    wait_until(lambda: "/between" in old.read_text(), "the line in the renamed file")
    proxy.send(signal.SIGUSR1)
    proxy.process.wait_for_file(proxy.access_log)
    def lands_in_the_new_file():
        get(port, "/after")
        return "/after" in proxy.access_log.read_text()
    wait_until(lands_in_the_new_file, "a line in the new file")
    assert "/between" not in proxy.access_log.read_text()


def test_the_log_survives_reloads_and_changes_with_them(tinyproxyd, free_port, tmp_path):
    port, other = free_port(), tmp_path / "other.log"
    config = f"http {{ server {{ listen 127.0.0.1:{port}; return 200 x; }} }}"
    proxy = tinyproxyd(config)
    with Client(port) as client:
        client.request("/one")
        proxy.reload(config)
        client.request("/two")
        proxy.reload(config.replace("http {", f"http {{ access_log {other};", 1))
        client.request("/three")
        wait_until(lambda: other.exists() and "/three" in other.read_text(), "the line in the other file")
    text = proxy.access_log.read_text()
    assert "/one" in text and "/two" in text and "/three" not in text
