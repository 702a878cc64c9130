# SPDX-License-Identifier: ISC
"""acme-account import: stores of the real certbot, uacme, lego and dehydrated, made on pebble, and of acme.sh's form."""
import base64
import json
import re
import shutil

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, result
from support.certbot import Certbot
from support.certs import file_fingerprint
from support.process import run


@pytest.fixture
def pebble(make_pebble):
    """Other clients do not bear many rejected nonces."""
    return make_pebble(nonce_reject=0)


def accounts_at(pebble):
    return len(re.findall(r"There are now \d+ accounts in memory", pebble.log()))


def env(pebble):
    return {"SSL_CERT_FILE": str(pebble.ca_file), "REQUESTS_CA_BUNDLE": str(pebble.ca_file),
            "CURL_CA_BUNDLE": str(pebble.ca_file), "LEGO_CA_CERTIFICATES": str(pebble.ca_file),
            "no_proxy": "*"}


def taken(store, pebble, source, *arguments, check=0):
    """Import; nobody may be registered and nothing ordered by it."""
    before = (accounts_at(pebble), orders_made(pebble))
    done = store.account("import", source, "--json", *arguments, server=False, check=check)
    assert (accounts_at(pebble), orders_made(pebble)) == before
    return result(done)


def renews(store, pebble, *names):
    """All of it is renewed by us, with the account that there was."""
    before = accounts_at(pebble)
    store.renew("--force-renewal", "-q", "--preflight", store.site.address)
    for name in names:
        assert store.number(name) == 2
    assert accounts_at(pebble) == before


def outcomes(told):
    return {lineage["name"]: lineage["outcome"] for lineage in told["lineages"]}


# ---- the real ones -------------------------------------------------------------------------------

def test_certbot(store, pebble, site, tmp_path):
    certbot = Certbot(tmp_path / "certbot", pebble)
    certbot.certonly(site.directory, "a.example", "b.example")
    certbot.certonly(site.directory, "c.example", arguments=["--key-type", "rsa"])
    told = taken(store, pebble, certbot.config_dir)
    assert told["from"] == "certbot"
    assert outcomes(told) == {"a.example": "taken over", "c.example": "taken over"}
    for name in ("a.example", "c.example"):
        assert store.fingerprint(name) == file_fingerprint(
            certbot.config_dir / "live" / name / "fullchain.pem")
    # Once more is no failure, and changes nothing.
    conf = store.conf("a.example")
    assert set(outcomes(taken(store, pebble, certbot.config_dir)).values()) == {"is there already"}
    assert store.conf("a.example") == conf
    renews(store, pebble, "a.example", "c.example")
    assert isinstance(store.leaf("c.example").public_key(), rsa.RSAPublicKey)
    # A tree of certbot's is used as it is.
    other = Store(certbot.config_dir, pebble, site)
    assert "is the store itself" in other.account("import", certbot.config_dir, server=False,
                                                  check=64).err


def test_certbot_s_lineages_that_we_cannot_renew_are_named(store, pebble, site, tmp_path):
    certbot = Certbot(tmp_path / "certbot", pebble)
    certbot.certonly(site.directory, "a.example")
    certbot.certonly(site.directory, "b.example")
    conf = certbot.config_dir / "renewal" / "b.example.conf"
    conf.write_text(conf.read_text().replace("authenticator = webroot",
                                             "authenticator = dns-cloudflare"))
    told = taken(store, pebble, certbot.config_dir, check=1)
    assert outcomes(told) == {"a.example": "taken over", "b.example": "failed"}
    assert "dns-cloudflare" in told["lineages"][1]["problem"]
    renews(store, pebble, "a.example")


def test_uacme(store, pebble, site, tmp_path):
    directory, hook = tmp_path / "uacme", tmp_path / "hook"
    well_known = site.directory / ".well-known" / "acme-challenge"
    well_known.mkdir(parents=True)
    hook.write_text(f"""#!/bin/sh
case $1:$2 in
begin:http-01) printf %s "$5" > {well_known}/$4 ;;
*:http-01) rm -f {well_known}/$4 ;;
*) exit 1 ;;
esac
""")
    hook.chmod(0o755)
    # It trusts the system's roots and nothing else: in a mount namespace of its own, pebble's.
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    uacme = ["unshare", "-rm", "sh", "-c", f'mount --bind {pebble.ca_file} {bundle} && exec "$@"',
             "sh", "uacme", "-a", pebble.directory_url, "-c", directory, "-y"]
    run([*uacme, "new"], env=env(pebble), check=0)
    run([*uacme, "-t", "EC", "-h", hook, "issue", "a.example", "b.example"], env=env(pebble),
        check=0)
    options = ["--server", pebble.directory_url, "-w", site.directory]
    refused = taken(store, pebble, directory, *options[:2], check=1)
    assert "does not say how its names are proved" in refused["lineages"][0]["problem"]
    told = taken(store, pebble, directory, *options)
    assert told["from"] == "uacme" and outcomes(told) == {"a.example": "taken over"}
    assert store.fingerprint("a.example") == file_fingerprint(directory / "a.example" / "cert.pem")
    renews(store, pebble, "a.example")
    assert isinstance(store.leaf("a.example").public_key(), ec.EllipticCurvePublicKey)


def test_lego(store, pebble, site, tmp_path):
    directory = tmp_path / "lego"
    run(["lego", "--path", directory, "--server", pebble.directory_url, "--email", "a@example.com",
         "--accept-tos", "--http", "--http.webroot", site.directory, "-d", "a.example", "-d",
         "b.example", "run"], env=env(pebble), check=0)
    told = taken(store, pebble, directory, "-w", site.directory, check=1)
    assert "give it with --server" in told["accounts"][0]["problem"]
    told = taken(store, pebble, directory, "-w", site.directory, "--server", pebble.directory_url)
    assert told["from"] == "lego" and outcomes(told) == {"a.example": "taken over"}
    renews(store, pebble, "a.example")


def test_dehydrated(store, pebble, site, tmp_path):
    directory = tmp_path / "dehydrated"
    well_known = site.directory / ".well-known" / "acme-challenge"
    well_known.mkdir(parents=True)
    directory.mkdir()
    (directory / "config").write_text(
        f'CA="{pebble.directory_url}"\nWELLKNOWN="{well_known}"\nKEY_ALGO=secp384r1\n')
    (directory / "domains.txt").write_text("a.example b.example\nc.example > see\n")
    dehydrated = ["dehydrated", "-f", directory / "config"]
    run([*dehydrated, "--register", "--accept-terms"], env=env(pebble), check=0)
    run([*dehydrated, "-c"], env=env(pebble), check=0, deadline_s=120)
    told = taken(store, pebble, directory)
    assert told["from"] == "dehydrated"
    assert outcomes(told) == {"a.example": "taken over", "see": "taken over"}
    assert f"webroot_path = {site.directory}," in store.conf("a.example")
    renews(store, pebble, "a.example", "see")
    assert store.leaf("a.example").public_key().curve.name == "secp384r1"


# ---- acme.sh's form, by hand ---------------------------------------------------------------------

def sh(name, value):
    return f"{name}='{value}'\n"


def packed(command):
    return f"__ACME_BASE64__START_{base64.b64encode(command.encode()).decode()}__ACME_BASE64__END_"


@pytest.fixture
def acmesh(tmp_path, pebble, site):
    """A directory as acme.sh keeps it, of lineages that another store of ours got."""
    made = Store(tmp_path / "maker", pebble, site)
    made.issue("a.example", "b.example")
    made.issue("a.example", "b.example", arguments=["--cert-name", "rsa", "--key-type", "rsa"])
    made.issue("s.example")
    made.issue("dns.example")
    jwk = next((made.dir / "accounts").rglob("private_key.json"))
    url = json.loads((jwk.parent / "regr.json").read_text())["uri"]
    directory = tmp_path / "acmesh"
    ca = directory / "ca" / f"localhost:{pebble.port}" / "dir"
    ca.mkdir(parents=True)
    (directory / "account.conf").write_text(sh("ACCOUNT_EMAIL", "a@example.com"))
    shutil.copy(jwk, ca / "account.key")
    (ca / "ca.conf").write_text(sh("CA_KEY_HASH", "x") + sh("ACCOUNT_URL", url))

    def put(lineage, name, home, **settings):
        path = directory / home
        path.mkdir()
        shutil.copy(made.live(lineage), path / "fullchain.cer")
        shutil.copy(made.live(lineage, "privkey"), path / f"{name}.key")
        (path / f"{name}.conf").write_text("".join(
            sh(key, value) for key, value in {
                "Le_Domain": name, "Le_Alt": "no", "Le_API": pebble.directory_url,
                **settings}.items()))
    put("rsa", "a.example", "a.example", Le_Alt="b.example", Le_Webroot=f"{site.directory}",
        Le_ReloadCmd=packed(f"echo reloaded >> {tmp_path}/it\\'s"))
    put("a.example", "a.example", "a.example_ecc", Le_Alt="b.example",
        Le_Webroot=f"{site.directory},{site.directory}")
    put("s.example", "s.example", "s.example_ecc", Le_Webroot="no")
    put("dns.example", "dns.example", "dns.example_ecc", Le_Webroot="dns_cf")
    return directory


def test_acme_sh(store, pebble, site, acmesh, tmp_path):
    told = taken(store, pebble, acmesh, check=1)
    assert told["from"] == "acme.sh"
    assert outcomes(told) == {"a.example": "taken over", "a.example_ecc": "taken over",
                              "s.example": "taken over", "dns.example": "failed"}
    problem, = [one["problem"] for one in told["lineages"] if one["outcome"] == "failed"]
    assert '"dns_cf" of acme.sh' in problem
    conf = store.conf("a.example")
    assert f"b.example = {site.directory}" in conf and "echo reloaded" in conf
    assert "authenticator = standalone" in store.conf("s.example")
    for name, kind in [("a.example", rsa.RSAPublicKey),
                       ("a.example_ecc", ec.EllipticCurvePublicKey)]:
        store.renew("--force-renewal", "-q", "--cert-name", name, "--preflight", site.address)
        assert store.number(name) == 2 and isinstance(store.leaf(name).public_key(), kind)


# ---- refusals ------------------------------------------------------------------------------------

def test_what_is_no_store_is_refused(store, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, code, words in [
            ([], 64, "from where"), ([empty], 66, "is no directory of certbot"),
            ([tmp_path / "none"], 66, "there is no directory"),
            ([empty, "--from", "getssl"], 64, "no client that is known"),
            ([empty, "-w", tmp_path / "none"], 66, "none")]:
        assert words in store.account("import", *arguments, server=False, check=code).err


def test_certificates_that_do_not_hold_are_not_taken(store, pebble, acmesh):
    key = acmesh / "a.example_ecc" / "a.example.key"
    shutil.copy(acmesh / "s.example_ecc" / "s.example.key", key)
    (acmesh / "s.example_ecc" / "fullchain.cer").write_text("broken")
    told = taken(store, pebble, acmesh, check=1)
    assert outcomes(told) == {"a.example": "taken over", "a.example_ecc": "failed",
                              "s.example": "failed", "dns.example": "failed"}
    assert not (store.dir / "renewal" / "a.example_ecc.conf").exists()
    assert not (store.dir / "live" / "s.example").exists()
