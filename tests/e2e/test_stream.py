# SPDX-License-Identifier: ISC
"""stream: bytes passed on as they are, whoever ends first; what happens when nobody takes them."""
import hashlib
import re
import signal
import socket
import ssl
import threading

import pytest
from support.client import Client, tls_context
from support.hello import in_records, made_by_openssl
from support.pattern import pattern, pattern_sha256
from support.proxy_header import tlv, v1, v2
from support.tcp_server import TcpServer, echo, tls
from support.wait import wait_until

SIZE = 64 << 20


@pytest.fixture
def serve():
    servers = []

    def make(function, **more):
        servers.append(TcpServer(function, **more))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def read_all(sock):
    digest, count = hashlib.sha256(), 0
    while data := sock.recv(1 << 18):
        digest.update(data)
        count += len(data)
    return digest.hexdigest(), count


def send_pattern(sock, size):
    for piece in pattern(size):
        sock.sendall(piece)


@pytest.fixture
def relay(tinyproxyd, free_port):
    """relay(to, more, upstream=…) → (proxy, port)"""
    def make(to, more="", outside=""):
        port = free_port()
        proxy = tinyproxyd(f"""stream {{
            log_format short '$remote_addr $status $bytes_received $bytes_sent $protocol $upstream_addr $upstream_bytes_sent $upstream_bytes_received';
            {outside}
            server {{ listen 127.0.0.1:{port}; proxy_pass {to}; {more}
                      access_log access.log short; }} }}""")
        return proxy, port
    return make


def wait_for_line(proxy, count=1):
    wait_until(lambda: proxy.access_log.exists() and
               len(proxy.access_log.read_text().splitlines()) >= count, "access log lines")
    return proxy.access_log.read_text().splitlines()


def test_both_ways_at_once(relay, serve):
    got = {}

    def server(sock):
        sender = threading.Thread(target=send_pattern, args=(sock, SIZE))
        sender.start()
        digest, remaining = hashlib.sha256(), SIZE
        while remaining:
            data = sock.recv(min(remaining, 1 << 18))
            digest.update(data)
            remaining -= len(data)
        got["up"] = digest.hexdigest()
        sender.join()
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)

    backend = serve(server)
    proxy, port = relay(f"127.0.0.1:{backend.port}")
    with Client(port) as client:
        proxy.wait_for_error(rf"client 127.0.0.1:{client.source_port} connected to 127.0.0.1:{port}, client: 127")
        sender = threading.Thread(target=send_pattern, args=(client.sock, SIZE))
        sender.start()
        down = read_all(client.sock)
        sender.join()
    assert down == (pattern_sha256(SIZE), SIZE)
    assert got["up"] == pattern_sha256(SIZE)
    assert wait_for_line(proxy) == [
        f"127.0.0.1 200 {SIZE} {SIZE} TCP 127.0.0.1:{backend.port} {SIZE} {SIZE}"]


def test_small_talk(relay, serve):
    backend = serve(echo)
    _, port = relay(f"127.0.0.1:{backend.port}")
    with Client(port) as client:
        for n in (1, 2, 100, 5000, 16384, 16385, 1):
            client.send(b"x" * n)
            got = b""
            while len(got) < n:
                got += client.sock.recv(n - len(got))
            assert got == b"x" * n


def test_who_speaks_first_does_not_matter(relay, serve):
    backend = serve(lambda sock: sock.sendall(b"220 hello\r\n"))
    _, port = relay(f"127.0.0.1:{backend.port}")
    with Client(port) as client:
        assert client.until_closed() == b"220 hello\r\n"


def test_half_close_on_lets_the_other_side_go_on(relay, serve):
    answered = {}

    def server(sock):
        digest = read_all(sock)
        answered["up"] = digest
        send_pattern(sock, 1 << 20)

    backend = serve(server)
    _, port = relay(f"127.0.0.1:{backend.port}", "proxy_half_close on;")
    with Client(port) as client:
        send_pattern(client.sock, 3 << 20)
        client.half_close()
        assert read_all(client.sock) == (pattern_sha256(1 << 20), 1 << 20)
    assert answered["up"] == (pattern_sha256(3 << 20), 3 << 20)


@pytest.mark.parametrize("side", ["client", "server"])
def test_half_close_off_delivers_what_was_said(relay, serve, side):
    got = {}

    def server(sock):
        if side == "server":
            send_pattern(sock, 5 << 20)
            sock.shutdown(socket.SHUT_WR)
        got["up"] = read_all(sock)

    backend = serve(server)
    proxy, port = relay(f"127.0.0.1:{backend.port}")
    with Client(port) as client:
        if side == "client":
            send_pattern(client.sock, 5 << 20)
            client.half_close()
            client.until_closed()
        else:
            assert read_all(client.sock) == (pattern_sha256(5 << 20), 5 << 20)
    wait_until(lambda: "up" in got, "the server to see the end")
    if side == "client":
        assert got["up"] == (pattern_sha256(5 << 20), 5 << 20)
    proxy.wait_for_error(rf"{'client' if side == 'client' else 'upstream'} disconnected, client: ")


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_reset_ends_both_sides(relay, serve, who):
    seen = threading.Event()
    reset = b"\1\0\0\0\0\0\0\0"

    def server(sock):
        sock.sendall(b"ready")
        if who == "server":
            sock.recv(2)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        else:
            try:
                while sock.recv(100):
                    pass
            except OSError:
                pass
            seen.set()

    backend = serve(server)
    proxy, port = relay(f"127.0.0.1:{backend.port}")
    with Client(port) as client:
        assert client.sock.recv(5) == b"ready"
        client.send(b"go")
        if who == "client":
            client.reset()
            assert seen.wait(30)
        else:
            client.wait_closed()
    assert wait_for_line(proxy)[0].startswith("127.0.0.1 200 ")


def test_the_next_server_when_one_refuses(relay, serve, free_port):
    backend = serve(echo)
    dead = free_port()
    proxy, port = relay("group", outside=f"""upstream group {{
        server 127.0.0.1:{dead}; server 127.0.0.1:{backend.port}; }}""")
    for _ in range(2):
        with Client(port) as client:
            client.send(b"x")
            assert client.sock.recv(1) == b"x"
    lines = wait_for_line(proxy, 2)
    assert any(f" 127.0.0.1:{dead}, 127.0.0.1:{backend.port} 0, 1 0, 1" in line for line in lines)
    assert re.search(rf"connect\(\) failed \(111: Connection refused\) while connecting to upstream, "
                     rf'client: 127.0.0.1, server: 127.0.0.1:{port}, upstream: "127.0.0.1:{dead}", '
                     r"bytes from/to client:0/0, bytes from/to upstream:0/0", "\n".join(proxy.errors()))
    proxy.forget_errors()


def test_nobody_takes_it(relay, free_port):
    dead = free_port()
    proxy, port = relay(f"127.0.0.1:{dead}")
    with Client(port) as client:
        assert client.until_closed() == b""
    assert wait_for_line(proxy) == [f"127.0.0.1 502 0 0 TCP 127.0.0.1:{dead} 0 0"]
    proxy.forget_errors()


def test_next_upstream_off(relay, serve, free_port):
    backend = serve(echo)
    dead = free_port()
    proxy, port = relay("group", "proxy_next_upstream off;", outside=f"""upstream group {{
        server 127.0.0.1:{dead} max_fails=0; server 127.0.0.1:{backend.port}; }}""")
    for _ in range(2):
        with Client(port) as client:
            try:
                client.send(b"x")
                client.half_close()
                client.until_closed()
            except OSError:
                pass  # refused already
    assert sorted(line.split()[1] for line in wait_for_line(proxy, 2)) == ["200", "502"]
    proxy.forget_errors()


def test_silence_is_ended(relay, serve):
    backend = serve(echo)
    proxy, port = relay(f"127.0.0.1:{backend.port}", "proxy_timeout 300ms;")
    with Client(port) as client:
        client.send(b"x")
        assert client.sock.recv(1) == b"x"
        client.wait_closed()
    proxy.wait_for_error("connection timed out, client:")


def test_unix_sockets(relay, serve, tmp_path):
    serve(echo, path=tmp_path / "echo.sock")
    tmp_path.chmod(0o755)
    (tmp_path / "echo.sock").chmod(0o666)
    proxy, port = relay(f"unix:{tmp_path}/echo.sock")
    with Client(port) as client:
        client.send(b"hello")
        assert client.sock.recv(5) == b"hello"
    assert f"unix:{tmp_path}/echo.sock" in wait_for_line(proxy)[0]


def test_return(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port};
        return "$remote_addr $server_port $protocol\\n"; }} }}""")
    with Client(port) as client:
        assert client.until_closed() == f"127.0.0.1 {port} TCP\n".encode()


def test_rates(relay, serve):
    """The first second's share comes at once, the rest is held back."""
    backend = serve(lambda sock: (send_pattern(sock, 250000), sock.shutdown(socket.SHUT_WR), sock.recv(1)))
    _, port = relay(f"127.0.0.1:{backend.port}", "proxy_download_rate 100k;")
    with Client(port) as client:
        assert read_all(client.sock) == (pattern_sha256(250000), 250000)


def test_a_rate_is_no_silence(relay, serve):
    """Whoever waits for a rate's next share is not timed out meanwhile."""
    backend = serve(lambda sock: (send_pattern(sock, 12000), sock.shutdown(socket.SHUT_WR), sock.recv(1)))
    _, port = relay(f"127.0.0.1:{backend.port}", "proxy_download_rate 5k; proxy_timeout 300ms;")
    with Client(port) as client:
        assert read_all(client.sock) == (pattern_sha256(12000), 12000)


def test_tls_is_terminated(tinyproxyd, free_port, serve, certs):
    port = free_port()
    a, b = certs.issue("a.example"), certs.issue("b.example")
    backend, other = serve(echo), serve(lambda sock: sock.sendall(b"other"))
    proxy = tinyproxyd(f"""stream {{
        log_format tls '$status $ssl_server_name $ssl_protocol $bytes_received';
        access_log access.log tls;
        server {{ listen 127.0.0.1:{port} ssl; server_name a.example; proxy_pass 127.0.0.1:{backend.port};
                  ssl_certificate {a.fullchain}; ssl_certificate_key {a.key}; }}
        server {{ listen 127.0.0.1:{port} ssl; server_name b.example; proxy_pass 127.0.0.1:{other.port};
                  ssl_certificate {b.fullchain}; ssl_certificate_key {b.key}; }}
    }}""")
    with Client(port, tls=tls_context(certs.ca), server_name="a.example") as client:
        client.send(b"x" * 200000)
        got = 0
        while got < 200000:
            got += len(client.sock.recv(65536))
    with Client(port, tls=tls_context(certs.ca), server_name="b.example") as client:
        assert client.until_closed() == b"other"
    lines = wait_for_line(proxy, 2)
    assert "200 a.example TLSv1.3 200000" in lines


def test_sessions_outlive_reloads_and_keep_their_server(tinyproxyd, free_port, serve):
    port = free_port()
    first, second = serve(echo), serve(lambda sock: sock.sendall(b"second"))
    text = f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:%d; }} }}"
    proxy = tinyproxyd(text % first.port)
    with Client(port) as old:
        old.send(b"a")
        assert old.sock.recv(1) == b"a"
        proxy.reload(text % second.port)
        with Client(port) as new:
            assert new.until_closed() == b"second"
        proxy.reload("http { }")
        old.send(b"b")
        assert old.sock.recv(1) == b"b"
        with pytest.raises(OSError):
            Client(port)


def test_a_drain_waits_for_sessions(tinyproxyd, free_port, serve):
    port = free_port()
    backend = serve(echo)
    proxy = tinyproxyd(f"stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port}; }} }}")
    with Client(port) as client:
        client.send(b"a")
        assert client.sock.recv(1) == b"a"
        proxy.send(3)  # QUIT
        wait_until(lambda: not listens(port), "the listener to go")
        client.send(b"b")
        assert client.sock.recv(1) == b"b"
    assert proxy.process.wait(30) == 0


def listens(port):
    try:
        Client(port).close()
        return True
    except OSError:
        return False


def test_access_rules(tinyproxyd, free_port, serve):
    port = free_port()
    backend = serve(echo)
    proxy = tinyproxyd(f"""stream {{ log_format s $status; access_log access.log s;
        server {{ listen 127.0.0.1:{port}; deny 127.0.0.1; allow all; proxy_pass 127.0.0.1:{backend.port}; }} }}""")
    with Client(port) as client:
        assert client.until_closed() == b""
    assert wait_for_line(proxy) == ["403"]
    assert "access forbidden by rule, client: 127.0.0.1" in proxy.errors("error")[0]
    proxy.forget_errors()


# ---- ClientHello, PROXY protocol, pass ---------------------------------------------------------------

@pytest.fixture
def by_name(tinyproxyd, free_port, serve):
    """Each backend tells its letter and sends back the SHA-256 of the bytes that came."""
    def tell(letter):
        def run(sock):
            digest = read_all(sock)
            sock.sendall(f"{letter} {digest[0]} {digest[1]}".encode())
        return run
    port = free_port()
    a, b, rest = (serve(tell(letter)) for letter in ("a", "b", "rest"))
    proxy = tinyproxyd(f"""stream {{
        log_format hello '$ssl_preread_server_name|$ssl_preread_alpn_protocols|$ssl_preread_protocol|$status';
        map $ssl_preread_server_name $backend {{
            hostnames;
            a.example a; *.b.example b; default 127.0.0.1:{rest.port};
        }}
        upstream a {{ server 127.0.0.1:{a.port}; }}
        upstream b {{ server 127.0.0.1:{b.port}; }}
        server {{ listen 127.0.0.1:{port}; ssl_preread on; preread_buffer_size 64k; proxy_half_close on;
                  proxy_pass $backend; access_log access.log hello; }}
    }}""")
    return proxy, port


def expect_of(data):
    return f"{hashlib.sha256(data).hexdigest()} {len(data)}"


def test_names_choose_the_backend(by_name):
    proxy, port = by_name
    for data, letter in ((made_by_openssl("a.example", ["h2", "http/1.1"]), "a"), (made_by_openssl("A.EXAMPLE"), "a"),
                         (made_by_openssl("x.b.example"), "b"), (made_by_openssl("other.example"), "rest"),
                         (made_by_openssl(), "rest"), (b"SSH-2.0-x\r\n", "rest"), (b"\x16\x03\x01\x00\x00", "rest")):
        with Client(port) as client:
            client.send(data)
            client.half_close()
            assert client.until_closed().decode() == f"{letter} {expect_of(data)}"
    lines = wait_for_line(proxy, 7)
    assert lines[0] == "a.example|h2,http/1.1|TLSv1.3|200"
    assert "-|-|-|200" in lines  # SSH


def test_a_hello_beyond_the_buffer_is_refused(by_name):
    proxy, port = by_name
    data = in_records(made_by_openssl("a.example", padding=40000), 100)
    data = data[:5] + b"\x01\x00\xff\xf0" + data[9:]  # it says that it is 65,520 bytes long
    data = data + b"\x16\x03\x01\x00\x64" + bytes(100)
    with Client(port) as client:
        try:
            client.send((data + (b"\x16\x03\x01\x00\x64" + bytes(100)) * 400)[:65536])
            assert client.until_closed() == b""
        except OSError:
            pass
    assert wait_for_line(proxy)[0].endswith("|400")
    proxy.forget_errors()


def test_who_says_nothing_is_not_waited_for(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(f"""stream {{ log_format s $status; access_log access.log s;
        server {{ listen 127.0.0.1:{port}; ssl_preread on; preread_timeout 200ms; proxy_pass 127.0.0.1:9; }} }}""")
    with Client(port) as client:
        client.send(b"\x16")
        client.wait_closed()
    assert wait_for_line(proxy) == ["200"]


def test_handshakes_pass_through(tinyproxyd, free_port, serve, certs):
    """The service behind keeps its own certificate; we never see inside."""
    port = free_port()
    names = ("a.example", "b.example")
    backends = {}
    for name in names:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert = certs.issue(name)
        context.load_cert_chain(cert.fullchain, cert.key)
        backends[name] = serve(tls(context, lambda sock, name=name: sock.sendall(name.encode() + sock.recv(10))))
    rows = " ".join(f"{name} 127.0.0.1:{server.port};" for name, server in backends.items())
    tinyproxyd(f"""stream {{ map $ssl_preread_server_name $to {{ {rows} }}
        server {{ listen 127.0.0.1:{port}; ssl_preread on; proxy_pass $to; }} }}""")
    for name in names:
        with Client(port, tls=tls_context(certs.ca), server_name=name) as client:
            client.send(b"hi")
            assert client.until_closed() == name.encode() + b"hi"
    with pytest.raises(OSError):
        Client(port, tls=True, server_name="c.example")


@pytest.mark.parametrize("version", ["on", "v1", "v2"])
def test_the_backend_learns_its_client(tinyproxyd, free_port, serve, version):
    port = free_port()
    got = []
    backend = serve(lambda sock: (got.append(read_bytes(sock)), sock.sendall(b"ok")))
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; ssl_preread on;
        proxy_protocol {version}; proxy_half_close on; proxy_pass 127.0.0.1:{backend.port}; }} }}""")
    data = made_by_openssl("a.example", ["h2"])
    with Client(port) as client:
        client.send(data)
        client.half_close()
        assert client.until_closed() == b"ok"
        source = client.source_port
    if version == "v2":
        assert got[0] == v2("127.0.0.1", source, "127.0.0.1", port,
                            tlvs=tlv(2, b"a.example") + tlv(1, b"h2")) + data
    else:
        assert got[0] == v1("127.0.0.1", source, "127.0.0.1", port) + data


def read_bytes(sock):
    data = b""
    while more := sock.recv(1 << 16):
        data += more
    return data


def test_a_header_goes_on_from_a_trusted_sender_only(tinyproxyd, free_port, serve):
    ports = free_port(), free_port()
    got = []
    backend = serve(lambda sock: (got.append(read_bytes(sock)), sock.sendall(b"ok")))
    servers = "".join(f"""server {{ listen 127.0.0.1:{port} proxy_protocol; set_real_ip_from {trusted};
        proxy_protocol v1; proxy_half_close on; proxy_pass 127.0.0.1:{backend.port};
        access_log access.log who; }}""" for port, trusted in zip(ports, ("127.0.0.0/8", "192.0.2.0/24")))
    proxy = tinyproxyd(f"""stream {{
        log_format who '$remote_addr $realip_remote_addr $proxy_protocol_addr'; {servers} }}""")
    for port, said in zip(ports, (b"192.0.2.1 127.0.0.1 56324 ", b"127.0.0.1 127.0.0.1 ")):
        with Client(port) as client:
            client.send(v1() + b"x")
            client.half_close()
            assert client.until_closed() == b"ok"
        assert got[-1].startswith(b"PROXY TCP4 " + said), got[-1]
        assert got[-1].endswith(b"\r\nx")
    assert wait_for_line(proxy, 2) == ["192.0.2.1 127.0.0.1 192.0.2.1", "127.0.0.1 127.0.0.1 192.0.2.1"]


def test_pass_to_http_listeners(tinyproxyd, free_port, certs):
    """No hop: the http server sees the client itself, plain and TLS, and keeps the connection over reloads."""
    front, terminated, inner, secure = (free_port() for _ in range(4))
    cert = certs.issue("a.example")
    pair = f"ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};"
    show = 'return 200 "$scheme $remote_addr $remote_port $server_port $ssl_server_name";'
    text = f"""
stream {{
    map $ssl_preread_protocol $to {{ "" 127.0.0.1:{inner}; default 127.0.0.1:{secure}; }}
    server {{ listen 127.0.0.1:{front}; ssl_preread on; pass $to; }}
    server {{ listen 127.0.0.1:{terminated} ssl; {pair} pass 127.0.0.1:{inner}; }}
}}
http {{
    server {{ listen 127.0.0.1:{inner}; {show} }}
    server {{ listen 127.0.0.1:{secure} ssl; {pair} {show} }}
}}"""
    proxy = tinyproxyd(text)
    request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
    trusted = tls_context(certs.ca)
    with Client(front) as plain, Client(front, tls=trusted, server_name="a.example") as inside, \
            Client(terminated, tls=trusted, server_name="a.example") as half:
        for round_ in range(3):
            assert plain.exchange(request).body.decode() == f"http 127.0.0.1 {plain.source_port} {inner} "
            assert inside.exchange(request).body.decode() == \
                f"https 127.0.0.1 {inside.source_port} {secure} a.example"
            assert half.exchange(request).body.decode() == \
                f"https 127.0.0.1 {half.source_port} {inner} a.example"
            proxy.reload(text + f"# {round_}\n")


def test_what_is_passed_on_has_the_real_address(tinyproxyd, free_port):
    """What set_real_ip_from found before the pass is the client's address behind it, and in the error log."""
    front, other, inner, inside = (free_port() for _ in range(4))
    show = '"$remote_addr $remote_port"'
    proxy = tinyproxyd(f"""
stream {{
    set_real_ip_from 127.0.0.1;
    server {{ listen 127.0.0.1:{front} proxy_protocol; pass 127.0.0.1:{inner}; }}
    server {{ listen 127.0.0.1:{other} proxy_protocol; pass 127.0.0.1:{inside}; }}
    server {{ listen 127.0.0.1:{inside}; allow 192.0.2.1; deny all; return {show}; }}
}}
http {{ server {{ listen 127.0.0.1:{inner}; return 200 {show}; }} }}""")
    with Client(front) as client:
        assert client.exchange(v1() + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").body == b"192.0.2.1 56324"
    with Client(other) as client:
        client.send(v1())
        assert client.until_closed() == b"192.0.2.1 56324"
    with Client(other) as client:
        client.send(v1("192.0.2.2"))
        assert client.until_closed() == b""
    proxy.wait_for_error(rf"forbidden by rule, client: 192\.0\.2\.2, server: 127\.0\.0\.1:{inside}")
    proxy.forget_errors()


def test_what_is_passed_on_may_begin_with_another_header(tinyproxyd, free_port):
    front, inner = free_port(), free_port()
    tinyproxyd(f"""stream {{
        server {{ listen 127.0.0.1:{front} proxy_protocol; pass 127.0.0.1:{inner}; }}
        server {{ listen 127.0.0.1:{inner} proxy_protocol; return "$proxy_protocol_addr"; }} }}""")
    for data, answer in ((v1() + v1("192.0.2.7"), b"192.0.2.7"), (v1() + v2("192.0.2.8"), b"192.0.2.8"),
                         (v1() + b"PROXY ", b""), (v1() + b"none", b"")):
        with Client(front) as client:
            client.send(data)
            if data.endswith(b"PROXY "):
                client.half_close()
            assert client.until_closed() == answer


@pytest.mark.parametrize("how", ["reload", "drain"])
def test_a_pass_under_way_reaches_a_listener_that_is_gone(tinyproxyd, free_port, certs, how):
    """A client that has arrived before is passed on when it has spoken, and served to its end."""
    front, inner, header = free_port(), free_port(), free_port()
    text = f"""
stream {{
    map $ssl_preread_server_name $to {{ default 127.0.0.1:{inner}; b.example 127.0.0.1:{header}; }}
    server {{ listen 127.0.0.1:{front}; ssl_preread on; pass $to; }} }}
http {{ server {{ listen 127.0.0.1:@PORT@; return 200 served; }} server {{ listen 127.0.0.1:{header} proxy_protocol; }} }}"""
    proxy = tinyproxyd(text.replace("@PORT@", str(inner)))
    with Client(front) as client, Client(front) as other:
        for number in (1, 2):
            proxy.wait_for_error(rf"\*{number} client 127\.0\.0\.1:\d+ connected")
        if how == "reload":
            proxy.reload(text.replace("@PORT@", str(free_port())))
        else:
            proxy.send(signal.SIGQUIT)
            wait_until(lambda: not listens(front), "the listener to go")
            other.send(made_by_openssl("b.example"))
            assert other.until_closed() == b""
        response = client.exchange(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert response.body == b"served" and response.get("connection") == "close"
        client.wait_closed()
    proxy.forget_errors()


def test_passes_that_lead_nowhere(tinyproxyd, free_port):
    circle, nowhere = free_port(), free_port()
    proxy = tinyproxyd(f"""stream {{
        server {{ listen 127.0.0.1:{circle}; pass 127.0.0.1:{circle}; }}
        server {{ listen 127.0.0.1:{nowhere}; pass 127.0.0.1:9; }} }}""")
    for port in (circle, nowhere):
        with Client(port) as client:
            assert client.until_closed() == b""
    text = "\n".join(proxy.errors("error"))
    assert "going round in circles" in text and "nobody listens on" in text
    proxy.forget_errors()
