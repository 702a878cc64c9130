# SPDX-License-Identifier: ISC
"""A service behind the tunnel looks after its own certificate, through the proxy, by http-01 and tls-alpn-01."""
import contextlib
import ssl

import pytest

from support.client import Client, get, tls_context
from support.process import run
from support.tcp_server import TcpServer, tls

TOKEN = "/.well-known/acme-challenge/tok-1_A"
NAME = "mail.example"


def front(place, http_port, tls_port, service, local, forward="", to=None, more="", handler="proxy_pass $to;"):
    """The passthrough of the tutorials, with acme_webroot in place of its hand-written block."""
    return f"""
stream {{
    map $ssl_preread_server_name $to {{ {NAME} {to or f"127.0.0.1:{service}"}; default 127.0.0.1:{local}; }}
    {more}
    server {{ listen 127.0.0.1:{tls_port}; ssl_preread on; {handler} }}
}}
http {{
    log_format asked '$host $status $upstream_addr'; access_log access.log asked;
    acme_webroot {place}/tokens {forward};
    server {{ listen 127.0.0.1:{http_port}; return 301 https://$host$request_uri; }}
    server {{ listen 127.0.0.1:{local}; return 200 "here"; }}
}}"""


@pytest.fixture
def pebble(make_pebble):
    """Certbot gives up at the second rejected nonce in a row: that is not the point here."""
    return make_pebble(nonce_reject=0)


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "www"
    (directory / "tokens").mkdir(parents=True)
    return directory


# ---- real clients on a real CA ------------------------------------------------------------------------

@contextlib.contextmanager
def serving(port_taken, cert, key):
    """The service with the certificate it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server = TcpServer(tls(context, lambda sock: sock.sendall(b"mail")), port=port_taken)
    try:
        yield
    finally:
        server.stop()


def certbot_by_http(certbot, directory, http_port, tls_port):
    certbot("certonly", "--agree-tos", "--register-unsafely-without-email", "--standalone", "--http-01-address",
            "127.0.0.1", "--http-01-port", http_port, "-d", NAME, check=0)
    live = certbot.config_dir / "live" / NAME
    return live / "fullchain.pem", live / "privkey.pem"


def lego(pebble, directory, *how):
    run(["lego", "--path", directory, "--server", pebble.directory_url, "--email", "a@example.com", "--accept-tos",
         "--domains", NAME, *how, "run"],
        env={"LEGO_CA_CERTIFICATES": str(pebble.ca_file), "no_proxy": "*"}, deadline_s=60, check=0)
    return directory / "certificates" / f"{NAME}.crt", directory / "certificates" / f"{NAME}.key"


def lego_by_http(certbot, directory, http_port, tls_port):
    return lego(certbot.pebble, directory, "--http", "--http.port", f"127.0.0.1:{http_port}")


def lego_by_tls(certbot, directory, http_port, tls_port):
    return lego(certbot.pebble, directory, "--tls", "--tls.port", f"127.0.0.1:{tls_port}")


@pytest.mark.parametrize("obtain", [certbot_by_http, lego_by_http, lego_by_tls])
def test_a_service_obtains_its_own_certificate(tinyproxyd, pebble, certbot, place, tmp_path, free_port, obtain):
    http_port, tls_port, local = free_port(), free_port(), free_port()
    proxy = tinyproxyd(front(place, pebble.http_port, pebble.tls_port, tls_port, local, f"forward={http_port}"))
    cert, key = obtain(certbot, tmp_path / "lego", http_port, tls_port)
    with serving(tls_port, cert, key), \
            Client(pebble.tls_port, tls=tls_context(pebble.root()), server_name=NAME) as client:
        assert client.until_closed() == b"mail"
    asked = proxy.access_log.read_text().split("\n") if proxy.access_log.exists() else []
    assert any(line == f"{NAME} 200 127.0.0.1:{http_port}" for line in asked) == (obtain is not lego_by_tls)


# ---- what is forwarded, and what is not ---------------------------------------------------------------

@pytest.fixture
def service(make_backend):
    return make_backend("the service's")


def test_tokens_of_tunnelled_names(tinyproxyd, free_port, place, service):
    http_port, local = free_port(), free_port()
    proxy = tinyproxyd(front(place, http_port, free_port(), free_port(), local, f"forward={service.port}"))
    proxy.wait_for_error("generation 1 is in service")
    assert get(http_port, TOKEN + "?x=1", host=NAME).body == b"the service's\n"
    assert (service.last.target, service.last.get("Host")) == (TOKEN + "?x=1", NAME)
    assert get(http_port, TOKEN, host=NAME.upper()).body == b"the service's\n"
    # Only tokens, only read, only of names that are passed on elsewhere.
    seen = len(service.requests)
    for more in ({"host": NAME, "target": "/"}, {"host": NAME, "target": TOKEN, "method": "POST"},
                 {"host": NAME, "target": TOKEN + "/x"}, {"host": "www.example", "target": TOKEN}):
        assert get(http_port, **more).status == 301
    assert len(service.requests) == seen
    # A token that is here comes first.
    (place / "tokens" / TOKEN.strip("/")).parent.mkdir(parents=True)
    (place / "tokens" / TOKEN.strip("/")).write_text("ours")
    assert get(http_port, TOKEN, host=NAME).body == b"ours"


def test_port_80_unless_told(tinyproxyd, free_port, place):
    http_port = free_port()
    proxy = tinyproxyd(front(place, http_port, free_port(), 0, free_port(), to="127.45.67.89:443"))
    assert get(http_port, TOKEN, host=NAME).status == 502
    assert any(f'upstream: "http://127.45.67.89:80{TOKEN}"' in line for line in proxy.errors("error"))
    proxy.forget_errors()


@pytest.mark.parametrize("forward", ["forward=off", "other.example"])
def test_not_forwarded(tinyproxyd, free_port, place, service, forward):
    http_port = free_port()
    tinyproxyd(front(place, http_port, free_port(), service.port, free_port(), forward))
    assert get(http_port, TOKEN, host=NAME).status == 301
    assert not service.requests


def test_a_service_of_several_servers(tinyproxyd, free_port, place, service):
    """Whichever has the token answers for it; one that is not there does not matter."""
    http_port = free_port()
    others = TcpServer(lambda sock: (sock.recv(4096), sock.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")),
                       host="127.0.0.2", port=service.port)
    proxy = tinyproxyd(front(place, http_port, free_port(), 0, free_port(), f"forward={service.port}", to="mail",
                             more="""upstream mail { server 127.0.0.3:1; server 127.0.0.2:1; server 127.0.0.4:1 down;
                                                     server 127.0.0.1:1 backup; server unix:/nowhere; }"""))
    for _ in range(3):
        assert get(http_port, TOKEN, host=NAME).body == b"the service's\n"
    assert others.accepted > 0
    proxy.forget_errors()
    others.stop()


def test_our_own_listeners_are_no_service(tinyproxyd, free_port, place):
    """A name that leads back here, and a port that is this one: nothing goes round in circles."""
    http_port, local = free_port(), free_port()
    for to in (f"127.0.0.1:{local}", "127.0.0.1:1"):
        proxy = tinyproxyd(front(place, http_port, free_port(), 0, local, f"forward={http_port}", to=to))
        assert get(http_port, TOKEN, host=NAME).status == 301
        proxy.stop()


def test_passed_inside_is_no_service(tinyproxyd, free_port, place, service):
    http_port, local = free_port(), free_port()
    tinyproxyd(front(place, http_port, free_port(), service.port, local, f"forward={service.port}",
                     handler=f"pass 127.0.0.1:{local};"))
    assert get(http_port, TOKEN, host=NAME).status == 301


def test_server_names_of_stream(tinyproxyd, free_port, place, service):
    """Names may choose the server instead of a map; terminated TLS is not a tunnel."""
    http_port, tls_port, local = free_port(), free_port(), free_port()
    tinyproxyd(f"""
stream {{
    server {{ listen 127.0.0.1:{tls_port}; ssl_preread on; server_name {NAME} *.{NAME}; proxy_pass 127.0.0.1:9; }}
    server {{ listen 127.0.0.1:{tls_port} default_server; ssl_preread on; pass 127.0.0.1:{local}; }}
}}
http {{
    acme_webroot {place}/tokens forward={service.port};
    server {{ listen 127.0.0.1:{http_port}; return 301 https://$host$request_uri; }}
    server {{ listen 127.0.0.1:{local}; return 200 "here"; }}
}}""")
    assert get(http_port, TOKEN, host=f"imap.{NAME}").body == b"the service's\n"
    assert get(http_port, TOKEN, host="www.example").status == 301
