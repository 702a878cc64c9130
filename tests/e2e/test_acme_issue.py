# SPDX-License-Identifier: ISC
"""acme-issue against a real CA."""
import json
import os
import re
import signal
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import BlockingPebble, Store, orders_made, result, validations
from support.wait import wait_until


def names_of(cert):
    return set(cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
               .get_values_for_type(x509.DNSName))


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_issues_and_leaves_everything_in_order(store, pebble, site):
    done = store.issue("a.example", "b.example", arguments=["--json"])
    assert store.number("a.example") == 1
    assert names_of(store.leaf("a.example")) == {"a.example", "b.example"}
    lineage = result(done)["lineages"][0]
    assert lineage["outcome"] == "issued"
    assert lineage["sha256"] == store.fingerprint("a.example")
    assert lineage["fullchain"] == str(store.live("a.example"))
    assert mode(store.live("a.example", "privkey")) == 0o600
    assert site.leftovers() == [] and store.under_way() == []
    assert not (site.directory / ".well-known").exists()
    conf = store.conf("a.example")
    for line in ("authenticator = webroot", f"server = {pebble.directory_url}",
                 "key_type = ecdsa", "[[webroot_map]]", f"a.example = {site.directory}"):
        assert line in conf, conf


def test_account_is_made_once_as_certbot_keeps_it(store, pebble):
    store.issue("a.example")
    store.issue("b.example")
    registration, = store.accounts()
    home = registration.parent
    assert home.parent == store.dir / "accounts" / f"localhost:{pebble.port}" / "dir"
    assert re.fullmatch("[0-9a-f]{32}", home.name)
    assert mode(home / "private_key.json") == 0o400 and mode(home) == 0o700
    assert json.loads((home / "private_key.json").read_text())["kty"] == "EC"
    assert f"account = {home.name}" in store.conf("b.example")
    assert pebble.log().count("accounts in memory") == 1


def test_second_run_keeps_what_is_not_due(store, pebble):
    store.issue("a.example")
    before = store.fingerprint("a.example")
    done = store.issue("a.example", arguments=["--json"])
    assert result(done)["lineages"][0]["outcome"] == "kept" and result(done)["requests"] == 0
    assert store.fingerprint("a.example") == before and orders_made(pebble) == 1
    store.issue("a.example", arguments=["--force-renewal"])
    assert store.number("a.example") == 2 and orders_made(pebble) == 2


def test_one_connection_carries_one_certificate(make_pebble, make_site, tmp_path):
    pebble = make_pebble(nonce_reject=0, authz_reuse=0)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    store.issue("a.example", preflight=False)
    told = result(store.issue("b.example", preflight=False, arguments=["--json"]))
    # directory, order, authorization, challenge, order (ready), finalize, order, certificate; the
    # nonce is the last one of the run before
    assert told["connections"] == 1 and told["requests"] <= 9, told
    nonce, = (store.dir / "gatehouse/nonces").iterdir()
    nonce.write_text(f"{pebble.directory_url}\nstale\n")
    store.issue("c.example", preflight=False)
    nonce.write_text(f"{pebble.directory_url}\n../\"broken\n")
    store.issue("d.example", preflight=False)


@pytest.mark.parametrize("percent", [15, 60])
def test_rejected_nonces_are_asked_again(make_pebble, make_site, tmp_path, percent):
    pebble = make_pebble(nonce_reject=percent)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    for name in ("a.example", "b.example", "c.example"):
        store.issue(name, f"www.{name}")
        assert store.number(name) == 1


def test_each_web_root_holds_for_the_names_after_it(store, pebble, site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    done = store.issue("a.example", arguments=["-w", other, "-d", "b.example"], check=78)
    assert f"the web root {other} is not what the server of b.example shows" in done.err
    assert orders_made(pebble) == 1 and validations(pebble) == 0
    assert site.leftovers() == [] and list(other.rglob("*")) == []


@pytest.mark.parametrize("arguments, check", [
    (["--key-type", "rsa", "--rsa-key-size", "3072"],
     lambda key: isinstance(key, rsa.RSAPublicKey) and key.key_size == 3072),
    (["--elliptic-curve", "secp384r1"],
     lambda key: isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1"),
    ([], lambda key: isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"),
])
def test_key_types(store, arguments, check):
    store.issue("a.example", arguments=arguments)
    assert check(store.leaf("a.example").public_key())


def test_another_key_type_is_a_reason_to_order(store):
    store.issue("a.example")
    store.issue("a.example", arguments=["--key-type", "ecdsa"])
    assert store.number("a.example") == 1
    store.issue("a.example", arguments=["--key-type", "rsa"])
    assert store.number("a.example") == 2


def test_reused_key_stays_the_same(store):
    store.issue("a.example", arguments=["--reuse-key"])
    first = store.live("a.example", "privkey").read_bytes()
    store.issue("a.example", arguments=["--force-renewal"])
    assert store.number("a.example") == 2
    assert store.live("a.example", "privkey").read_bytes() == first
    store.issue("a.example", arguments=["--force-renewal", "--no-reuse-key"])
    assert store.live("a.example", "privkey").read_bytes() != first


def test_names_change_only_when_asked_to(store, pebble):
    store.issue("a.example", "b.example")
    done = store.issue("a.example", "c.example", check=64)
    assert "with other names" in done.err and "--expand" in done.err
    done = store.issue("a.example", "c.example", arguments=["--expand"], check=64)
    assert "not given now" in done.err
    assert store.number("a.example") == 1 and orders_made(pebble) == 1
    store.issue("a.example", "b.example", "c.example", arguments=["--expand"])
    assert names_of(store.leaf("a.example")) == {"a.example", "b.example", "c.example"}
    store.issue("a.example", "d.example", arguments=["--cert-name", "a.example"])
    assert names_of(store.leaf("a.example")) == {"a.example", "d.example"}
    assert store.number("a.example") == 3


def test_ip_address(store):
    store.issue("127.0.0.1")
    names = store.leaf("127.0.0.1").extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert [str(ip) for ip in names.value.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


# ---- when the world is broken: exit code, sentence, live/ untouched ------------------------------

def test_terms_must_be_agreed_to(store, pebble):
    done = store.issue("a.example", agree=False, check=78)
    assert "data:" not in done.err and "--agree-tos" in done.err and "terms" in done.err
    assert not (store.dir / "accounts").exists() and orders_made(pebble) == 0


def test_ca_down(store, pebble):
    store.issue("a.example")
    before = store.fingerprint("a.example")
    pebble.stop()
    done = store.issue("a.example", arguments=["--force-renewal"], check=69)
    assert f"cannot reach the CA: {pebble.directory_url}" in done.err, done.err
    assert store.fingerprint("a.example") == before and store.number("a.example") == 1


def test_ca_that_is_not_trusted(store, pebble):
    argv = [word for word in store.issue_argv("a.example")]
    at = argv.index("--ca-file")
    done = store._run("acme-issue", *argv[:at], *argv[at + 2:], check=69)
    assert "not trusted" in done.err and "--ca-file" in done.err


def test_address_that_is_no_ca(store, site, pebble):
    done = store._run("acme-issue", "--server", f"{pebble.url}/nothing-here", "--ca-file",
                      pebble.ca_file, "-w", site.directory, "-d", "a.example", check=69)
    assert "instead of an ACME directory" in done.err and "--server" in done.err


def test_wrong_web_root_costs_no_attempt(store, pebble, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    done = store.issue("a.example", webroot=wrong, check=78)
    assert f"the web root {wrong} is not what the server of a.example shows" in done.err
    assert "answers with status 404" in done.err and "--no-preflight" in done.err
    assert validations(pebble) == 0 and list(wrong.rglob("*")) == []
    # The order is still good: the right root takes it up.
    store.issue("a.example")
    assert orders_made(pebble) == 1 and store.number("a.example") == 1


def test_validation_failure_is_told_in_the_ca_s_words(store, pebble, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    done = store.issue("a.example", webroot=wrong, preflight=False, check=1)
    assert "the CA could not validate a.example" in done.err and "(unauthorized)" in done.err
    assert "check the web root" in done.err
    assert store.under_way() == [] and list(wrong.rglob("*")) == []
    assert not (store.dir / "live").exists()


def test_refused_identifier(tmp_path, start, certs, make_site):
    pebble = BlockingPebble(tmp_path / "ca", start, certs,
                            {"domainBlocklist": ["blocked.example"]})
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    store.issue("a.example")
    before = store.fingerprint("a.example")
    done = store.issue("a.example", "blocked.example", arguments=["--expand"], check=65)
    assert "rejectedIdentifier" in done.err and "blocked.example" in done.err
    assert "policy" in done.err
    assert store.fingerprint("a.example") == before and store.under_way() == []


@pytest.mark.parametrize("arguments, words", [
    (["--overwrite"], "--csr"),
    (["-d", "*.a.example"], "dns-01"),
    (["-d", "me@a.example"], "for the email me@a.example"),
    (["--key-type", "dsa"], "neither ecdsa nor rsa"),
    (["--key-type", "rsa", "--elliptic-curve", "secp256r1"], "--elliptic-curve goes with ecdsa"),
    (["--server", "nowhere"], "known CAs: letsencrypt"),
    (["--staging"], "--staging and --server"),
    (["--verify", "127.0.0.1"], "HOST:PORT"),
    (["run"], "is no option"),
    (["--cert-name", "../x"], "cannot name a certificate"),
])
def test_refuses_by_name(store, pebble, arguments, words):
    done = store.issue("a.example", arguments=arguments, check=64)
    assert words in done.err
    assert orders_made(pebble) == 0 and not store.dir.exists()


def test_no_name_and_no_web_root(store, pebble):
    assert "no name is given" in store._run("acme-issue", check=64).err
    done = store._run("acme-issue", "--server", pebble.directory_url, "-d", "a.example", check=64)
    assert "no web root is given" in done.err
    done = store.issue("a.example", webroot="/does/not/exist", check=66)
    assert "/does/not/exist" in done.err


def test_interrupt_cleans_up_and_the_next_run_goes_on(store, pebble, site, start):
    site.open.clear()
    run = start("acme-issue", store.argv("acme-issue", *store.issue_argv("a.example")),
                env={"no_proxy": "*"})
    wait_until(site.leftovers, "the challenge file")
    run.send(signal.SIGTERM)
    assert run.wait() == 75
    assert "interrupted" in run.output()
    assert site.leftovers() == [] and store.under_way() == ["orders/a.example.json"]
    assert mode(store.dir / "gatehouse/orders/a.example.json") == 0o600
    site.open.set()
    store.issue("a.example")
    assert orders_made(pebble) == 1 and store.number("a.example") == 1 and store.under_way() == []


def test_two_at_once_do_not_clash(store, pebble, site, start):
    site.open.clear()
    first = start("acme-issue", store.argv("acme-issue", *store.issue_argv("a.example")),
                  env={"no_proxy": "*"})
    wait_until(site.leftovers, "the challenge file")
    done = store.issue("a.example", check=75)
    assert "a.example" in done.err
    site.open.set()
    assert first.wait() == 0
    assert orders_made(pebble) == 1 and store.number("a.example") == 1


def test_what_a_killed_run_left_on_show_is_cleared_away(store, pebble, site, start):
    site.open.clear()
    run = start("acme-issue", store.argv("acme-issue", *store.issue_argv("a.example")),
                env={"no_proxy": "*"})
    wait_until(site.leftovers, "the challenge file")
    run.send(signal.SIGKILL)
    run.wait()
    assert site.leftovers() != []
    site.open.set()
    store.issue("a.example")
    assert site.leftovers() == [] and orders_made(pebble) == 1


def test_settings_of_a_kept_lineage_are_remembered(store):
    store.issue("a.example")
    store.issue("a.example", arguments=["--deploy-hook", "echo \"it's\" new, really"])
    assert store.number("a.example") == 1
    assert "renew_hook" in store.conf("a.example")


def test_deploy_hook_sees_what_certbot_s_would(store, tmp_path):
    out = tmp_path / "hook"
    store.issue("a.example", "b.example", arguments=[
        "--deploy-hook", f'echo "$RENEWED_LINEAGE|$RENEWED_DOMAINS" > {out}'])
    lineage, names = out.read_text().strip().split("|")
    assert lineage == str(store.dir / "live" / "a.example")
    assert set(names.split()) == {"a.example", "b.example"}


def test_quiet_says_nothing(store):
    done = store.issue("a.example", arguments=["-q"])
    assert (done.out, done.err) == ("", "")
