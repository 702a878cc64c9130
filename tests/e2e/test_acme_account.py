# SPDX-License-Identifier: ISC
"""acme-account against a real CA, on a store that certbot can read."""
import base64
import json
import os
import re

import pytest
from cryptography.hazmat.primitives import hashes, hmac

from support.acme_proxy import *  # noqa: F401,F403
from support.acme_proxy import DROP, problem
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, result
from support.certbot import Certbot
from support.certs import key_pem, new_key

EAB_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")


def listed(store):
    return result(store.account("list", "--json", server=False))["accounts"]


def test_register_show_update_deactivate(store, pebble):
    made = result(store.account("register", "--agree-tos", "-m", "a@example.com,b@example.com",
                                "--json"))
    assert made["outcome"] == "registered" and made["status"] == "valid"
    assert made["contact"] == ["mailto:a@example.com", "mailto:b@example.com"]
    again = result(store.account("register", "--json", server=True))
    assert again["outcome"] == "is there already" and again["id"] == made["id"]
    shown = store.account("show", server=False)           # the only one there is
    assert made["id"] in shown.out and "a@example.com" in shown.out and made["url"] in shown.out
    assert result(store.account("update", "-m", "c@example.com", "--json"))["contact"] == \
        ["mailto:c@example.com"]
    assert not result(store.account("update", "--no-email", "--json"))["contact"]
    store.issue("a.example", agree=False)
    entry, = listed(store)
    assert (entry["id"], entry["url"], entry["key"], entry["lineages"]) == \
        (made["id"], made["url"], "ECDSA P-256", ["a.example"])
    refused = store.account("deactivate", check=64)
    assert "--yes" in refused.err and "a.example" in refused.err
    assert result(store.account("deactivate", "--yes", "--json"))["outcome"] == "deactivated"
    assert listed(store) == [] and store.accounts() == []
    done = store.renew("--force-renewal", check=66)
    assert made["id"] in done.err
    assert store.number("a.example") == 1


@pytest.mark.parametrize("arguments, kind", [
    (["--key-type", "rsa:2048"], "RSA 2048"), (["--key-type", "ec:P-384"], "ECDSA P-384")])
def test_kinds_of_account_keys(store, arguments, kind):
    assert result(store.account("register", "--agree-tos", "--json", *arguments))["key"] == kind
    store.issue("a.example", agree=False)


def test_a_key_that_the_ca_knows_gives_its_account_back(store, pebble, site, tmp_path):
    key = tmp_path / "key.pem"
    key.write_bytes(key_pem(new_key()))
    first = result(store.account("register", "--agree-tos", "--key", key, "--json"))
    other = Store(tmp_path / "other", pebble, site)
    again = result(other.account("register", "--agree-tos", "--key", key, "--json"))
    assert (again["id"], again["url"]) == (first["id"], first["url"])
    # And as certbot keeps it.
    jwk = next((store.dir / "accounts").rglob("private_key.json"))
    third = Store(tmp_path / "third", pebble, site)
    assert result(third.account("register", "--agree-tos", "--key", jwk, "--json"))["id"] == \
        first["id"]


def test_certbot_and_acme_account_see_the_same(store, make_pebble, make_site, tmp_path):
    pebble = make_pebble(nonce_reject=0)
    store = Store(tmp_path / "both", pebble, make_site(port=pebble.http_port, name="www2"))
    certbot = Certbot(tmp_path / "certbot", pebble, config_dir=store.dir)
    certbot("register", "--agree-tos", "-m", "a@example.com")
    assert "mailto:a@example.com" in store.account("show", "--json").out
    store.account("update", "-m", "z@example.com")
    assert "z@example.com" in certbot("show_account").out
    store.issue("a.example", agree=False)
    store.account("rollover")
    assert certbot("show_account").code == 0
    done = certbot.renew("--force-renewal")
    assert "Congratulations" in done.out and store.number("a.example") == 2


# ---- key rollover --------------------------------------------------------------------------------

def rolled(store, before):
    """The account has another id and key, the same URL, and all that used it uses it still."""
    entry, = listed(store)
    assert entry["id"] != before["id"] and entry["url"] == before["url"]
    assert entry["lineages"] == ["a.example"]
    home, = (path.parent for path in store.accounts())
    assert home.name == entry["id"] and not (home / "rollover.json").exists()
    assert os.listdir(home.parent) == [entry["id"]]
    store.renew("--force-renewal", "-q")


def test_rollover(store):
    store.account("register", "--agree-tos")
    store.issue("a.example", agree=False)
    before, = listed(store)
    done = result(store.account("rollover", "--key-type", "rsa:2048", "--json"))
    assert done["url"] == before["url"] and done["key"] == "RSA 2048"
    rolled(store, before)


STEPS = ["rollover.key", "rollover.tell", "rollover.save", "rollover.alias", "rollover.move",
         "rollover.end"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("finisher", ["rollover", "renew"])
def test_rollover_killed_anywhere_is_settled_by_the_next_run(store, step, finisher):
    store.issue("a.example")
    before, = listed(store)
    store.account("rollover", env={"GATEHOUSE_KILL_AT": step}, check=-9)
    if finisher == "rollover":
        store.account("rollover")
    else:
        store.renew("--force-renewal", "-q")
        if step in ("rollover.key", "rollover.tell"):
            # The CA was not told: the account has the key that it had.
            assert listed(store)[0]["id"] == before["id"]
            return
        # What the running renewal held itself moves with the next.
        store.account("show")
    rolled(store, before)


def test_rollover_whose_reply_is_lost_took_place(store, acme_proxy):
    proxy = acme_proxy()
    server = ["--server", proxy.directory_url]
    store.issue("a.example", arguments=server)
    before, = listed(store)
    proxy.after(lambda request, _: DROP if request.kind == "keyChange" else None)
    store.account("rollover", *server, server=False)
    rolled(store, before)


def test_rollover_that_is_refused_because_it_took_place_already(store, acme_proxy):
    """As when the transport asks again by itself: the second answer is a refusal."""
    proxy = acme_proxy()
    server = ["--server", proxy.directory_url]
    store.issue("a.example", arguments=server)
    before, = listed(store)
    proxy.after(lambda r, _: problem(400, "malformed") if r.kind == "keyChange" else None)
    store.account("rollover", *server, server=False)
    rolled(store, before)


def test_rollover_that_the_ca_refuses_leaves_the_old_key(store, acme_proxy):
    proxy = acme_proxy()
    server = ["--server", proxy.directory_url]
    store.issue("a.example", arguments=server)
    before = listed(store)
    proxy.before(lambda r: problem(409, "conflict") if r.kind == "keyChange" else None)
    done = store.account("rollover", *server, server=False, check=1)
    assert "cannot change the account's key: scripted" in done.err
    assert listed(store) == before
    home, = (path.parent for path in store.accounts())
    assert os.listdir(home.parent) == [home.name]
    store.renew("--force-renewal", "-q")


# ---- external account binding (RFC 8555 7.3.4) ---------------------------------------------------

@pytest.fixture
def bound(make_pebble, make_site, tmp_path):
    pebble = make_pebble(eab={"kid-1": EAB_KEY})
    return Store(tmp_path / "bound", pebble, make_site(port=pebble.http_port, name="www-bound"))


def test_binding_is_asked_for_by_name(bound):
    done = bound.issue("a.example", check=78)
    assert "takes only accounts bound to" in done.err and "--eab-hmac-key" in done.err
    done = bound.account("register", "--agree-tos", "--eab-kid", "kid-1", check=64)
    assert "ACME_EAB_HMAC_KEY" in done.err
    done = bound.account("register", "--agree-tos", "--eab-kid", "kid-1", "--eab-hmac-key",
                         EAB_KEY, check=64)
    assert "takes a file that holds the key" in done.err and EAB_KEY not in done.err


@pytest.mark.parametrize("how", ["file", "stdin", "env", "named env"])
def test_binding_by_key_from(bound, how, tmp_path):
    path = tmp_path / "hmac"
    path.write_text(EAB_KEY + "\n")
    arguments, more = {
        "file": (["--eab-kid", "kid-1", "--eab-hmac-key", path], {}),
        "env": ([], {"env": {"ACME_EAB_KID": "kid-1", "ACME_EAB_HMAC_KEY": EAB_KEY}}),
        "named env": (["--eab-kid", "kid-1", "--eab-hmac-key", "env:MINE"],
                      {"env": {"MINE": EAB_KEY + "="}}),
        "stdin": (["--eab-kid", "kid-1", "--eab-hmac-key", "/dev/stdin"], None),
    }[how]
    if how == "stdin":
        from support import programs
        from support.process import run
        run([programs.path("acme-account"), "--config-dir", bound.dir, "register", "--agree-tos",
             *arguments[:-1], "-", "--server", bound.pebble.directory_url, "--ca-file",
             bound.pebble.ca_file], env={"no_proxy": "*"}, stdin=EAB_KEY, check=0)
    else:
        bound.account("register", "--agree-tos", *arguments, **more)
    # From then on, the account needs no binding; and the key is nowhere in the store.
    bound.issue("a.example", agree=False)
    for file in bound.dir.rglob("*"):
        assert not file.is_file() or EAB_KEY not in file.read_text()


def test_acme_issue_registers_with_a_binding_that_hooks_do_not_see(bound, tmp_path):
    out = tmp_path / "env"
    bound.issue("a.example", arguments=["--deploy-hook", f"env > {out}"],
                env={"ACME_EAB_KID": "kid-1", "ACME_EAB_HMAC_KEY": EAB_KEY})
    assert "RENEWED_LINEAGE" in out.read_text() and EAB_KEY not in out.read_text()


def test_a_wrong_binding_is_refused_in_the_ca_s_words(bound, tmp_path):
    path = tmp_path / "hmac"
    path.write_text(EAB_KEY[:-4] + "AAAA")
    done = bound.account("register", "--agree-tos", "--eab-kid", "kid-1", "--eab-hmac-key", path,
                         check=1)
    assert "cannot register an account" in done.err
    path.write_text("not base64!")
    done = bound.account("register", "--agree-tos", "--eab-kid", "kid-1", "--eab-hmac-key", path,
                         check=65)
    assert "no base64" in done.err


def test_binding_signs_the_account_key(bound, acme_proxy, tmp_path):
    proxy = acme_proxy(bound.pebble)
    path = tmp_path / "hmac"
    path.write_text(EAB_KEY)
    bound.account("register", "--agree-tos", "--eab-kid", "kid-1", "--eab-hmac-key", path,
                  "--server", proxy.directory_url, server=False)
    request = [r for r in proxy.seen if r.kind == "newAccount"][-1]
    binding = request.payload["externalAccountBinding"]

    def decode(text):
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert json.loads(decode(binding["payload"])) == request.header["jwk"]
    assert json.loads(decode(binding["protected"])) == {
        "alg": "HS256", "kid": "kid-1", "url": request.header["url"]}
    mac = hmac.HMAC(decode(EAB_KEY), hashes.SHA256())
    mac.update(f'{binding["protected"]}.{binding["payload"]}'.encode())
    mac.verify(decode(binding["signature"]))


# ---- refusals ------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, code, words", [
    ([], 64, "no command is given"),
    (["shwo"], 64, 'no command "shwo"'),
    (["list", "--account", "x"], 64, "list does not take --account"),
    (["update"], 64, "nothing to update"),
    (["update", "-m", "nobody"], 64, "no e-mail address"),
    (["rollover", "--key", "/nonexistent"], 66, "/nonexistent"),
    (["show", "--account", "0123"], 64, "no account id"),
])
def test_refusals(store, arguments, code, words):
    store.account("register", "--agree-tos")
    known = [] if arguments[:1] in ([], ["shwo"], ["list"]) else ["--ca-file",
                                                                  store.pebble.ca_file]
    done = store._run("acme-account", *arguments, *known, check=code)
    assert words in done.err


def test_without_an_account_there_is_nothing_to_show(store):
    assert "there is no account" in store.account("show", server=False, check=66).err
    assert "there is no account" in store.account("show", check=66).err
    assert listed(store) == [] and orders_made(store.pebble) == 0
    assert not re.search(r"POST", store.pebble.log())
