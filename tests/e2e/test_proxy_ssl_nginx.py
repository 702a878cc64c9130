# SPDX-License-Identifier: ISC
"""proxy_ssl_* side by side with nginx: what the upstream sees, what the client gets, what the log says of it."""
import re

import pytest
from cryptography.hazmat.primitives import serialization

from support.certs import Certs
from support.client import get
from support.nginx import side_by_side  # noqa: F401
from support.tls_origin import Origin

SAID = re.compile(r"(upstream SSL certificate .*?|SSL_do_handshake\(\) failed .*?|peer .*?) while SSL handshaking to upstream")


@pytest.fixture
def issued(certs, tmp_path):
    """What upstreams show; depth2 is a chain with two intermediates."""
    lower = Certs(tmp_path / "lower", "Lower CA", Certs(tmp_path / "upper", "Upper CA", certs))
    return {"good": certs.issue("a.example"), "wild": certs.issue("*.wild.example"), "revoked": certs.issue("a.example"),
            "expired": certs.issue("a.example", days=-1, begins_days=-9), "future": certs.issue("a.example", begins_days=9),
            "self": certs.issue("a.example", self_signed=True), "client": certs.issue("a.example", client=True),
            "depth2": lower.issue("a.example"), "rsa": certs.issue("a.example", key="rsa")}


@pytest.fixture
def origin(request, issued, certs):
    """origin(kind) → an upstream of its own: nginx offers a session to whoever has the address it came from."""
    def make(kind):
        made = Origin(issued[kind]) if kind in issued else Origin(issued["good"], client_ca=certs.ca)
        request.addfinalizer(made.stop)
        return made
    return make


def test_as_nginx(side_by_side, origin, issued, certs, tmp_path):
    ours = certs.issue("client.example", client=True)
    locked, words = tmp_path / "locked.key", tmp_path / "words"
    locked.touch(mode=0o600)
    locked.write_bytes(serialization.load_pem_private_key(ours.key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"open")))
    words.write_text("wrong\nopen\n")
    verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {certs.ca}; proxy_ssl_name a.example;"
    crl = f"proxy_ssl_crl {certs.revoked(issued['revoked'])};"
    both = tmp_path / "both.pem"
    both.write_bytes(issued["self"].cert.read_bytes() + certs.ca.read_bytes())
    rows = {
        # Names.
        "plain": ("good", ""), "sni": ("good", "proxy_ssl_server_name on; proxy_ssl_name a.example;"),
        "sni-address": ("good", "proxy_ssl_server_name on;"),
        "sni-variable": ("good", "proxy_ssl_server_name on; proxy_ssl_name $arg_n.example;"),
        "sni-port": ("good", "proxy_ssl_server_name on; proxy_ssl_name b.example:99;"),
        "sni-dot": ("good", "proxy_ssl_server_name on; proxy_ssl_name b.example.;"),
        # Verification by name and chain.
        "verified": ("good", verify), "rsa": ("rsa", verify), "other-name": ("good", verify + "proxy_ssl_name b.example;"),
        "case": ("good", verify + "proxy_ssl_name A.EXAMPLE;"),
        "wild": ("wild", verify + "proxy_ssl_name x.wild.example;"),
        "wild-deep": ("wild", verify + "proxy_ssl_name x.y.wild.example;"),
        "wild-bare": ("wild", verify + "proxy_ssl_name wild.example;"),
        "expired": ("expired", verify), "future": ("future", verify), "self": ("self", verify), "purpose": ("client", verify),
        "self-trusted": ("self", verify.replace(str(certs.ca), str(both))),
        "unverified": ("expired", "proxy_ssl_verify off;"),
        "depth-default": ("depth2", verify), "depth-0": ("good", verify + "proxy_ssl_verify_depth 0;"),
        "depth-1": ("depth2", verify + "proxy_ssl_verify_depth 1;"), "depth-2": ("depth2", verify + "proxy_ssl_verify_depth 2;"),
        # Revocation.
        "crl-good": ("good", verify + crl), "crl-revoked": ("revoked", verify + crl), "crl-lacking": ("depth2",
            verify + crl + "proxy_ssl_verify_depth 2;"), "crl-unasked": ("revoked", crl),
        # What we show.
        "shown": ("demanding", f"proxy_ssl_certificate {ours.cert}; proxy_ssl_certificate_key {ours.key};"),
        "shown-locked": ("demanding", f"proxy_ssl_certificate {ours.cert}; proxy_ssl_certificate_key {locked};"
                                      f" proxy_ssl_password_file {words};"),
        "shown-unasked": ("good", f"proxy_ssl_certificate {ours.cert}; proxy_ssl_certificate_key {ours.key};"),
        # What we speak.
        "tls12": ("good", "proxy_ssl_protocols TLSv1.2;"), "tls13": ("good", "proxy_ssl_protocols TLSv1.3;"),
        "ciphers": ("good", "proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256;"),
        "ciphers-none": ("good", "proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;"),
        # Sessions.
        "reuse": ("good", "proxy_ssl_protocols TLSv1.2;"),
        "reuse-off": ("good", "proxy_ssl_protocols TLSv1.2; proxy_ssl_session_reuse off;"),
        "reuse-13": ("good", "proxy_ssl_protocols TLSv1.3;"),
    }
    assert len({directive for _, lines in rows.values() for directive in re.findall(r"proxy_ssl_\w+", lines)}) == 12
    http = "proxy_ssl_protocols TLSv1.2 TLSv1.3;" + "server { listen 127.0.0.1:@PORT@;\n" + "".join(
        f"location /{name} {{ proxy_pass https://127.0.0.1:{origin(kind).port}; {once(lines)} }}\n"
        for name, (kind, lines) in rows.items()) + "}"
    mine, nginx = side_by_side(http)

    def account(proxy, name):
        """Three requests: what became of each, and what the log says."""
        began = proxy.error_log.stat().st_size
        seen = []
        for _ in range(3):
            answer = get(proxy.port, f"/{name}?n=x")
            seen.append({k: v for k, v in answer.json.items() if k != "accepted"} if answer.status == 200 else answer.status)
        with open(proxy.error_log, "rb") as log:
            log.seek(began)
            return seen, SAID.findall(log.read().decode())
    different = []
    for name in rows:
        (a, said_a), (b, said_b) = account(mine, name), account(nginx, name)
        same_words = said_a == said_b or (len(said_a) == len(said_b) and all("SSL_do_handshake" in line for line in said_b))
        if a != b or not same_words:
            different.append(f"{name}:\n  ours  {a} {said_a}\n  nginx {b} {said_b}\n")
    assert not different, "".join(different)
    # What the sameness was of.
    assert account(mine, "depth-2")[0][0]["name"] is None and account(mine, "depth-1")[0] == [502] * 3
    assert account(mine, "shown")[0][0]["peer"] == "client.example" and account(mine, "crl-revoked")[0] == [502] * 3
    assert [one["reused"] for one in account(mine, "reuse")[0]] == [True] * 3
    mine.forget_errors()


def once(lines):
    """The last of each directive."""
    return "; ".join({line.split()[0]: line for line in lines.split(";") if line.strip()}.values()) + ";" if lines else ""
