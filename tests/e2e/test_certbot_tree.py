# SPDX-License-Identifier: ISC
"""A tree that certbot made, taken over as it is: what we support is renewed, all else refused by name, nothing lost."""
import os
import re
import stat

import pytest

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import result
from support.certbot import Certbot


@pytest.fixture
def pebble(make_pebble):
    """Certbot gives up at the second rejected nonce in a row."""
    return make_pebble(nonce_reject=0)


@pytest.fixture
def certbot(tmp_path, pebble, store):
    return Certbot(tmp_path / "certbot", pebble, config_dir=store.dir)


def outcomes(done):
    return {lineage["name"]: lineage["outcome"] for lineage in result(done)["lineages"]}


def params(store, name):
    """The settings of a configuration, without certbot's own dates and versions."""
    return set(store.conf(name).splitlines())


def test_all_that_certbot_can_hold_is_renewed_or_refused_by_name(store, certbot, pebble, site,
                                                                tmp_path):
    log, well_known = tmp_path / "log", site.directory / ".well-known" / "acme-challenge"
    auth = tmp_path / "auth"
    auth.write_text(f"#!/bin/sh\nmkdir -p {well_known}\n"
                    f"printf %s \"$CERTBOT_VALIDATION\" > {well_known}/$CERTBOT_TOKEN\n")
    cleanup = tmp_path / "cleanup"
    cleanup.write_text(f"#!/bin/sh\nrm -f {well_known}/$CERTBOT_TOKEN\n")
    for hook in (auth, cleanup):
        hook.chmod(0o755)
    common = ["--agree-tos", "--register-unsafely-without-email"]
    certbot.certonly(site.directory, "full.example", "www.full.example", arguments=[
        "--key-type", "rsa", "--rsa-key-size", "3072", "--reuse-key", "--must-staple",
        "--preferred-chain", "No Such Root", "--pre-hook", f"echo pre >> {log}", "--post-hook",
        f"echo post >> {log}", "--deploy-hook", f"echo $RENEWED_DOMAINS >> {log}"])
    certbot.certonly(site.directory, "plain.example")
    certbot.certonly(site.directory, "subset.example", arguments=["--allow-subset-of-names"])
    certbot("certonly", *common, "--manual", "--manual-auth-hook", auth, "--manual-cleanup-hook",
            cleanup, "--preferred-challenges", "http", "-d", "manual.example")
    certbot.certonly(site.directory, "nginx.example")
    conf = store.dir / "renewal" / "nginx.example.conf"
    conf.write_text(conf.read_text().replace("authenticator = webroot", "authenticator = nginx"))
    before = {name: params(store, name) for name in
              ("full.example", "plain.example", "subset.example", "manual.example",
               "nginx.example")}
    key = store.live("full.example", "privkey").read_bytes()
    log.unlink()
    done = store.renew("--force-renewal", "--json", "--preflight", site.address, check=1)
    assert outcomes(done) == {"full.example": "issued", "plain.example": "issued",
                              "manual.example": "issued", "subset.example": "failed",
                              "nginx.example": "failed"}
    assert re.search(r"subset.example.conf: its setting allow_subset_of_names = True", done.err)
    assert re.search(r'nginx.example.conf: .*certbot\'s "nginx"', done.err)
    for name, kept in before.items():
        assert params(store, name) == kept
        assert store.number(name) == (1 if name in ("subset.example", "nginx.example") else 2)
    assert store.live("full.example", "privkey").read_bytes() == key
    assert store.leaf("full.example").public_key().key_size == 3072
    assert sorted(log.read_text().split()) == ["full.example", "post", "pre", "www.full.example"]
    assert site.leftovers() == []
    # And back: certbot goes on from there.
    conf.unlink()
    assert "Congratulations" in certbot.renew("--force-renewal").out
    assert store.number("full.example") == 3 and store.number("manual.example") == 3


def test_modes_owners_and_strangers_settings_live_through_renewals(store, certbot, site):
    certbot.certonly(site.directory, "a.example")
    conf = store.dir / "renewal" / "a.example.conf"
    text = conf.read_text().replace(
        "[renewalparams]", "# by hand\n[renewalparams]\nsome_future_setting = None")
    conf.write_text(text + "\n[my own]\nkey = value\n")
    before = conf.read_bytes()
    group = next((gid for gid in (33, 1, *os.getgroups()) if os.getuid() == 0 or
                  gid in os.getgroups()), os.getgid())
    key = store.live("a.example", "privkey").resolve()
    os.chown(key, -1, group)
    os.chmod(key, 0o640)
    os.chmod(conf, 0o600)
    for directory in ("live", "archive"):
        os.chmod(store.dir / directory, 0o710)
        os.chmod(store.dir / directory / "a.example", 0o750)
        os.chown(store.dir / directory / "a.example", -1, group)
    readme = (store.dir / "live" / "a.example" / "README").read_bytes()
    for number in (2, 3):
        store.renew("--force-renewal", "-q", "--preflight", site.address)
        assert store.number("a.example") == number
        now = store.live("a.example", "privkey").resolve()
        assert now.name == f"privkey{number}.pem"
        assert stat.S_IMODE(now.stat().st_mode) == 0o640 and now.stat().st_gid == group
        assert conf.read_bytes() == before and stat.S_IMODE(conf.stat().st_mode) == 0o600
        for directory in ("live", "archive"):
            home = store.dir / directory / "a.example"
            assert stat.S_IMODE(home.stat().st_mode) == 0o750 and home.stat().st_gid == group
            assert stat.S_IMODE(home.parent.stat().st_mode) == 0o710
    assert (store.dir / "live" / "a.example" / "README").read_bytes() == readme
    assert sorted(path.name for path in (store.dir / "archive" / "a.example").iterdir()) == sorted(
        f"{part}{n}.pem" for part in ("cert", "chain", "fullchain", "privkey") for n in (1, 2, 3))
