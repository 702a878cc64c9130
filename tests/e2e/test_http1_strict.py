# SPDX-License-Identifier: ISC
"""HTTP/1 strictness, over the wire: whatever could be read in two ways is refused and never reaches
the backend; what is forwarded leaves no doubt about its framing. The rows are in data/."""
import re

import pytest
from data import http1_nginx, http1_requests, http1_responses
from support.client import Client
from support.nginx import temp_paths
from support.raw_backend import RawBackend
from support.wire import WireError

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
PLAIN_HEAD = re.compile(rb"[!-~]+ [!-~]+ HTTP/1\.1\r\n"
                        rb"([!#-'*+.^`|~0-9A-Za-z_-]+: [\t -~\x80-\xff]*\r\n)*\r\n")

CONFIG = """
http {{
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{backend};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Host $http_host;
            proxy_read_timeout 1s;
        }}
    }}
}}
"""


class Table:
    """Collects what went wrong over many rows, to tell all of it at the end."""

    def __init__(self):
        self.wrong, self.name = [], None

    def row(self, name):
        self.name = name

    def must(self, fact, text):
        if not fact:
            self.wrong.append(f"{self.name}: {text}")

    def end(self):
        assert not self.wrong, "\n".join(self.wrong)


def answer(port, raw):
    """Everything that comes back for these bytes until the connection ends."""
    data = b""
    with Client(port, timeout_s=5) as client:
        try:
            client.send(raw)
            while more := client.reader.some(1 << 18):
                data += more
        except TimeoutError:
            return data + b"(and not closed)"
        except (WireError, OSError):
            pass
    return data


def first_status(data):
    match = re.match(rb"HTTP/1\.1 ([0-9]{3}) ", data)
    return int(match[1]) if match else 0


@pytest.mark.parametrize("group", http1_requests.REFUSED)
def test_ambiguous_requests_are_refused_and_never_forwarded(group, tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=backend.port))
    table = Table()
    for row in http1_requests.REFUSED[group]:
        table.row(row.name)
        seen, connections = len(backend.requests), backend.connections
        data = answer(port, row.raw + SMUGGLED)
        table.must(first_status(data) == row.status, f"answered {data[:40]!r}, not {row.status}")
        table.must(data.count(b"HTTP/1.1 ") == 1, f"several answers: {data!r}")
        table.must(not data.endswith(b"(and not closed)"), "not closed")
        table.must(len(backend.requests) == seen, "forwarded")
        table.must(row.cut or backend.connections == connections, "the backend heard of it")
    table.end()
    # And it serves on; nothing had been held back.
    assert first_status(answer(port, b"GET /last HTTP/1.0\r\n\r\n")) == 200
    assert [request.target for request in backend.requests] == ["/last"]


def check_forwarded(table, row, request):
    table.must(request.start_line == row.line, f"became {request.start_line!r}")
    table.must(request.body == row.body, f"with body {request.body!r}")
    table.must(PLAIN_HEAD.fullmatch(request.head), f"head {request.head!r}")
    framing = [value for name, value in request.headers
               if name.lower() in ("content-length", "transfer-encoding")]
    table.must(len(framing) <= 1, f"framed {framing}")
    table.must(framing or not row.body, "not framed")
    table.must(len(request.all("host")) == 1, f"hosts {request.all('host')}")
    trailers = [("X-A", "b")] if b"\r\n0\r\nX-A: b\r\n" in row.raw else []
    table.must(request.trailers == trailers, f"trailers {request.trailers}")
    for name, value in row.fields.items():
        table.must(request.all(name) == ([] if value is None else [value]),
                   f"{name} became {request.all(name)}")


def exchange(table, row, client):
    try:
        client.send(row.raw)
        for _ in range(row.count):
            status = client.response(to="HEAD" if row.head_only else "GET").status
            table.must(status == 200, f"answered {status}")
        if row.closes:
            more = client.until_closed()
            table.must(not more, f"more came: {more!r}")
        else:
            table.must(client.is_open(), "the connection did not stay open")
    except (WireError, OSError) as error:
        table.must(False, str(error))


@pytest.mark.parametrize("group", http1_requests.FORWARDED)
def test_what_is_forwarded_can_be_read_in_one_way_only(group, tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=backend.port))
    table = Table()
    for row in http1_requests.FORWARDED[group]:
        table.row(row.name)
        seen = len(backend.requests)
        with Client(port) as client:
            exchange(table, row, client)
        requests = backend.requests[seen:]
        table.must(len(requests) == row.count, f"{len(requests)} requests at the backend")
        for request in requests:
            check_forwarded(table, row, request)
    table.end()
    assert not backend.broken


def test_a_request_in_single_bytes_is_the_same_request(tinyproxyd, backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=backend.port))
    raw = http1_requests.chunks(b"5;a=b\r\nhello\r\n0\r\nX-A: b\r\n\r\n", b"X-B: c")
    with Client(port) as client:
        for at in range(len(raw)):
            client.send(raw[at:at + 1])
        assert client.response().status == 200
    assert backend.last.body == b"hello"
    # A bad byte is answered at once, though the head has not ended.
    with Client(port) as client:
        client.send(raw[:20] + b"\n")
        assert client.response().status == 400


# It ends each connection after its answer, and does not wait long for what is not coming.
NGINX_ENDS = "keepalive_timeout 0; client_header_timeout 1; client_body_timeout 1; lingering_close off;"


def test_differences_from_nginx_are_the_ones_noted(start, make_backend, free_port, tmp_path):
    """Same rows, same configuration, Debian's nginx: it agrees but where http1_nginx.py says."""
    backend, port = make_backend(), free_port()
    conf = tmp_path / "nginx.conf"
    http = CONFIG.format(port=port, backend=backend.port).replace(
        "http {", f"http {{ access_log off; {NGINX_ENDS}\n{temp_paths(tmp_path)}\n", 1)
    conf.write_text(f"daemon off; master_process off; pid {tmp_path}/nginx.pid;\n"
                    f"error_log {tmp_path}/nginx.log; events {{ }}\n{http}")
    nginx = start("nginx", ["nginx", "-p", tmp_path, "-c", conf])
    nginx.wait_for(lambda: (tmp_path / "nginx.pid").exists(), "nginx")
    table = Table()
    left = {(group, name) for group, names in http1_nginx.DIFFERS.items() for name in names}
    for group, rows in [*http1_requests.REFUSED.items(), *http1_requests.FORWARDED.items()]:
        noted = http1_nginx.DIFFERS.get(group, {})
        left -= {(group, row.name) for row in rows}
        for row in rows:
            table.row(f"{group}: {row.name}")
            status = first_status(answer(port, row.raw))
            ours = getattr(row, "status", 200)
            table.must(status == noted.get(row.name, ours), f"nginx answers {status}")
    table.end()
    assert not left, "notes without a row"


# ---- answers -------------------------------------------------------------------------------------

@pytest.fixture
def raw_backend():
    backend = RawBackend()
    yield backend
    backend.stop()


def outcome(port, method="GET", version="HTTP/1.1", target="/row"):
    """The answer as a Message, or None when it was cut off."""
    with Client(port) as client:
        try:
            return client.request(target, method, "a.example", version=version)
        except (WireError, OSError):
            return None


def ask_row(table, port, backend, row, **more):
    """The row's outcome, after which the next request must get its own answer."""
    table.row(f"{row.name} ({row.end})")
    backend.answers["/row"] = (row.raw, row.end, row.late)
    got = outcome(port, row.method, **more)
    connections = backend.connections
    probe = outcome(port, target="/probe")
    table.fresh = backend.connections > connections
    table.must(probe and probe.body == b"probe",
               f"the next request got {probe and (probe.start_line, probe.body)}")
    return got


@pytest.mark.parametrize("group", http1_responses.REFUSED)
def test_what_is_no_answer_becomes_502(group, tinyproxyd, raw_backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=raw_backend.port))
    table = Table()
    for row in http1_responses.REFUSED[group]:
        got = ask_row(table, port, raw_backend, row)
        table.must(got and got.status in row.statuses, f"the client got {got and got.head}")
        table.must(got and b"hello" not in got.body and b"poisoned" not in got.body, "its body went through")
        table.must(got and not got.all("x-a"), "its fields went through")
    table.end()


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("group", http1_responses.CUT)
def test_an_incomplete_answer_is_never_delivered_as_a_complete_one(group, version, tinyproxyd,
                                                                  raw_backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=raw_backend.port))
    table = Table()
    for row in http1_responses.CUT[group]:
        got = ask_row(table, port, raw_backend, row, version=version)
        table.must(got is None or got.status in (502, 504),
                   f"the client got {got and (got.head, got.body[:100])}")
    table.end()


@pytest.mark.parametrize("group", http1_responses.DELIVERED)
def test_what_follows_an_answer_is_nobodys_answer(group, tinyproxyd, raw_backend, free_port):
    port = free_port()
    tinyproxyd(CONFIG.format(port=port, backend=raw_backend.port))
    table = Table()
    for row in http1_responses.DELIVERED[group]:
        got = ask_row(table, port, raw_backend, row)
        table.must(got and (got.status, got.body) == (row.statuses[0], row.body),
                   f"the client got {got and (got.head, got.body)}")
        table.must(table.fresh or group == "well-formed", "the connection was used again")
    table.end()
