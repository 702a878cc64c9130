# SPDX-License-Identifier: ISC
"""Proxying: what the backend sees, what the client sees, whose turn it is, and what failures become."""
import signal
import socket

import pytest

from support import wire
from support.client import Client, get
from support.nginx import temp_paths
from support.pattern import pattern, pattern_sha256
from support.process import resident_kib
from support.wait import wait_until


def site(port, locations, before="", server=""):
    return f"""http {{
    {before}
    server {{
        listen 127.0.0.1:{port};
        {server}
        {locations}
    }}
}}"""


@pytest.fixture
def proxied(tinyproxyd, backend, free_port):
    """proxied(extra="", **site) → port of a proxy that passes everything to `backend`."""
    def make(inside="", **more):
        port = free_port()
        make.proxy = tinyproxyd(site(
            port, f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; {inside} }}", **more))
        return port
    return make


# ---- the request as the backend sees it ----------------------------------------------------------

def test_path_mapping_is_nginx_s(tinyproxyd, backend, free_port, start, tmp_path):
    upstream = f"http://127.0.0.1:{backend.port}"
    locations = f"""
        location /plain/ {{ proxy_pass {upstream}; }}
        location /uri/ {{ proxy_pass {upstream}/; }}
        location /deep/ {{ proxy_pass {upstream}/a/b; }}
        location = /exact {{ proxy_pass {upstream}/other; }}
        location /query {{ proxy_pass {upstream}/q?fixed=1; }}"""
    targets = ["/plain/x?y=1", "/plain/a%20b/%7e", "/plain//double/./dot/../up", "/uri/x", "/uri/", "/uri/a%20b%2Fc?d=%20",
               "/uri/%E4%F6?x", "/uri/a/../b", "/deep/x?", "/deep/x/y?z", "/exact", "/exact?q", "/plain/?", "/uri/%25%3f%23"]
    ours, theirs = free_port(), free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(f"""daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/nginx.err;
        events {{ }} http {{ access_log off; {temp_paths(tmp_path)} server {{ listen 127.0.0.1:{theirs}; {locations} }} }}""")
    start("nginx", ["nginx", "-p", tmp_path, "-c", config]).wait_for_port(theirs)
    tinyproxyd(site(ours, locations))

    def seen(port, target):
        count = len(backend.requests)
        get(port, target)
        return backend.wait_for_requests(count + 1)[-1].target

    assert [seen(ours, t) for t in targets] == [seen(theirs, t) for t in targets]


def test_headers_towards_the_backend(proxied, backend):
    port = proxied("""proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Gone "";
        proxy_set_header X-Scheme $scheme;""")
    get(port, "/a", host="www.example:99", headers=[
        ("X-Forwarded-For", "10.0.0.1"), ("X-Gone", "yes"), ("X-Kept", "a"), ("X-Kept", "b"), ("Connection", "close"),
        ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Upgrade", "x"), ("Cookie", "c=1")])
    request = backend.last
    assert request.get("host") == "www.example"
    assert request.get("x-real-ip") == "127.0.0.1"
    assert request.get("x-forwarded-for") == "10.0.0.1, 127.0.0.1"
    assert request.get("x-scheme") == "http"
    assert request.get("cookie") == "c=1"
    assert [value for name, value in request.headers if name.lower() == "x-kept"] == ["a", "b"]
    for absent in ("x-gone", "keep-alive", "te", "upgrade", "connection"):
        assert request.get(absent) is None, absent


def test_host_defaults_to_the_upstream_s_name(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(site(port, "location / { proxy_pass http://app; }",
                    before=f"upstream app {{ server 127.0.0.1:{backend.port}; }}"))
    get(port, host="client.example")
    assert backend.last.get("host") == "app"
    assert backend.last.version == "HTTP/1.1"


def test_http_1_0_towards_the_backend(proxied, backend):
    port = proxied("proxy_http_version 1.0;")
    assert get(port).status == 200
    assert backend.last.version == "HTTP/1.0" and backend.last.get("connection") == "close"
    with Client(port) as client:
        told = client.request("/echo", "POST", body=[b"of unknown length"])
    assert told.json["body"] == "of unknown length" and backend.last.get("content-length") == "17"


@pytest.mark.parametrize("length", [0, 1, 4096, 70000])
def test_request_bodies(proxied, backend, length):
    port = proxied()
    body = b"".join(pattern(length))
    with Client(port) as client:
        for framed in (body, [body[:length // 2] or b"x", body[length // 2:] or b"y"]):
            told = client.request("/echo", "POST", body=framed).json
            want = framed if isinstance(framed, bytes) else b"".join(framed)
            assert told["length"] == len(want)
    assert backend.connections == 1


def test_continue_is_asked_for_only_when_the_body_is_wanted(proxied, backend):
    port = proxied()
    with Client(port) as client:
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert wire.read_head(client.reader).status == 100
        client.send(b"hello")
        assert client.response().json["body"] == "hello"
    assert backend.last.get("expect") is None


# ---- the response as the client sees it ----------------------------------------------------------

@pytest.mark.parametrize("path", ["/bytes/100000", "/chunked/100000", "/close/100000", "/bytes/0", "/chunked/0"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_response_bodies(proxied, path, version):
    port = proxied()
    answer = get(port, path, version=version)
    assert answer.status == 200
    assert answer.sha256 == pattern_sha256(int(path.rsplit("/", 1)[1]))
    if version == "HTTP/1.0":
        assert answer.get("transfer-encoding") is None


@pytest.mark.parametrize("status", [204, 304, 404, 500])
def test_statuses_pass(proxied, status):
    with Client(proxied()) as client:
        assert client.request(f"/status/{status}").status == status
        assert client.request("/").status == 200


def test_head_has_the_length_and_no_body(proxied):
    with Client(proxied()) as client:
        answer = client.request("/bytes/5000", "HEAD")
        assert answer.get("content-length") == "5000" and answer.body == b""
        assert client.request("/bytes/10").status == 200


def test_hop_by_hop_fields_end_here(proxied, backend):
    backend.script["/x"] = (b"HTTP/1.1 200 OK\r\nServer: secret\r\nDate: then\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\n"
                            b"X-Accel-Expires: 1\r\nContent-Length: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok")
    answer = get(proxied("add_header X-Added yes;"), "/x")
    assert answer.get("server").startswith("tinyproxyd")
    assert answer.get("x-added") == "yes"
    assert [value for name, value in answer.headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]
    for absent in ("keep-alive", "x-accel-expires"):
        assert answer.get(absent) is None


def test_fields_that_speak_to_the_proxy_end_here(proxied, backend):
    hidden = ("dATE", "sERVER", "X-Pad", "x-accel-expires", "X-ACCEL-LIMIT-RATE", "X-Accel-Buffering", "X-Accel-Charset")
    passed = ("X-Accel", "X-Accel-Other", "X-Accel-Expires-", "X_Accel_Expires", "X-Padding", "X_Pad", "Dates", "Servers")
    fields = "".join(f"{name}: 1\r\n" for name in hidden + passed)
    backend.script["/x"] = f"HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n".encode()
    answer = get(proxied(), "/x")
    assert [name for name, value in answer.headers if value == "1"] == list(passed)


def test_fields_hidden_and_passed_by_wish(proxied, backend):
    backend.script["/x"] = (b"HTTP/1.1 200 OK\r\nServer: theirs\r\nDate: then\r\nX-Secret: 1\r\nContent-Type: a/b\r\n"
                            b"X-Accel-Expires: 5\r\nContent-Length: 0\r\n\r\n")
    answer = get(proxied("proxy_pass_header Server; proxy_pass_header X-Accel-Expires; proxy_hide_header x-secret;"
                         "proxy_hide_header Content-Type;"), "/x")
    assert [value for name, value in answer.headers if name == "Server"] == ["theirs"]
    assert answer.get("x-accel-expires") == "5"
    assert answer.get("x-secret") is None and answer.get("content-type") is None
    assert answer.get("date") != "then"


def test_the_keep_alive_field_by_wish(proxied):
    with Client(proxied(server="keepalive_timeout 60s 20s;")) as client:
        assert client.request("/").get("keep-alive") == "timeout=20"
        assert client.request("/", headers=[("Connection", "close")]).get("keep-alive") is None


def test_a_proxied_directory_gets_its_slash(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(site(port, f"location /app/ {{ proxy_pass http://127.0.0.1:{backend.port}; }}"))
    answer = get(port, "/app?x=1", host="h.example")
    assert answer.status == 301 and answer.get("location") == f"http://h.example:{port}/app/?x=1"


def test_location_is_mapped_back(tinyproxyd, backend, free_port):
    port = free_port()
    upstream = f"http://127.0.0.1:{backend.port}"
    backend.script["/two/x"] = f"HTTP/1.1 302 Found\r\nLocation: {upstream}/two/y\r\nContent-Length: 0\r\n\r\n".encode()
    backend.script["/off/x"] = backend.script["/two/x"]
    tinyproxyd(site(port, f"""location /one/ {{ proxy_pass {upstream}/two/; }}
        location /off/ {{ proxy_pass {upstream}; proxy_redirect off; }}"""))
    assert get(port, "/one/x").get("location") == f"http://localhost:{port}/one/y"
    assert get(port, "/off/x").get("location") == f"{upstream}/two/y"


def test_pipelined_requests_are_answered_in_order(proxied, backend):
    with Client(proxied()) as client:
        client.send("".join(f"GET /echo?{n} HTTP/1.1\r\nHost: a\r\n\r\n" for n in range(40)))
        assert [client.response().json["target"] for _ in range(40)] == [f"/echo?{n}" for n in range(40)]
    assert backend.connections == 1


def test_a_body_nobody_asked_for_is_read_to_its_end(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(site(port, "location / { return 200 ok; }", server="client_body_timeout 300ms;"))
    with Client(port) as client:
        for head, body in (("Content-Length: 100000", b"x" * 100000),
                           ("Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n")):
            client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n")
            assert client.response().get("connection") == "keep-alive"
            client.send(body)
        assert client.request("/").status == 200
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
        assert client.response().status == 200
        client.wait_closed()


# ---- connections ---------------------------------------------------------------------------------

def test_both_sides_keep_alive(proxied, backend):
    with Client(proxied()) as client:
        for _ in range(20):
            assert client.request("/").get("connection") == "keep-alive"
    assert backend.connections == 1
    assert {request.connection for request in backend.requests} == {1}


def test_keepalive_zero_closes_towards_the_upstream(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(site(port, "location / { proxy_pass http://app; }",
                    before=f"upstream app {{ server 127.0.0.1:{backend.port}; keepalive 1; keepalive_requests 2; }}"))
    with Client(port) as client:
        for _ in range(6):
            assert client.request("/").status == 200
    assert backend.connections == 3


def test_a_request_limit_per_connection(proxied):
    with Client(proxied(server="keepalive_requests 3;")) as client:
        assert [client.request("/").get("connection") for _ in range(3)] == ["keep-alive", "keep-alive", "close"]
        client.wait_closed()


def test_unix_upstream_and_ipv6_listener(tinyproxyd, make_backend, free_port, tmp_path):
    port = free_port()
    make_backend("over-unix", unix=tmp_path / "app.sock")
    tinyproxyd(f"""http {{ server {{ listen [::1]:{port};
        location / {{ proxy_pass http://unix:{tmp_path}/app.sock:; }} }} }}""")
    with Client(port, host="::1") as client:
        assert client.request("/").body == b"over-unix\n"


# ---- whose turn it is ----------------------------------------------------------------------------

def test_round_robin_by_weight(tinyproxyd, make_backend, free_port):
    port, one, two = free_port(), make_backend("one"), make_backend("two")
    tinyproxyd(site(port, "location / { proxy_pass http://app; }", before=f"""upstream app {{
        server 127.0.0.1:{one.port} weight=3; server 127.0.0.1:{two.port}; }}"""))
    answers = [get(port).body for _ in range(40)]
    assert answers.count(b"one\n") == 30 and answers.count(b"two\n") == 10


def test_a_dead_peer_is_passed_over_and_a_backup_steps_in(tinyproxyd, make_backend, free_port):
    port, dead, spare = free_port(), free_port(), make_backend("spare")
    proxy = tinyproxyd(site(port, "location / { proxy_pass http://app; }", before=f"""upstream app {{
        server 127.0.0.1:{dead}; server 127.0.0.1:{spare.port} backup; }}"""))
    assert [get(port).body for _ in range(10)] == [b"spare\n"] * 10
    refused = [line for line in proxy.errors("error") if "Connection refused" in line]
    assert len(refused) == 1 and "while connecting to upstream" in refused[0] and f"127.0.0.1:{dead}/" in refused[0]


def test_a_peer_is_asked_again_after_its_rest(tinyproxyd, make_backend, free_port):
    port, late, other = free_port(), free_port(), make_backend("other")
    tinyproxyd(site(port, "location / { proxy_pass http://app; }", before=f"""upstream app {{
        server 127.0.0.1:{late} fail_timeout=1s; server 127.0.0.1:{other.port}; }}"""))
    assert {get(port).body for _ in range(4)} == {b"other\n"}
    make_backend("late", port=late)
    wait_until(lambda: get(port).body == b"late\n", "the peer to be asked again")


# ---- failures ------------------------------------------------------------------------------------

def test_nobody_listens(tinyproxyd, free_port):
    port, dead = free_port(), free_port()
    proxy = tinyproxyd(site(port, f"location / {{ proxy_pass http://127.0.0.1:{dead}; }}"))
    answer = get(port, "/x", host="h.example")
    assert answer.status == 502 and b"502 Bad Gateway" in answer.body
    line = proxy.wait_for_error("connect\\(\\) failed").string
    assert "(111: Connection refused) while connecting to upstream, client: 127.0.0.1" in line
    assert f'upstream: "http://127.0.0.1:{dead}/x", host: "h.example"' in line


def test_a_silent_upstream_is_504(proxied, backend):
    port = proxied("proxy_read_timeout 200ms;")
    assert get(port, "/hold/x").status == 504
    assert proxied.proxy.wait_for_error("upstream timed out \\(110: Connection timed out\\) while reading response header")
    backend.release("x")


def test_a_connection_that_never_opens_is_504(tinyproxyd, free_port):
    port = free_port()
    listener = socket.socket()
    fillers = []
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # fill the accept queue: further SYNs get no answer
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        tinyproxyd(site(port, f"""location / {{ proxy_pass http://127.0.0.1:{listener.getsockname()[1]};
            proxy_connect_timeout 300ms; }}"""))
        assert get(port).status == 504
    finally:
        for sock in (*fillers, listener):
            sock.close()


@pytest.mark.parametrize("method, times", [("GET", 2), ("POST", 1)])
def test_a_kept_connection_that_the_upstream_closed_as_we_used_it(proxied, backend, method, times):
    """GET goes out again on a new connection; a POST that may have been acted on does not."""
    port = proxied()
    backend.script["/bye"] = b""
    backend.script_close.add("/bye")
    with Client(port) as client:
        assert client.request("/").status == 200
        # The script answers nothing and closes: on the kept connection first, then on the new one.
        assert client.request("/bye", method, body=b"x" if method == "POST" else None).status == 502
        sent = [request for request in backend.requests if request.target == "/bye"]
        assert len(sent) == times
        assert client.request("/").status == 200


def test_an_idle_connection_that_was_closed_is_not_used(proxied, backend):
    port = proxied()
    with Client(port) as client:
        for _ in range(3):
            assert client.request("/").status == 200
            backend.drop_connections()
            wait_until(lambda: backend.open_connections == 0, "the backend's connections to end")
        assert client.request("/", "POST", body=b"x").status == 200


@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nzz\r\n",
])
def test_a_cut_response_is_never_whole(proxied, backend, raw):
    backend.script["/cut"] = raw
    backend.script_close.add("/cut")
    port = proxied()
    with Client(port) as client, pytest.raises(wire.WireError):
        client.request("/cut")
    with Client(port) as client:
        client.send("GET /cut HTTP/1.0\r\n\r\n")
        if b"chunked" in raw:
            with pytest.raises(OSError):  # reset: an orderly end would look like a whole body
                while client.sock.recv(4096):
                    pass


def test_an_answer_before_the_body_was_sent(proxied, backend):
    backend.early.add("/no")
    backend.script["/no"] = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n"
    backend.script_close.add("/no")
    port = proxied("proxy_request_buffering off;", server="client_max_body_size 0;")
    with Client(port) as client:
        client.send("POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
        try:
            for piece in pattern(20_000_000):
                client.send(piece)
        except OSError:
            pass
        assert client.response().status == 413


# ---- limits --------------------------------------------------------------------------------------

def test_size_limits(proxied, backend):
    port = proxied(server="client_max_body_size 10k;")
    with Client(port) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10241\r\n\r\n")
        assert client.response().status == 413
    with Client(port) as client:
        assert client.request("/echo", "POST", body=[b"x" * 5000] * 3).status == 413
    with Client(port) as client:
        assert client.request("/" + "a" * 9000).status == 414
    with Client(port) as client:
        assert client.request("/", headers=[("X-Long", "a" * 9000)]).status == 400
    with Client(port) as client:
        assert client.request("/", headers=[(f"X-{n}", "a" * 7000) for n in range(6)]).status == 400
    with Client(port) as client:
        assert client.request("/echo", "POST", body=b"x" * 10240).status == 200


def test_slow_clients_are_timed_out(proxied):
    port = proxied(before="client_header_timeout 200ms; client_body_timeout 200ms; keepalive_timeout 200ms;")
    with Client(port) as client:
        client.send("GET / HTTP/1.1\r\nHo")
        assert client.response().status == 408
    with Client(port) as client:
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert client.response().status == 408
    with Client(port) as client:
        assert client.request("/").status == 200
        client.wait_closed()


def test_stalled_readers_cost_bounded_memory(tinyproxyd, backend, free_port, release_build):
    port = free_port()
    proxy = tinyproxyd(site(port, f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}"),
                       build=release_build)
    get(port, "/bytes/1000000")
    worker, = proxy.worker_pids()
    before = resident_kib(worker)
    clients = [Client(port) for _ in range(20)]
    for client in clients:
        client.send("GET /bytes/67108864 HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.wait_for_requests(21)
    for client in clients:
        client.reader.some(1000)
    assert resident_kib(worker) - before < 20 * 160
    for client in clients:
        client.close()
    assert get(port).status == 200


def test_connections_beyond_the_limit_wait(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd("events { worker_connections 8; }\n" +
               site(port, f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}"))
    kept = [Client(port) for _ in range(8)]
    for client in kept:
        assert client.request("/").status == 200
    late = Client(port)
    late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    kept.pop().close()
    assert late.response().status == 200
    for client in (late, *kept):
        client.close()


# ---- the end -------------------------------------------------------------------------------------

def test_quit_finishes_what_is_under_way(proxied, backend):
    port = proxied()
    proxy = proxied.proxy
    idle, busy = Client(port), Client(port)
    assert idle.request("/").status == 200
    busy.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.wait_for_requests(2)
    proxy.send(signal.SIGQUIT)
    idle.wait_closed()
    with pytest.raises(OSError):
        Client(port)
    backend.release("x")
    assert busy.response().status == 200
    busy.wait_closed()
    idle.close()
    busy.close()
    assert proxy.process.wait() == 0


def test_a_client_that_leaves_takes_its_upstream_along(proxied, backend):
    port = proxied()
    with Client(port) as client:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
    proxied.proxy.wait_for_error("client prematurely closed connection")
    wait_until(lambda: " 499 " in proxied.proxy.access_log.read_text(), "the access log line")
    backend.release("x")
