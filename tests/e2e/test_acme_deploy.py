# SPDX-License-Identifier: ISC
"""The whole loop with the real proxy: tinyproxyd shows the challenge, takes the certificate up, and
acme-issue and acme-renew see it on the wire."""
import hashlib

import pytest

from support.acme_site import Store, orders_made, result
from support.client import served_certificate


@pytest.fixture
def webroot(tmp_path):
    path = tmp_path / "www"
    path.mkdir()
    path.chmod(0o755)
    return path


class Site:
    """What Store wants of a site: where the web root is and who shows it."""

    def __init__(self, directory, port):
        self.directory, self.address = directory, f"127.0.0.1:{port}"


def configuration(http_port, https_port, webroot, cert, key):
    return f"""events {{ }}
http {{
    server {{ listen 127.0.0.1:{http_port}; server_name a.example; root {webroot}; }}
    server {{
        listen 127.0.0.1:{https_port} ssl;
        server_name a.example;
        ssl_certificate {cert};
        ssl_certificate_key {key};
        location / {{ return 200 "hello\\n"; }}
    }}
}}
"""


def served(port):
    return hashlib.sha256(served_certificate(port, "a.example")).hexdigest()


def test_from_self_signed_to_renewed_without_a_new_process(tinyproxyd, pebble, certs, webroot,
                                                           tmp_path, free_port):
    port = free_port()
    first = certs.issue("a.example", self_signed=True)
    proxy = tinyproxyd(configuration(pebble.http_port, port, webroot, first.cert, first.key))
    store = Store(tmp_path / "le", pebble, Site(webroot, pebble.http_port))
    workers = proxy.worker_pids()
    store.issue("a.example", arguments=["--reload", proxy.control])
    assert served(port) == first.sha256
    proxy.reload(configuration(pebble.http_port, port, webroot, store.live("a.example"),
                               store.live("a.example", "privkey")))
    assert served(port) == store.fingerprint("a.example")
    for number in (2, 3):
        done = store.renew("--force-renewal", "--reload", proxy.control, "--verify",
                           f"127.0.0.1:{port}", "--json")
        assert result(done)["lineages"][0]["outcome"] == "issued"
        assert store.number("a.example") == number
        assert served(port) == store.fingerprint("a.example")
    assert proxy.worker_pids() == workers


def test_a_proxy_that_serves_something_else_is_told(tinyproxyd, pebble, certs, webroot, tmp_path,
                                                    free_port):
    port = free_port()
    other = certs.issue("a.example", self_signed=True)
    proxy = tinyproxyd(configuration(pebble.http_port, port, webroot, other.cert, other.key))
    store = Store(tmp_path / "le", pebble, Site(webroot, pebble.http_port))
    done = store.issue("a.example", check=1, arguments=[
        "--reload", proxy.control, "--verify", f"127.0.0.1:{port}"])
    assert "does not serve the new certificate for a.example" in done.err
    assert store.number("a.example") == 1 and orders_made(pebble) == 1
    # The configuration corrected, the next run is content, without an order.
    proxy.reload(configuration(pebble.http_port, port, webroot, store.live("a.example"),
                               store.live("a.example", "privkey")))
    done = store.renew("--json")
    assert result(done)["lineages"][0]["outcome"] == "deployed" and orders_made(pebble) == 1


def test_each_address_given_must_show_it(tinyproxyd, pebble, certs, webroot, tmp_path, free_port):
    port, other_port = free_port(), free_port()
    other = certs.issue("a.example", self_signed=True)
    both = f"127.0.0.1:{port},127.0.0.1:{other_port}"
    first = tinyproxyd(configuration(pebble.http_port, port, webroot, other.cert, other.key))
    second = tinyproxyd(configuration(free_port(), other_port, webroot, other.cert, other.key))
    store = Store(tmp_path / "le", pebble, Site(webroot, pebble.http_port))
    store.issue("a.example", arguments=["--verify", "none"])
    live = store.live("a.example"), store.live("a.example", "privkey")
    first.reload(configuration(pebble.http_port, port, webroot, *live))
    done = store.renew("--force-renewal", "--reload", first.control, "--verify", both, check=1)
    assert f"127.0.0.1:{other_port} does not serve the new certificate for a.example" in done.err
    second.reload(configuration(free_port(), other_port, webroot, *live))
    done = store.renew("--json")
    assert result(done)["lineages"][0]["outcome"] == "deployed"
    for wrong in ("", f"127.0.0.1:{port},,", f"{both},nowhere"):
        assert "HOST:PORT" in store.renew("--verify", wrong, check=64).err


def test_a_proxy_whose_configuration_is_broken_serves_on(tinyproxyd, pebble, certs, webroot,
                                                         tmp_path, free_port):
    port = free_port()
    first = certs.issue("a.example", self_signed=True)
    text = configuration(pebble.http_port, port, webroot, first.cert, first.key)
    proxy = tinyproxyd(text)
    store = Store(tmp_path / "le", pebble, Site(webroot, pebble.http_port))
    proxy.expect_alerts = True          # the refused configuration is one
    proxy.write(text.replace("listen 127", "lisen 127"))
    done = store.issue("a.example", check=1, arguments=["--reload", proxy.control])
    assert "refused to reload and serves on as before" in done.err and "lisen" in done.err
    assert served(port) == first.sha256
    proxy.write(text)
    store.renew("--reload", proxy.control)
    assert store.under_way() == []
