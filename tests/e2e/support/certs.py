# SPDX-License-Identifier: ISC
"""Certificates to test with, made by python's cryptography: an opinion other than our own code's."""
import collections
import datetime
import hashlib
import ipaddress
import pathlib

from cryptography import x509
from cryptography.x509 import ocsp as _ocsp  # noqa: F401  (x509.ocsp is there once it is imported)
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Files (PEM) and what was issued; fullchain is leaf, then intermediates; sha256 is over the DER.
Issued = collections.namedtuple("Issued", "cert key fullchain sha256 x509")


def new_key(kind="ec"):
    """ "ec", "rsa", or "rsa:BITS"."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else \
        rsa.generate_private_key(65537, int(kind.partition(":")[2] or 2048))


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


def _general_name(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject, issuer, public, begins, ends):
    def name(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])] if text else [])
    return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
            .public_key(public).serial_number(x509.random_serial_number())
            .not_valid_before(begins).not_valid_after(ends))


class Certs:
    """A CA in a directory: .ca is its certificate file; issue() makes leaves. With a parent it is one below that."""

    def __init__(self, directory, name="Test CA", parent=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.utcnow()
        self._key = new_key()
        self.name, self.parent = name, parent
        self._cert = (_builder(name, parent.name if parent else name, self._key.public_key(),
                               now - datetime.timedelta(days=1), now + datetime.timedelta(days=3650))
                      .add_extension(x509.BasicConstraints(True, None), critical=True)
                      .add_extension(x509.KeyUsage(False, False, False, False, False, True, True,
                                                   False, False), critical=True)
                      .sign(parent._key if parent else self._key, hashes.SHA256()))
        self.ca = self.directory / "ca.pem"
        self.ca.write_bytes(self._cert.public_bytes(serialization.Encoding.PEM))
        self.ca_key = self.directory / "ca.key"
        self.ca_key.touch(mode=0o600)
        self.ca_key.write_bytes(key_pem(self._key))
        self._count = 0

    def _chain(self):
        """What stands behind a leaf: this CA, and those above it but for the root."""
        above = self.parent._chain() if self.parent and self.parent.parent else b""
        return self.ca.read_bytes() + above

    def ocsp(self, issued, begins_s=-60, ends_s=3600, signer=None):
        """An OCSP response (DER) of this CA's, or by another's key, that all is well with a certificate."""
        by = signer or self
        return ocsp_response(issued.x509, self._cert, by._cert, by._key, begins_s, ends_s)

    def revoked(self, *issued, days=30):
        """A file with this CA's revocation list, which has these in it."""
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self._cert.subject)
                   .last_update(now - datetime.timedelta(days=1)).next_update(now + datetime.timedelta(days=days)))
        for one in issued:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(one.x509.serial_number)
                .revocation_date(now - datetime.timedelta(hours=1)).build())
        self._count += 1
        path = self.directory / f"{self._count}.crl"
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, *names, days=90, begins_days=-1, key="ec", self_signed=False, file=None, client=False,
              extensions=()):
        """A leaf for the names; `days` and `begins_days` count from now (negative: the past)."""
        now = datetime.datetime.utcnow()
        leaf_key = new_key(key)
        builder = _builder(names[0], names[0] if self_signed else self.name, leaf_key.public_key(),
                           now + datetime.timedelta(days=begins_days),
                           now + datetime.timedelta(days=days))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        cert = (builder
                .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]),
                               critical=False)
                .add_extension(x509.BasicConstraints(False, None), critical=True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH if client
                                                      else ExtendedKeyUsageOID.SERVER_AUTH]),
                               critical=False)
                .sign(leaf_key if self_signed else self._key, hashes.SHA256()))
        self._count += 1
        stem = self.directory / (file or f"{names[0].replace('*', '_')}-{self._count}")
        pem = cert.public_bytes(serialization.Encoding.PEM)
        paths = [stem.with_name(stem.name + end) for end in (".crt", ".key", ".fullchain.pem")]
        paths[0].write_bytes(pem)
        paths[1].touch(mode=0o600)
        paths[1].write_bytes(key_pem(leaf_key))
        paths[2].write_bytes(pem if self_signed else pem + self._chain())
        return Issued(*paths, fingerprint(cert.public_bytes(serialization.Encoding.DER)), cert)


def ocsp_response(leaf, issuer, signer, signer_key, begins_s, ends_s):
    """An OCSP response (DER) that all is well with a certificate; the times count from now."""
    now = datetime.datetime.utcnow()
    return (x509.ocsp.OCSPResponseBuilder().add_response(
        leaf, issuer, hashes.SHA1(), x509.ocsp.OCSPCertStatus.GOOD,
        now + datetime.timedelta(seconds=begins_s), now + datetime.timedelta(seconds=ends_s), None, None)
        .responder_id(x509.ocsp.OCSPResponderEncoding.NAME, signer)
        .sign(signer_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))


def fingerprint(der):
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(der).hexdigest()


def load_certificates(path):
    """The x509 objects in a PEM file, in order."""
    mark = b"-----BEGIN CERTIFICATE-----"
    return [x509.load_pem_x509_certificate(mark + part)
            for part in pathlib.Path(path).read_bytes().split(mark)[1:]]


def file_fingerprint(path):
    """Of the first certificate in a PEM file."""
    return fingerprint(load_certificates(path)[0].public_bytes(serialization.Encoding.DER))


def key_matches(cert_path, key_path):
    """Whether a certificate file's leaf belongs to a private key file."""
    key = serialization.load_pem_private_key(pathlib.Path(key_path).read_bytes(), None)
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return load_certificates(cert_path)[0].public_key().public_bytes(*form) == \
        key.public_key().public_bytes(*form)
