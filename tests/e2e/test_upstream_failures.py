# SPDX-License-Identifier: ISC
"""An upstream that fails in each way it can: what the client gets, what the log says, who is asked next."""
import collections
import re
import socket
import struct

import pytest

from support import wire
from support.client import Client
from support.peer import read_head

Case = collections.namedtuple("Case", "serve status log next", defaults=(True,))
CUT = "cut"     # the client sees that the response is not whole
SENT = "while reading response header from upstream"
CLOSED = "upstream prematurely closed connection "
RESET = r"recv\(\) failed \(104: Connection reset by peer\) "


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(data, then=None):
    def serve(sock, number):
        read_head(sock)
        sock.sendall(data)
        if then == "reset":
            reset(sock)
        elif then == "hold":
            sock.recv(1)
    return serve


def head(*fields, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


CASES = {
    "closes-before-the-head": Case(says(b""), 502, CLOSED + SENT),
    "resets-before-the-head": Case(says(b"", "reset"), 502, RESET + SENT),
    "closes-in-the-head": Case(says(b"HTTP/1.1 200 OK\r\nX-Some"), 502, CLOSED + SENT),
    "resets-in-the-head": Case(says(b"HTTP/1.1 200 OK\r\nX-Some", "reset"), 502, RESET + SENT),
    "never-answers": Case(says(b"", "hold"), 504, r"upstream timed out \(110: Connection timed out\) " + SENT),
    "stops-in-the-head": Case(says(b"HTTP/1.1 200 OK\r\nX-Some", "hold"), 504,
                              r"upstream timed out \(110: Connection timed out\) " + SENT),
    "no-http": Case(says(b"SSH-2.0-OpenSSH\r\n\r\n"), 502, "upstream sent invalid header", False),
    "too-big-a-head": Case(says(head("X: " + "a" * 9000)), 502, "upstream sent too big header " + SENT, False),
    "two-lengths": Case(says(head("Content-Length: 1", "Content-Length: 2") + b"xx"), 502, "upstream sent invalid header", False),
    "length-and-chunks": Case(says(head("Content-Length: 1", "Transfer-Encoding: chunked") + b"x"), 502,
                              "upstream sent invalid header", False),
    "switches-unasked": Case(says(head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols")), 502,
                             "upstream switched protocols unasked", False),
    "less-than-announced": Case(says(head("Content-Length: 100") + b"little"), CUT, CLOSED + "while reading upstream", False),
    "resets-in-the-body": Case(says(head("Content-Length: 100") + b"little", "reset"), CUT, RESET + "while reading upstream", False),
    "stops-in-the-body": Case(says(head("Content-Length: 100") + b"little", "hold"), CUT,
                              r"upstream timed out \(110: Connection timed out\) while reading upstream", False),
    "closes-in-a-chunk": Case(says(head("Transfer-Encoding: chunked") + b"5\r\nab"), CUT, CLOSED + "while reading upstream", False),
    "closes-before-the-last-chunk": Case(says(head("Transfer-Encoding: chunked") + b"2\r\nab\r\n"), CUT,
                                         CLOSED + "while reading upstream", False),
    "a-wrong-chunk": Case(says(head("Transfer-Encoding: chunked") + b"2\r\nab\r\nxyz\r\n"), CUT,
                          "upstream sent invalid chunked response", False),
    "resets-without-framing": Case(says(head() + b"until close", "reset"), CUT, RESET + "while reading upstream", False),
    "more-than-announced": Case(says(head("Content-Length: 4") + b"fine, and more"), 200,
                                'upstream sent more data than specified in "Content-Length" header while reading upstream', False),
}


@pytest.fixture
def site(tinyproxyd, peer, backend, free_port):
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    waiting = [socket.create_connection(full.getsockname())]
    for _ in range(2):
        more = socket.socket()
        more.setblocking(False)
        more.connect_ex(full.getsockname())
        waiting.append(more)
    groups, locations = "", ""
    addresses = {name: f"127.0.0.1:{peer(case.serve).port}" for name, case in CASES.items()}
    addresses["refuses"] = f"127.0.0.1:{free_port()}"
    addresses["hangs"] = f"127.0.0.1:{full.getsockname()[1]}"
    for name, address in addresses.items():
        groups += f"upstream {name} {{ server {address} max_fails=0 weight=1000; server 127.0.0.1:{backend.port} max_fails=0; }}\n"
        locations += f"location /{name} {{ proxy_pass http://{name}/echo; proxy_next_upstream_tries 1; }}\n"
        locations += f"location /next/{name} {{ proxy_pass http://{name}/echo; }}\n"
    port = free_port()
    daemon = tinyproxyd(f"""http {{
        {groups}
        server {{ listen 127.0.0.1:{port}; proxy_read_timeout 300ms; proxy_connect_timeout 300ms; {locations} }} }}""")
    daemon.port = port
    yield daemon
    for sock in (full, *waiting):
        sock.close()


def ask(port, target, method="GET"):
    with Client(port) as client:
        try:
            answer = client.request(target, method, body=b"x" if method == "POST" else None)
        except (wire.WireError, OSError):
            return CUT
        return answer.status


def test_each_failure_has_its_answer_and_its_line(site):
    cases = dict(CASES)
    cases["refuses"] = Case(None, 502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
    cases["hangs"] = Case(None, 504, r"upstream timed out \(110: Connection timed out\) while connecting to upstream")
    wrong = []
    for name, case in cases.items():
        before = len(site.errors("error", "warn"))
        status = ask(site.port, f"/{name}")
        lines = site.errors("error", "warn")[before:]
        if status != case.status or not re.search(case.log, "\n".join(lines)):
            wrong.append((name, status, lines))
        # What may go on to the next server does, but for a POST that was sent.
        expected = 200 if case.next else case.status
        if (got := ask(site.port, f"/next/{name}")) != expected:
            wrong.append((name, "next", got))
        sent = name not in ("refuses", "hangs")
        expected = case.status if sent else 200
        if (got := ask(site.port, f"/next/{name}", "POST")) != expected:
            wrong.append((name, "next POST", got))
    assert not wrong, "\n".join(map(str, wrong))


def test_answers_that_send_a_request_on(tinyproxyd, backend, make_backend, free_port):
    other = make_backend(name="other")
    port = free_port()
    daemon = tinyproxyd(f"""http {{
        upstream g {{ server 127.0.0.1:{backend.port} max_fails=0 weight=1000; server 127.0.0.1:{other.port} max_fails=0; }}
        server {{ listen 127.0.0.1:{port};
            location / {{ proxy_pass http://g; proxy_next_upstream http_403 http_404 http_429 http_500 http_502 http_503 http_504
                invalid_header; }}
            location /all/ {{ proxy_pass http://g/; proxy_next_upstream http_500 non_idempotent; }}
            location /none/ {{ proxy_pass http://g/; }}
            location /once/ {{ proxy_pass http://g/; proxy_next_upstream http_500; proxy_next_upstream_tries 1; }} }} }}""")
    for status in (403, 404, 429, 500, 502, 503, 504):
        backend.script[f"/{status}"] = b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno" % status
    backend.script["/bad"] = b"HTTP/1.1 nothing\r\n\r\n"
    assert [ask(port, f"/{status}") for status in (403, 404, 429, 500, 502, 503, 504)] == [200] * 7
    assert ask(port, "/bad") == 200
    assert ask(port, "/500", "POST") == 500 and ask(port, "/all/500", "POST") == 200
    assert ask(port, "/none/500") == 500 and ask(port, "/once/500") == 500
    assert not [line for line in daemon.errors("error") if "upstream sent invalid header" not in line]


def test_no_other_is_asked_when_time_is_up(tinyproxyd, peer, backend, free_port):
    port = free_port()
    hangs = peer(says(b"", "hold"))
    tinyproxyd(f"""http {{
        upstream g {{ server 127.0.0.1:{hangs.port} max_fails=0 weight=1000; server 127.0.0.1:{backend.port} max_fails=0; }}
        server {{ listen 127.0.0.1:{port}; proxy_read_timeout 300ms;
            location / {{ proxy_pass http://g/echo; }}
            location /soon {{ proxy_pass http://g/echo; proxy_next_upstream_timeout 100ms; }}
            location /late {{ proxy_pass http://g/echo; proxy_next_upstream_timeout 1h; }} }} }}""")
    assert [ask(port, path) for path in ("/", "/soon", "/late")] == [200, 504, 200]


def test_when_all_have_failed_the_last_answer_counts(tinyproxyd, make_backend, free_port):
    group = [make_backend(name=name) for name in "ab"]
    for backend in group:
        backend.script["/x"] = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nX-From: %b\r\n\r\nbusy" % backend.name.encode()
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{backend.port};" for backend in group)
    tinyproxyd(f"""http {{ upstream g {{ {servers} }}
        server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://g; proxy_next_upstream http_503; }} }} }}""")
    with Client(port) as client:
        answer = client.request("/x")
        assert answer.status == 503 and answer.body == b"busy" and answer.get("x-from") == "b"


def test_a_stale_connection_is_asked_again_once(tinyproxyd, peer, free_port):
    def serve(sock, number):
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        read_head(sock)     # the next request is read, and not answered

    port = free_port()
    server = peer(serve)
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{server.port}; proxy_next_upstream off; }}
        location /again/ {{ proxy_pass http://127.0.0.1:{server.port}; proxy_next_upstream error non_idempotent; }} }} }}""")
    for method, status in (("GET", 200), ("PUT", 200), ("POST", 502)):
        assert ask(port, "/", "GET") == 200
        before = server.connections
        assert ask(port, "/", method) == status
        assert server.connections == before + (status == 200)
        ask(port, "/", "GET")
    assert ask(port, "/again/", "GET") == 200
    assert ask(port, "/again/", "POST") == 200
