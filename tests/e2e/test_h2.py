# SPDX-License-Identifier: ISC
"""HTTP/2 as clients use it: the same requests and answers as HTTP/1, many at once, from begin to end."""
import hashlib
import json
import pathlib
import signal
import socket
import time

import pytest

from support.client import Client, get, tls_context
from support.h2frames import (CONTINUATION, END_HEADERS, END_STREAM, H2, HEADERS, INITIAL_WINDOW_SIZE, INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, NO_ERROR,
                              PREFACE, PROTOCOL_ERROR, SETTINGS, WINDOW_UPDATE, DATA, frame_bytes, setting)
from support.pattern import pattern, pattern_sha256
from support.process import run
from support.wait import DEADLINE_S, wait_until

VARIABLES = ("$request|$server_protocol|$http2|$scheme|$https|$host|$http_host|$request_method|$uri|$args|"
             "$http_x_one|$cookie_b|$http_cookie|$content_length|$ssl_alpn_protocol|$connection_requests")


def site(port, tls_port, backend, certificate, server="", http=""):
    return f"""http {{
        log_format h2 '$request|$status|$http2|$body_bytes_sent|$request_completion';
        access_log access.log h2;
        {http}
        server {{
            listen 127.0.0.1:{port};
            listen 127.0.0.1:{tls_port} ssl;
            http2 on;
            server_name a.example;
            ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
            {server}
            location / {{ proxy_pass http://127.0.0.1:{backend.port}; proxy_set_header Host $host;
                          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; client_max_body_size 0; }}
            location /direct/ {{ proxy_pass http://127.0.0.1:{backend.port}/; proxy_request_buffering off;
                                 client_max_body_size 0; }}
            location /vars {{ return 200 "{VARIABLES}"; }}
            location /empty {{ return 204; }}
            location /moved {{ return 301 /elsewhere; }}
            location /small {{ client_max_body_size 10; proxy_pass http://127.0.0.1:{backend.port}; }}
            location /dead {{ proxy_pass http://127.0.0.1:1; }}
            location /files/ {{ alias files/; }}
        }}
    }}"""


@pytest.fixture
def h2_site(tinyproxyd, backend, free_port, certs):
    """h2_site(server=, http=) → Tinyproxyd with .port, .tls_port, .text(server=, http=)"""
    def make(server="", http=""):
        port, tls_port, certificate = free_port(), free_port(), certs.issue("a.example")
        proxy = tinyproxyd("http { }", started=False)
        proxy.port, proxy.tls_port = port, tls_port
        proxy.text = lambda server="", http="": site(port, tls_port, backend, certificate, server, http).replace(
            "access.log h2", f"{proxy.access_log} h2").replace("alias files/", f"alias {proxy.directory}/files/")
        files = proxy.directory / "files"
        files.mkdir()
        files.chmod(0o755)
        (files / "big").write_bytes(b"".join(pattern(1 << 20)))
        (files / "empty").write_bytes(b"")
        proxy.write(proxy.text(server, http))
        return proxy.start()
    return make


def both(proxy):
    return (proxy.port, False), (proxy.tls_port, True)


# ---- requests ---------------------------------------------------------------------------------------------------

def test_requests_mean_what_they_mean_in_http1(h2_site, backend):
    proxy = h2_site()
    for port, tls in both(proxy):
        scheme, https, alpn = ("https", "on", "h2") if tls else ("http", "", "")
        with H2(port, tls) as client:
            answer = client.request(1, "/vars?a=1&b", more=[("x-one", "1"), ("cookie", "a=1"), ("cookie", "b=2; c=3")])
            assert (answer.status, answer.fields["content-type"]) == (200, "text/plain")
            assert answer.body.decode().split("|") == [
                "GET /vars?a=1&b HTTP/2.0", "HTTP/2.0", "h2" if tls else "h2c", scheme, https, "a.example", "a.example",
                "GET", "/vars", "a=1&b", "1", "2", "a=1; b=2; c=3", "", alpn, "1"]
            assert client.request(3, "/empty").status == 204
            assert client.request(5, "/moved").fields["location"].endswith("/elsewhere")
            head = client.request(7, "/files/big", method="HEAD")
            assert (head.status, head.fields["content-length"], head.body) == (200, str(1 << 20), b"")
            assert client.request(9, "/files/none").status == 404
            whole = client.request(11, "/files/big")
            assert hashlib.sha256(whole.body).hexdigest() == pattern_sha256(1 << 20)
            assert client.request(13, "/files/empty").body == b""
            assert client.request(15, "/dead").status == 502
            part = client.request(17, "/files/big", more=[("range", "bytes=5-9")])
            assert (part.status, len(part.body)) == (206, 5)
            assert "connection" not in whole.fields and "transfer-encoding" not in whole.fields
    # Whoever does not speak it is served as before, on the same ports.
    assert get(proxy.port, "/vars", host="a.example").text.startswith("GET /vars HTTP/1.1|HTTP/1.1||http||a.example")
    assert get(proxy.tls_port, "/vars", tls=tls_context(alpn=["http/1.1"]), server_name="a.example",
               host="a.example").text.startswith("GET /vars HTTP/1.1|HTTP/1.1||https|on")
    wait_until(lambda: proxy.access_log.exists() and "/vars?a=1&b HTTP/2.0|200|h2c" in proxy.access_log.read_text(), "log lines")
    lines = proxy.access_log.read_text().splitlines()
    assert "GET /vars?a=1&b HTTP/2.0|200|h2|" in "\n".join(lines)
    assert f"GET /files/big HTTP/2.0|200|h2|{1 << 20}|OK" in lines


def test_head_gets_no_body_even_if_refused(h2_site):
    proxy = h2_site()
    with H2(proxy.port) as client:
        for stream, more in ((1, [("host", "a"), ("host", "b")]), (3, [("x", "y" * 9000)])):
            client.headers(stream, method="HEAD", more=more)
            answer = client.response(stream)
            assert (answer.status, answer.body) == (400, b"") and int(answer.fields["content-length"]) > 0
    for more in (b"Host: b\r\n", b"X: " + b"y" * 9000 + b"\r\n"):
        with Client(proxy.port) as client:
            client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n")
            head, _, body = client.until_closed().partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 ") and body == b""


def test_the_backend_gets_http1(h2_site, backend):
    proxy = h2_site()
    with H2(proxy.tls_port, True) as client:
        answer = client.request(1, "/echo?x=%20y", more=[("accept", "*/*"), ("te", "trailers"), ("x_odd", "1"),
                                                         ("cookie", "a=1"), ("cookie", "b=2")])
        echo = json.loads(answer.body)
        assert (echo["method"], echo["target"], echo["version"]) == ("GET", "/echo?x=%20y", "HTTP/1.1")
        assert backend.last.head == (b"GET /echo?x=%20y HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 127.0.0.1\r\n"
                                     b"accept: */*\r\ncookie: a=1; b=2\r\n\r\n")
        # With a length and without one, read whole first and passed on as it comes.
        body = b"".join(pattern(100000))
        said = [("content-length", "100000")]
        for stream, path, more, length in ((3, "/echo", said, True), (5, "/echo", [], True),
                                           (7, "/direct/echo", said, True), (9, "/direct/echo", [], False)):
            client.headers(stream, path, "POST", more=more, end=False)
            for at in range(0, len(body), 5000):
                client.data(stream, body[at:at + 5000])
                client.sync()
            client.data(stream, b"", end=True)
            echo = json.loads(client.response(stream).body)
            assert echo["sha256"] == pattern_sha256(100000)
            assert backend.last.get("content-length") == ("100000" if length else None)
            assert backend.last.get("transfer-encoding") == (None if length else "chunked")


def test_large_bodies_both_ways_at_once(h2_site, backend):
    proxy = h2_site()
    size = 3 << 20
    done = run(["h2load", "-n", "24", "-c", "2", "-m", "6", f"https://127.0.0.1:{proxy.tls_port}/bytes/{size}",
                f"https://127.0.0.1:{proxy.tls_port}/chunked/{size}"], deadline_s=DEADLINE_S * 3)
    assert "24 succeeded, 0 failed, 0 errored" in done.out and f"({24 * size}) data" in done.out, done.out
    path = proxy.directory / "upload"
    path.write_bytes(b"".join(pattern(size)))
    for version in ("--http2", "--http2-prior-knowledge"):
        port, scheme = (proxy.tls_port, "https") if version == "--http2" else (proxy.port, "http")
        done = run(["curl", "-sk", version, "--data-binary", f"@{path}", "-w", " %{http_version}",
                    f"{scheme}://127.0.0.1:{port}/echo"], check=0)
        text, _, spoken = done.out.rpartition(" ")
        assert spoken == "2" and json.loads(text)["sha256"] == pattern_sha256(size)


def test_streams_wait_for_nobody(h2_site, backend):
    proxy = h2_site()
    with H2(proxy.port) as client:
        client.headers(1, "/hold/slow")
        backend.wait_for_requests(0)
        for stream in range(3, 103, 2):
            client.headers(stream, f"/bytes/{stream}")
        for stream in range(3, 103, 2):
            assert len(client.response(stream).body) == stream
        assert not client.answers[1].ended
        backend.release("slow")
        assert client.response(1).status == 200


def test_much_along_with_the_preface(h2_site):
    """All of it is looked at, though nothing else comes."""
    proxy = h2_site()
    with H2(proxy.port, start=False) as client:
        client._reply = lambda *_: None
        client.send(PREFACE + frame_bytes(SETTINGS, 0, 0) + b"".join(frame_bytes(
            HEADERS, END_HEADERS | END_STREAM, stream, client.block(client.fields("/vars", more=[("x-one", f"{stream:03}" * 50)])))
            for stream in range(1, 101, 2)))
        for stream in range(1, 101, 2):
            assert client.response(stream).status == 200


def test_a_client_that_expects_to_be_asked(h2_site, backend):
    proxy = h2_site()
    with H2(proxy.port) as client:
        client.headers(1, "/echo", "POST", more=[("expect", "100-continue")], end=False)
        client.until(lambda: client.answers[1].interim)
        client.data(1, b"hello", end=True)
        assert json.loads(client.response(1).body)["body"] == "hello"
        assert "expect" not in backend.last.head.decode().lower()


def test_bodies_nobody_wants(h2_site):
    """Answered at once, and the client is told to stop (RFC 9113, 8.1)."""
    proxy = h2_site()
    with H2(proxy.port) as client:
        for stream, path, status in ((1, "/vars", 200), (3, "/small", 413), (5, "/files/big", 405)):
            client.headers(stream, path, "POST", more=[("content-length", "100000")], end=False)
            answer = client.response(stream)
            assert (answer.status, answer.ended) == (status, True)
            assert client.stream_error(stream) == NO_ERROR
            client.data(stream, b"x" * 10000)
        client.headers(7, "/small", "POST", end=False)
        client.data(7, b"x" * 11)
        assert client.response(7).status == 413
        assert client.request(9, "/vars").status == 200


def test_a_refusal_reaches_whoever_breaks_off_the_refused_body(h2_site):
    """In one read with the head, so that the answer cannot be out yet."""
    proxy = h2_site()
    with H2(proxy.port) as client:
        for stream, path, length, status in ((1, "/small", "100000", 413), (3, "/files/big", "100000", 405), (5, "/files/big", "3", 405)):
            head = client.block(client.fields(path, "POST", more=[("content-length", length)]))
            client.send(frame_bytes(HEADERS, END_HEADERS, stream, head) + frame_bytes(DATA, END_STREAM, stream, b"short"))
            answer = client.response(stream)
            assert answer.head and (answer.status, answer.ended) == (status, True)
        assert client.request(7, "/vars").status == 200
        assert client.gone is None


def test_a_head_in_many_frames_in_many_pieces(h2_site):
    """Frames are counted as frames, in however many reads they come."""
    proxy = h2_site()
    with H2(proxy.port) as client:
        def taken():
            row, = json.loads(proxy.ctl("connections", "--json").out)["connections"]
            return row["bytes_in"]

        def send(piece):
            """Read before the next is there."""
            goal = taken() + len(piece)
            client.send(piece)
            wait_until(lambda: taken() >= goal, "the piece to be read")

        client.sync()
        send(frame_bytes(HEADERS, END_STREAM, 1, client.block(client.fields("/vars"))))
        for number in range(20):
            frame = frame_bytes(CONTINUATION, END_HEADERS if number == 19 else 0, 1, client.block([(f"x-{number}", "1")]))
            send(frame[:3])
            send(frame[3:])
        assert client.response(1).status == 200


def test_misdirected_requests(tinyproxyd, certs, free_port):
    """RFC 9113, 9.1.2: one connection for many names, but not past what a name's own handshake would have asked for."""
    port, certificate = free_port(), certs.issue("a.example", "b.example", "c.example")
    servers = "".join(f"""server {{ listen 127.0.0.1:{port} ssl http2; server_name {name}.example; {more}
        ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
        location / {{ return 200 "$server_name"; }} }}""" for name, more in (
            ("a", ""), ("b", ""), ("c", f"ssl_verify_client on; ssl_client_certificate {certs.ca};")))
    tinyproxyd(f"http {{ {servers} }}")
    with H2(port, True, server_name="a.example") as client:
        for stream, name, status in ((1, "a", 200), (3, "b", 200), (5, "c", 421), (7, "a", 200)):
            answer = client.request(stream, authority=f"{name}.example")
            assert answer.status == status and (status != 200 or answer.body == f"{name}.example".encode())
        assert client.gone is None


def test_http2_is_offered_by_name(tinyproxyd, certs, free_port):
    """Of several servers on an address, those with "http2 on"; "listen ... http2" is for all."""
    port, both_port, certificate = free_port(), free_port(), certs.issue("a.example", "b.example")
    lines = f"ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};"
    tinyproxyd(f"""http {{
        server {{ listen 127.0.0.1:{port} ssl; listen 127.0.0.1:{both_port} ssl http2; server_name a.example; {lines} http2 on; }}
        server {{ listen 127.0.0.1:{port} ssl; listen 127.0.0.1:{both_port} ssl; server_name b.example; {lines} }}
    }}""")
    for number, name, chosen in ((port, "a", "h2"), (port, "b", "http/1.1"), (both_port, "b", "h2")):
        with Client(number, tls=tls_context(alpn=["h2", "http/1.1"]), server_name=f"{name}.example") as client:
            assert client.sock.selected_alpn_protocol() == chosen


def test_trailers_both_ways(h2_site, backend):
    proxy = h2_site()
    backend.script["/trailer"] = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                                  b"5\r\nhello\r\n0\r\nX-Sum: 42\r\nx-more: a\r\n\r\n")
    backend.script["/bare"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 0\r\n\r\n"
    for port, tls in both(proxy):
        with H2(port, tls) as client:
            answer = client.request(1, "/trailer", more=[("te", "trailers")])
            assert (answer.body, answer.trailers) == (b"hello", [("x-sum", "42"), ("x-more", "a")])
            answer = client.request(3, "/bare", more=[("te", "trailers")])
            assert (answer.body, answer.trailers) == (b"", [("x-sum", "0")])
            for stream, path in ((5, "/echo"), (7, "/direct/echo")):
                client.headers(stream, path, "POST", end=False)
                client.data(stream, b"hello")
                client.headers(stream, fields=[("x-sum", "42"), ("x-more", "")])
                assert json.loads(client.response(stream).body)["body"] == "hello"
                assert backend.last.trailers == [("x-sum", "42"), ("x-more", "")]
            # A field that would be believed elsewhere does not get through.
            client.headers(9, "/echo", "POST", end=False)
            client.headers(9, fields=[("host", "b.example")])
            assert client.stream_error(9) == PROTOCOL_ERROR
            assert client.request(11, "/vars").status == 200


def test_fields_of_another_connection_stay_there(h2_site, backend):
    """RFC 9113, 8.2.2: clients take a response with one of them for malformed."""
    proxy = h2_site()
    fields = b"Keep-Alive: 5\r\nProxy-Connection: a\r\nTE: gzip\r\nUpgrade: h2c\r\nConnection: upgrade\r\nX-Kept: 1\r\n"
    backend.script["/hop"] = (b"HTTP/1.1 103 Early Hints\r\n" + fields + b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + fields + b"\r\n")
    with H2(proxy.port) as client:
        answer = client.request(1, "/hop")
        assert set(answer.fields) == {"server", "date", "content-length", "x-kept"}
        assert answer.interim == [[(":status", "103"), ("x-kept", "1")]]


def test_added_fields_are_fit_for_http2(h2_site):
    """RFC 9113, 8.2.1 and 8.2.2: a policy that ends in a blank, or a field of HTTP/1, is no reason to reset the stream."""
    proxy = h2_site(server="""add_header Content-Security-Policy "default-src 'self'; "; add_header X-Tab "\ta"; add_header X-Blank " ";
        add_header Connection keep-alive; add_header Keep-Alive 5; add_header Upgrade h2; add_header TE gzip;""")
    with H2(proxy.port) as client:
        fields = client.request(1, "/vars").fields
        assert (fields["content-security-policy"], fields["x-tab"], fields["x-blank"]) == ("default-src 'self';", "a", "")
        assert not {"connection", "keep-alive", "upgrade", "te"} & set(fields)
    fields = get(proxy.port, "/vars", host="a.example")
    assert (fields.get("upgrade"), fields.get("te"), fields.get("keep-alive")) == ("h2", "gzip", "5")


def test_a_long_head(h2_site, backend):
    """As long as the upstream may make it, in as many frames as it takes."""
    fields = [(f"x-{n}", "v" * 3000) for n in range(40)]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    backend.script["/long"] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + lines + b"\r\nok"
    proxy = h2_site(http="proxy_buffer_size 256k; proxy_buffers 4 256k; proxy_busy_buffers_size 256k;")
    with H2(proxy.port) as client:
        answer = client.request(1, "/long")
        assert answer.body == b"ok" and [field for field in answer.head if field[0][:2] == "x-"] == fields
        assert client.request(3, "/vars").status == 200


def test_the_length_of_a_request_counts_every_frame(h2_site):
    proxy = h2_site(server="location /length { return 200 $request_length; }")
    with H2(proxy.port) as client:
        block = client.encoder.encode(client.fields("/length"), huffman=False)
        client.frame(HEADERS, END_STREAM, 1, block[:3])
        client.frame(CONTINUATION, 0, 1, block[3:5])
        client.frame(CONTINUATION, END_HEADERS, 1, block[5:])
        assert int(client.response(1).body) == len(block) + 3 * 9


def test_early_hints(h2_site, backend):
    proxy = h2_site()
    backend.script["/hints"] = (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
                                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with H2(proxy.port) as client:
        answer = client.request(1, "/hints")
        assert answer.interim == [[(":status", "103"), ("link", "</a.css>")]] and answer.body == b"ok"


# ---- flow control -----------------------------------------------------------------------------------------------

def test_a_small_window_is_kept_to(h2_site):
    proxy = h2_site()
    with H2(proxy.port, settings=setting(INITIAL_WINDOW_SIZE=10), updates=False) as client:
        client.headers(1, "/bytes/25")
        answer = client.answers[1]
        client.until(lambda: len(answer.body) == 10)
        client.sync()
        assert len(answer.body) == 10 and not answer.ended
        client.window(1, 14)
        client.until(lambda: len(answer.body) == 24)
        client.sync()
        assert not answer.ended
        client.window(1, 1)
        assert client.response(1).body == b"".join(pattern(25))


def test_a_response_in_small_windows_is_not_kept_in_memory(h2_site, backend):
    """The upstream is not read further than what a stream may hold."""
    proxy = h2_site()
    with H2(proxy.port, settings=setting(INITIAL_WINDOW_SIZE=0), updates=False) as client:
        size = 64 << 20
        client.headers(1, f"/bytes/{size}")
        client.head(1)
        client.sync()
        wait_until(lambda: backend.requests, "the request at the backend")
        before = resident(proxy)
        for _ in range(20):
            client.sync()
        assert resident(proxy) - before < 4 << 20
        client.reset(1)
        client.sync()


def resident(proxy):
    pages = [int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in proxy.worker_pids()]
    return sum(pages) * 4096


def test_an_upload_to_a_slow_backend_is_held_back(h2_site):
    """What the handler does not take is not acknowledged: the client's window stays shut."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        proxy = h2_site(server=f"location /slow {{ proxy_pass http://127.0.0.1:{listener.getsockname()[1]};"
                               " client_max_body_size 0; proxy_request_buffering off; }")
        with H2(proxy.port) as client:
            client.sync()
            left = {0: 65535, 1: 65536}
            client.headers(1, "/slow", "POST", end=False)
            peer, _ = listener.accept()
            sent, seen = 0, 0
            while sent < 64 << 20:
                for frame in client.seen[seen:]:
                    if frame.type == WINDOW_UPDATE:
                        left[frame.stream] += int.from_bytes(frame.payload, "big")
                seen = len(client.seen)
                n = min(left[0], left[1], 16384)
                if n == 0:
                    # A round trip later the window is still shut: it is the backend's turn.
                    client.sync()
                    client.sync()
                    if len(client.seen) - seen <= 2:
                        break
                    continue
                client.data(1, b"x" * n)
                sent += n
                left[0] -= n
                left[1] -= n
            assert sent < 16 << 20
            peer.close()
            assert client.response(1).status == 502


def test_responses_share_the_connection(h2_site):
    """A short one is not behind a long one that was asked for first, unless the client wants it so (RFC 9218)."""
    proxy = h2_site()
    wide = setting(INITIAL_WINDOW_SIZE=1 << 30)
    short = ("range", "bytes=0-20000")
    cases = (((), (short,), [3, 1]), ((("priority", "u=6"),), (("priority", "u=1"),), [3, 1]),
             ((("priority", "u=1"),), (("priority", "u=6, i"), short), [1, 3]))
    for first, second, order in cases:
        with H2(proxy.port, settings=wide, updates=False, rcvbuf=65536) as client:
            client.window(0, 1 << 30)
            # In one piece: else the first may be in the kernel's buffers before the second is asked for.
            client.send(b"".join(frame_bytes(HEADERS, END_HEADERS | END_STREAM, stream, client.block(
                client.fields("/files/big", more=more))) for stream, more in ((1, first), (3, second))))
            client.until(lambda: client.answers[1].ended and client.answers[3].ended)
            ends = [f.stream for f in client.seen if f.type == DATA and f.flags & END_STREAM]
            assert ends == order, (first, second)


# ---- the connection's life ----------------------------------------------------------------------------------------

def test_settings_of_the_configuration(h2_site):
    proxy = h2_site(http="http2_max_concurrent_streams 7; http2_body_preread_size 1000; http2_chunk_size 300;")
    with H2(proxy.port) as client:
        client.sync()
        assert client.settings[MAX_CONCURRENT_STREAMS] == 7 and client.settings[INITIAL_WINDOW_SIZE] == 1000
        answer = client.request(1, "/bytes/1000")
        assert len(answer.body) == 1000
        assert max(len(f.payload) for f in client.seen if f.type == DATA) == 300
        # The window opens once the body is wanted.
        client.headers(3, "/echo", "POST", more=[("content-length", "60000")], end=False)
        client.until(lambda: any(f.type == WINDOW_UPDATE and f.stream == 3 for f in client.seen))
        client.data(3, b"a" * 16384)
        client.data(3, b"a" * 16384)
        client.data(3, b"a" * 16384)
        client.data(3, b"a" * (60000 - 3 * 16384), end=True)
        assert len(json.loads(client.response(3).body)["body"]) == 60000


def test_a_reload_keeps_the_connection(h2_site, backend):
    proxy = h2_site()
    with H2(proxy.tls_port, True) as client:
        client.headers(1, "/hold/it")
        backend.wait_for_requests(0)
        assert client.request(3, "/vars").status == 200
        proxy.reload(proxy.text(server="location /vars/new { return 200 new; }"))
        assert client.request(5, "/vars/new").body == b"new"
        backend.release("it")
        assert client.response(1).status == 200
        assert client.gone is None


def test_a_graceful_end_answers_what_is_under_way(h2_site, backend):
    proxy = h2_site()
    with H2(proxy.port) as client, H2(proxy.tls_port, True) as idle:
        idle.sync()
        client.headers(1, "/hold/it")
        client.sync()
        proxy.send(signal.SIGQUIT)
        client.until(lambda: client.gone is not None)
        assert client.gone == (0x7fffffff, NO_ERROR)
        # Sent before the client has heard of it: still served.
        client.headers(3, "/vars")
        assert client.response(3).status == 200
        backend.release("it")
        assert client.response(1).status == 200
        assert client.error() == NO_ERROR and client.gone[0] >= 3
        assert idle.error() == NO_ERROR
    assert proxy.process.wait(DEADLINE_S) == 0


def test_a_listener_that_goes_leaves_its_streams_time(h2_site, backend, free_port):
    proxy = h2_site()
    with H2(proxy.port) as client, H2(proxy.tls_port, True) as idle:
        idle.sync()
        client.headers(1, "/hold/it")
        client.headers(3, "/direct/echo", "POST", end=False)
        client.data(3, b"abc")
        client.sync()
        proxy.reload(proxy.text().replace(f":{proxy.port};", f":{free_port()};").replace(f":{proxy.tls_port} ssl", f":{free_port()} ssl"))
        client.until(lambda: client.gone)
        assert client.gone == (0x7fffffff, NO_ERROR)
        client.until(lambda: client.gone[0] == 3)
        client.headers(5, "/vars")  # beyond what was promised
        client.sync()
        client.data(3, b"def", end=True)
        assert json.loads(client.response(3).body)["body"] == "abcdef"
        backend.release("it")
        assert client.response(1).status == 200
        assert client.error() == NO_ERROR and client.gone[0] == 3 and client.answers[5].head is None
        assert idle.error() == NO_ERROR


def test_keepalive_requests(h2_site):
    proxy = h2_site(http="keepalive_requests 3;")
    with H2(proxy.port) as client:
        for stream in (1, 3, 5):
            assert client.request(stream, "/vars").status == 200
        assert client.error() == NO_ERROR and client.gone[0] == 5


def test_keepalive_time(h2_site):
    """The first request that ends when the time is over is the last."""
    proxy = h2_site(http="keepalive_time 1ms;")
    with H2(proxy.port) as client:
        client.until(lambda: client.settings)  # the proxy knows of the connection
        time.sleep(0.01)
        assert client.request(1, "/vars").status == 200
        assert client.error() == NO_ERROR and client.gone[0] == 1


def test_an_idle_connection_is_told_goodbye(h2_site):
    proxy = h2_site(http="keepalive_timeout 200ms;")
    with H2(proxy.port) as client:
        assert client.request(1, "/vars").status == 200
        assert client.error() == NO_ERROR


def test_a_reset_stream_ends_the_exchange(h2_site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)
        proxy = h2_site(server=f"location /raw {{ proxy_pass http://127.0.0.1:{listener.getsockname()[1]}; }}")
        with H2(proxy.port) as client:
            client.headers(1, "/raw")
            peer, _ = listener.accept()
            client.reset(1)
            with peer:
                peer.settimeout(DEADLINE_S)
                while peer.recv(4096):
                    pass
            assert client.request(3, "/vars").status == 200
            wait_until(lambda: "GET /raw HTTP/2.0|499|h2c|0|" in proxy.access_log.read_text(), "its log line")


# ---- what does not arrive whole ------------------------------------------------------------------------------------

@pytest.mark.parametrize("case, script", [
    ("length", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"),
    ("chunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"),
    ("chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nxyz\r\n"),
    ("inside", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nshort"),
])
def test_an_incomplete_response_is_never_whole(h2_site, backend, case, script):
    proxy = h2_site()
    backend.script["/cut"] = script
    backend.script_close.add("/cut")
    for port, tls in both(proxy):
        with H2(port, tls) as client:
            answer = client.request(1, "/cut")
            assert (answer.status, answer.ended, answer.reset) == (200, False, INTERNAL_ERROR), case
            assert client.request(3, "/vars").status == 200
    wait_until(lambda: proxy.access_log.read_text().count("/cut HTTP/2.0|200|") == 2, "the log lines")
    assert "/cut HTTP/2.0|200|h2|5|\n" in proxy.access_log.read_text() or case != "length"


# ---- real clients ------------------------------------------------------------------------------------------------------

def test_nghttp_and_curl(h2_site):
    proxy = h2_site()
    done = run(["nghttp", "-v", "-n", f"https://127.0.0.1:{proxy.tls_port}/files/big",
                f"https://127.0.0.1:{proxy.tls_port}/vars"], check=0)
    assert done.out.count(":status: 200") == 2 and "END_STREAM" in done.out
    assert "negotiated protocol: h2" in done.out
    done = run(["nghttp", "-v", f"http://127.0.0.1:{proxy.port}/vars"], check=0)
    assert "GET /vars HTTP/2.0|HTTP/2.0|h2c" in done.out
    done = run(["curl", "-skZ", "--http2", *(arg for n in range(40) for arg in
                                             ("-o", "/dev/null", f"https://127.0.0.1:{proxy.tls_port}/bytes/{n * 999}")),
                "-w", "%{http_version} %{http_code} %{size_download}\n"], check=0)
    assert sorted(done.out.split("\n")[:-1]) == sorted(f"2 200 {n * 999}" for n in range(40))
