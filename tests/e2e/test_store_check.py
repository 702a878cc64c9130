# SPDX-License-Identifier: ISC
"""cert-info --store-check: what a crash or a hand edit left in a store is named, and mended."""
import json

import pytest

from support.acme_site import *  # noqa: F401,F403
from support.certs import file_fingerprint


@pytest.fixture
def check(store, tool):
    def run(*arguments, code=None):
        done = tool("cert-info", "--config-dir", store.dir, "--store-check", "--json", *arguments,
                    check=code)
        return {(entry["finding"], entry["where"].replace(f"{store.dir}/", "")): entry["state"]
                for entry in json.loads(done.out)["findings"]}
    return run


@pytest.fixture
def two(store):
    """A lineage with two versions, the second live."""
    store.issue("a.example")
    store.issue("a.example", arguments=["--force-renewal"])
    return store


def relink(store, part, target):
    link = store.live("a.example", part)
    link.unlink()
    link.symlink_to(target)


def mended(check, finding, where="a.example"):
    assert check(code=1) == {(finding, where): "repairable"}
    assert check("--repair", code=0) == {(finding, where): "repaired"}
    assert check(code=0) == {}


def test_a_store_in_order(two, check, tool):
    assert check(code=0) == {}
    assert "in order" in tool("cert-info", "--config-dir", two.dir, "--store-check", check=0).out
    assert tool("cert-info", "--repair", check=64)


@pytest.mark.parametrize("parts", [["cert"], ["privkey", "chain"]])
def test_mixed_links(two, check, parts):
    for part in parts:
        relink(two, part, f"../../archive/a.example/{part}1.pem")
    mended(check, "broken")
    assert two.number("a.example") == 2


def test_missing_link(two, check):
    two.live("a.example", "chain").unlink()
    mended(check, "broken")
    assert two.number("a.example") == 2


def test_version_that_is_not_whole(two, check):
    first = file_fingerprint(two.dir / "archive/a.example/cert1.pem")
    (two.dir / "archive/a.example/privkey2.pem").write_text("")
    mended(check, "broken")
    assert two.number("a.example") == 1 and two.fingerprint("a.example") == first


def test_nothing_live(two, check):
    for part in ("cert", "chain", "fullchain", "privkey"):
        two.live("a.example", part).unlink()
    mended(check, "broken")
    assert two.number("a.example") == 2


def test_publication_cut_short(two, check):
    two.issue("a.example", arguments=["--force-renewal"],
              env={"GATEHOUSE_KILL_AT": "exchange"}, check=-9)
    assert check(code=1) == {("interrupted", "a.example"): "repairable"}
    assert check("--repair", code=0)[("interrupted", "a.example")] == "repaired"
    assert check(code=0) == {} and two.number("a.example") in (2, 3)


def test_keys_that_others_may_read(two, check):
    key = two.dir / "archive/a.example/privkey1.pem"
    account = next((two.dir / "accounts").rglob("private_key.json"))
    key.chmod(0o644)
    account.chmod(0o440)
    where = str(account.relative_to(two.dir))
    assert check(code=1) == {("exposed-key", "archive/a.example/privkey1.pem"): "repairable",
                             ("exposed-key", where): "repairable"}
    check("--repair", code=0)
    assert check(code=0) == {}
    assert key.stat().st_mode & 0o777 == 0o640 and account.stat().st_mode & 0o777 == 0o400


def test_leftovers_of_killed_writers(two, check):
    left = two.dir / "renewal/a.example.conf.tmp.0123456789abcdef"
    left.write_text("x")
    (two.dir / "renewal/b.tmp.notours").write_text("x")
    mended(check, "leftover", "renewal/a.example.conf.tmp.0123456789abcdef")
    assert not left.exists() and (two.dir / "renewal/b.tmp.notours").exists()


def test_what_only_a_person_can_decide(two, check):
    text = two.live("a.example", "cert").read_text()
    two.live("a.example", "cert").unlink()
    two.live("a.example", "cert").write_text(text)
    (two.dir / "archive/old.example").mkdir()
    (two.dir / "renewal/a.example.conf").unlink()
    expected = {("foreign", "a.example"): "by-hand", ("unmanaged", "a.example"): "by-hand",
                ("orphan", "old.example"): "by-hand"}
    assert check(code=1) == expected and check("--repair", code=1) == expected
    assert two.live("a.example", "cert").read_text() == text


def test_no_version_is_whole(two, check):
    for number in (1, 2):
        (two.dir / f"archive/a.example/cert{number}.pem").write_text("x")
    assert check("--repair", code=1) == {("broken", "a.example"): "by-hand"}
