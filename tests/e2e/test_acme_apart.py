# SPDX-License-Identifier: ISC
"""Orders whose certificate does not go into the store: trials, and requests of others' keys."""
import re

import pytest
from cryptography import x509

from support.acme_proxy import *  # noqa: F401,F403
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import Store, orders_made, result, validations
from support.certs import file_fingerprint, key_matches, load_certificates
from support.process import run


def tree(store):
    """All that is there, without locks and the CA's nonces, which any run may change."""
    return {str(path.relative_to(store.dir)): path.read_bytes() for path in store.dir.rglob("*")
            if path.is_file() and path.suffix != ".lock" and not {"locks", "nonces"} & set(path.parts)}


# ---- trials --------------------------------------------------------------------------------------

@pytest.mark.parametrize("percent", [50, 100])
def test_a_trial_renewal_proves_anew_and_changes_nothing(make_pebble, make_site, tmp_path, percent):
    pebble = make_pebble(authz_reuse=percent, nonce_reject=0)
    store = Store(tmp_path / "le", pebble, make_site(port=pebble.http_port))
    out = tmp_path / "hooks"
    for name in ("a.example", "b.example", "b.example", "a.example"):
        # The CA gets more than one proof to remember.
        store.issue(name, arguments=["--cert-name", f"{name}-{orders_made(pebble)}"])
    store.issue("a.example", "b.example", arguments=[
        "--pre-hook", f"echo pre >> {out}", "--post-hook", f"echo post >> {out}",
        "--deploy-hook", f"echo deploy >> {out}", "--reuse-key"])
    out.unlink()
    before, proved, made = tree(store), validations(pebble), orders_made(pebble)
    done = store.renew("--dry-run", "--json", "--cert-name", "a.example")
    assert result(done)["lineages"][0]["outcome"] == "tried"
    # pebble remembers proofs; both names were proved again nevertheless.
    assert validations(pebble) == proved + 2 and orders_made(pebble) > made
    assert tree(store) == before and out.read_text() == "pre\npost\n"
    assert store.under_way() == []


def test_a_trial_of_a_new_lineage_leaves_no_lineage(store):
    done = store.issue("a.example", arguments=["--dry-run"])
    assert "the trial succeeded; nothing has changed" in done.out
    assert not (store.dir / "renewal").exists() and not (store.dir / "live" / "a.example").exists()
    assert store.issue("a.example").code == 0 and store.number("a.example") == 1


def test_a_trial_that_fails_says_why(store, site, pebble):
    store.issue("a.example")
    before = tree(store)
    site.stop()
    done = store.renew("--dry-run", "--json", check=None)
    assert done.code != 0 and result(done)["lineages"][0]["outcome"] == "failed"
    assert "a.example" in done.err and store.number("a.example") == 1
    after = tree(store)
    assert {path for path in after if not path.startswith("gatehouse/")} == \
        {path for path in before if not path.startswith("gatehouse/")}


def test_server_of_a_renewal_is_only_for_trials(store, pebble):
    store.issue("a.example")
    assert "--dry-run" in store.renew("--server", pebble.directory_url, check=64).err
    store.renew("--dry-run", "--server", pebble.directory_url)


# ---- requests ------------------------------------------------------------------------------------

@pytest.fixture
def request_file(tmp_path):
    key, csr = tmp_path / "mine.key", tmp_path / "mine.csr"
    run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr,
         "-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example,DNS:b.example,IP:127.0.0.1"], check=0)
    return csr, key


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_own_request(store, request_file, tmp_path, form):
    csr, key = request_file
    if form == "DER":
        der = tmp_path / "mine.der"
        run(["openssl", "req", "-in", csr, "-outform", "DER", "-out", der], check=0)
        csr = der
    paths = {part: tmp_path / f"out-{part}.pem" for part in ("cert", "chain", "fullchain")}
    arguments = ["--csr", csr]
    for part, path in paths.items():
        arguments += [f"--{part}-path", path]
    done = store.issue(arguments=arguments)
    assert str(paths["fullchain"]) in done.out
    assert key_matches(paths["fullchain"], key)
    names = load_certificates(paths["cert"])[0].extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == ["a.example", "b.example"]
    assert paths["fullchain"].read_bytes() == \
        paths["cert"].read_bytes() + paths["chain"].read_bytes()
    assert not (store.dir / "live").exists() and store.under_way() == []
    # What is there is not overwritten unless that is said, and costs no order.
    first, made = file_fingerprint(paths["cert"]), orders_made(store.pebble)
    assert "--overwrite" in store.issue(arguments=arguments, check=73).err
    assert orders_made(store.pebble) == made
    store.issue(arguments=[*arguments, "--overwrite"])
    assert file_fingerprint(paths["cert"]) != first


def test_own_request_cut_short_is_taken_up(store, request_file, tmp_path):
    arguments = ["--csr", request_file[0]]
    for part in ("cert", "chain", "fullchain"):
        arguments += [f"--{part}-path", tmp_path / part]
    store.issue(arguments=arguments, env={"GATEHOUSE_KILL_AT": "order.download"}, check=-9)
    made = orders_made(store.pebble)
    store.issue(arguments=arguments)
    assert orders_made(store.pebble) == made and key_matches(tmp_path / "cert", request_file[1])


def test_own_requests_spend_the_attempts_of_their_names(store, request_file, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    arguments = ["--csr", request_file[0]]
    for part in ("cert", "chain", "fullchain"):
        arguments += [f"--{part}-path", tmp_path / part]
    for _ in range(5):
        store.issue(arguments=arguments, webroot=wrong, preflight=False, check=1)
    made = orders_made(store.pebble)
    for again in ({"arguments": arguments}, {"names": ["a.example"]}):
        done = store.issue(*again.pop("names", ()), **again, check=75)
        assert "failed 5 times within an hour" in done.err
    assert orders_made(store.pebble) == made
    for path in (store.dir / "gatehouse/backoff").iterdir():
        path.write_text(re.sub(r"\d{10}", lambda when: str(int(when[0]) - 3600), path.read_text()))
    store.issue(arguments=arguments)
    assert list((store.dir / "gatehouse/backoff").iterdir()) == []


@pytest.mark.parametrize("arguments, code, words", [
    (["-d", "c.example"], 64, "come from the request"),
    (["--key-type", "rsa"], 64, "come from the request"),
    (["--cert-name", "x"], 64, "come from the request")])
def test_contradictions(store, request_file, arguments, code, words):
    done = store.issue(arguments=["--csr", request_file[0], *arguments], check=code)
    assert words in done.err


def test_bad_requests(store, request_file, tmp_path):
    csr, key = request_file
    broken = tmp_path / "broken.csr"
    for content, words in [(b"", "no certificate request"), (key.read_bytes(), "no certificate"),
                           (b"\x30\x03\x02\x01\x00", "no certificate request")]:
        broken.write_bytes(content)
        assert words in store.issue(arguments=["--csr", broken], check=65).err
    der = tmp_path / "der"
    run(["openssl", "req", "-in", csr, "-outform", "DER", "-out", der], check=0)
    data = bytearray(der.read_bytes())
    data[-5] ^= 1
    broken.write_bytes(bytes(data))
    assert "signature does not hold" in store.issue(arguments=["--csr", broken], check=65).err
    mail = tmp_path / "mail.csr"
    run(["openssl", "req", "-new", "-key", key, "-out", mail, "-subj", "/", "-addext",
         "subjectAltName=email:me@a.example"], check=0)
    assert "neither a host name" in store.issue(arguments=["--csr", mail], check=65).err
    assert not re.search("Added order", store.pebble.log())
