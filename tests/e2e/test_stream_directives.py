# SPDX-License-Identifier: ISC
"""stream: variables say what the real nginx's say, and the directives that no other test is about do what they say."""
import re
import socket
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from support.client import Client, tls_context
from support.hello import CAPTURES
from support.inside import nodelay_by_peer
from support.pattern import pattern, pattern_bytes
from support.tcp_server import TcpServer, echo, tls
from support.wait import wait_until

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

# Equal on both, byte for byte: Debian's nginx has them all.
SAME = """binary_remote_addr hostname protocol remote_addr server_addr ssl_cipher ssl_ciphers ssl_client_cert
    ssl_client_fingerprint ssl_client_i_dn ssl_client_raw_cert ssl_client_s_dn ssl_client_serial ssl_client_v_end
    ssl_client_v_remain ssl_client_v_start ssl_client_verify ssl_curve ssl_curves ssl_protocol ssl_server_name
    ssl_session_reused realip_remote_addr proxy_protocol_addr status bytes_received""".split()
# Each one's own, of this form.
FORMS = {"msec": r"\d{10}\.\d{3}", "nginx_version": r"1\.\d+\.\d+", "pid": r"\d+", "connection": r"\d+",
         "session_time": r"\d\.\d{3}", "time_iso8601": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d",
         "time_local": r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "remote_port": r"\d+", "realip_remote_port": r"\d+",
         "server_port": r"\d+", "bytes_sent": r"\d+"}


@pytest.fixture
def serve():
    servers = []

    def make(function, **more):
        servers.append(TcpServer(function, **more))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def lines(proxy, count=1):
    wait_until(lambda: proxy.access_log.exists() and
               len(proxy.access_log.read_text().splitlines()) >= count, "access log lines")
    return proxy.access_log.read_text().splitlines()


# ---- variables ------------------------------------------------------------------------------------------

def test_variables_as_nginx_has_them(tinyproxyd, start, free_port, certs, tmp_path):
    site, mine = certs.issue("a.example"), certs.issue("client.example", client=True)
    names = [*SAME, *FORMS]
    text = r"""stream { server { listen 127.0.0.1:@PORT@ ssl; ssl_protocols TLSv1.3; ssl_verify_client on; ssl_client_certificate %s;
        ssl_certificate %s; ssl_certificate_key %s; return "%s"; } }""" % (
        certs.ca, site.fullchain, site.key, "\x1f".join("$" + name for name in names))
    ports = free_port(), free_port()
    tinyproxyd(text.replace("@PORT@", str(ports[0])))
    place = tmp_path / "nginx"
    place.mkdir()
    (place / "nginx.conf").write_text(f"load_module {STREAM_MODULE}; daemon off; pid {place}/pid; events {{ }}\n" +
                                      text.replace("@PORT@", str(ports[1])))
    start("nginx", ["/usr/sbin/nginx", "-p", place, "-c", place / "nginx.conf", "-e", place / "error.log"]
          ).wait_for_port(ports[1])
    context = tls_context(certs.ca)
    context.load_cert_chain(mine.fullchain, mine.key)
    said = []
    for port in ports:
        with Client(port, tls=context, server_name="a.example") as client:
            said.append(dict(zip(names, client.until_closed().decode("latin-1").split("\x1f"))))
    assert {name: said[0][name] for name in SAME} == {name: said[1][name] for name in SAME}
    for name, form in FORMS.items():
        assert re.fullmatch(form, said[1][name]), f"the form of {name} is not nginx's: {said[1][name]}"
        assert re.fullmatch(form, said[0][name]), f"{name}: {said[0][name]}"
    assert said[0]["ssl_client_verify"] == "SUCCESS" and said[0]["server_port"] == str(ports[0])


def test_variables_that_debians_nginx_has_not(tinyproxyd, free_port, certs):
    port, site, mine = free_port(), certs.issue("a.example"), certs.issue("client.example", client=True)
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port} ssl; ssl_verify_client on; ssl_client_certificate {certs.ca};
        ssl_certificate {site.fullchain}; ssl_certificate_key {site.key}; ssl_session_tickets off; ssl_protocols TLSv1.2;
        ssl_session_cache shared:s:1m;
        return "$ssl_client_escaped_cert $ssl_session_id $ssl_session_reused $ssl_client_s_dn_legacy $ssl_client_i_dn_legacy"; }} }}""")
    context = tls_context(certs.ca)
    context.load_cert_chain(mine.fullchain, mine.key)
    with Client(port, tls=context, server_name="a.example") as client:
        escaped, session, reused, subject, issuer = client.until_closed().decode().split(" ", 4)
    pem = mine.x509.public_bytes(serialization.Encoding.PEM).decode()
    assert escaped == "".join(c if re.match(r"[A-Za-z0-9._~-]", c) else f"%{ord(c):02X}" for c in pem)
    assert re.fullmatch("[0-9a-f]{64}", session) and reused == "."
    assert (subject, issuer) == ("/CN=client.example", "/CN=Test CA")


def test_times_of_the_upstream(tinyproxyd, free_port, serve):
    port, dead, backend = free_port(), free_port(), serve(echo)
    proxy = tinyproxyd(f"""stream {{
        log_format times '$upstream_addr|$upstream_connect_time|$upstream_first_byte_time|$upstream_session_time';
        upstream both {{ server 127.0.0.1:{dead}; server 127.0.0.1:{backend.port} backup; }}
        server {{ listen 127.0.0.1:{port}; proxy_pass both; access_log access.log times; }} }}""")
    with Client(port) as client:
        client.send(b"x")
        assert client.sock.recv(1) == b"x"
    time = r"\d\.\d{3}"
    assert re.fullmatch(rf"127\.0\.0\.1:{dead}, 127\.0\.0\.1:{backend.port}\|-, {time}\|-, {time}\|{time}, {time}",
                        lines(proxy)[0])
    proxy.forget_errors()


def test_the_time_to_connect_is_that_to_the_end_of_a_handshake(tinyproxyd, free_port, serve):
    """So it has none where an upstream takes connections and says nothing (nginx)."""
    port, mute = free_port(), serve(lambda sock: sock.recv(100000) and sock.recv(1))
    proxy = tinyproxyd(f"""stream {{ log_format times '$status $upstream_connect_time'; access_log access.log times;
        server {{ listen 127.0.0.1:{port}; proxy_ssl on; proxy_connect_timeout 100ms; proxy_pass 127.0.0.1:{mute.port}; }} }}""")
    with Client(port) as client:
        client.wait_closed()
    assert lines(proxy) == ["502 -"]
    proxy.forget_errors()


# ---- proxying -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("secure", ["", "ssl", "proxy_ssl"])
@pytest.mark.parametrize("nodelay", ["on", "off"])
def test_tcp_nodelay(tinyproxyd, free_port, certs, serve, nodelay, secure):
    """On both sides, once there is a second write."""
    port, cert = free_port(), certs.issue("a.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.fullchain, cert.key)
    backend = serve(tls(context, echo) if secure == "proxy_ssl" else echo)
    proxy = tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port} {secure if secure == "ssl" else ""};
        ssl_certificate {cert.fullchain}; ssl_certificate_key {cert.key}; tcp_nodelay {nodelay};
        proxy_ssl {"on" if secure == "proxy_ssl" else "off"}; proxy_pass 127.0.0.1:{backend.port}; }} }}""")
    with Client(port, tls=secure == "ssl") as client:
        for _ in range(3):
            client.send(b"x")
            assert client.sock.recv(1) == b"x"
        options = nodelay_by_peer(proxy.worker_pids()[0])
        assert {options[client.source_port], options[backend.port]} == {nodelay == "on"}


@pytest.mark.parametrize("tries, asked, status", [(0, 3, 200), (2, 2, 502), (1, 1, 502)])
def test_tries(tinyproxyd, free_port, serve, tries, asked, status):
    port, backend = free_port(), serve(echo)
    dead = free_port(), free_port()
    proxy = tinyproxyd(f"""stream {{ log_format who '$status $upstream_addr';
        upstream group {{ server 127.0.0.1:{dead[0]}; server 127.0.0.1:{dead[1]}; server 127.0.0.1:{backend.port} backup; }}
        server {{ listen 127.0.0.1:{port}; proxy_pass group; proxy_next_upstream_tries {tries};
                  proxy_next_upstream_timeout 30s; access_log access.log who; }} }}""")
    with Client(port) as client:
        client.half_close()
        client.until_closed()
    said, *addresses = lines(proxy)[0].split(" ", 1)
    assert int(said) == status and len(addresses[0].split(", ")) == asked
    proxy.forget_errors()


def test_no_time_for_another(tinyproxyd, free_port, serve):
    """The first server takes its time to refuse (TLS with one that is silent), and that was all there was."""
    port, silent, backend = free_port(), serve(lambda sock: sock.recv(1 << 16) and sock.recv(1)), serve(echo)
    proxy = tinyproxyd(f"""stream {{ log_format who '$status $upstream_addr';
        upstream group {{ server 127.0.0.1:{silent.port}; server 127.0.0.1:{backend.port} backup; }}
        server {{ listen 127.0.0.1:{port}; proxy_pass group; proxy_ssl on; proxy_connect_timeout 200ms;
                  proxy_next_upstream_timeout 100ms; access_log access.log who; }} }}""")
    with Client(port) as client:
        assert client.until_closed() == b""
    assert lines(proxy) == [f"502 127.0.0.1:{silent.port}"]
    assert any("upstream timed out" in line for line in proxy.errors("error"))
    proxy.forget_errors()


def test_upload_rate(tinyproxyd, free_port, serve):
    port, got, size = free_port(), [], 250000

    def take(sock):
        data = b""
        while more := sock.recv(1 << 16):
            data += more
        got.append(data)

    backend = serve(take)
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_upload_rate 100k; }} }}""")
    with Client(port) as client:
        for piece in pattern(size):
            client.send(piece)
        client.half_close()
        wait_until(lambda: got, "the upload to end")
    assert got == [pattern_bytes(size)]


def test_a_rate_that_is_none(tinyproxyd, free_port, serve):
    """Of a value; one that is written out is refused."""
    port, backend = free_port(), serve(lambda sock: sock.sendall(pattern_bytes(250000)))
    proxy = tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_download_rate $protocol; }} }}""")
    with Client(port) as client:
        assert client.until_closed() == pattern_bytes(250000)
    proxy.wait_for_error(r"\[error\] .*invalid size \"TCP\", client: 127\.0\.0\.1")
    proxy.forget_errors()


def test_bind_and_keepalive(tinyproxyd, free_port, serve):
    port, seen = free_port(), []

    def note(sock):
        seen.append(sock.getpeername())
        echo(sock)

    backend = serve(note)
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; proxy_pass 127.0.0.1:{backend.port};
        proxy_bind 127.0.0.7; proxy_socket_keepalive on; }} }}""")
    with Client(port) as client:
        client.send(b"x")
        assert client.sock.recv(1) == b"x"
        assert seen[0][0] == "127.0.0.7"
        local = f"0700007F:{seen[0][1]:04X}"
        row = next(row.split() for row in open_rows() if row.split()[1] == local)
        assert row[5].startswith("02:"), "no keep-alive timer"  # proc(5): tr


def open_rows():
    with open("/proc/net/tcp", encoding="ascii") as table:
        return table.read().splitlines()[1:]


# ---- TLS of our own -------------------------------------------------------------------------------------

def test_tls_settings(tinyproxyd, free_port, certs, serve, tmp_path):
    """The settings of http's servers hold here as well."""
    backend, port, site = serve(echo), free_port(), certs.issue("a.example", "b.example")
    good, revoked = (certs.issue(f"{name}.client.example", client=True) for name in ("good", "revoked"))
    locked = tmp_path / "locked.key"
    key = serialization.load_pem_private_key(site.key.read_bytes(), None)
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.BestAvailableEncryption(b"sesame")))
    (tmp_path / "passwords").write_text("sesame\n")
    tinyproxyd(f"""stream {{
        ssl_certificate {site.fullchain}; ssl_certificate_key {locked}; ssl_password_file {tmp_path}/passwords;
        server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; return x; }}
        server {{ listen 127.0.0.1:{port} ssl; server_name a.example; ssl_protocols TLSv1.2; ssl_ecdh_curve secp384r1;
                  ssl_conf_command Options -SessionTicket; ssl_session_tickets off; return "$ssl_protocol $ssl_curve"; }}
        server {{ listen 127.0.0.1:{port} ssl; server_name b.example; ssl_verify_client on; ssl_verify_depth 2;
                  ssl_trusted_certificate {certs.ca}; ssl_client_certificate {certs.ca}; ssl_crl {certs.revoked(revoked)};
                  proxy_pass 127.0.0.1:{backend.port}; }}
    }}""")
    with Client(port, tls=tls_context(certs.ca), server_name="a.example") as client:
        assert client.until_closed() == b"TLSv1.2 secp384r1"
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        Client(port, tls=tls_context(certs.ca), server_name="c.example")
    for shown, welcome in ((good, True), (revoked, False)):
        context = tls_context(certs.ca)
        context.load_cert_chain(shown.fullchain, shown.key)
        with Client(port, tls=context, server_name="b.example") as client:
            try:
                client.send(b"hello")
                assert (client.sock.recv(5) == b"hello") == welcome
            except OSError:
                assert not welcome


def test_a_hello_as_it_was_captured_says_what_it_offers(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(f"""stream {{ server {{ listen 127.0.0.1:{port}; ssl_preread on;
        return "$ssl_preread_server_name $ssl_preread_protocol $ssl_preread_alpn_protocols"; }} }}""")
    for data in CAPTURES.values():
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            sock.sendall(data)
            assert sock.recv(100) == b"a.example TLSv1.3 h2,http/1.1"
