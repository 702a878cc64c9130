# SPDX-License-Identifier: ISC
"""openssl's own OCSP responder, for one CA: it knows the certificates it is started with."""
import datetime

from cryptography import x509


class Responder:
    """Give it a port first, so that certificates can name .url; start() when the CA's files are there."""

    def __init__(self, start, directory, port):
        self._start, self._port = start, port
        self.url = f"http://127.0.0.1:{port}"
        self.index = directory / "index.txt"
        self.process = None

    def start(self, certificate, key, *certificates, revoked=(), days=4):
        self._know(certificates, revoked)
        self.process = self._start("responder", [
            "openssl", "ocsp", "-port", self._port, "-index", self.index, "-CA", certificate, "-rsigner", certificate,
            "-rkey", key, "-ndays", days, "-text"])
        self.process.wait_for_line("waiting for OCSP client connections")

    def _know(self, certificates, revoked):
        lines = []
        for cert in (*certificates, *revoked):
            serial = f"{cert.serial_number:X}"
            serial = serial.zfill(len(serial) + len(serial) % 2)
            gone = datetime.datetime.utcnow().strftime("%y%m%d%H%M%SZ") if cert in revoked else ""
            lines.append(f"{'R' if gone else 'V'}\t{cert.not_valid_after:%y%m%d%H%M%SZ}\t{gone}\t{serial}\tunknown\t/CN=x\n")
        self.index.write_text("".join(lines))
        self.index.with_name("index.txt.attr").write_text("unique_subject = no\n")

    def asked(self):
        """How many questions it has answered."""
        return self.process.output().count("OCSP Request Data")


def names_responder(url):
    """The extension that names it."""
    where = x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
    return x509.AuthorityInformationAccess([where])
