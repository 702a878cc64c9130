# SPDX-License-Identifier: ISC
"""OCSP responses: fetched by acme-issue and acme-renew from openssl's responder, stapled by tinyproxyd from the store."""
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store
from support.certs import Certs, ocsp_response
from support.ocsp_responder import Responder, names_responder
from support.process import run
from support.wait import DEADLINE_S, wait_until


@pytest.fixture
def responder(start, tmp_path, free_port):
    return Responder(start, tmp_path, free_port())


@pytest.fixture
def pebble(make_pebble, responder):
    return make_pebble(ocsp=responder.url)


def stapled(port, name, root):
    """What openssl's client says of the response it is shown and has verified; None: it is shown none."""
    said = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-status", "-CAfile", root],
               stdin="", deadline_s=DEADLINE_S).out
    return None if "OCSP response: no response sent" in said else said


def test_fetched_and_stapled(store, pebble, responder, tinyproxyd, free_port):
    """Before the responder knows the certificate, once it does, when half the response's time is over, after a renewal."""
    port, response = free_port(), store.live("a.example").with_name("fullchain.pem.ocsp")
    done = store.issue("a.example")
    assert "no OCSP response: " in done.err and not response.exists()
    proxy = tinyproxyd(f"""http {{ ssl_stapling on; ssl_stapling_verify on;
        server {{ listen 127.0.0.1:{port} ssl; server_name a.example; return 200 "";
            ssl_certificate {store.live("a.example")}; ssl_certificate_key {store.live("a.example", "privkey")}; }} }}""")
    said = proxy.wait_for_error(r'"ssl_stapling" has nothing to show for .*').group()
    assert f'there is no "{response}"' in said and "acme-renew fetches it" in said
    proxy.forget_errors()
    assert stapled(port, "a.example", pebble.root()) is None

    responder.start(*pebble.intermediate(), store.leaf("a.example"))
    renew = "--reload", proxy.control
    assert "fetched its OCSP response" in store.renew(*renew).err
    assert response.stat().st_mode & 0o777 == 0o644
    shown = stapled(port, "a.example", pebble.root())
    assert "OCSP Response Status: successful" in shown and "Cert Status: good" in shown
    assert f"Serial Number: {store.leaf('a.example').serial_number:X}".lower() in shown.replace(" 0", " ").lower()

    # Nothing is asked before half its time is over; then a cron line's run does it.
    def put(days_ago, days_left):
        issuer, key = (path.read_bytes() for path in pebble.intermediate())
        issuer, key = x509.load_pem_x509_certificate(issuer), serialization.load_pem_private_key(key, None)
        response.write_bytes(ocsp_response(store.leaf("a.example"), issuer, issuer, key, -86400 * days_ago, 86400 * days_left))
        return response.read_bytes()
    assert store.renew(*renew).err == "" and responder.asked() == 1
    young = put(1, 2)
    store.renew(*renew, "-q")
    assert responder.asked() == 1 and response.read_bytes() == young
    old = put(2, 1)
    store.renew(*renew, "-q")
    assert responder.asked() == 2 and response.read_bytes() != old
    assert "Cert Status: good" in stapled(port, "a.example", pebble.root())

    # A new version has a response of its own before it goes into service, and one that cannot be had harms nothing.
    responder.process.stop()
    store.renew(*renew, "--force-renewal")
    assert store.number("a.example") == 2
    wait_until(lambda: stapled(port, "a.example", pebble.root()) is None, "the old response to be gone")
    responder.start(*pebble.intermediate(), store.leaf("a.example"))
    store.renew(*renew)
    wait_until(lambda: stapled(port, "a.example", pebble.root()), "a response to be shown")
    proxy.forget_errors()


def put(store, name, issued):
    """A version as acme-issue would have left it; where its response goes."""
    store.issue(name)
    for part, source in (("cert", issued.cert), ("fullchain", issued.fullchain), ("privkey", issued.key)):
        store.live(name, part).write_bytes(source.read_bytes())
    store.live(name, "chain").write_bytes(issued.fullchain.read_bytes()[len(issued.cert.read_bytes()):])
    return store.live(name).with_name("fullchain.pem.ocsp")


def test_what_is_not_taken(tmp_path, start, certs, make_pebble, make_site, free_port):
    """Revoked, demanded in vain, unknown, signed by others; and nobody is asked about what names no responder."""
    pebble = make_pebble()
    store = Store(tmp_path / "letsencrypt", pebble, make_site(port=pebble.http_port))
    ours, liar = (Responder(start, tmp_path / name, free_port()) for name in ("ours", "liar"))
    for responder in (ours, liar):
        responder.index.parent.mkdir()
    strangers = Certs(tmp_path / "strangers")
    must = x509.TLSFeature([x509.TLSFeatureType.status_request])
    gone = f"http://127.0.0.1:{free_port()}"
    issued = {name: certs.issue(f"{name}.example", extensions=[names_responder(url), *more]) for name, url, more in (
        ("good", ours.url, ()), ("revoked", ours.url, ()), ("unknown", ours.url, ()), ("forged", liar.url, ()),
        ("gone", gone, ()), ("must", gone, [must]))}
    issued["plain"] = certs.issue("plain.example")
    responses = {name: put(store, f"{name}.example", one) for name, one in issued.items()}
    ours.start(certs.ca, certs.ca_key, issued["good"].x509, revoked=[issued["revoked"].x509])
    liar.start(strangers.ca, strangers.ca_key, issued["forged"].x509)

    done = store.renew("--reload", "none", check=1)
    assert [name for name, path in responses.items() if path.exists()] == ["good"]
    for name, why in (("unknown", "the responder does not know the certificate"), ("gone", "Failed to connect"),
                      ("forged", "its signature cannot be verified|it is about another certificate")):
        assert re.search(rf"{name}.example: no OCSP response: .*({why})", done.err), (name, done.err)
    assert "plain.example: " not in done.err and ours.asked() == 3
    # What matters is told by the run of a cron line as well.
    quiet = store.renew("--reload", "none", "-q", check=1)
    assert "revoked.example" in quiet.err and "the CA has revoked the certificate" in quiet.err
    assert "--force-renewal" in quiet.err
    assert "must.example" in quiet.err and "servers must staple an OCSP response, and there is none" in quiet.err
    assert not any(name in quiet.err for name in ("unknown", "gone", "forged", "good", "plain"))
