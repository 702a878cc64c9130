# SPDX-License-Identifier: ISC
"""A real ACME CA: Debian's pebble, with pebble-challtestsrv as the DNS it asks.

Every name resolves to 127.0.0.1, where pebble looks for http-01 at `http_port` and for
tls-alpn-01 at `tls_port`: give these to the server under test.
"""
import json
import pathlib
import ssl
import urllib.request

from .ports import free_port


class Pebble:
    def __init__(self, directory, start, certs, http_port=None, tls_port=None, nonce_reject=5,
                 authz_reuse=50, alternate_roots=0, env=None, eab=None, validity_s=None,
                 ocsp=""):
        """start(name, argv, env=…) runs a Process; certs makes the CA's own HTTPS certificate."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.http_port = http_port or free_port()
        self.tls_port = tls_port or free_port()
        self.port, self.management_port = free_port(), free_port()
        self.dns_port, self.dns_management_port = free_port(), free_port()
        self.ca_file = certs.ca                      # for clients: --ca-file, SSL_CERT_FILE, …
        self.url = f"https://localhost:{self.port}"
        self.directory_url = f"{self.url}/dir"
        self._start, self._eab, self._validity_s, self._ocsp = start, eab, validity_s, ocsp
        # A file for each: pebble opens its port before it reads them, a second one may be at it already.
        self._web = certs.issue("localhost", "127.0.0.1", file=f"pebble-web-{self.port}")
        self._env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
                     "PEBBLE_AUTHZREUSE": str(authz_reuse),
                     "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots), **(env or {})}
        self.dns = start("challtestsrv", [
            "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
            "-dns01", f"127.0.0.1:{self.dns_port}", "-http01", "", "-https01", "", "-tlsalpn01", "",
            "-management", f"127.0.0.1:{self.dns_management_port}"])
        self.dns.wait_for_port(self.dns_management_port)
        self.process = None
        self.start()

    def start(self):
        """Also after stop(): a new CA with new keys and no memory, at the same address."""
        settings = {"listenAddress": f"127.0.0.1:{self.port}",
                    "managementListenAddress": f"127.0.0.1:{self.management_port}",
                    "certificate": str(self._web.fullchain), "privateKey": str(self._web.key),
                    "httpPort": self.http_port, "tlsPort": self.tls_port, "ocspResponderURL": self._ocsp,
                    "externalAccountBindingRequired": bool(self._eab)}
        if self._eab:
            settings["externalAccountMACKeys"] = self._eab
        if self._validity_s:
            settings["certificateValidityPeriod"] = self._validity_s
        config = self.directory / "pebble.json"
        config.write_text(json.dumps({"pebble": settings}))
        self.process = self._start("pebble", [
            "pebble", "-config", config, "-strict", "-dnsserver", f"127.0.0.1:{self.dns_port}"],
            env=self._env)
        self.process.wait_for_port(self.port)
        self.process.wait_for_port(self.management_port)

    def stop(self):
        self.process.stop()

    def _get(self, url):
        context = ssl.create_default_context(cafile=str(self.ca_file))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                             urllib.request.HTTPSHandler(context=context))
        with opener.open(url, timeout=10) as answer:
            return answer.read()

    def root(self, number=0):
        """A file with the root that issued certificates chain to."""
        path = self.directory / f"root-{number}.pem"
        path.write_bytes(self._get(f"https://localhost:{self.management_port}/roots/{number}"))
        return path

    def intermediate(self):
        """Files with the certificate and the key that sign leaves."""
        paths = self.directory / "intermediate.pem", self.directory / "intermediate.key"
        paths[1].touch(mode=0o600)
        for path, what in zip(paths, ("intermediates", "intermediate-keys")):
            path.write_bytes(self._get(f"https://localhost:{self.management_port}/{what}/0"))
        return paths

    def set_address(self, name, address):
        """Let a name resolve to another IPv4 address (or to nothing: None)."""
        kind, body = ("clear-a", {"host": name}) if address is None else \
            ("add-a", {"host": name, "addresses": [address]})
        self.manage(kind, body)

    def manage(self, what, body):
        """A call of challtestsrv's management interface (add-a, set-txt, set-servfail, …)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.dns_management_port}/{what}",
                                         data=json.dumps(body).encode(), method="POST")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10):
            pass

    def log(self):
        return self.process.output()
