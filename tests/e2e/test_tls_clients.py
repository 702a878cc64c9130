# SPDX-License-Identifier: ISC
"""Certificates of clients: who is let in, what the variables say, side by side with nginx; and 421."""
import contextlib
import re
import ssl

import pytest
from cryptography.hazmat.primitives import serialization

from support.certs import Certs
from support.client import Client, tls_context
from support.h2frames import H2
from support.nginx import answer, difference, normal, side_by_side  # noqa: F401
from support.wait import DEADLINE_S, wait_until

VARIABLES = ("verify", "s_dn", "i_dn", "s_dn_legacy", "i_dn_legacy", "serial", "fingerprint", "v_start", "v_end",
             "v_remain", "escaped_cert")
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def context_for(issued, version=V13, with_chain=False):
    context = tls_context(minimum=version, maximum=version)
    if issued:
        context.load_cert_chain(issued.fullchain if with_chain else issued.cert, issued.key)
    return context


def ask(port, context, sni="on.example", host=None, session=None):
    """All bytes of the answer to one request, to its end."""
    with Client(port, tls=context, server_name=sni) as client:
        client.send(f"GET / HTTP/1.1\r\nHost: {host or sni or 'none.example'}\r\nConnection: close\r\n\r\n")
        return client.until_closed()


def logged(proxy):
    """What is without a value is "-"."""
    return (proxy.directory / "log").read_text().splitlines()


def server(name, rules, site, listen=""):
    values = "|".join(f"$ssl_client_{name}" for name in VARIABLES)
    return f"""server {{ listen 127.0.0.1:@PORT@ ssl {listen}; server_name {name};
        ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {site.cert}; ssl_certificate_key {site.key}; {rules}
        return 200 "$ssl_server_name|{values}|$ssl_client_raw_cert|$ssl_client_cert"; }}"""


@pytest.fixture
def clients(certs, tmp_path):
    strangers = Certs(tmp_path / "strangers")
    # Half a day from where $ssl_client_v_remain changes.
    days = 89.5
    return {"none": None, "good": certs.issue("good client, by name", client=True, days=days),
            "revoked": certs.issue("revoked", client=True, days=days),
            "old": certs.issue("old", client=True, days=-1.5, begins_days=-9), "server": certs.issue("server.example", days=days),
            "stranger": strangers.issue("stranger", client=True, days=days),
            "self": certs.issue("self", client=True, self_signed=True, days=days),
            "rsa": certs.issue("rsa", client=True, key="rsa", days=days), "nameless": certs.issue("", client=True, days=days),
            "deep": Certs(tmp_path / "lower", "Lower CA", Certs(tmp_path / "upper", "Upper CA", certs)).issue(
                "deep", client=True, days=days)}


def test_as_nginx(side_by_side, certs, clients):
    site = certs.issue("a.example")
    ca, crl = certs.ca, certs.revoked(clients["revoked"])
    ours, nginx = side_by_side("\n".join((
        f"log_format v '{'|'.join(f'$ssl_client_{name}' for name in VARIABLES)}'; access_log @DIR@/log v;",
        server("off.example", "", site, "default_server"),
        server("on.example", f"ssl_verify_client on; ssl_client_certificate {ca};", site),
        server("optional.example", f"ssl_verify_client optional; ssl_client_certificate {ca};", site),
        server("any.example", "ssl_verify_client optional_no_ca;", site),
        server("crl.example", f"ssl_verify_client on; ssl_client_certificate {ca}; ssl_crl {crl};", site),
        *(server(f"depth{n}.example", f"ssl_verify_client on; ssl_client_certificate {ca}; ssl_verify_depth {n};", site)
          for n in range(4)))))
    different = []
    def compare(what, client, sni, host=None, version=V13, **more):
        mine, theirs = (normal(ask(s.port, context_for(clients[client], version, **more), sni, host), s.port)
                        for s in (ours, nginx))
        if mine != theirs:
            different.append(f"{what}:\n{difference(theirs, mine)}")
        return mine
    for name in ("off", "on", "optional", "any", "crl", "depth0"):
        for client in clients:
            for version in (V12, V13):
                compare(f"{client} at {name}, {version.name}", client, f"{name}.example", version=version)
    for n in range(4):
        said = compare(f"two CAs between, depth {n}", "deep", f"depth{n}.example", with_chain=True)
        assert (b"|SUCCESS|" in said) == (n >= 2)
    for what, sni, host in (("host differs", "on.example", "optional.example"),
                            ("host without rules", "on.example", "off.example"),
                            ("names no host", "on.example", "unknown.example"),
                            ("to rules, from none", "off.example", "on.example"),
                            ("no SNI", None, "off.example")):
        compare(what, "good", sni, host)
    # Plain HTTP where TLS is spoken; and connections that are closed though the client would stay.
    for request in (b"GET /x HTTP/1.1\r\nHost: on.example\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"):
        mine, theirs = (normal(answer(s.port, request), s.port) for s in (ours, nginx))
        assert b"400 The plain HTTP request was sent to HTTPS port" in mine
        if mine != theirs:
            different.append(f"plain:\n{difference(theirs, mine)}")
    for client in ("none", "stranger"):
        said = []
        for s in (ours, nginx):
            with Client(s.port, tls=context_for(clients[client]), server_name="on.example") as one:
                one.send(b"GET / HTTP/1.1\r\nHost: on.example\r\n\r\n")
                said.append(normal(one.until_closed(), s.port))
        if said[0] != said[1]:
            different.append(f"{client}, kept alive:\n{difference(said[1], said[0])}")
    assert not different, "(- nginx, + ours)\n" + "\n".join(different)
    wait_until(lambda: logged(ours) == logged(nginx), lambda: difference(*("\n".join(logged(s)).encode() for s in (nginx, ours))))
    # What the sameness was of.
    assert b"400 The SSL certificate error" in compare("", "stranger", "on.example")
    assert b"400 No required SSL certificate was sent" in compare("", "none", "on.example")
    assert b"421 Misdirected Request" in compare("", "good", "off.example", "on.example")
    assert b"|SUCCESS|" in compare("", "good", "on.example") and b"|FAILED:" in compare("", "self", "any.example")
    assert b"|NONE|" in compare("", "none", "optional.example")
    assert b"495" not in compare("", "revoked", "crl.example") and b"SSL certificate error" in compare(
        "", "revoked", "crl.example")
    log = ours.error_log.read_text()
    for words in ("client SSL certificate verify error: (23:certificate revoked)", "client sent no required SSL certificate",
                  "client attempted to request the server name different from the one that was negotiated"):
        assert words in log
    assert not ours.errors()


@pytest.mark.parametrize("pages", [
    "error_page 497 =301 https://$host:8443$request_uri; error_page 495 496 = @denied;",
    "error_page 497 https://$host$request_uri; error_page 495 /wrong; error_page 496 =401 /none;"], ids=["changed", "as they are"])
def test_error_pages_as_nginx(side_by_side, certs, clients, pages):
    """497, 496 and 495 are nginx's own numbers for plain HTTP, no certificate and a wrong one; clients are shown others."""
    site = certs.issue("a.example")
    ours, nginx = side_by_side(f"""server {{ listen 127.0.0.1:@PORT@ ssl; server_name on.example;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {site.cert}; ssl_certificate_key {site.key};
        ssl_verify_client on; ssl_client_certificate {certs.ca}; {pages}
        location @denied {{ return 403 "denied: $status $ssl_client_verify\n"; }}
        location = /wrong {{ return 200 "wrong: $status $ssl_client_verify\n"; }}
        location = /none {{ return 200 "none: $status $ssl_client_verify\n"; }}
        location / {{ return 200 "let in: $ssl_client_verify\n"; }} }}""")
    requests = {client: lambda s, c=client: ask(s.port, context_for(clients[c])) for client in ("none", "good", "stranger")}
    requests["plain"] = lambda s: answer(s.port, b"GET /x?y=z HTTP/1.1\r\nHost: on.example\r\n\r\n")
    different = []
    for name, request in requests.items():
        mine, theirs = (normal(request(s), s.port) for s in (ours, nginx))
        if mine != theirs:
            different.append(f"{name}:\n{difference(theirs, mine)}")
    assert not different, "(- nginx, + ours)\n" + "\n".join(different)


def config_of(port, *servers):
    return "http {\n" + "\n".join(servers).replace("@PORT@", str(port)) + "\n}"


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_a_reload_judges_open_connections_anew(tinyproxyd, free_port, certs, clients, version):
    port, site = free_port(), certs.issue("on.example")
    rules = f"ssl_verify_client on; ssl_client_certificate {certs.ca};"
    proxy = tinyproxyd(config_of(port, server("on.example", rules, site)))
    context = context_for(clients["revoked"], version)
    with Client(port, tls=context, server_name="on.example") as client:
        assert client.request("/", host="on.example").status == 200
        session = client.sock.session
        proxy.reload(config_of(port, server("on.example", f"{rules} ssl_crl {certs.revoked()};", site)))
        assert client.request("/", host="on.example").status == 200
        proxy.reload(config_of(port, server(
            "on.example", f"{rules} ssl_crl {certs.revoked(clients['revoked'])};", site)))
        assert client.request("/", host="on.example").status == 400
    # Nor is there a way in by the session of before.
    import socket
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
        with context.wrap_socket(plain, server_hostname="on.example", session=session) as sock:
            assert not sock.session_reused
            sock.sendall(b"GET / HTTP/1.1\r\nHost: on.example\r\nConnection: close\r\n\r\n")
            assert sock.recv(65536).startswith(b"HTTP/1.1 400")


def test_another_hosts_ca_is_no_ca(tinyproxyd, free_port, certs, clients, tmp_path):
    """Without SNI the handshake is the default server's; the request is judged by its own host's rules."""
    port, site, strangers = free_port(), certs.issue("a.example"), Certs(tmp_path / "strange")
    def rules(ca):
        return f"ssl_verify_client on; ssl_client_certificate {ca};"
    tinyproxyd(config_of(port, server("a.example", rules(certs.ca), site, "default_server"),
                         server("b.example", rules(strangers.ca), site)))
    context = context_for(clients["good"])
    assert ask(port, context, None, "a.example").startswith(b"HTTP/1.1 200")
    assert ask(port, context, None, "b.example").startswith(b"HTTP/1.1 400")


def test_each_request_has_its_own_hosts_verdict(tinyproxyd, free_port, certs, clients, backend, tmp_path):
    """On one connection without SNI: whatever another host's rules have said of the same certificate meanwhile."""
    port, site, strangers = free_port(), certs.issue("a.example", "b.example"), Certs(tmp_path / "strange", "Strange CA")
    def host(name, ca, listen=""):
        return f"""server {{ listen 127.0.0.1:{port} ssl http2 {listen}; server_name {name};
            ssl_certificate {site.cert}; ssl_certificate_key {site.key};
            ssl_verify_client optional_no_ca; ssl_client_certificate {ca};
            location / {{ proxy_set_header Verified $ssl_client_verify; proxy_pass http://127.0.0.1:{backend.port}; }} }}"""
    tinyproxyd(config_of(port, host("a.example", certs.ca, "default_server"), host("b.example", strangers.ca)))
    context = tls_context(alpn=["h2"])
    context.load_cert_chain(clients["good"].cert, clients["good"].key)
    with H2(port, context, server_name=None) as client:
        for stream, waits, goes, said in ((1, "b.example", "a.example", "FAILED:"), (5, "a.example", "b.example", "SUCCESS")):
            client.headers(stream, "/", "POST", authority=waits, end=False)
            assert client.request(stream + 2, "/", authority=goes).status == 200
            client.data(stream, b"x", end=True)
            assert client.response(stream).status == 200
            assert backend.last.get("verified").startswith(said)


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_a_handshakes_own_verdict_stays(tinyproxyd, free_port, certs, clients, tmp_path, version):
    """A ticket holds a client's certificate, not its chain: what was found with it counts, also behind another host's."""
    port, site, strangers = free_port(), certs.issue("a.example"), Certs(tmp_path / "strange", "Strange CA")
    def rules(ca):
        return f"ssl_verify_client optional_no_ca; ssl_verify_depth 3; ssl_client_certificate {ca};"
    tinyproxyd(config_of(port, server("a.example", rules(certs.ca), site, "default_server"),
                         server("b.example", rules(strangers.ca), site)))
    context = context_for(clients["deep"], version, with_chain=True)
    with Client(port, tls=context) as client:
        assert b"|SUCCESS|" in client.request("/", host="a.example").body
        session = client.sock.session
    import socket
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
        with context.wrap_socket(plain, session=session) as sock:
            assert sock.session_reused
            for host, said in (("a", b"|SUCCESS|"), ("b", b"|FAILED:"), ("a", b"|SUCCESS|")):
                sock.sendall(f"GET / HTTP/1.1\r\nHost: {host}.example\r\n\r\n".encode())
                assert said in sock.recv(65536)


@pytest.mark.parametrize("with_chain", [False, True], ids=["leaf", "chain"])
def test_judged_with_the_request_as_in_a_handshake(tinyproxyd, free_port, certs, clients, tmp_path, with_chain):
    """What is wrong with a certificate is the same, whichever server's handshake asked for it."""
    port, site, strangers = free_port(), certs.issue("a.example"), Certs(tmp_path / "strange", "Strange CA")
    rules = {"any": "", "ca": f"ssl_client_certificate {certs.ca};", "strange": f"ssl_client_certificate {strangers.ca};",
             "crl": f"ssl_client_certificate {certs.ca}; ssl_crl {certs.revoked(clients['revoked'])};",
             "oldcrl": f"ssl_client_certificate {certs.ca}; ssl_crl {certs.revoked(days=-0.5)};",
             "deep": f"ssl_client_certificate {certs.ca}; ssl_verify_depth 2;"}
    proxy = tinyproxyd(config_of(port, server("default.example", "ssl_verify_client optional_no_ca; ssl_verify_depth 9;", site,
                                              "default_server"),
                                 *(server(f"{name}.example", f"ssl_verify_client optional_no_ca; {lines}", site)
                                   for name, lines in rules.items())))
    different = []
    for client, issued in clients.items():
        context = context_for(issued, with_chain=with_chain and issued)
        for name in rules:
            proxy.forget_errors()
            handshake, judged = (ask(port, context, sni, f"{name}.example").partition(b"|")[2].partition(b"|")[0]
                                 for sni in (f"{name}.example", None))
            reasons = re.findall(r"certificate verify error: (\(.*?\))", proxy.error_log.read_text())
            if handshake != judged or len(set(reasons)) > 1:
                different.append(f"{client} at {name}: {handshake}, {judged}, {reasons}")
    assert not different, "\n".join(different)


def test_weak_certificates_are_none(tinyproxyd, free_port, certs):
    """Also where the handshake was another host's, and it is judged with the request."""
    port, site, weak = free_port(), certs.issue("a.example"), certs.issue("weak", client=True, key="rsa:1024")
    proxy = tinyproxyd(config_of(port, server("a.example", "ssl_verify_client optional_no_ca;", site, "default_server"),
                                 server("b.example", f"ssl_verify_client on; ssl_client_certificate {certs.ca};", site)))
    context = tls_context()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(weak.cert, weak.key)
    for sni in ("b.example", None):
        assert ask(port, context, sni, "b.example").startswith(b"HTTP/1.1 400")
    assert proxy.error_log.read_text().count("client SSL certificate verify error: (66:EE certificate key too weak)") == 2


def test_a_certificate_that_is_none(tinyproxyd, free_port, certs, clients):
    """A client's certificate whose bytes make no sense ends the handshake, in words."""
    port = free_port()
    proxy = tinyproxyd(config_of(port, server("a.example", "ssl_verify_client optional_no_ca;", certs.issue("a.example"))))
    issued = clients["good"].x509.public_bytes(serialization.Encoding.DER)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context_for(clients["good"], V12).wrap_bio(incoming, outgoing)
    with Client(port) as client:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            sent = outgoing.read()
            client.send(sent.replace(issued, bytes(len(issued))))
            if issued in sent:
                break
            incoming.write(client.sock.recv(65536))
        client.until_closed()
    assert proxy.wait_for_error(r"\[info\].*peer sent a certificate that cannot be parsed while SSL handshaking, client: ")
    assert not proxy.errors()


def test_a_certificate_on_a_curve_that_is_off(tinyproxyd, free_port, certs, clients):
    """TLS 1.2 holds clients' certificates to the groups of the key exchange."""
    port = free_port()
    proxy = tinyproxyd(config_of(port, server(
        "a.example", "ssl_verify_client optional_no_ca; ssl_ecdh_curve secp384r1;", certs.issue("a.example", key="rsa"))))
    with pytest.raises(ssl.SSLError):
        ask(port, context_for(clients["good"], V12), "a.example")
    assert proxy.wait_for_error(r"\[info\].*peer's certificate is on a curve that is off while SSL handshaking")
    assert ask(port, context_for(clients["rsa"], V12), "a.example").startswith(b"HTTP/1.1 200")


def test_refusals(tinyproxyd, free_port, certs, tmp_path):
    site, empty = certs.issue("a.example"), tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    proxy = tinyproxyd(config_of(free_port(), server("a", "@", site)), started=False)
    text = proxy.config.read_text()
    for lines, said in (
            ("ssl_verify_client on;", 'no "ssl_client_certificate" or "ssl_trusted_certificate" for "ssl_verify_client"'),
            (f"ssl_client_certificate {tmp_path}/none;", "cannot load certificates"),
            (f"ssl_trusted_certificate {empty};", "no certificate in PEM"),
            (f"ssl_crl {certs.ca};", "no revocation list in PEM"),
            ("ssl_verify_client maybe;", 'invalid value "maybe"')):
        proxy.config.write_text(text.replace("@", lines))
        assert said in proxy.run("-t", check=1).err, lines
