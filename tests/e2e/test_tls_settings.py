# SPDX-License-Identifier: ISC
"""What servers agree on: profiles, curves, OpenSSL's own commands, record sizes, refused handshakes, key passwords."""
import re
import ssl

import pytest

from support.client import Client, get, tls_context
from support.process import run
from support.wait import DEADLINE_S

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def server(port, name, site, lines="", listen="", body='return 200 "$ssl_protocol $ssl_cipher $ssl_curve";'):
    return f"""server {{ listen 127.0.0.1:{port} ssl {listen}; server_name {name};
        ssl_certificate {site.cert}; ssl_certificate_key {site.key}; {lines} {body} }}"""


def s_client(port, *arguments, name):
    done = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-ign_eof", *arguments],
               stdin=f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n", deadline_s=DEADLINE_S)
    return done.out + done.err


def test_settings_of_the_named_server(tinyproxyd, free_port, certs, tmp_path):
    """All on one address behind a default server with the defaults: what SNI brings must replace all of them."""
    port, site = free_port(), certs.issue("a.example", key="rsa")
    own = tmp_path / "own.conf"
    own.write_text("# of ours\nssl_protocols TLSv1.2;\nssl_ciphers ECDHE-RSA-AES256-GCM-SHA384; ssl_ecdh_curve secp521r1;\n"
                   "ssl_conf_command Options NoRenegotiation; ssl_conf_command SignatureAlgorithms RSA+SHA512;\n")
    proxy = tinyproxyd("http {" + "\n".join((
        server(port, "default.example", site, listen="default_server"),
        server(port, "modern.example", site, "ssl_profile modern;"),
        server(port, "intermediate.example", site, "ssl_profile intermediate;"),
        server(port, "old.example", site, "ssl_profile old;"),
        server(port, "own.example", site, f"ssl_profile {own};"),
        # What the block says itself counts, before the profile and behind it.
        server(port, "mixed.example", site, "ssl_protocols TLSv1.2; ssl_profile modern; ssl_ecdh_curve secp384r1;"),
        server(port, "curve.example", site, "ssl_ecdh_curve X25519MLKEM768:secp384r1;"),
        server(port, "suites.example", site, "ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;"
               " ssl_conf_command Groups P-521;"),
        server(port, "floor.example", site, "ssl_conf_command MinProtocol TLSv1.3;"),
        server(port, "server-order.example", site, "ssl_prefer_server_ciphers on;"))) + "}")
    def said(name, *arguments):
        text = s_client(port, *arguments, name=f"{name}.example")
        found = re.search(r"^(TLSv\S+) (\S+) (\S+?)(?:---|closed)?$", text, re.M)
        return found.groups() if found else text
    refused = "alert protocol version|handshake failure|no protocols|alert number 70"
    assert said("default", "-tls1_3")[1:] == ("TLS_AES_256_GCM_SHA384", "X25519")
    assert re.search(refused, said("modern", "-tls1_2")) and said("modern")[0] == "TLSv1.3"
    assert said("intermediate", "-tls1_2", "-cipher", "ALL")[1].endswith("GCM-SHA384")
    assert re.search(refused, said("intermediate", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"))
    assert re.search(refused, said("intermediate", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"))
    assert said("old", "-tls1", "-cipher", "ALL:@SECLEVEL=0")[0] == "TLSv1"
    assert said("own") == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", "secp521r1")
    assert "Peer signing digest: SHA512" in s_client(port, name="own.example")
    assert said("mixed")[0::2] == ("TLSv1.2", "secp384r1")
    assert said("curve")[2] == "secp384r1"
    assert said("suites", "-tls1_3")[1:] == ("TLS_CHACHA20_POLY1305_SHA256", "secp521r1")
    assert re.search(refused, said("floor", "-tls1_2"))
    # AES-128 first where the server chooses.
    assert said("server-order", "-tls1_3")[1] == "TLS_AES_128_GCM_SHA256"
    # Of the groups that this library lacks, those asked for by name are missed; those of the profiles are not.
    missed = [line for line in proxy.errors() if 'this OpenSSL knows no curve "X25519MLKEM768": it is left out' in line]
    assert len(missed) == 1 and proxy.errors() == missed


def test_commands_of_the_default_server_are_its_own(tinyproxyd, free_port, certs):
    port, site = free_port(), certs.issue("a.example", key="rsa")
    suites = "TLS_CHACHA20_POLY1305_SHA256"
    tinyproxyd("http {" + "\n".join((
        server(port, "a.example", site, f"ssl_conf_command Ciphersuites {suites};", listen="default_server"),
        server(port, "b.example", site),
        server(port, "c.example", site, "ssl_conf_command CipherString HIGH;"))) + "}")
    for name, chosen in (("a.example", suites), ("b.example", "TLS_AES_256_GCM_SHA384"), ("c.example", "TLS_AES_256_GCM_SHA384")):
        assert f"Cipher is {chosen}" in s_client(port, "-tls1_3", name=name), name


def records(port, request):
    """Lengths of the records with data, as they come over the wire (TLS 1.2: the handshake's are of another type)."""
    incoming, outgoing, wire = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
    tls = tls_context(maximum=V12).wrap_bio(incoming, outgoing)
    with Client(port) as client:
        def step(do):
            nonlocal wire
            while True:
                try:
                    return do()
                except ssl.SSLWantReadError:
                    client.send(outgoing.read())
                    more = client.reader.some(65536)
                    wire += more
                    incoming.write(more)
                    if not more:
                        return b""
        step(tls.do_handshake)
        tls.write(request)
        while step(lambda: tls.read(65536)):
            pass
    lengths = []
    while wire:
        kind, length = wire[0], int.from_bytes(wire[3:5], "big")
        lengths += [length] if kind == 23 else []
        wire = wire[5 + length:]
    return lengths


def test_record_sizes(tinyproxyd, free_port, certs, make_backend):
    site, sizes = certs.issue("a.example"), {}
    backend = make_backend()
    ports = {size: free_port() for size in ("4k", "16k", "1m")}
    tinyproxyd("http {" + "\n".join(server(port, "a.example", site, f"ssl_buffer_size {size};",
                                          body=f"location / {{ proxy_pass http://127.0.0.1:{backend.port}; }}")
                                    for size, port in ports.items()) + "}")
    for size, port in ports.items():
        sizes[size] = max(records(port, b"GET /bytes/200000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    assert 4096 < sizes["4k"] < 4200 and 16384 < sizes["16k"] < 16500 and sizes["1m"] == sizes["16k"], sizes


def test_refused_by_name(tinyproxyd, free_port, certs):
    port, site = free_port(), certs.issue("a.example")
    proxy = tinyproxyd(f"""http {{
        server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}
        {server(port, "a.example", site)}
        server {{ listen 127.0.0.1:{port} ssl; server_name plain-words.example; return 200 "no certificate of its own"; }}
    }}""")
    assert get(port, tls=True, server_name="a.example", host="a.example").status == 200
    for name in ("b.example", None, "plain-words.example"):
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            get(port, tls=True, server_name=name)
    assert proxy.wait_for_error(r'\[info\].*TLS is off for "b.example": ssl_reject_handshake is on')
    # A server that says nothing of TLS is served with the default server's.
    proxy.reload(proxy.config.read_text().replace(
        "ssl_reject_handshake on;", f"ssl_certificate {site.cert}; ssl_certificate_key {site.key};"))
    answer = get(port, tls=True, server_name="plain-words.example", host="plain-words.example")
    assert answer.body == b"no certificate of its own"


def test_keys_with_passwords(tinyproxyd, free_port, certs, tmp_path):
    port, site, locked, passwords = free_port(), certs.issue("a.example"), tmp_path / "locked.key", tmp_path / "words"
    run(["openssl", "pkey", "-in", site.key, "-aes256", "-passout", "pass:s3cret words", "-out", locked], check=0)
    passwords.write_text("wrong\n\ns3cret words\r\nmore\n")
    passwords.chmod(0o600)
    proxy = tinyproxyd("http { " + server(port, "a.example", site._replace(key=locked),
                                          f"ssl_password_file {passwords};") + " }")
    assert get(port, tls=True, server_name="a.example").status == 200
    passwords.write_text("wrong\n")
    done = proxy.run("-t", check=1)
    assert f'no password of "{passwords}" fits' in done.err and "s3cret" not in done.err


def test_refusals(tinyproxyd, free_port, certs, tmp_path):
    site, bad = certs.issue("a.example"), tmp_path / "bad.conf"
    proxy = tinyproxyd("http { " + server(free_port(), "a.example", site, "@") + " }", started=False)
    text = proxy.config.read_text()
    for lines, profile, said in (
            ("ssl_ecdh_curve X25519:nope;", "", 'unknown curve "nope"'),
            ("ssl_ecdh_curve X25519MLKEM768;", "", "this OpenSSL knows no curve of"),
            ("ssl_conf_command Nope x;", "", 'OpenSSL knows no command "Nope"'),
            ("ssl_conf_command Certificate /x;", "", "reads files"),
            ("ssl_conf_command Protocol Nope;", "", "SSL_CONF_cmd"),
            ("ssl_conf_command Options -NoRenegotiation,ClientRenegotiation;", "", "renegotiation is not supported"),
            ("ssl_early_data on; ssl_conf_command Options AntiReplay;", "", '"AntiReplay" is not supported with "ssl_early_data"'),
            ("ssl_profile middle;", "", 'unknown TLS profile "middle"'),
            ("ssl_buffer_size 100;", "", "invalid value"),
            (f"ssl_profile {bad};", "ssl_protocols TLSv1.3;\nlisten 80;\n", f'"listen" does not belong into a TLS profile in {bad}:2'),
            (f"ssl_profile {bad};", "ssl_protocols {\n", "a TLS profile has lines like"),
            (f"ssl_profile {tmp_path}/none;", "", "cannot load TLS profile")):
        bad.write_text(profile)
        proxy.config.write_text(text.replace("@", lines))
        assert said in proxy.run("-t", check=1).err, lines
