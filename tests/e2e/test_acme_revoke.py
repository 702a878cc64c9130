# SPDX-License-Identifier: ISC
"""acme-revoke against a real CA: by account key and by certificate key, and what renewal makes of it."""
import json

import pytest

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, result
from support.certs import key_pem, new_key
from support.process import run


@pytest.fixture
def revoked(pebble):
    """revoked(certificate file) → None, or the reason code that the CA gives for it."""
    def ask(path):
        serial = run(["openssl", "x509", "-in", path, "-noout", "-serial"], check=0).out
        body = pebble._get(f"https://localhost:{pebble.management_port}/cert-status-by-serial/"
                           + serial.strip().partition("=")[2].lower())
        status = json.loads(body)
        return status.get("Reason", 0) if status["Status"] == "Revoked" else None
    return ask


@pytest.mark.parametrize("reason, code", [
    ([], 0), (["--reason", "keycompromise"], 1), (["--reason", "affiliationChanged"], 3),
    (["--reason", "4"], 4)])
def test_revoked_by_the_account_and_replaced_by_the_next_renewal(store, revoked, reason, code):
    store.issue("a.example", arguments=["--reuse-key"])
    old, key = store.dir / "old.pem", store.live("a.example", "privkey").read_bytes()
    old.write_bytes(store.live("a.example").read_bytes())
    assert revoked(old) is None
    done = store.revoke("--cert-name", "a.example", *reason)
    assert "a.example: revoked" in done.out and "the next acme-renew replaces it" in done.out
    assert revoked(old) == code
    # Once more is no failure.
    assert result(store.revoke("--cert-name", "a.example", *reason, "--json"))["outcome"] == \
        "already revoked"
    assert store.renew("-q").err == ""
    assert store.number("a.example") == 2 and revoked(store.live("a.example")) is None
    # The same key again, unless that was the reason.
    assert (store.live("a.example", "privkey").read_bytes() == key) == (code != 1)
    store.renew("-q")
    assert store.number("a.example") == 2


def test_what_is_not_wanted_any_more_is_not_renewed(store):
    store.issue("a.example")
    done = store.revoke("--cert-name", "a.example", "--reason", "cessationOfOperation")
    assert "renewed no more" in done.out
    assert result(store.renew("--json"))["lineages"][0]["outcome"] == "off"
    store.issue("a.example", arguments=["--force-renewal"])
    assert "autorenew" not in store.conf("a.example")


@pytest.mark.parametrize("kind", [["--key-type", "rsa"], ["--elliptic-curve", "secp384r1"],
                                  ["--elliptic-curve", "secp521r1"], []])
def test_revoked_by_its_own_key_from_anywhere(store, pebble, site, tmp_path, revoked, kind):
    store.issue("a.example", arguments=kind)
    other = Store(tmp_path / "elsewhere", pebble, site)
    done = other.revoke("--cert-path", store.live("a.example"), "--key",
                        store.live("a.example", "privkey"), "--reason", "1", "--server",
                        pebble.directory_url)
    assert "revoked" in done.out and revoked(store.live("a.example")) == 1
    assert not (other.dir / "accounts").exists()


def test_a_file_of_the_store_is_known_as_its_lineage(store, revoked):
    store.issue("a.example")
    done = store.revoke("--cert-path", store.live("a.example", "cert"))
    assert done.out.startswith("a.example: revoked")
    store.renew("-q")
    assert store.number("a.example") == 2


def test_refusals(store, pebble, tmp_path):
    store.issue("a.example")
    key = tmp_path / "other.key"
    key.write_bytes(key_pem(new_key()))
    server = ["--server", pebble.directory_url]
    for arguments, code, words in [
            ([], 64, "which certificate"),
            (["--cert-name", "a.example", "--cert-path", "x"], 64, "which certificate"),
            (["--cert-name", "b.example"], 66, "cannot revoke b.example"),
            (["--cert-name", "../a"], 64, "cannot name a certificate"),
            (["--cert-name", "a.example", "--reason", "removeFromCRL"], 64, "keyCompromise"),
            (["--cert-name", "a.example", "--key", key], 65, "is not the key of this"),
            (["--cert-path", key], 65, str(key)),
            (["--cert-path", tmp_path / "none"], 66, "none"),
            (["--cert-name", "a.example", "--account", "0" * 32], 66, "--key FILE")]:
        done = store.revoke(*arguments, *server, check=code)
        assert words in done.err, done.err
    assert result(store.renew("--json"))["lineages"][0]["outcome"] == "kept"


def test_another_account_may_not_revoke_it(store, pebble, site, tmp_path):
    store.issue("a.example")
    other = Store(tmp_path / "elsewhere", pebble, site)
    other.account("register", "--agree-tos")
    done = other.revoke("--cert-path", store.live("a.example"), "--server", pebble.directory_url,
                        check=1)
    assert "cannot revoke the certificate" in done.err


def test_verbose_tells_requests_and_what_is_done_with_their_answers(store, pebble):
    """All four programs, on standard error; what is printed as the result stays the same."""
    told = store.issue("a.example", arguments=["-v"]).err
    assert f"acme-issue: GET {pebble.directory_url}: 200 in " in told and "/finalize-order/" in told
    told = store.renew("-v", "--force-renewal").err
    assert "acme-renew: POST " in told and " requests over " in told
    done = store.account("show", "-v")
    assert "acme-account: POST " in done.err
    assert f"acme-account: the account's files are in {store.dir}/accounts/" in done.err
    assert "POST" not in done.out
    done = store.revoke("--cert-name", "a.example", "-v")
    lines = [line for line in done.err.splitlines() if " in " not in line or "lineage" in line]
    assert [line.split()[1:3] for line in lines] == [
        ["it", "is"], ["signing", "by"], ["noting", "it"], [lines[-1].split()[1], "requests"]]
    assert "revoke-cert: 200 in " in done.err
    assert store.revoke("--cert-name", "a.example", "-q").err == ""
