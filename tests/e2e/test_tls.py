# SPDX-License-Identifier: ISC
"""TLS as clients see it: server by name, versions, ciphers, key types, resumption, refusals in words."""
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

from support.certs import file_fingerprint, fingerprint
from support.client import Client, get, served_certificate, tls_context
from support.process import run
from support.wait import DEADLINE_S, wait_until

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

ALERT_PROTOCOL_VERSION = "tlsv1 alert protocol version|TLSV1_ALERT_PROTOCOL_VERSION|alert number 70"
ALERT_UNRECOGNIZED_NAME = "unrecognized name|UNRECOGNIZED_NAME|alert number 112"


# A ClientHello of SSL 2.0: its version, one cipher of three bytes, no session, a challenge of 16 bytes.
SSL2_HELLO = b"\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x01\x00\x80" + bytes(16)


def server(port, names, certificate, *directives, listen=""):
    lines = "\n".join(line + ";" for line in directives if line)
    return f"""server {{
        listen 127.0.0.1:{port} ssl {listen}; server_name {names};
        ssl_certificate {certificate.fullchain}; ssl_certificate_key {certificate.key};
        {lines}
        location / {{ return 200 "$ssl_server_name $ssl_protocol $ssl_cipher $ssl_session_reused $ssl_curve"; }}
    }}"""


def s_client(port, *arguments, name="a.example", request=False):
    """openssl's own client: what it says, both streams. Ends by itself."""
    # Without a request its end of input ends it; with one, the server's closing does.
    done = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *arguments,
                *(["-ign_eof"] if request else [])],
               stdin="GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n" if request else "",
               deadline_s=DEADLINE_S)
    return done.out + done.err


# ---- which server, which certificate ------------------------------------------------------------------

def test_names_choose_servers(tinyproxyd, free_port, certs):
    port = free_port()
    sites = {name: certs.issue(name) for name in
             ("default.example", "exact.example", "w.wild.example", "mail.example", "dot.example", "regex.example")}
    tinyproxyd("http {\n" + "\n".join((
        server(port, "other.example", sites["exact.example"]),
        server(port, "default.example", sites["default.example"], listen="default_server"),
        server(port, "exact.example", sites["exact.example"]),
        server(port, "*.wild.example", sites["w.wild.example"]),
        server(port, "mail.*", sites["mail.example"]),
        server(port, r'"~^(?<number>rx\d{2})\.(example|mail)$"', sites["regex.example"]),
        server(port, ".dot.example", sites["dot.example"]))) + "\n}")
    expected = {
        None: "default.example", "unknown.example": "default.example", "default.example": "default.example",
        "exact.example": "exact.example", "EXACT.example": "exact.example", "exact.example.": "exact.example",
        "a.wild.example": "w.wild.example", "a.b.wild.example": "w.wild.example",
        "wild.example": "default.example", "mail.any.thing": "mail.example", "dot.example": "dot.example",
        "x.dot.example": "dot.example",
        # Expressions come last, in lower case and without the root's dot.
        "rx12.example": "regex.example", "RX12.EXAMPLE": "regex.example", "rx12.mail.": "regex.example",
        "rx1.example": "default.example", "mail.rx12.example": "mail.example"}
    for version in (V12, V13):
        context = tls_context(minimum=version, maximum=version)
        for name, site in expected.items():
            with Client(port, tls=context, server_name=name) as client:
                assert fingerprint(client.sock.getpeercert(True)) == sites[site].sha256, name
                body = client.request("/", host="exact.example").body.decode()
                assert body.split(" ")[0] == (name or "").lower().rstrip("."), body


def test_the_chain_is_sent_and_trusted(tinyproxyd, free_port, certs):
    port, site = free_port(), certs.issue("a.example")
    tinyproxyd("http { " + server(port, "a.example", site) + " }")
    context = tls_context(ca=certs.ca)
    assert get(port, tls=context, server_name="a.example").status == 200
    shown = s_client(port, "-showcerts")
    assert shown.count("BEGIN CERTIFICATE") == 2


def test_rsa_and_ecdsa_side_by_side(tinyproxyd, free_port, certs):
    port, ec, rsa = free_port(), certs.issue("a.example"), certs.issue("a.example", key="rsa")
    tinyproxyd(f"""http {{ server {{
        listen 127.0.0.1:{port} ssl; server_name a.example;
        ssl_certificate {ec.cert}; ssl_certificate_key {ec.key};
        ssl_certificate {rsa.cert}; ssl_certificate_key {rsa.key};
        return 200 $ssl_cipher;
    }} }}""")
    for ciphers, issued in (("ECDHE-ECDSA-AES128-GCM-SHA256", ec), ("ECDHE-RSA-AES128-GCM-SHA256", rsa)):
        context = tls_context(maximum=V12)
        context.set_ciphers(ciphers)
        assert fingerprint(served_certificate(port, "a.example", context=context)) == issued.sha256
        assert get(port, tls=context, server_name="a.example").body.decode() == ciphers
    for algorithms, kind in (("ecdsa_secp256r1_sha256", "ECDSA"), ("rsa_pss_rsae_sha256", "RSA-PSS")):
        said = s_client(port, "-tls1_3", "-sigalgs", algorithms)
        assert f"Peer signature type: {kind}" in said, said


def test_one_bad_certificate_is_one_host_without_tls(tinyproxyd, free_port, certs):
    port, good, other = free_port(), certs.issue("good.example"), certs.issue("other.example")
    mixed = good._replace(key=other.key)
    proxy = tinyproxyd("http {\n" + server(port, "good.example", good) + server(port, "bad.example", mixed) + "\n}")
    assert get(port, tls=True, server_name="good.example", host="good.example").status == 200
    with pytest.raises(ssl.SSLError, match=ALERT_UNRECOGNIZED_NAME):
        get(port, tls=True, server_name="bad.example")
    assert proxy.wait_for_error('TLS is off for "bad.example"')
    assert not proxy.errors("crit", "alert", "emerg")
    # On reload the last good one stays; a mended one comes in.
    good.key.write_bytes(other.key.read_bytes())
    proxy.ctl("reload", check=None)
    assert fingerprint(served_certificate(port, "good.example")) == good.sha256


def test_a_weak_certificate_is_a_bad_one(tinyproxyd, free_port, certs):
    """What OpenSSL's security level forbids is told when it is loaded, and takes the place of none that can be shown."""
    port, good, weak = free_port(), certs.issue("a.example", key="rsa"), certs.issue("b.example", key="rsa:1024")
    why = f'cannot use certificate "{weak.fullchain}": OpenSSL refuses it: ee key too small'
    def config(more=""):
        return "http {\n" + server(port, "a.example", good) + server(port, "b.example", weak, more) + "\n}"
    proxy = tinyproxyd(config(), started=False)
    assert f"{why}; TLS is off for its hosts" in proxy.run("-t", check=1).err
    proxy.start()
    assert any(why in line for line in proxy.errors("error"))
    with pytest.raises(ssl.SSLError, match=ALERT_UNRECOGNIZED_NAME):
        get(port, tls=True, server_name="b.example")
    # Where it is wanted all the same; and by one more server, which does not say so.
    proxy.reload(config('ssl_ciphers "DEFAULT:@SECLEVEL=0"').rstrip("}") + server(port, "c.example", weak) + "\n}")
    with pytest.raises(ssl.SSLError):
        get(port, tls=True, server_name="c.example")
    assert proxy.wait_for_error('certificate refused for "c.example": cannot use the certificate: ee key too small')
    lax = tls_context()
    lax.set_ciphers("DEFAULT:@SECLEVEL=0")
    assert get(port, tls=lax, server_name="b.example", host="b.example").status == 200
    for old, new in ((good.fullchain, weak.fullchain), (good.key, weak.key)):
        old.write_bytes(new.read_bytes())
    proxy.ctl("reload", check=None)
    assert fingerprint(served_certificate(port, "a.example")) == good.sha256
    assert proxy.wait_for_error("ee key too small; the previous one stays in service")
    proxy.forget_errors()


# ---- versions and ciphers -------------------------------------------------------------------------------

@pytest.mark.parametrize("directive, versions", [
    ("ssl_protocols TLSv1.2 TLSv1.3", {V12, V13}), ("ssl_protocols TLSv1.3", {V13}),
    ("ssl_protocols TLSv1.2", {V12}), ("ssl_protocols TLSv1 TLSv1.1 TLSv1.2", {V12}), ("", {V12, V13})])
def test_versions(tinyproxyd, free_port, certs, directive, versions):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example"), directive) + " }")
    for version, shown in ((V12, "TLSv1.2"), (V13, "TLSv1.3")):
        context = tls_context(minimum=version, maximum=version)
        if version in versions:
            assert get(port, tls=context, server_name="a.example").body.decode().split(" ")[1] == shown
            continue
        with pytest.raises(ssl.SSLError, match=ALERT_PROTOCOL_VERSION):
            get(port, tls=context, server_name="a.example")
    for old in ("-tls1", "-tls1_1"):
        said = s_client(port, old, "-cipher", "ALL:@SECLEVEL=0")
        assert re.search(ALERT_PROTOCOL_VERSION, said), said


def test_versions_are_the_named_servers_not_the_defaults(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http {\n" + server(port, "new.example", certs.issue("new.example"), "ssl_protocols TLSv1.3")
               + server(port, "old.example", certs.issue("old.example"), "ssl_protocols TLSv1.2") + "\n}")
    for name, yes, no in (("new.example", V13, V12), ("old.example", V12, V13)):
        assert get(port, tls=tls_context(minimum=yes, maximum=yes), server_name=name).status == 200
        with pytest.raises(ssl.SSLError, match=ALERT_PROTOCOL_VERSION):
            get(port, tls=tls_context(minimum=no, maximum=no), server_name=name)


def test_old_versions_by_explicit_request(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example", key="rsa"), "ssl_protocols TLSv1",
                                  "ssl_ciphers ALL:@SECLEVEL=0") + " }")
    said = s_client(port, "-tls1", "-cipher", "ALL:@SECLEVEL=0", request=True)
    assert "a.example TLSv1 " in said, said


def test_old_versions_alone_are_refused_with_the_reason(tinyproxyd, free_port, certs):
    proxy = tinyproxyd("http { " + server(free_port(), "a.example", certs.issue("a.example"), "ssl_protocols TLSv1")
                       + " }", started=False)
    done = proxy.run("-t", check=1)
    assert "security level" in done.err and "@SECLEVEL=0" in done.err
    proxy.write(proxy.config.read_text().replace("TLSv1;", "TLSv1 TLSv1.2;"))
    done = proxy.run("-t", check=0)
    assert 'TLSv1 and TLSv1.1 in "ssl_protocols" stay off' in done.err


def test_ciphers_and_their_order(tinyproxyd, free_port, certs):
    a, b = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
    theirs, ours, few = free_port(), free_port(), free_port()
    site = certs.issue("a.example")
    tinyproxyd("http {\n" + "\n".join((
        server(theirs, "a.example", site, f"ssl_ciphers {a}:{b}"),
        server(ours, "a.example", site, f"ssl_ciphers {a}:{b}", "ssl_prefer_server_ciphers on"),
        server(few, "a.example", site, f"ssl_ciphers {a}"))) + "\n}")
    def chosen(port, offer):
        context = tls_context(maximum=V12)
        context.set_ciphers(offer)
        return get(port, tls=context, server_name="a.example").body.decode().split(" ")[2]
    assert chosen(theirs, f"{b}:{a}") == b
    assert chosen(ours, f"{b}:{a}") == a
    assert chosen(few, f"{b}:{a}") == a
    with pytest.raises(ssl.SSLError, match="(?i)handshake.failure"):
        chosen(few, b)


def test_default_ciphers_have_no_weak_ones(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example", key="rsa")) + " }")
    for weak in ("aNULL", "eNULL", "DES-CBC3-SHA", "RC4", "MD5", "DHE"):
        said = s_client(port, "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0")
        assert re.search("alert handshake failure|no cipher match|no ciphers available", said), (weak, said)


def test_dhparam_brings_dhe(tinyproxyd, free_port, certs, tool, tmp_path):
    port, parameters = free_port(), tmp_path / "dh.pem"
    tool("dhparam", "-out", parameters, "2048", check=0)
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example", key="rsa"),
                                  f"ssl_dhparam {parameters}") + " }")
    said = s_client(port, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384")
    assert "Server Temp Key: DH, 2048 bits" in said and "DHE-RSA-AES256-GCM-SHA384" in said, said


def test_dhparam_too_small_for_the_security_level_is_refused_before_anything_starts(
        tinyproxyd, free_port, certs, tmp_path):
    parameters = tmp_path / "dh.pem"
    run(["openssl", "dhparam", "-dsaparam", "-out", parameters, "1024"], check=0)
    site = certs.issue("a.example", key="rsa")
    proxy = tinyproxyd("http { " + server(free_port(), "a.example", site, f"ssl_dhparam {parameters}") + " }",
                       started=False)
    done = proxy.run("-t", check=1)
    assert "DH parameters" in done.err and "key too small" in done.err and "2048" in done.err
    proxy.write("http { " + server(free_port(), "a.example", site, f"ssl_dhparam {parameters}",
                                   "ssl_ciphers ALL:@SECLEVEL=0") + " }")
    proxy.run("-t", check=0)


def test_groups(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example", key="rsa")) + " }")
    for group, shown in (("X25519", "X25519"), ("P-256", "prime256v1"), ("P-384", "secp384r1")):
        for version in ("-tls1_2", "-tls1_3"):
            said = s_client(port, version, "-groups", group, request=True)
            assert re.search(rf"a\.example \S+ \S+ \. {shown}", said), said
    # A key share that must be asked for again: HelloRetryRequest.
    said = s_client(port, "-tls1_3", "-groups", "X448:P-384", request=True)
    assert "secp384r1" in said and "HTTP/1.1 200" in said, said


def test_no_renegotiation_no_compression(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example")) + " }")
    said = s_client(port, "-tls1_2", "-comp")
    assert "Compression: NONE" in said
    client = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"], input=b"R\n",
                            capture_output=True, timeout=DEADLINE_S, check=False)
    assert b"no renegotiation" in client.stderr + client.stdout


def test_alpn(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example")) + " }")
    for offer, chosen in ((["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["http/1.0"], "http/1.0"),
                          (None, None)):
        with Client(port, tls=tls_context(alpn=offer), server_name="a.example") as client:
            assert client.sock.selected_alpn_protocol() == chosen
            assert client.request("/").status == 200
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        Client(port, tls=tls_context(alpn=["foo"]), server_name="a.example")


# ---- resumption -------------------------------------------------------------------------------------------

def connect(port, context, name, session=None):
    """One request; (resumed, the session to resume next)."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
        with context.wrap_socket(plain, server_hostname=name, session=session) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            body = b""
            while more := sock.recv(65536):
                body += more
            said = body.rpartition(b"\r\n\r\n")[2].decode().split(" ")[3]
            assert said == ("r" if sock.session_reused else "."), body
            return sock.session_reused, sock.session


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_sessions_are_resumed_over_reloads_and_only_by_the_same_server(tinyproxyd, free_port, certs, version):
    port, a, b = free_port(), certs.issue("a.example"), certs.issue("b.example")
    config = "http {\n" + server(port, "a.example", a) + server(port, "b.example", b) + "\n}"
    proxy = tinyproxyd(config)
    context = tls_context(minimum=version, maximum=version)
    resumed, session = connect(port, context, "a.example")
    assert not resumed
    assert connect(port, context, "a.example", session)[0]
    proxy.reload(config + "\n# changed")
    assert connect(port, context, "a.example", session)[0]
    # Renewed certificate, same server: still its client.
    renewed = certs.issue("a.example")
    a.fullchain.write_bytes(renewed.fullchain.read_bytes())
    a.key.write_bytes(renewed.key.read_bytes())
    proxy.reload()
    assert connect(port, context, "a.example", session)[0]
    assert fingerprint(served_certificate(port, "a.example")) == renewed.sha256 == file_fingerprint(a.fullchain)
    assert not connect(port, context, "b.example", session)[0]


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_sessions_are_resumed_at_every_worker(tinyproxyd, free_port, certs, version):
    """Also at one that was started later, in the place of one that was killed."""
    port, site = free_port(), certs.issue("a.example")
    proxy = tinyproxyd(f"""worker_processes 2;
http {{ server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {site.cert}; ssl_certificate_key {site.key};
        return 200 "$pid - - $ssl_session_reused";
    }} }}""")
    proxy.expect_alerts = True
    context = tls_context(minimum=version, maximum=version)
    def worker_of(session):
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as plain:
            with context.wrap_socket(plain, server_hostname="a.example", session=session) as sock:
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                body = b""
                while more := sock.recv(65536):
                    body += more
                assert sock.session_reused == (session is not None), body
                return int(body.rpartition(b"\r\n\r\n")[2].split(b" ")[0]), sock.session
    pid, session = worker_of(None)
    gone = set()
    for _ in range(3):
        gone.add(pid)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not gone & set(proxy.worker_pids()), "the worker to be gone")
        pid, _ = worker_of(session)
        assert pid not in gone
    wait_until(lambda: len(proxy.worker_pids()) == 2, "new workers")


def test_one_ticket_per_handshake(tinyproxyd, free_port, certs):
    port = free_port()
    tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example")) + " }")
    said = s_client(port, "-tls1_3", "-msg", request=True)
    assert said.count("NewSessionTicket") == 1, said


# ---- wrong clients ------------------------------------------------------------------------------------------

def test_what_clients_get_wrong_is_info(tinyproxyd, free_port, certs):
    port = free_port()
    proxy = tinyproxyd("http { " + server(port, "a.example", certs.issue("a.example")) + " }")
    for nonsense in (b"get / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05nonsense", b"\x80\x00", SSL2_HELLO, b""):
        with Client(port) as client:
            client.send(nonsense)
            client.half_close()
            client.until_closed()
    with Client(port) as client:
        client.send(b"\x16\x03\x01\x02\x00")
        client.reset()
    for arguments in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"],
                      ["-tls1_3", "-groups", "ffdhe2048"], ["-alpn", "spdy/1"],
                      ["-verify_return_error", "-CAfile", certs.issue("x", self_signed=True).cert]):
        s_client(port, *arguments)
    assert get(port, tls=True, server_name="a.example").status == 200
    for words in ("does not speak TLS", "offers only TLS versions that are off", "has no cipher in common",
                  "has no key exchange group in common", "offers .ALPN. no protocol that is spoken here",
                  "does not know the CA of our certificate",
                  "offers SSL 2.0 and nothing later", "closed the connection in the TLS handshake"):
        assert proxy.wait_for_error(rf"\[info\].*peer {words}.* while SSL handshaking, client: ")
    assert not proxy.errors("warn", "error", "crit", "alert", "emerg")
