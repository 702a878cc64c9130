# SPDX-License-Identifier: ISC
"""stream with TLS of our own: the protocol (ALPN), clients' certificates, and what is passed on inside."""
import ssl

import pytest
from support.client import Client, tls_context
from support.process import run
from support.tcp_server import TcpServer, echo
from support.wait import wait_until


@pytest.fixture
def backend():
    server = TcpServer(echo)
    yield server
    server.stop()


def served(proxy_port, context, name="a.example"):
    """What the echo server sends back; None when the connection ends first."""
    with Client(proxy_port, tls=context, server_name=name) as client:
        try:
            client.send(b"hello")
            return client.sock.recv(5) or None
        except OSError:
            return None


@pytest.fixture
def terminate(tinyproxyd, free_port, certs, backend):
    """terminate(more) → (proxy, port): TLS of our own in front of an echo server."""
    def make(more=""):
        port = free_port()
        cert = certs.issue("a.example")
        return tinyproxyd(f"""stream {{
            log_format tls '$status $ssl_alpn_protocol $ssl_client_verify';
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
                      {more} proxy_pass 127.0.0.1:{backend.port}; access_log access.log tls; }} }}"""), port
    return make


def lines(proxy, count):
    wait_until(lambda: proxy.access_log.exists() and
               len(proxy.access_log.read_text().splitlines()) >= count, "access log lines")
    return proxy.access_log.read_text().splitlines()


@pytest.mark.parametrize("ours, offered, chosen", [
    ("ssl_alpn xmpp-client imap;", ["imap", "xmpp-client"], "xmpp-client"),
    ("ssl_alpn xmpp-client imap;", ["other", "imap"], "imap"),
    ("ssl_alpn xmpp-client imap;", None, None),
    ("ssl_alpn imap;", ["http/1.1", "h2"], ssl.SSLError),
    ("ssl_alpn imap;", ["ima"], ssl.SSLError),
    ("", ["http/1.1", "h2"], None),
])
def test_the_protocol(terminate, certs, ours, offered, chosen):
    proxy, port = terminate(ours)
    context = tls_context(certs.ca, alpn=offered)
    if chosen is ssl.SSLError:
        with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL|no application protocol"):
            Client(port, tls=context, server_name="a.example")
        assert lines(proxy, 1) == ["500 - NONE"]
        return
    with Client(port, tls=context, server_name="a.example") as client:
        assert client.sock.selected_alpn_protocol() == chosen
        client.send(b"x")
        assert client.sock.recv(1) == b"x"
    assert lines(proxy, 1) == [f"200 {chosen or '-'} NONE"]


def test_each_name_has_its_protocols(tinyproxyd, free_port, certs, backend):
    port = free_port()
    cert = certs.issue("a.example", "b.example", "c.example")
    servers = "".join(f"""server {{ listen 127.0.0.1:{port} ssl; server_name {name}.example; {alpn}
        proxy_pass 127.0.0.1:{backend.port}; }}""" for name, alpn in
        (("a", "ssl_alpn one;"), ("b", "ssl_alpn two one;"), ("c", "")))
    tinyproxyd(f"""stream {{ ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
        ssl_alpn inherited; {servers} }}""")
    for name, chosen in (("a", "one"), ("b", "two"), ("c", "inherited")):
        with Client(port, tls=tls_context(certs.ca, alpn=["inherited", "one", "two"]),
                    server_name=f"{name}.example") as client:
            assert client.sock.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("text, why", [
    ("ssl_alpn;", "invalid number of arguments"), ('ssl_alpn "";', "has 1 to 255 bytes"),
    (f"ssl_alpn h2 {'x' * 256};", "has 1 to 255 bytes"), ("ssl_alpn a; ssl_alpn b;", "duplicate"),
])
def test_refused(tinyproxyd, text, why):
    done = tinyproxyd("stream { %s }" % text, started=False).run("-t")
    assert done.code == 1 and why in done.err


@pytest.mark.parametrize("verify", ["on", "optional", "optional_no_ca"])
def test_clients_certificates(terminate, certs, verify):
    """A connection that may not be is ended, and nothing of it reaches the upstream."""
    mine, strange = (certs.issue("client.example", client=True, self_signed=own) for own in (False, True))
    proxy, port = terminate(f"ssl_verify_client {verify}; ssl_client_certificate {certs.ca};")
    expected = {None: verify != "on", mine: True, strange: verify == "optional_no_ca"}
    for number, (shown, welcome) in enumerate(expected.items()):
        context = tls_context(certs.ca)
        if shown:
            context.load_cert_chain(shown.fullchain, shown.key)
        assert served(port, context) == (b"hello" if welcome else None)
        assert lines(proxy, number + 1)[-1].split()[0] == ("200" if welcome else "500")
    if verify == "on":
        assert any("client sent no required SSL certificate, client: 127.0.0.1" in line for line in proxy.errors("info"))
    if verify != "optional_no_ca":
        assert any("client SSL certificate verify error: (" in line for line in proxy.errors("info"))


def test_a_resumed_session_is_judged_as_well(terminate, certs):
    """A certificate counts by the rules that hold when the session is resumed."""
    _, port = terminate(f"ssl_verify_client on; ssl_client_certificate {certs.ca}; ssl_session_cache shared:s:1m;")
    mine = certs.issue("client.example", client=True)
    context = tls_context(certs.ca)
    context.load_cert_chain(mine.fullchain, mine.key)
    with Client(port, tls=context, server_name="a.example") as client:
        client.send(b"hello")
        assert client.sock.recv(5) == b"hello"
        session = client.sock.session
    plain = Client(port)
    with context.wrap_socket(plain.sock, server_hostname="a.example", session=session) as again:
        again.sendall(b"again")
        assert again.recv(5) == b"again"
        assert again.session_reused


def test_http2_inside_is_passed_on(tinyproxyd, free_port, certs):
    """ALPN says h2, and the http listener that the connection is passed to speaks it."""
    front, inner = free_port(), free_port()
    cert = certs.issue("a.example")
    tinyproxyd(f"""
stream {{ server {{ listen 127.0.0.1:{front} ssl; ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
    ssl_alpn h2 http/1.1; pass 127.0.0.1:{inner}; }} }}
http {{ server {{ listen 127.0.0.1:{inner}; http2 on; return 200 "$server_protocol $ssl_alpn_protocol\\n"; }} }}""")
    for flag, said in (("--http2", "HTTP/2.0 h2\n"), ("--http1.1", "HTTP/1.1 http/1.1\n")):
        assert run(["curl", "-sS", flag, "--cacert", certs.ca, "--resolve", f"a.example:{front}:127.0.0.1",
                    f"https://a.example:{front}/"], check=0).out == said


def test_a_stream_listener_takes_terminated_tls_over(tinyproxyd, free_port, certs, backend):
    """What is passed on from TLS is TLS for its client to the end, whatever the listener does with it."""
    answers, relays, looks, denies = (free_port() for _ in range(4))
    cert = certs.issue("a.example")
    fronts = {inner: free_port() for inner in (answers, relays, looks, denies)}
    front = "".join(f"""server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {cert.fullchain};
        ssl_certificate_key {cert.key}; pass 127.0.0.1:{inner}; }}""" for inner, port in fronts.items())
    proxy = tinyproxyd(f"""stream {{ {front}
        log_format tls '$server_port $status $ssl_protocol $ssl_server_name $bytes_received'; access_log access.log tls;
        server {{ listen 127.0.0.1:{answers}; return "$ssl_server_name $ssl_protocol"; }}
        server {{ listen 127.0.0.1:{relays}; proxy_pass 127.0.0.1:{backend.port}; }}
        server {{ listen 127.0.0.1:{looks}; ssl_preread on; proxy_pass 127.0.0.1:{backend.port}; }}
        server {{ listen 127.0.0.1:{denies}; deny all; return no; }} }}""")
    trusted = tls_context(certs.ca)
    with Client(fronts[answers], tls=trusted, server_name="a.example") as client:
        assert client.until_closed() == b"a.example TLSv1.3"
    for inner in (relays, looks):
        assert served(fronts[inner], trusted) == b"hello"
    with Client(fronts[denies], tls=trusted, server_name="a.example") as client:
        assert client.until_closed() == b""
    assert sorted(lines(proxy, 4)) == sorted([f"{answers} 200 TLSv1.3 a.example 0", f"{relays} 200 TLSv1.3 a.example 5",
                                              f"{looks} 200 TLSv1.3 a.example 5", f"{denies} 403 TLSv1.3 a.example 0"])
    proxy.forget_errors()


def test_what_came_with_the_handshake_is_passed_on(tinyproxyd, free_port, certs):
    """A request in the same packet as the client's Finished: TLS has it before the http listener has the connection."""
    front, inner = free_port(), free_port()
    cert = certs.issue("a.example")
    tinyproxyd(f"""
stream {{ server {{ listen 127.0.0.1:{front} ssl; ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key};
    pass 127.0.0.1:{inner}; }} }}
http {{ server {{ listen 127.0.0.1:{inner}; return 200 "inside"; }} }}""")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = tls_context(certs.ca, minimum=ssl.TLSVersion.TLSv1_3).wrap_bio(incoming, outgoing, server_hostname="a.example")
    with Client(front) as client:
        while True:
            try:
                inside.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.send(outgoing.read())
                incoming.write(client.sock.recv(1 << 16))
        inside.write(b"GET / HTTP/1.0\r\n\r\n")
        client.send(outgoing.read())  # Finished and the request
        incoming.write(client.until_closed())
    answer = b""
    while True:
        try:
            more = inside.read(1 << 16)
        except ssl.SSLError:
            break
        if not more:
            break
        answer += more
    assert answer.endswith(b"\r\n\r\ninside")


def test_who_never_shakes_hands_is_not_waited_for(terminate):
    proxy, port = terminate("ssl_handshake_timeout 200ms;")
    with Client(port) as client:
        client.send(b"\x16\x03\x01")
        client.wait_closed()
    wait_until(lambda: proxy.access_log.read_text().startswith("500 "), "the line of the session")
