# SPDX-License-Identifier: ISC
"""kill -9 between any two steps of issuing and renewing: live/ is always one whole matching set (or
not there yet), no key is readable by others, and the next run finishes with the order it finds."""
import itertools
import json
import re
import signal
import stat

import pytest

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import orders_made
from support.certs import file_fingerprint

# More steps than there are; a run that gets past its last one ends the loop.
STEPS_MAX = 100
# An order of which only the CA knows: it was made, but its address was not on disk yet.
UNKNOWN_ORDER = "order.created"


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(nonce_reject=0, authz_reuse=0)


def check_secrets(store):
    for path in store.dir.rglob("*"):
        secret = path.name.startswith(("privkey", "private_key")) or path.parent.name == "orders"
        if secret and path.is_file() and not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def live_or_nothing(store, name):
    if not (store.dir / "live" / name).exists():
        return 0
    return store.number(name)


def hook(tmp_path):
    """A deploy hook that takes a copy of what is live."""
    return ["--deploy-hook", f'cp "$RENEWED_LINEAGE/cert.pem" "{tmp_path}/$RENEWED_DOMAINS"']


def check_deployed(store, name, tmp_path):
    assert (tmp_path / name).read_bytes() == store.live(name, "cert").read_bytes()


def kill_at(run, number):
    """Whether the run was killed at its step of that number."""
    done = run(env={"GATEHOUSE_KILL_AT": str(number)}, check=None)
    assert done.code in (-9, 0), done.err
    return done.code == -9


def each_step(run_for, check):
    """run_for(number) → a run to be killed; check(number) afterwards. Every step is met once."""
    for number in itertools.count(1):
        assert number < STEPS_MAX
        if not kill_at(run_for(number), number):
            assert number > 15, "built without the steps: make VARIANT=asan fault"
            return
        check(number)


def test_issue_killed_at_every_step(store, pebble, site, tmp_path):
    killed = []

    def name(number):
        return f"k{number}.example"

    def run_for(number):
        return lambda **more: store.issue(name(number), arguments=hook(tmp_path), **more)

    def check(number):
        assert live_or_nothing(store, name(number)) in (0, 1)
        check_secrets(store)
        store.issue(name(number), arguments=hook(tmp_path))
        assert store.number(name(number)) == 1
        check_deployed(store, name(number), tmp_path)
        assert store.under_way() == [] and site.leftovers() == []
        assert f"server = {pebble.directory_url}" in store.conf(name(number))
        killed.append(number)

    each_step(run_for, check)
    # One order per name, the one that was not killed included; at one single step there are two.
    assert len(store.accounts()) == 1
    assert orders_made(pebble) <= len(killed) + 1 + 1


def test_issue_killed_before_its_configuration_is_live_is_finished_by_acme_renew(store, pebble):
    done = store.issue("a.example", env={"GATEHOUSE_KILL_AT": "issue.publish"}, check=-9)
    assert live_or_nothing(store, "a.example") == 0, done.err
    store.renew("-q")
    assert store.number("a.example") == 1 and orders_made(pebble) == 1
    assert store.under_way() == []


def test_renew_killed_at_every_step(store, pebble, site, certs, tmp_path):
    def name(number):
        return f"k{number}.example"

    def run_for(number):
        store.issue(name(number), arguments=hook(tmp_path))
        old = certs.issue(name(number), days=20, begins_days=-70)
        store.live(name(number), "cert").write_bytes(old.cert.read_bytes())
        store.live(name(number), "chain").write_bytes(certs.ca.read_bytes())
        store.live(name(number)).write_bytes(old.fullchain.read_bytes())
        store.live(name(number), "privkey").write_bytes(old.key.read_bytes())
        orders[number] = orders_made(pebble), file_fingerprint(old.fullchain)
        return lambda **more: store.renew("--cert-name", name(number), **more)

    orders = {}
    doubled = []

    def check(number):
        before, old = orders[number]
        live = live_or_nothing(store, name(number))
        assert live == (1 if store.fingerprint(name(number)) == old else 2)
        check_secrets(store)
        store.renew("-q")
        assert store.number(name(number)) == 2 and store.fingerprint(name(number)) != old
        check_deployed(store, name(number), tmp_path)
        assert store.under_way() == [] and site.leftovers() == []
        if orders_made(pebble) - before > 1:
            doubled.append(number)

    each_step(run_for, check)
    # Only where the CA had made the order and we did not know its address yet.
    assert len(doubled) <= 1, doubled


def test_the_step_at_which_an_order_is_lost_is_that_one(store, pebble):
    store.issue("a.example", env={"GATEHOUSE_KILL_AT": UNKNOWN_ORDER}, check=-9)
    store.issue("a.example")
    assert orders_made(pebble) == 2
    store.issue("b.example", env={"GATEHOUSE_KILL_AT": "order.remembered"}, check=-9)
    store.issue("b.example")
    assert orders_made(pebble) == 3


def test_a_kill_while_the_ca_looks_is_a_failed_attempt(store, site, start):
    """Five an hour, whether what was tried failed or the program did; before the CA is told to look nothing is spent."""
    argv = store.argv("acme-issue", *store.issue_argv("a.example", preflight=False))
    spent = store.dir / "gatehouse/backoff/a.example.json"
    store.issue("a.example", preflight=False, env={"GATEHOUSE_KILL_AT": "order.presented"}, check=-9)
    assert not spent.exists()
    site.open.clear()
    for number in range(1, 6):
        run = start(f"run-{number}", argv, env={"no_proxy": "*"})
        run.wait_for_line("waiting for the CA's validation")
        run.send(signal.SIGKILL)
        run.wait()
        assert len(json.loads(spent.read_text())["attempts"]) == number
    done = store.issue("a.example", preflight=False, check=75)
    assert "failed 5 times within an hour" in done.err
    assert "cut short while the CA was looking" in done.err
    site.open.set()
    spent.write_text(re.sub(r"\d{10}", lambda when: str(int(when[0]) - 3600), spent.read_text()))
    store.issue("a.example", preflight=False)
    assert not spent.exists() and store.under_way() == [] and site.leftovers() == []


def test_interrupted_registration_gives_one_account(store, pebble):
    store.issue("a.example", env={"GATEHOUSE_KILL_AT": "account.registered"}, check=-9)
    assert store.accounts() == []
    store.issue("a.example")
    assert len(store.accounts()) == 1 and pebble.log().count("accounts in memory") == 1
