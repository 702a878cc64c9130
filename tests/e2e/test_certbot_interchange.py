# SPDX-License-Identifier: ISC
"""The real certbot and our tools on one store: either renews what the other made."""
import pytest

from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store
from support.certbot import Certbot


@pytest.fixture
def pebble(make_pebble):
    """Certbot retries a rejected nonce once, and with the next one rejected gives up: that is not the point here."""
    return make_pebble(nonce_reject=0)


@pytest.fixture
def certbot(tmp_path, pebble, store):
    return Certbot(tmp_path / "certbot", pebble, config_dir=store.dir)


def accounts_at(pebble):
    return pebble.log().count("accounts in memory")


def test_certbot_renews_what_acme_issue_made(store, certbot, pebble, site):
    store.issue("a.example", "b.example")
    done = certbot.renew("--force-renewal")
    assert "Congratulations, all renewals succeeded" in done.out, done.out + done.err
    assert store.number("a.example") == 2 and accounts_at(pebble) == 1
    listed = certbot("certificates")
    assert "Certificate Name: a.example" in listed.out and "VALID" in listed.out
    # And back: what certbot wrote into the configuration is what acme-renew reads.
    store.renew("--force-renewal", "--preflight", site.address)
    assert store.number("a.example") == 3 and accounts_at(pebble) == 1


@pytest.mark.parametrize("arguments", [
    ["--key-type", "rsa", "--rsa-key-size", "2048"], ["--elliptic-curve", "secp384r1"],
    ["--reuse-key"], ["--deploy-hook", "true"]])
def test_certbot_renews_every_kind_acme_issue_makes(store, certbot, arguments):
    store.issue("a.example", arguments=arguments)
    before = store.leaf("a.example").public_key()
    certbot.renew("--force-renewal")
    assert store.number("a.example") == 2
    after = store.leaf("a.example").public_key()
    assert type(before) is type(after) and before.key_size == after.key_size
    assert (before.public_numbers() == after.public_numbers()) == ("--reuse-key" in arguments)


@pytest.mark.parametrize("arguments", [
    [], ["--key-type", "rsa"], ["--elliptic-curve", "secp384r1", "--reuse-key"]])
def test_acme_renew_renews_what_certbot_made(store, certbot, pebble, site, arguments):
    certbot.certonly(site.directory, "a.example", "b.example", arguments=arguments)
    before = store.leaf("a.example").public_key()
    store.renew("--force-renewal", "--preflight", site.address)
    assert store.number("a.example") == 2 and accounts_at(pebble) == 1
    after = store.leaf("a.example").public_key()
    assert type(before) is type(after) and before.key_size == after.key_size
    assert (before.public_numbers() == after.public_numbers()) == ("--reuse-key" in arguments)
    certbot.renew("--force-renewal")
    assert store.number("a.example") == 3
    assert "VALID" in certbot("certificates").out


def test_acme_issue_uses_certbot_s_account(store, certbot, pebble, site):
    certbot.certonly(site.directory, "a.example")
    store.issue("b.example", agree=False)
    assert store.number("b.example") == 1 and accounts_at(pebble) == 1
    certbot.renew("--force-renewal")
    assert store.number("a.example") == 2 and store.number("b.example") == 2


def test_what_needs_certbot_s_own_plugins_is_left_to_it(store, certbot, pebble, site):
    certbot.certonly(site.directory, "b.example")
    conf = store.dir / "renewal" / "b.example.conf"
    before = conf.read_text().replace("authenticator = webroot", "authenticator = nginx")
    conf.write_text(before)
    done = store.renew("--force-renewal", check=78)
    assert 'certbot\'s "nginx", which is not built in' in done.err
    # Issued by us once, it is ours to renew.
    store.issue("b.example", arguments=["--force-renewal"])
    store.renew("--force-renewal")
    assert store.number("b.example") == 3


def test_standalone_is_renewed_by_either(pebble, tmp_path):
    certbot = Certbot(tmp_path / "certbot", pebble)
    store = Store(certbot.config_dir, pebble, None)
    certbot("certonly", "--agree-tos", "--register-unsafely-without-email", "--standalone",
            "--http-01-port", str(pebble.http_port), "-d", "a.example", check=0)
    look = ["--preflight", f"127.0.0.1:{pebble.http_port}"]
    store.renew("--force-renewal", *look)
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", check=0)
    store.renew("--force-renewal", *look)
    assert store.number("a.example") == 4


def test_hooks_are_called_by_either(pebble, tmp_path):
    certbot = Certbot(tmp_path / "certbot", pebble)
    store = Store(certbot.config_dir, pebble, None)
    url = f"http://127.0.0.1:{pebble.dns_management_port}"
    host = '\\"host\\":\\"_acme-challenge.$CERTBOT_DOMAIN.\\"'
    show = (f'curl -sf --noproxy "*" -d "{{{host},\\"value\\":\\"$CERTBOT_VALIDATION\\"}}" '
            f'{url}/set-txt')
    hide = f'curl -sf --noproxy "*" -d "{{{host}}}" {url}/clear-txt'
    store._run("acme-issue", "--server", pebble.directory_url, "--ca-file", pebble.ca_file,
               "--agree-tos", "-d", "*.a.example", "--cert-name", "a", "--manual-auth-hook", show,
               "--manual-cleanup-hook", hide, "--preferred-challenges", "dns", "--dns-server",
               f"127.0.0.1:{pebble.dns_port}", check=0)
    certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", check=0)
    store.renew("--force-renewal")
    assert store.number("a") == 3
