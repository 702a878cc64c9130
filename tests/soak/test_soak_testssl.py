# SPDX-License-Identifier: ISC
"""Debian's testssl.sh at the tutorials' TLS parameters: nothing of ours that it finds is worse than "LOW"."""
import json

import pytest

from support.ocsp_responder import names_responder
from support.process import run
from support.tutorial import SSL_PARAMS

AEAD = "EECDH+AESGCM:EDH+AESGCM"
WORSE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}


@pytest.fixture
def site(tinyproxyd, free_port, certs, tool, tmp_path):
    """site(params) → a server's port; its certificate names a responder, whose response is stapled."""
    def make(params):
        tool("dhparam", "-out", tmp_path / "dhparam.pem", "2048", check=0)
        issued = certs.issue("app.example", key="rsa", extensions=[names_responder("http://127.0.0.1:1")])
        issued.fullchain.with_name(issued.fullchain.name + ".ocsp").write_bytes(certs.ocsp(issued))
        port = free_port()
        tinyproxyd(f"""http {{ {params.replace("@DIR@", str(tmp_path))}
            server {{ listen 127.0.0.1:{port} ssl http2; server_name app.example;
                ssl_certificate {issued.fullchain}; ssl_certificate_key {issued.key}; return 200 "hello"; }} }}""")
        return port
    return make


def findings(port, certs, directory, *what):
    """id → (severity, finding)."""
    path = directory / "findings.json"
    run(["testssl", "--quiet", "--warnings", "batch", "--color", "0", "--openssl-timeout", "20", "--add-ca", certs.ca,
         "--ip", "127.0.0.1", "--jsonfile", path, *what, f"https://app.example:{port}/"], deadline_s=1700)
    return {one["id"]: (one["severity"], one["finding"]) for one in json.loads(path.read_text())}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("ciphers", [None, AEAD], ids=["as it stands", "AEAD"])
def test_nothing_above_low(site, certs, tmp_path, ciphers):
    params = SSL_PARAMS.replace("EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH", ciphers) if ciphers else SSL_PARAMS
    found = findings(site(params), certs, tmp_path)
    worse = {name: what for name, what in found.items() if what[0] in WORSE}
    assert not worse, worse
    for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert found[old][1] == "not offered", old
    for good in ("TLS1_2", "TLS1_3", "PFS", "HSTS_time", "OCSP_stapling", "cipherlist_STRONG"):
        assert found[good][0] == "OK", (good, found[good])
    print({name: what for name, what in found.items() if what[0] not in ("INFO", "OK")})


@pytest.mark.timeout(1800)
def test_forward_secrecy_and_aead_only(site, certs, tmp_path):
    port = site(SSL_PARAMS.replace("EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH", AEAD))
    suites = [what[1].split() for name, what in findings(port, certs, tmp_path, "-E").items() if name.startswith("cipher-")]
    assert len(suites) == 7
    for _, version, _, name, *_ in suites:
        assert version in ("1.2", "1.3") and ("GCM" in name or "CHACHA20_POLY1305" in name), name
        assert name.startswith(("TLS_", "ECDHE-", "DHE-")), name
