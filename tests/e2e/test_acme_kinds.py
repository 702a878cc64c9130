# SPDX-License-Identifier: ISC
"""What kind of certificate: chains, profiles, stapling, keys, several lineages of one name."""
import base64
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from support.acme_proxy import *  # noqa: F401,F403
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made
from support.certs import load_certificates


def common_name(name):
    return name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def top_issuer(store, name):
    return common_name(load_certificates(store.live(name))[-1].issuer)


def request_of(proxy):
    """The PKCS#10 of the last order."""
    text = [r for r in proxy.seen if r.kind == "finalize"][-1].payload["csr"]
    return x509.load_der_x509_csr(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


# ---- chains --------------------------------------------------------------------------------------

@pytest.mark.parametrize("length", [1, 2])
def test_preferred_chain(make_pebble, make_site, tmp_path, acme_proxy, length):
    pebble = make_pebble(alternate_roots=2, nonce_reject=0, env={"PEBBLE_CHAIN_LENGTH": str(length)})
    proxy = acme_proxy(pebble)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    roots = [common_name(load_certificates(pebble.root(i))[0].subject) for i in range(3)]
    assert len(set(roots)) == 3
    server = ["--server", proxy.directory_url]
    for name, wanted, downloads in [("a.example", 0, 1), ("b.example", 1, 2), ("c.example", 2, 3)]:
        proxy.seen.clear()
        store.issue(name, arguments=[*server, "--preferred-chain", roots[wanted]])
        assert top_issuer(store, name) == roots[wanted]
        assert len(load_certificates(store.live(name))) == 1 + length
        assert proxy.counts()["certificate"] == downloads
        assert f"preferred_chain = {roots[wanted]}" in store.conf(name)
    # Renewals keep to it; none such: the CA's own choice.
    store.renew("--cert-name", "c.example", "--force-renewal", "-q")
    assert top_issuer(store, "c.example") == roots[2] and store.number("c.example") == 2
    store.issue("d.example", arguments=[*server, "--preferred-chain", "No Such Root"])
    assert top_issuer(store, "d.example") == roots[0]


def test_an_alternate_that_fails_costs_nothing(make_pebble, make_site, tmp_path, acme_proxy):
    pebble = make_pebble(alternate_roots=1)
    proxy = acme_proxy(pebble)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    proxy.before(lambda r: Answer(404, []) if "/alternate/" in r.path else None)
    store.issue("a.example", arguments=["--server", proxy.directory_url, "--preferred-chain", "X"])
    assert store.number("a.example") == 1


# ---- profiles ------------------------------------------------------------------------------------

@pytest.fixture
def profiles(acme_proxy):
    """A CA with profiles: what pebble does not know is taken out before it sees it... so it is only looked at."""
    proxy = acme_proxy()

    def advertise(request, answer):
        if request.kind != "directory":
            return None
        doc = answer.json()
        doc["meta"]["profiles"] = {"classic": "https://ca.example/classic",
                                   "shortlived": "six days"}
        return answer.with_json(doc)
    proxy.after(advertise)
    return proxy


@pytest.mark.parametrize("arguments, sent", [
    ([], None), (["--preferred-profile", "shortlived"], "shortlived"),
    (["--preferred-profile", "tlsserver"], None), (["--required-profile", "classic"], "classic")])
def test_profiles(store, profiles, arguments, sent):
    store.issue("a.example", arguments=["--server", profiles.directory_url, *arguments])
    store.renew("--force-renewal", "-q")
    orders = [r.payload for r in profiles.seen if r.kind == "newOrder"]
    assert len(orders) >= 2 and all(order.get("profile") == sent for order in orders)
    assert store.number("a.example") == 2


def test_required_profile_that_the_ca_lacks(store, profiles, pebble):
    done = store.issue("a.example", arguments=["--server", profiles.directory_url,
                                               "--required-profile", "tlsserver"], check=78)
    assert 'no certificates of profile "tlsserver"' in done.err
    assert "it has: classic, shortlived" in done.err and orders_made(pebble) == 0


# ---- the request ---------------------------------------------------------------------------------

def test_must_staple(store, acme_proxy):
    proxy = acme_proxy()
    server = ["--server", proxy.directory_url]
    store.issue("a.example", arguments=server)
    assert not [e for e in request_of(proxy).extensions if e.oid.dotted_string.endswith(".7.1.24")]
    store.issue("b.example", arguments=[*server, "--must-staple"])
    feature = request_of(proxy).extensions.get_extension_for_class(x509.TLSFeature)
    assert list(feature.value) == [x509.TLSFeatureType.status_request]
    store.renew("--cert-name", "b.example", "--force-renewal", "-q")
    assert request_of(proxy).extensions.get_extension_for_class(x509.TLSFeature)
    assert "must_staple = True" in store.conf("b.example")


@pytest.mark.parametrize("arguments, check", [
    (["--elliptic-curve", "secp521r1"],
     lambda key: isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp521r1"),
    (["--key-type", "rsa"], lambda key: isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048),
    (["--rsa-key-size", "4096"], lambda key: isinstance(key, rsa.RSAPublicKey) and key.key_size == 4096),
])
def test_more_key_types(store, arguments, check):
    store.issue("a.example", arguments=arguments)
    assert check(store.leaf("a.example").public_key())


def test_rsa_and_ecdsa_side_by_side(store):
    store.issue("a.example")
    store.issue("a.example", arguments=["--cert-name", "a.example-rsa", "--key-type", "rsa"])
    store.renew("--force-renewal", "-q")
    kinds = {}
    for name in ("a.example", "a.example-rsa"):
        assert store.number(name) == 2
        kinds[name] = type(store.leaf(name).public_key()).__name__
        names = store.leaf(name).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert names.value.get_values_for_type(x509.DNSName) == ["a.example"]
    assert re.search("RSA", kinds["a.example-rsa"]) and re.search("Elliptic", kinds["a.example"])


def test_ip_addresses_beside_names(store, acme_proxy):
    proxy = acme_proxy()
    store.issue("a.example", "127.0.0.1", arguments=["--server", proxy.directory_url])
    order = [r.payload for r in proxy.seen if r.kind == "newOrder"][-1]
    assert order["identifiers"] == [{"type": "dns", "value": "a.example"},
                                    {"type": "ip", "value": "127.0.0.1"}]
    request = request_of(proxy).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(ip) for ip in request.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    store.renew("--force-renewal", "-q")
    assert store.number("a.example") == 2
