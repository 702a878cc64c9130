# SPDX-License-Identifier: ISC
"""Responses on their way down: what waits for a slow client, and where; interim responses and trailers."""
import socket
import threading

import pytest

from support.client import Client, get
from support.h2frames import H2
from support.inside import open_files
from support.nginx import Row, answer, assert_same, side_by_side  # noqa: F401
from support.pattern import pattern_bytes, pattern_sha256
from support.peer import read_head
from support.wait import DEADLINE_S, wait_until

BIG = 24 << 20      # more than any socket buffer holds


@pytest.fixture
def site(tinyproxyd, free_port, tmp_path):
    def make(upstream, options=""):
        port = free_port()
        site_dir = tmp_path / "site"
        site_dir.mkdir(exist_ok=True)
        site_dir.chmod(0o755)
        make.temp = site_dir / "temp"
        make.daemon = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
            proxy_temp_path {make.temp} 1 2;
            location / {{ proxy_pass http://127.0.0.1:{upstream}; {options} }}
            location /off/ {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_buffering off; }}
            location /memory/ {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_max_temp_file_size 0; proxy_buffers 4 64k; }}
            location /little/ {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_max_temp_file_size 100k; }}
            location /busy/ {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_busy_buffers_size 5000;
                proxy_temp_file_write_size 5000; }}
            location /rate/ {{ proxy_pass http://127.0.0.1:{upstream}/; proxy_limit_rate 50m; }}
        }} }}""")
        return port
    return make


def spooled(worker):
    """Bytes in files that have no name any more."""
    return sum(open_files(worker, "/temp/"))


def read_slowly(client, length):
    answer = client.response()
    return answer.status == 200 and answer.body_length == length and answer.sha256 == pattern_sha256(length)


@pytest.mark.parametrize("kind", ["bytes", "chunked", "close"])
def test_a_slow_client_does_not_hold_the_upstream(site, backend, kind):
    port = site(backend.port)
    with Client(port) as client:
        client.send(f"GET /{kind}/{BIG} HTTP/1.1\r\nHost: a\r\n\r\n")
        site.daemon.wait_for_error(r"an upstream response is buffered to a temporary file \S+/temp/\d/\d\d/\d{10} "
                                   "while reading upstream")
        # All of it is read, though the client has read nothing.
        worker, = site.daemon.worker_pids()
        wait_until(lambda: spooled(worker) > BIG - (12 << 20), "the response to be in the file")
        assert read_slowly(client, BIG)
    assert not [path for path in site.temp.rglob("*") if path.is_file()]


@pytest.mark.parametrize("where", ["/off/", "/memory/", "/little/", "/busy/", "/rate/"])
def test_every_way_delivers_all_of_it(site, backend, where):
    def files():
        return len([line for line in site.daemon.errors("warn") if "temporary file" in line])

    port = site(backend.port)
    on_disk = where in ("/little/", "/busy/", "/rate/")
    for number, kind in enumerate(("bytes", "chunked", "close"), 1):
        with Client(port) as client:
            client.send(f"GET {where}{kind}/{BIG} HTTP/1.1\r\nHost: a\r\n\r\n")
            if on_disk:
                wait_until(lambda: files() == number, "a file of its own")
            assert get(port, f"{where}bytes/5").body_length == 5
            assert read_slowly(client, BIG)
    assert files() == (3 if on_disk else 0)


def test_the_upstream_says_whether_it_is_buffered(site, backend):
    head = b"HTTP/1.1 200 OK\r\nX-Accel-Buffering: %b\r\nContent-Length: 10000000\r\n\r\n"
    backend.script["/yes"] = head % b"yes" + bytes(10_000_000)
    backend.script["/no"] = head % b"no" + bytes(10_000_000)
    port = site(backend.port, "proxy_buffering off;")
    with Client(port) as client:
        client.send("GET /yes HTTP/1.1\r\nHost: a\r\n\r\n")
        site.daemon.wait_for_error("an upstream response is buffered")
        assert client.response().body_length == 10_000_000
    port = site(backend.port)
    with Client(port) as client:
        client.send("GET /no HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().body_length == 10_000_000
    assert not [line for line in site.daemon.errors("warn") if "temporary file" in line]


def test_a_file_that_cannot_be_made_cuts_the_response(site, backend):
    port = site(backend.port)
    site.temp.rename(site.temp.with_name("gone"))
    with Client(port) as client:
        client.send(f"GET /bytes/{BIG} HTTP/1.1\r\nHost: a\r\n\r\n")
        site.daemon.wait_for_error(r"\[crit\].* writing of a buffered response failed \(2: No such file")
        with pytest.raises(Exception):
            client.response()
    assert get(port, "/bytes/100000").sha256 == pattern_sha256(100000)


@pytest.mark.parametrize("where", ["/", "/off/"])
def test_events_come_as_they_are_sent(site, peer, where):
    def serve(sock, number):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for count in range(20):
            event = b"data: %d\n\n" % count
            sock.sendall(b"%x\r\n%b\r\n" % (len(event), event))
            assert sock.recv(1) == b"" if count == 19 else heard.acquire(timeout=30)

    heard = threading.Semaphore(0)
    port = site(peer(serve).port)
    with Client(port) as client:
        client.send(f"GET {where} HTTP/1.1\r\nHost: a\r\n\r\n")
        for count in range(20):
            # Each event is awaited before the next is sent.
            assert client.reader.until(b"data: %d\n\n\r\n" % count)
            heard.release()


def test_trailers_and_interim_responses_are_passed_on(site, backend):
    backend.script["/trailer"] = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Other\r\n\r\n"
                                  b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n")
    backend.script["/early"] = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"
                                b"Connection: x\r\nServer: y\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    port = site(backend.port)
    with Client(port) as client:
        answer = client.request("/trailer")
        assert answer.body == b"hello" and answer.trailers == [("X-Sum", "1"), ("X-Other", "2")]
        assert answer.get("trailer") == "X-Sum, X-Other"
        client.send("GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        whole = client.until_closed()
        assert whole.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                                b"HTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\n")
    with Client(port) as client:
        client.send("GET /early HTTP/1.0\r\nHost: a\r\n\r\n")
        assert client.until_closed().startswith(b"HTTP/1.1 200 OK\r\n")


def test_what_is_hidden_in_front_of_the_body_is_hidden_behind_it(tinyproxyd, backend, free_port):
    port = free_port()
    backend.script["/trailer"] = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Secret: 1\r\n\r\n0\r\nX-Secret: 2\r\nServer: x\r\n"
                                  b"Keep-Alive: 5\r\nProxy-Connection: y\r\nX-Accel-Redirect: /z\r\nX-Sum: 3\r\n\r\n")
    proxy = tinyproxyd(f"""http {{ log_format t '$upstream_trailer_x_secret|$sent_trailer_x_secret|$sent_trailer_x_sum';
        access_log access.log t;
        server {{ listen 127.0.0.1:{port}; http2 on; proxy_hide_header X-Secret; proxy_pass_header X-Accel-Redirect;
                  location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with Client(port) as client:
        answer = client.request("/trailer")
        assert not answer.get("x-secret")
        assert answer.trailers == [("X-Accel-Redirect", "/z"), ("X-Sum", "3")]
    with H2(port) as client:
        assert client.request(1, "/trailer").trailers == [("x-accel-redirect", "/z"), ("x-sum", "3")]
    log = proxy.directory / "access.log"
    wait_until(lambda: log.read_text() == "2|-|3\n" * 2, "what the log says of them")


def test_an_upstream_may_finish_though_the_client_left(site, backend):
    port = site(backend.port, "proxy_ignore_client_abort on;")
    client = Client(port)
    client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.wait_for_requests(1)
    client.reset()
    wait_until(lambda: " 499 " in site.daemon.access_log.read_text(), "the access log's line")
    assert backend.open_connections == 1
    backend.release("x")
    assert get(port, "/bytes/10").status == 200
    assert not backend.broken


@pytest.mark.parametrize("leave", ("before the answer", "behind its head"))
def test_an_upstream_that_never_finishes_is_not_waited_for(site, peer, leave):
    """Of events there is no end: who has begun to hear them and left ends them, as in nginx; unheard they have their time."""
    go, closed = threading.Event(), threading.Event()

    def serve(sock, _):
        read_head(sock)
        go.wait(DEADLINE_S)
        try:
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100 * DEADLINE_S):
                sock.sendall(b"2\r\n:\n\r\n")
                closed.wait(0.01)
        except OSError:
            closed.set()
    events = peer(serve)
    port = site(events.port, "proxy_ignore_client_abort on; proxy_read_timeout 500ms;")
    if leave == "behind its head":
        go.set()
    client = Client(port)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    if go.is_set():
        assert client.reader.until(b":\n\r\n")
    wait_until(lambda: events.connections == 1, "the request")
    client.reset()
    wait_until(lambda: " 499 " in site.daemon.access_log.read_text() or go.is_set(), "the access log's line")
    go.set()
    assert closed.wait(DEADLINE_S)


def test_who_has_only_ended_its_side_is_answered_where_it_does_not_matter(site, backend):
    """As in nginx; by default it is taken for gone."""
    port = site(backend.port, "proxy_ignore_client_abort on;")
    for number, more in enumerate(("\r\n", "Content-Length: 3\r\n\r\nabc")):
        for path, answered in ((f"/hold/{number}", True), (f"/off/hold/off{number}", False)):
            asked = len(backend.requests)
            with Client(port) as client:
                client.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n{more}")
                client.half_close()
                if answered:
                    backend.wait_for_requests(asked + 1)
                    backend.release(f"{number}")
                assert client.until_closed().startswith(b"HTTP/1.1 200 OK\r\n") == answered
        backend.release(f"off{number}")


def test_local_addresses(site, backend, tinyproxyd, free_port):
    listener = socket.create_server(("127.0.0.1", 0))
    port = free_port()
    daemon = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{listener.getsockname()[1]}; proxy_bind $arg_from; }} }} }}""")
    with listener:
        for source in ("127.0.0.7", "127.0.0.8", "127.0.0.7", "nonsense"):
            with Client(port) as client:
                client.send(f"GET /?from={source} HTTP/1.1\r\nHost: a\r\n\r\n")
                sock, address = listener.accept()
                with sock:
                    assert read_head(sock)
                    assert address[0] == (source if source != "nonsense" else "127.0.0.1")
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    assert client.response().status == 200
    assert any('invalid local address "nonsense"' in line for line in daemon.errors("error"))


SIDE = """
    server { listen 127.0.0.1:@PORT@;
        location / { proxy_pass http://127.0.0.1:@BACKEND@; }
        location /off/ { proxy_pass http://127.0.0.1:@BACKEND@/; proxy_buffering off; }
        location /closed/ { proxy_pass http://127.0.0.1:@BACKEND@/; chunked_transfer_encoding off; }
        location /buffers/ { proxy_pass http://127.0.0.1:@BACKEND@/; proxy_buffers 2 4k; proxy_busy_buffers_size 4k;
            proxy_max_temp_file_size 8k; proxy_temp_file_write_size 8k; }
    }
"""


def test_the_same_bytes_as_nginx(side_by_side, backend):  # noqa: F811
    backend.script["/until-close"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"
    backend.script_close.add("/until-close")
    ours, nginx = side_by_side(SIDE.replace("@BACKEND@", str(backend.port)))
    rows = [Row(f"{method} {where}{what}") for method in ("GET", "HEAD") for where in ("/", "/off/", "/buffers/")
            for what in ("bytes/0", "bytes/1", "bytes/4096", "bytes/300000", "status/304", "status/204")]
    assert_same(ours, nginx, [*rows, Row("GET /until-close"), Row("GET /off/until-close")])
    # The end of a body of unknown length is the connection's, whatever the client would like; nothing else ends it.
    wished = "".join(f"{line} HTTP/1.1\r\nHost: a.example\r\n\r\n" for line in (
        "GET /closed/bytes/10", "HEAD /closed/chunked/10", "GET /closed/status/204", "GET /closed/chunked/100000", "GET /never"))
    for server in (ours, nginx):
        said = answer(server.port, wished.encode())
        assert said.count(b"HTTP/1.1 ") == 4 and b"chunked" not in said and said.endswith(pattern_bytes(100000))
    assert_same(ours, nginx, [Row(f"GET /closed/{what}", ["Connection: keep-alive"]) for what in ("chunked/9", "until-close")])
