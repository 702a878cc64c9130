# SPDX-License-Identifier: ISC
"""mkcert-selfsigned's local CA: what it issues, field by field, and as its consumers read it: openssl verify,
certtool, keytool, nginx (with a revocation list), haproxy (one file), curl; renewing, signing requests, revoking."""
import datetime
import ipaddress
import json
import pathlib
import stat
import subprocess
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID as Use
from cryptography.x509.oid import ExtensionOID

from support.nginx import temp_paths
from support.process import run

NOW = int(time.time())  # certtool judges as of now


class LocalCA:
    def __init__(self, tool, directory):
        self.tool, self.directory = tool, directory
        self.ca = directory / "ca"
        self.root = self.ca / "ca.crt"

    def __call__(self, *arguments, **more):
        return self.tool("mkcert-selfsigned", "--ca-dir", self.ca, *arguments, cwd=self.directory,
                         **more)

    def path(self, name):
        return self.directory / name

    def chain(self, name):
        end = b"-----END CERTIFICATE-----\n"
        parts = self.path(name).read_bytes().split(end)
        return [x509.load_pem_x509_certificate(part + end) for part in parts[:-1]]

    def key(self, name):
        return serialization.load_pem_private_key(self.path(name).read_bytes(), None)

    def list(self):
        return json.loads(self("--list", "--json").out)["certificates"]


@pytest.fixture
def local_ca(tool, tmp_path):
    ca = LocalCA(tool, tmp_path)
    ca("--ca-init", "-q")
    return ca


def extensions(cert):
    return {e.oid: e for e in cert.extensions}


def raw(key):
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def files(directory):
    return sorted(path.name for path in directory.iterdir() if path.is_file())


KEYS = {"rsa:2048": (rsa.RSAPublicKey, "sha256"), "rsa:3072": (rsa.RSAPublicKey, "sha256"),
        "ec:P-256": (ec.EllipticCurvePublicKey, "sha256"),
        "ec:P-384": (ec.EllipticCurvePublicKey, "sha384"),
        "ec:P-521": (ec.EllipticCurvePublicKey, "sha512"),
        "ed25519": (ed25519.Ed25519PublicKey, None)}


def check_common(cert, issuer):
    """What RFC 5280 and zlint ask of every certificate."""
    ours = extensions(cert)
    assert cert.version == x509.Version.v3
    assert cert.serial_number.bit_length() == 127
    assert cert.issuer == issuer.subject
    assert ours[ExtensionOID.BASIC_CONSTRAINTS].critical
    assert ours[ExtensionOID.KEY_USAGE].critical
    assert not ours[ExtensionOID.SUBJECT_KEY_IDENTIFIER].critical
    assert not ours[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].critical
    assert ours[ExtensionOID.SUBJECT_KEY_IDENTIFIER].value == \
        x509.SubjectKeyIdentifier.from_public_key(cert.public_key())
    authority = ours[ExtensionOID.AUTHORITY_KEY_IDENTIFIER].value
    assert authority.key_identifier == \
        extensions(issuer)[ExtensionOID.SUBJECT_KEY_IDENTIFIER].value.digest
    assert (authority.authority_cert_issuer, authority.authority_cert_serial_number) == (None, None)
    if isinstance(cert.public_key(), rsa.RSAPublicKey):
        assert cert.public_key().public_numbers().e == 65537
    # Times without fractions, UTCTime up to 2049 (RFC 5280 4.1.2.5).
    for tag, when in ((b"\x17\x0d", cert.not_valid_before), (b"\x17\x0d", cert.not_valid_after)):
        assert tag + when.strftime("%y%m%d%H%M%SZ").encode() in cert.tbs_certificate_bytes


@pytest.mark.parametrize("kind", KEYS)
def test_fields_of_root_and_leaf(tool, tmp_path, kind):
    ca = LocalCA(tool, tmp_path)
    fixed = {"env": {"SOURCE_DATE_EPOCH": str(NOW)}}
    start = datetime.datetime.utcfromtimestamp(NOW)
    ca("--ca-init", "-newkey", kind, "--permit", "a.example", "--permit", "192.0.2.0/24", **fixed)
    ca("--ca", "-newkey", kind, "a.example", "*.a.example", "192.0.2.7", **fixed)
    root = x509.load_pem_x509_certificate(ca.root.read_bytes())
    leaf, above = ca.chain("a.example.crt")
    assert above == root
    public, digest = KEYS[kind]
    for cert in (root, leaf):
        check_common(cert, root)
        assert isinstance(cert.public_key(), public)
        assert (cert.signature_hash_algorithm and cert.signature_hash_algorithm.name) == digest
        assert cert.not_valid_before == start - datetime.timedelta(hours=1)
    assert root.not_valid_after == start + datetime.timedelta(days=3650)
    assert leaf.not_valid_after == start + datetime.timedelta(days=397)
    assert raw(leaf.public_key()) == raw(ca.key("a.example.key").public_key())
    ours = extensions(root)
    assert set(ours) == {ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE,
                         ExtensionOID.NAME_CONSTRAINTS, ExtensionOID.SUBJECT_KEY_IDENTIFIER,
                         ExtensionOID.AUTHORITY_KEY_IDENTIFIER}
    assert ours[ExtensionOID.BASIC_CONSTRAINTS].value == x509.BasicConstraints(True, 0)
    assert ours[ExtensionOID.KEY_USAGE].value == x509.KeyUsage(
        False, False, False, False, False, True, True, False, False)
    constraints = ours[ExtensionOID.NAME_CONSTRAINTS]
    assert constraints.critical and constraints.value.excluded_subtrees is None
    assert [x509.DNSName("a.example"), x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))] == \
        [n for n in constraints.value.permitted_subtrees
         if isinstance(n, (x509.DNSName, x509.IPAddress))]
    ours = extensions(leaf)
    assert len(ours) == 6
    assert ours[ExtensionOID.BASIC_CONSTRAINTS].value == x509.BasicConstraints(False, None)
    assert ours[ExtensionOID.KEY_USAGE].value == x509.KeyUsage(
        True, False, public is rsa.RSAPublicKey, False, False, False, False, False, False)
    assert list(ours[ExtensionOID.EXTENDED_KEY_USAGE].value) == [Use.SERVER_AUTH]
    assert [n.value for n in ours[ExtensionOID.SUBJECT_ALTERNATIVE_NAME].value] == \
        ["a.example", "*.a.example", ipaddress.ip_address("192.0.2.7")]
    # By those who were not there.
    run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca.root,
         "-verify_hostname", "www.a.example", ca.path("a.example.crt")], check=0)
    run(["certtool", "--verify", "--load-ca-certificate", ca.root, "--infile",
         ca.path("a.example.crt"), "--verify-hostname", "a.example", "--verify-profile", "medium"], check=0)


def test_a_bound_ca_keeps_within_its_bounds(tool, tmp_path):
    ca = LocalCA(tool, tmp_path)
    ca("--ca-init", "--permit", "example.test", "-q")
    for name in ("example.com", "192.0.2.1", "me@example.com", "badexample.test"):
        refused = ca("--ca", name, check=65)
        assert "may not issue" in refused.err and "example.test" in refused.err
    assert files(tmp_path) == [] and ca.list() == []
    ca("--ca", "www.example.test", "-q")
    assert "there is a CA" in ca("--ca-init", check=73).err
    # A certificate that somebody with the key makes all the same is believed by nobody.
    key = serialization.load_pem_private_key((ca.ca / "ca.key").read_bytes(), None)
    root = x509.load_pem_x509_certificate(ca.root.read_bytes())
    forged = (x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(root.subject)
              .public_key(key.public_key()).serial_number(7)
              .not_valid_before(root.not_valid_before).not_valid_after(root.not_valid_after)
              .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), True)
              .sign(key, hashes.SHA256()))
    (tmp_path / "forged.pem").write_bytes(forged.public_bytes(serialization.Encoding.PEM))
    for judge in (["openssl", "verify", "-CAfile", ca.root, tmp_path / "forged.pem"],
                  ["certtool", "--verify", "--load-ca-certificate", ca.root, "--infile",
                   tmp_path / "forged.pem"]):
        assert subprocess.run(judge, capture_output=True, check=False).returncode != 0


def test_client_certificates_and_revocation(local_ca, start, free_port, tmp_path):
    ca = local_ca
    ca("--ca", "localhost", "-q")
    ca("--ca", "--client", "alice@a.example", "-out", "alice.crt", "-q")
    ca("--ca", "--client", "-subj", "/CN=Bob/O=Example", "-out", "bob.crt", "-q")
    alice = extensions(ca.chain("alice.crt")[0])
    assert list(alice[ExtensionOID.EXTENDED_KEY_USAGE].value) == [Use.CLIENT_AUTH, Use.EMAIL_PROTECTION]
    assert list(extensions(ca.chain("bob.crt")[0])[ExtensionOID.EXTENDED_KEY_USAGE].value) == \
        [Use.CLIENT_AUTH]
    told = ca("--revoke", "alice@a.example", "--reason", "keyCompromise")
    assert str(ca.ca / "ca.crl") in told.out
    assert "revoked already" in ca("--revoke", "alice.crt", check=65).err
    crl = x509.load_pem_x509_crl((ca.ca / "ca.crl").read_bytes())
    assert [entry.serial_number for entry in crl] == [ca.chain("alice.crt")[0].serial_number]
    assert next(iter(crl)).extensions.get_extension_for_class(x509.CRLReason).value.reason == \
        x509.ReasonFlags.key_compromise
    assert sorted((one["names"], one["state"], one["use"]) for one in ca.list()) == [
        ([], "valid", "client"), (["alice@a.example"], "revoked", "client"),
        (["localhost"], "valid", "server")]
    told = json.loads(ca("--crl", "-days", "9", "--json").out)
    again = x509.load_pem_x509_crl(pathlib.Path(told["crl"]).read_bytes())
    assert [entry.serial_number for entry in again] == [entry.serial_number for entry in crl]
    assert again.next_update - again.last_update == datetime.timedelta(days=9)
    port = free_port()
    (tmp_path / "nginx.conf").write_text(f"""daemon off; pid nginx.pid; error_log stderr; events {{ }}
        http {{ access_log off; {temp_paths(tmp_path)} server {{ listen 127.0.0.1:{port} ssl;
            ssl_certificate {tmp_path}/localhost.crt; ssl_certificate_key {tmp_path}/localhost.key;
            ssl_verify_client on; ssl_client_certificate {ca.root}; ssl_crl {ca.ca}/ca.crl;
            return 200 $ssl_client_verify:$ssl_client_s_dn; }} }}""")
    start("nginx", ["nginx", "-p", tmp_path, "-c", "nginx.conf"]).wait_for_port(port)
    said = {}
    for who in ("alice", "bob"):
        said[who] = run(["curl", "-sS", "--noproxy", "*", "--cacert", ca.root, "--cert",
                         ca.path(f"{who}.crt"), "--key", ca.path(f"{who}.key"),
                         f"https://localhost:{port}/"], check=0).out
    assert said["bob"] == "SUCCESS:O=Example,CN=Bob"
    assert "400" in said["alice"] and "SUCCESS" not in said["alice"]


def test_haproxy_and_curl_with_one_file(local_ca, start, free_port, tmp_path):
    local_ca("--ca", "localhost", "-out", "both.pem", "-keyout", "both.pem", "-q")
    assert stat.S_IMODE((tmp_path / "both.pem").stat().st_mode) == 0o600
    port = free_port()
    (tmp_path / "haproxy.cfg").write_text(
        "defaults\n mode http\n timeout client 30s\n timeout connect 30s\n timeout server 30s\n"
        f"frontend f\n bind 127.0.0.1:{port} ssl crt {tmp_path}/both.pem\n"
        " http-request return status 204\n")
    start("haproxy", ["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"]).wait_for_port(port)
    done = run(["curl", "-sS", "--noproxy", "*", "--cacert", local_ca.root, "-w", "%{http_code}",
                f"https://localhost:{port}/"], check=0)
    assert done.out == "204"
    # Renewed in its one file, mode and all.
    before = (tmp_path / "both.pem").read_bytes()
    local_ca("--renew", "both.pem", "-q")
    after = (tmp_path / "both.pem").read_bytes()
    assert after != before and after.startswith(b"-----BEGIN PRIVATE KEY") and after.count(b"BEGIN C") == 2
    assert stat.S_IMODE((tmp_path / "both.pem").stat().st_mode) == 0o600


def test_pkcs12_as_java_and_openssl_read_it(local_ca, tmp_path):
    (tmp_path / "password").write_text("sesame street\n")
    local_ca("--ca", "--pkcs12", "a.example", "-q")
    local_ca("--ca", "--pkcs12", "--password-file", "password", "-newkey", "rsa:2048", "b.example", "-q")
    for name, password in (("a.example", "changeit"), ("b.example", "sesame street")):
        path = tmp_path / f"{name}.p12"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        key, cert, more = pkcs12.load_key_and_certificates(path.read_bytes(), password.encode())
        assert [cert, *more] == local_ca.chain(f"{name}.crt")
        assert raw(key.public_key()) == raw(cert.public_key())
        run(["openssl", "pkcs12", "-in", path, "-passin", f"pass:{password}", "-noout"], check=0)
    listed = run(["keytool", "-list", "-keystore", tmp_path / "b.example.p12", "-storepass",
                  "sesame street"], check=0).out
    assert "b.example" in listed and "PrivateKeyEntry" in listed
    assert "SHA256withECDSA" in run(["keytool", "-printcert", "-file", tmp_path / "a.example.crt"],
                                    check=0).out
    assert "--pkcs12" in local_ca("--password-file", "password", "c.example", check=64).err
    (tmp_path / "password").write_text("\n")
    assert "no password" in local_ca("--pkcs12", "--password-file", "password", "c.example",
                                     check=65).err


def test_renewing_keeps_what_it_was(local_ca, tool, tmp_path):
    ca = local_ca
    ca("--ca", "--client", "-newkey", "P-384", "-days", "30", "--mode", "0640", "me@a.example", "a.example",
       "-out", "c.crt", "-q")
    tool("mkcert-selfsigned", "-newkey", "rsa:2048", "-days", "90", "-subj", "/O=Example/CN=b.example",
         "b.example", "::1", "-q", cwd=tmp_path)
    for name in ("c", "b.example"):
        old, key = ca.chain(f"{name}.crt")[0], ca.key(f"{name}.key")
        for again in (("--renew", f"{name}.crt", "-q"), ("--renew", f"{name}.crt", "--reuse-key", "-q")):
            before = ca.key(f"{name}.key")
            tool("mkcert-selfsigned", *again, *(("--ca-dir", ca.ca) if name == "c" else ()), cwd=tmp_path)
            new = ca.chain(f"{name}.crt")[0]
            assert raw(new.public_key()) == raw(ca.key(f"{name}.key").public_key())
            assert (raw(before.public_key()) == raw(new.public_key())) == ("--reuse-key" in again)
        assert new.serial_number != old.serial_number
        assert (new.subject, new.issuer) == (old.subject, old.issuer)
        assert type(ca.key(f"{name}.key")) is type(key) and ca.key(f"{name}.key").key_size == key.key_size
        assert new.not_valid_after - new.not_valid_before == old.not_valid_after - old.not_valid_before
        for oid in (ExtensionOID.SUBJECT_ALTERNATIVE_NAME, ExtensionOID.EXTENDED_KEY_USAGE):
            assert extensions(new)[oid].value == extensions(old)[oid].value
    assert stat.S_IMODE((tmp_path / "c.key").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b.example.key").stat().st_mode) == 0o600
    # What openssl's tutorial line made, a CA of its own by accident, becomes a server's certificate.
    run(["openssl", "req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048", "-subj",
         "/CN=d.example", "-keyout", tmp_path / "d.key", "-out", tmp_path / "d.crt"], check=0)
    tool("mkcert-selfsigned", "--renew", "d.crt", "-q", cwd=tmp_path)
    assert [n.value for n in extensions(ca.chain("d.crt")[0])[ExtensionOID.SUBJECT_ALTERNATIVE_NAME].value] \
        == ["d.example"]
    for arguments, why in (((("--renew", "c.crt", "x.example")), "from the old certificate"),
                           (("--renew", "c.crt", "--csr", "x"), "contradict")):
        assert why in ca(*arguments, check=64).err
    (tmp_path / "c.key").write_bytes((tmp_path / "d.key").read_bytes())
    assert "is not the key of" in ca("--renew", "c.crt", check=65).err
    (tmp_path / "c.key").unlink()
    assert "without its key" in ca("--renew", "c.crt", check=66).err


def test_signing_requests(local_ca, tmp_path):
    ca = local_ca
    run(["openssl", "req", "-new", "-nodes", "-newkey", "rsa:2048", "-subj", "/C=DE/O=Example/CN=A.Example",
         "-addext", "subjectAltName=DNS:www.a.example,IP:192.0.2.9", "-addext",
         "extendedKeyUsage=clientAuth,serverAuth", "-keyout", tmp_path / "theirs.key", "-out",
         tmp_path / "theirs.csr"], check=0)
    told = json.loads(ca("--csr", "theirs.csr", "-out", "theirs.crt", "--json").out)
    assert "key" not in told and told["use"] == "server, client"
    leaf = ca.chain("theirs.crt")[0]
    assert raw(leaf.public_key()) == raw(ca.key("theirs.key").public_key())
    assert leaf.subject.rfc4514_string() == "CN=A.Example,O=Example,C=DE"
    assert [n.value for n in extensions(leaf)[ExtensionOID.SUBJECT_ALTERNATIVE_NAME].value] == \
        ["www.a.example", ipaddress.ip_address("192.0.2.9"), "a.example"]
    # The CA has the last word on names.
    ca("--csr", "theirs.csr", "-out", "other.crt", "other.example", "-q")
    assert [n.value for n in extensions(ca.chain("other.crt")[0])[ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
            .value] == ["other.example"]
    assert ca.chain("other.crt")[0].subject.rfc4514_string() == "CN=other.example"
    run(["openssl", "req", "-new", "-key", tmp_path / "theirs.key", "-subj", "/CN=ca.example", "-addext",
         "basicConstraints=critical,CA:TRUE", "-out", tmp_path / "greedy.csr"], check=0)
    before = files(tmp_path)
    assert "asks to be a CA" in ca("--csr", "greedy.csr", check=65).err
    assert "not a certificate signing request" in ca("--csr", "theirs.crt", check=65).err
    assert "key of its own" in ca("--csr", "theirs.csr", "-newkey", "ed25519", check=64).err
    assert files(tmp_path) == before


def test_keys_that_are_there_already(tool, tmp_path):
    def mkcert(*arguments, **more):
        return tool("mkcert-selfsigned", *arguments, cwd=tmp_path, **more)
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "old.key"], check=0)
    run(["openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024", "-out",
         tmp_path / "weak.key"], check=0)
    kept = (tmp_path / "old.key").read_bytes()
    mkcert("-key", "old.key", "-out", "a.crt", "a.example")
    mkcert("-keyout", "old.key", "--reuse-key", "-out", "b.crt", "b.example")
    assert (tmp_path / "old.key").read_bytes() == kept
    assert files(tmp_path) == ["a.crt", "b.crt", "old.key", "weak.key"]
    assert "too weak" in mkcert("-key", "weak.key", "c.example", check=65).err
    mkcert("-key", "none.key", "c.example", check=66)
    assert "-newkey" in mkcert("-key", "old.key", "-newkey", "ec", "c.example", check=64).err
    assert "no mode" in mkcert("--mode", "0644", "c.example", check=64).err
    assert files(tmp_path) == ["a.crt", "b.crt", "old.key", "weak.key"]


@pytest.mark.parametrize("arguments, why", [
    (("--permit", "a.example", "b.example"), "--permit needs --ca-init"),
    (("--list", "a.example"), "a.example does not go with --list"),
    (("--ca-init", "a.example"), "a.example does not go with --ca-init"),
    (("--list", "--crl"), "--list was asked for already"),
    (("--trust", "perhaps"), "none of install"),
    (("--trust", "status", "--stores", "mac"), "no store"),
    (("--revoke", "x", "--reason", "because"), "unknown reason"),
    (("--reason", "superseded", "a.example"), "--reason needs --revoke"),
    (("--ca-init", "--permit", "10.0.0.1/8"), "behind the first 8"),
    (("--csr", "a", "--renew", "b"), "contradict"),
])
def test_refusals(tool, tmp_path, arguments, why):
    refused = tool("mkcert-selfsigned", *arguments, cwd=tmp_path, env={"HOME": str(tmp_path)}, check=64)
    assert why in refused.err and refused.out == ""
    assert files(tmp_path) == []


def test_a_missing_ca_is_explained(tool, tmp_path):
    for arguments in (("--ca", "a.example"), ("--list",), ("--trust", "status")):
        refused = tool("mkcert-selfsigned", *arguments, cwd=tmp_path, env={"HOME": str(tmp_path)}, check=66)
        assert "--ca-init" in refused.err
