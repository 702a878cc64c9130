# SPDX-License-Identifier: ISC
"""acme-issue --batch, and what an account and a proof are good for a second time."""
import pytest

from support import programs
from support.acme_proxy import *  # noqa: F401,F403
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, result, validations
from support.process import run


def outcomes(done):
    return {lineage["name"]: lineage["outcome"] for lineage in result(done)["lineages"]}


def argv(store, *arguments):
    return ["--server", store.pebble.directory_url, "--ca-file", store.pebble.ca_file,
            "--preflight", store.site.address, "--agree-tos", "--json", *arguments]


def test_a_batch_in_one_process(store, pebble, site, tmp_path, acme_proxy):
    proxy = acme_proxy()
    lines = [f"-d n{i}.example -d www.n{i}.example -w {site.directory}" for i in range(20)]
    lines[3] += " --key-type rsa --cert-name three   # another name"
    lines[4] = f"-d 'n4.example' -w \"{site.directory}\""
    path = tmp_path / "batch"
    path.write_text("# twenty\n\n" + "\n".join(lines) + "\n")
    done = store._run("acme-issue", *argv(store, "--batch", path, "--jobs", "8", "--server",
                                          proxy.directory_url), check=0)
    got = outcomes(done)
    assert len(got) == 20 and set(got.values()) == {"issued"} and "three" in got
    assert proxy.counts()["directory"] == 1 and len(store.accounts()) == 1
    assert orders_made(pebble) == 20 and site.leftovers() == []
    for name in got:
        assert store.number(name) == 1
    assert store.leaf("three").public_key().key_size == 2048
    # Again: all are kept, and nobody is asked.
    done = store._run("acme-issue", *argv(store, "--batch", path, "--server",
                                          proxy.directory_url), check=0)
    assert set(outcomes(done).values()) == {"kept"} and result(done)["requests"] == 0
    store.renew("--force-renewal", "-q", "--jobs", "8")
    assert store.number("n7.example") == 2


def test_a_wrong_line_stops_no_other(store, site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    path = tmp_path / "batch"
    path.write_text(f"""-d a.example
-w {other} -d b.example
-d c.example --colour red
-d d.example -d d.example
-d e..example
-d d.example --key-type rsa
--config-dir /tmp -d f.example
--help
""")
    done = store._run("acme-issue", *argv(store, "--batch", path, "-w", site.directory), check=1)
    assert outcomes(done) == {"a.example": "issued", "b.example": "failed", "line 3": "failed",
                              "d.example": "issued", "line 5": "failed", "line 6": "failed",
                              "line 7": "failed", "line 8": "failed"}
    for words in ("line 3: ", "--colour", "line 6: d.example is asked for twice",
                  "line 7: only options of a lineage", f"the web root {other} is not what"):
        assert words in done.err, done.err


def test_from_standard_input(store, site):
    done = run([programs.path("acme-issue"), "--config-dir", store.dir,
                *argv(store, "--batch", "-", "-w", site.directory)], env={"no_proxy": "*"},
               stdin="-d a.example\n-d b.example\n", check=0)
    assert outcomes(done) == {"a.example": "issued", "b.example": "issued"}


@pytest.mark.parametrize("arguments, words", [
    (["--batch", "/nonexistent"], "/nonexistent"),
    (["--batch", "-", "-d", "a.example"], "names stand in the file"),
    (["--batch", "-", "--jobs", "0"], "--jobs: \"0\" is not a number from 1 to 64")])
def test_refusals(store, arguments, words):
    done = store._run("acme-issue", *argv(store, *arguments))
    assert done.code in (64, 66) and words in done.err


def test_another_ca_for_what_is_not_due_gets_its_account_now(store, pebble, acme_proxy):
    proxy = acme_proxy()
    store.issue("a.example")
    done = store.issue("a.example", arguments=["--server", proxy.directory_url, "--json"])
    assert outcomes(done) == {"a.example": "kept"} and len(store.accounts()) == 2
    store.renew("--force-renewal", "-q")
    assert proxy.counts()["certificate"] >= 1 and store.number("a.example") == 2


@pytest.mark.parametrize("percent, proofs", [(100, 1), (0, 2)])
def test_proofs_that_the_ca_remembers_are_used(make_pebble, make_site, tmp_path, percent, proofs):
    pebble = make_pebble(authz_reuse=percent)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    store.issue("a.example")
    store.issue("a.example", arguments=["--force-renewal"])
    assert validations(pebble) == proofs and store.number("a.example") == 2
