# SPDX-License-Identifier: ISC
"""The disk fills up at any call that writes: acme-issue says so, what is live stays live and whole,
and once there is room again the next run finishes."""
import errno
import os

import pytest

from support import programs
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import orders_made

CALLS_MAX = 200
SHIM = programs.BIN_DIR / "tests" / "fault" / "syscalls.so"
CLASSES = {74, 73}      # I/O error, cannot create


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(nonce_reject=0, authz_reuse=0)


def full_from(number):
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(SHIM), "FAULT_AT": str(number), "FAULT_ALWAYS": "1",
            "FAULT_ERRNO": str(errno.ENOSPC),
            "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":")}


def test_disk_full_at_every_call(store, pebble, site):
    assert SHIM.exists(), f"{SHIM} is missing: make fault"
    store.issue("a.example")
    for number in range(1, CALLS_MAX):
        before, live = store.fingerprint("a.example"), store.number("a.example")
        done = store.issue("a.example", arguments=["--force-renewal"], env=full_from(number),
                           check=None)
        now = store.number("a.example")
        assert now in (live, live + 1)
        assert (store.fingerprint("a.example") == before) == (now == live)
        if done.code == 0:
            break
        if now == live:
            assert done.code in CLASSES, done
            assert "No space left on device" in done.err, done.err
        # With room again: what is under way is finished, by either program.
        store.renew("-q")
        assert [path for path in store.under_way() if ".tmp." not in path] == []
        assert site.leftovers() == []
    # The shim lets unlink fail, too; what could not be taken away goes with the next run's work.
    store.renew("-q")
    assert store.under_way() == [] and site.leftovers() == []
    assert 20 < number < CALLS_MAX - 1
    assert orders_made(pebble) <= 1 + number
