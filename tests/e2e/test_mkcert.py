# SPDX-License-Identifier: ISC
"""mkcert-selfsigned as its users meet it: openssl's tutorial line, plain names, questions on a
terminal; its files read by openssl, python's cryptography, nginx and curl."""
import datetime
import hashlib
import ipaddress
import json
import os
import pty
import select
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from support import programs
from support.nginx import temp_paths

MKCERT = "mkcert-selfsigned"


@pytest.fixture
def mkcert(tool, tmp_path):
    """Runs the program in tmp_path."""
    def run(*arguments, **more):
        return tool(MKCERT, *arguments, cwd=tmp_path, **more)
    return run


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def load_key(path):
    return serialization.load_pem_private_key(path.read_bytes(), None)


def public(key):
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def names(cert):
    san = cert.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    return [name.value for name in san]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def test_openssls_tutorial_line(mkcert, tmp_path):
    mkcert("req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048", "-keyout", "K", "-out",
           "C", "-subj", "/CN=x")
    cert, key = load(tmp_path / "C"), load_key(tmp_path / "K")
    assert isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048
    assert public(key.public_key()) == public(cert.public_key())
    assert cert.subject.rfc4514_string() == "CN=x"
    assert names(cert) == ["x"]
    assert (cert.not_valid_after - cert.not_valid_before) == datetime.timedelta(days=365, hours=1)
    assert mode(tmp_path / "K") == 0o600
    assert files(tmp_path) == ["C", "K"]


@pytest.mark.parametrize("line, kind, size, sans", [
    ("req -x509 -newkey rsa:4096 -sha256 -days 3650 -nodes -keyout K -out C -subj /CN=example.com "
     "-addext subjectAltName=DNS:example.com,DNS:*.example.com,IP:10.0.0.1", rsa.RSAPrivateKey, 4096,
     ["example.com", "*.example.com", ipaddress.ip_address("10.0.0.1")]),
    ("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -days 3650 -nodes -keyout K -out C "
     "-subj /CN=example.com", ec.EllipticCurvePrivateKey, 384, ["example.com"]),
    ("req -new -newkey rsa -pkeyopt rsa_keygen_bits:3072 -x509 -sha384 -noenc -out C -keyout K "
     "-subj /C=US/ST=x/L=y/O=z/CN=a.example/emailAddress=me@a.example", rsa.RSAPrivateKey, 3072,
     ["a.example"]),
])
def test_other_tutorials_lines(mkcert, tmp_path, line, kind, size, sans):
    mkcert(*line.split(), "-q")
    assert isinstance(load_key(tmp_path / "K"), kind) and load_key(tmp_path / "K").key_size == size
    assert names(load(tmp_path / "C")) == sans


def test_names_by_type(mkcert, tmp_path):
    mkcert("Example.COM.", "*.example.com", "127.0.0.1", "::1", "me@example.com", "münchen.example",
           "spiffe://a/b", "example.com")
    cert = load(tmp_path / "example.com.crt")
    assert names(cert) == ["example.com", "*.example.com", ipaddress.ip_address("127.0.0.1"),
                           ipaddress.ip_address("::1"), "me@example.com", "xn--mnchen-3ya.example",
                           "spiffe://a/b"]
    assert cert.subject.rfc4514_string() == "CN=example.com"
    assert isinstance(load_key(tmp_path / "example.com.key"), ec.EllipticCurvePrivateKey)


@pytest.mark.parametrize("newkey, kind, detail", [
    ("rsa:3072", rsa.RSAPrivateKey, 3072), ("ec:P-256", ec.EllipticCurvePrivateKey, 256),
    ("ec:P-384", ec.EllipticCurvePrivateKey, 384), ("ec:P-521", ec.EllipticCurvePrivateKey, 521),
    ("ed25519", ed25519.Ed25519PrivateKey, None)])
def test_fields_for_every_key(mkcert, tmp_path, newkey, kind, detail):
    mkcert("-newkey", newkey, "a.example")
    cert, key = load(tmp_path / "a.example.crt"), load_key(tmp_path / "a.example.key")
    assert isinstance(key, kind)
    assert detail is None or key.key_size == detail
    extension = {e.oid: e for e in cert.extensions}
    constraints = extension[ExtensionOID.BASIC_CONSTRAINTS]
    assert constraints.critical and not constraints.value.ca
    usage = extension[ExtensionOID.KEY_USAGE]
    assert usage.critical and usage.value.digital_signature
    assert usage.value.key_encipherment == (kind is rsa.RSAPrivateKey)
    assert not usage.value.key_cert_sign
    assert list(extension[ExtensionOID.EXTENDED_KEY_USAGE].value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    identifier = extension[ExtensionOID.SUBJECT_KEY_IDENTIFIER].value
    assert identifier == x509.SubjectKeyIdentifier.from_public_key(cert.public_key())
    authority = extension[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].value
    assert authority.key_identifier == identifier.digest
    assert len(extension) == 6
    assert cert.version == x509.Version.v3
    assert cert.serial_number.bit_length() == 127
    digest = cert.signature_hash_algorithm
    assert digest is None if kind is ed25519.Ed25519PrivateKey else \
        digest.name == {384: "sha384", 521: "sha512"}.get(detail, "sha256")
    # Signed with its own key, by openssl's judgement.
    verify = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile",
                             "a.example.crt", "a.example.crt"], cwd=tmp_path, capture_output=True,
                            check=False)
    assert verify.returncode == 0, verify.stderr


def test_defaults(mkcert, tmp_path):
    before = datetime.datetime.utcnow().replace(microsecond=0)
    mkcert("localhost")
    cert = load(tmp_path / "localhost.crt")
    after = datetime.datetime.utcnow()
    start = cert.not_valid_before + datetime.timedelta(hours=1)
    assert before <= start <= after
    assert cert.not_valid_after - start == datetime.timedelta(days=397)


def test_dates_are_reproducible(mkcert, tmp_path):
    mkcert("-days", "10", "a.example", env={"SOURCE_DATE_EPOCH": "1800000000"})
    cert = load(tmp_path / "a.example.crt")
    assert cert.not_valid_before == datetime.datetime(2027, 1, 15, 7, 0)
    assert cert.not_valid_after == datetime.datetime(2027, 1, 25, 8, 0)
    mkcert("--not-after", "2049-12-31", "b.example", env={"SOURCE_DATE_EPOCH": "1800000000"})
    assert load(tmp_path / "b.example.crt").not_valid_after == datetime.datetime(
        2049, 12, 31, 23, 59, 59)
    refused = mkcert("c.example", env={"SOURCE_DATE_EPOCH": "yesterday"}, check=64)
    assert "SOURCE_DATE_EPOCH" in refused.err


def test_subject_and_names_complete_each_other(mkcert, tmp_path):
    mkcert("-subj", "/C=DE/O=M\\/x/CN=www.a.example", "-out", "a.crt", "a.example")
    cert = load(tmp_path / "a.crt")
    assert cert.subject.rfc4514_string() == "CN=www.a.example,O=M/x,C=DE"
    assert names(cert) == ["a.example", "www.a.example"]
    assert (tmp_path / "a.key").exists()
    mkcert("-addext", "subjectAltName=DNS:a.example,IP:192.0.2.1", "-subj", "/CN=b.example", "-out",
           "b.crt")
    assert names(load(tmp_path / "b.crt")) == ["a.example", ipaddress.ip_address("192.0.2.1"),
                                               "b.example"]
    told = mkcert("-subj", "/CN=My Test/O=x", "-out", "c.crt")
    assert "no browser" in told.err
    assert len(load(tmp_path / "c.crt").extensions) == 5
    long_name = "a" * 60 + ".example"
    mkcert(long_name)
    cert = load(tmp_path / f"{long_name}.crt")
    assert not cert.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert cert.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).critical


def test_json_says_what_was_made(mkcert, tmp_path):
    told = json.loads(mkcert("--json", "-q", "a.example", "192.0.2.1").out)
    cert = load(tmp_path / "a.example.crt")
    assert told["schema"] == 1
    assert (told["certificate"], told["key"]) == ("a.example.crt", "a.example.key")
    assert told["names"] == [{"type": "DNS", "value": "a.example"},
                             {"type": "IP", "value": "192.0.2.1"}]
    assert int(told["serial"], 16) == cert.serial_number
    der = cert.public_bytes(serialization.Encoding.DER)
    assert told["sha256"].replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert told["not_after"] == cert.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    pin = subprocess.run("openssl x509 -in a.example.crt -noout -pubkey | openssl pkey -pubin "
                         "-outform der | openssl dgst -sha256 -binary | openssl base64", shell=True,
                         cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    assert told["pin_sha256"] == pin


def test_existing_files_are_not_overwritten(mkcert, tmp_path):
    (tmp_path / "a.example.key").write_text("precious")
    refused = mkcert("a.example", check=73)
    assert "a.example.key exists" in refused.err and "--force" in refused.err
    assert files(tmp_path) == ["a.example.key"]
    assert (tmp_path / "a.example.key").read_text() == "precious"
    (tmp_path / "a.example.key").chmod(0o644)
    mkcert("--force", "a.example")
    assert load_key(tmp_path / "a.example.key")
    assert mode(tmp_path / "a.example.key") == 0o600
    assert files(tmp_path) == ["a.example.crt", "a.example.key"]


def test_one_file_for_both(mkcert, tmp_path):
    mkcert("-keyout", "both.pem", "-out", "both.pem", "a.example")
    assert load(tmp_path / "both.pem") and load_key(tmp_path / "both.pem")
    assert mode(tmp_path / "both.pem") == 0o600


def test_umask_does_not_open_the_key(mkcert, tmp_path):
    previous = os.umask(0)
    try:
        mkcert("-keyout", "keys/a.key", "a.example")
    finally:
        os.umask(previous)
    assert mode(tmp_path / "keys" / "a.key") == 0o600
    assert mode(tmp_path / "keys") == 0o700
    assert mode(tmp_path / "a.example.crt") == 0o644


@pytest.mark.parametrize("arguments, code, why", [
    ((), 64, "no name given"),
    (("a..b",), 64, "empty label"),
    (("*.com",), 64, "top-level"),
    (("a.example:443",), 64, "port"),
    (("https://a.example/",), 64, "write a.example"),
    (("-days", "0", "a.example"), 64, "number of days"),
    (("-days", "365d", "a.example"), 64, "365d"),
    (("-days", "1", "--not-after", "2040-01-01", "a.example"), 64, "contradict"),
    (("--not-after", "2001-01-01", "a.example"), 64, "past"),
    (("--not-after", "soon", "a.example"), 64, "not a date"),
    (("-newkey", "rsa:1024", "a.example"), 64, "2048"),
    (("-newkey", "dsa", "a.example"), 64, "known: rsa"),
    (("-subj", "CN=x"), 64, "slash"),
    (("-subj", "/C=Germany/CN=x"), 64, "too long"),
    (("-addext", "keyUsage=any", "a.example"), 64, "subjectAltName"),
    (("req", "-newkey", "rsa:2048", "-keyout", "k", "-out", "c"), 64, "-x509"),
    (("-subj", "/O=x"), 64, "-out"),
    (("-config", "x", "a.example"), 64, "unknown option"),
    (("-pkeyopt", "ec_paramgen_curve:P-224", "a.example"), 64, "known: rsa"),
    (("-pkeyopt", "ec_param_enc:explicit", "a.example"), 64, "neither ec_paramgen_curve"),
    (("–days", "3", "a.example"), 64, "–"),
])
def test_refusals(mkcert, tmp_path, arguments, code, why):
    refused = mkcert(*arguments, check=code)
    assert why in refused.err
    assert refused.out == ""
    assert files(tmp_path) == []


def test_quiet_is_quiet(mkcert):
    told = mkcert("-q", "-days", "3000", "a.example")
    assert (told.out, told.err) == ("", "")


def test_long_lives_are_warned_about(mkcert):
    assert "Apple" in mkcert("-days", "826", "a.example").err
    assert mkcert("-days", "825", "b.example").err == ""


def converse(argv, cwd, answers):
    """Runs argv on a terminal of its own and answers each prompt; returns (exit code, all output)."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(argv[0], argv)
    shown, deadline = b"", time.monotonic() + 60
    poller = select.poll()
    poller.register(terminal, select.POLLIN)
    while time.monotonic() < deadline:
        if not poller.poll(1000):
            continue
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if answers and shown.endswith(b": "):
            os.write(terminal, answers.pop(0).encode() + b"\n")
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_asks_the_classic_questions(tmp_path):
    argv = [str(programs.path(MKCERT)), "req", "-x509", "-nodes", "-days", "365", "-newkey",
            "rsa:2048", "-keyout", "k.pem", "-out", "c.pem"]
    code, shown = converse(argv, tmp_path, ["Germany", "DE", "", "Munich", "Example", "",
                                            "", "www.a.example", "me@a.example"])
    assert code == 0, shown
    assert "Country" in shown and "too long" in shown and "a certificate needs a name" in shown
    cert = load(tmp_path / "c.pem")
    assert cert.subject.rfc4514_string() == \
        "1.2.840.113549.1.9.1=me@a.example,CN=www.a.example,O=Example,L=Munich,C=DE"
    assert names(cert) == ["www.a.example"]


def test_nginx_and_curl_accept_it(mkcert, tmp_path, start, free_port):
    mkcert("localhost", "127.0.0.1", "::1")
    port = free_port()
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; pid nginx.pid; error_log stderr; events {{ }}
        http {{ access_log off; {temp_paths(tmp_path)}
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {tmp_path}/localhost.crt;
                     ssl_certificate_key {tmp_path}/localhost.key; return 204; }} }}""")
    start("nginx", ["nginx", "-p", tmp_path, "-c", "nginx.conf"]).wait_for_port(port)
    for host in ("localhost", "127.0.0.1"):
        done = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "--cacert", tmp_path / "localhost.crt", "--resolve",
             f"localhost:{port}:127.0.0.1", "-o", "/dev/null", "-w", "%{http_code}",
             f"https://{host}:{port}/"], capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "204", done.stderr
