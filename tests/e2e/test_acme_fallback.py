# SPDX-License-Identifier: ISC
"""A list of CAs: --server A,B."""
import re

import pytest

from support.acme_proxy import *  # noqa: F401,F403
from support.acme_proxy import problem
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, result
from support.certs import load_certificates
from support.ports import free_port as take_port


@pytest.fixture
def two(make_pebble, make_site, acme_proxy, tmp_path):
    """Two CAs that validate at one site, the first behind a proxy: (store, proxy, second)."""
    port = take_port()
    first, second = make_pebble(http_port=port), make_pebble(http_port=port)
    store = Store(tmp_path / "le", first, make_site(port=port))
    return store, acme_proxy(first), second


def issuer(store, name="a.example"):
    return load_certificates(store.live(name))[0].issuer


def servers(proxy, second):
    return ["--server", f"{proxy.directory_url},{second.directory_url}"]


def trouble(what):
    def hook(request):
        if what == "directory" and request.kind == "directory":
            return DROP
        if request.kind != "newOrder":
            return None
        return {"limit": problem(429, "rateLimited", {"Retry-After": "7200"}),
                "policy": problem(400, "rejectedIdentifier"),
                "trouble": problem(500, "serverInternal")}.get(what)
    return hook


@pytest.mark.parametrize("what", ["limit", "policy", "trouble", "directory"])
def test_the_next_ca_is_asked_in_the_same_run_and_the_first_one_next_time(two, what):
    store, proxy, second = two
    store.issue("a.example", arguments=servers(proxy, second))
    home = issuer(store)
    assert orders_made(second) == 0 and len(store.accounts()) == 2
    conf = store.conf("a.example")
    assert f"server = {proxy.directory_url}" in conf
    assert re.search(rf"\[gatehouse\]\n(.*\n)*fallback_servers = \"?{second.directory_url}", conf)
    proxy.before(trouble(what))
    done = store.renew("--force-renewal", "--json")
    assert result(done)["lineages"][0]["outcome"] == "issued"
    assert f"going on with {second.directory_url}" in done.err
    assert store.number("a.example") == 2 and issuer(store) != home and orders_made(second) == 1
    assert store.conf("a.example") == conf
    proxy.clear()
    store.renew("--force-renewal", "-q")
    assert store.number("a.example") == 3 and issuer(store) == home


def test_all_of_them_fail(two):
    store, proxy, second = two
    proxy.before(trouble("policy"))
    second.stop()
    done = store.issue("a.example", arguments=servers(proxy, second), check=69)
    assert "scripted (rejectedIdentifier); going on with" in done.err
    assert "cannot reach the CA" in done.err
    assert not (store.dir / "live" / "a.example").exists()


def test_what_the_name_s_own_server_does_wrong_is_no_reason(two, site=None):
    store, proxy, second = two
    store.issue("a.example", arguments=[*servers(proxy, second), "-d", "b.example"])
    store.pebble.set_address("b.example", None)
    proxy.before(lambda r: problem(403, "caa") if r.kind == "newOrder" else None)
    done = store.renew("--force-renewal", check=1)
    assert "going on with" not in done.err and orders_made(second) == 0


def test_a_list_that_is_none(two):
    store, proxy, _ = two
    for bad in (f"{proxy.directory_url},nobody", "nobody", ","):
        store.issue("a.example", arguments=["--server", bad], check=64)
