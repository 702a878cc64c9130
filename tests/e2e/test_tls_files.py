# SPDX-License-Identifier: ISC
"""Certificates that change on disk come into service by themselves, and validation certificates come and go."""
import os
import shutil
import ssl

import pytest

from support.certs import Certs, file_fingerprint, fingerprint
from support.client import Client, get, served_certificate, tls_context
from support.process import run
from support.wait import DEADLINE_S, wait_until


def server(port, name, certificate, key, lines=""):
    return f"""server {{ listen 127.0.0.1:{port} ssl; server_name {name};
        ssl_certificate {certificate}; ssl_certificate_key {key}; {lines} return 200 "$ssl_server_name"; }}"""


def serves(port, name, sha256):
    return fingerprint(served_certificate(port, name)) == sha256


def copy_pair(issued, directory):
    directory.mkdir(exist_ok=True)
    shutil.copy(issued.fullchain, directory / "fullchain.pem")
    shutil.copy(issued.key, directory / "privkey.pem")


def link_pair(live, archive, n):
    """As certbot has it: links in live to files in archive."""
    live.mkdir(parents=True, exist_ok=True)
    for name in ("fullchain", "privkey"):
        temporary = live / f".{name}"
        temporary.symlink_to(f"../../archive/{archive.name}/{name}{n}.pem")
        os.replace(temporary, live / f"{name}.pem")


def test_every_way_a_certificate_is_replaced(tinyproxyd, free_port, certs, tmp_path):
    """Written over, renamed over, certbot's links swung one by one, the store's directory exchanged; no reload at all."""
    port, store = free_port(), tmp_path / "store"
    first = {name: certs.issue(f"{name}.example") for name in ("over", "rename", "certbot", "store", "off")}
    archives = {}
    for name in ("certbot", "store"):
        archives[name] = store / "archive" / name
        archives[name].mkdir(parents=True)
        shutil.copy(first[name].fullchain, archives[name] / "fullchain1.pem")
        shutil.copy(first[name].key, archives[name] / "privkey1.pem")
        link_pair(store / "live" / name, archives[name], 1)
    for name in ("over", "rename", "off"):
        copy_pair(first[name], tmp_path / name)
    def at(name):
        return store / "live" / name if name in archives else tmp_path / name
    config = "http {" + "\n".join(
        server(port, f"{name}.example", at(name) / "fullchain.pem", at(name) / "privkey.pem",
               "ssl_certificate_watch off;" if name == "off" else "") for name in first) + "}"
    proxy = tinyproxyd(config)
    for name, issued in first.items():
        assert serves(port, f"{name}.example", issued.sha256)
    # Half-written configurations are none of this.
    proxy.config.write_text("http { nonsense")
    with Client(port, tls=True, server_name="over.example") as client:
        for turn in range(2):
            fresh = {name: certs.issue(f"{name}.example") for name in first}
            copy_pair(fresh["over"], at("over"))
            copy_pair(fresh["off"], at("off"))
            copy_pair(fresh["rename"], tmp_path / "rename.new")
            for file in ("fullchain.pem", "privkey.pem"):
                os.replace(tmp_path / "rename.new" / file, at("rename") / file)
            for name in archives:
                shutil.copy(fresh[name].fullchain, archives[name] / f"fullchain{turn + 2}.pem")
                shutil.copy(fresh[name].key, archives[name] / f"privkey{turn + 2}.pem")
            link_pair(at("certbot"), archives["certbot"], turn + 2)
            link_pair(store / "live" / "new", archives["store"], turn + 2)
            os.rename(at("store"), store / "live" / "old")
            os.rename(store / "live" / "new", at("store"))
            shutil.rmtree(store / "live" / "old")
            for name in ("over", "rename", "certbot", "store"):
                wait_until(lambda: serves(port, f"{name}.example", fresh[name].sha256), f"{name} to be served anew")
        assert serves(port, "off.example", first["off"].sha256)
        assert client.request("/", host="over.example").body == b"over.example"
    assert "taking" in proxy.error_log.read_text() and not proxy.errors()


def test_what_cannot_be_used_changes_nothing(tinyproxyd, free_port, certs, tmp_path):
    port, good, other = free_port(), certs.issue("a.example"), certs.issue("b.example")
    site = tmp_path / "site"
    copy_pair(good, site)
    proxy = tinyproxyd("http {" + server(port, "a.example", site / "fullchain.pem", site / "privkey.pem") + "}")
    shutil.copy(other.key, site / "privkey.pem")
    assert proxy.wait_for_error("cannot use certificate .*the previous one stays in service")
    assert serves(port, "a.example", good.sha256)
    (site / "fullchain.pem").write_text("-----BEGIN")
    assert proxy.wait_for_error("cannot use certificate .*fullchain.pem.*")
    assert serves(port, "a.example", good.sha256)
    fresh = certs.issue("a.example")
    copy_pair(fresh, site)
    wait_until(lambda: serves(port, "a.example", fresh.sha256), "the mended pair to be served")
    # A worker that starts later gets it too, and a reload takes up the configuration of the disk as ever.
    proxy.reload()
    assert serves(port, "a.example", fresh.sha256)


def stapled(port, name, *arguments):
    """openssl's account of the OCSP response it is shown, or None."""
    done = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-status", *arguments],
               stdin="", deadline_s=DEADLINE_S)
    return None if "OCSP response: no response sent" in done.out else done.out


def test_stapling_from_files(tinyproxyd, free_port, certs, tmp_path):
    port, strangers = free_port(), Certs(tmp_path / "strangers")
    ec, rsa, own = certs.issue("a.example"), certs.issue("a.example", key="rsa"), certs.issue("own.example")
    late, wrong, forged, none = (certs.issue(f"{name}.example") for name in ("late", "wrong", "forged", "none"))
    def put(issued, response, where=None):
        path = where or issued.fullchain.with_name(issued.fullchain.name + ".ocsp")
        path.with_suffix(".new").write_bytes(response)
        path.with_suffix(".new").rename(path)
    put(ec, certs.ocsp(ec))
    put(rsa, certs.ocsp(rsa))
    put(own, certs.ocsp(own), tmp_path / "own.der")
    put(late, certs.ocsp(late, begins_s=-7200, ends_s=-3600))
    put(wrong, certs.ocsp(own))
    put(forged, certs.ocsp(forged, signer=strangers))
    proxy = tinyproxyd(f"""http {{ ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate {certs.ca};
        server {{ listen 127.0.0.1:{port} ssl; server_name a.example; return 200 "";
            ssl_certificate {ec.fullchain}; ssl_certificate_key {ec.key};
            ssl_certificate {rsa.fullchain}; ssl_certificate_key {rsa.key}; }}
        {server(port, "own.example", own.fullchain, own.key, f"ssl_stapling_file {tmp_path}/own.der;")}
        {server(port, "off.example", own.fullchain, own.key, "ssl_stapling off;")}
        {"".join(server(port, f"{name}.example", one.fullchain, one.key)
                 for name, one in (("late", late), ("wrong", wrong), ("forged", forged), ("none", none)))} }}""")
    serial = f"Serial Number: {ec.x509.serial_number:X}"
    for arguments, issued in ((["-sigalgs", "ECDSA+SHA256"], ec), (["-sigalgs", "rsa_pss_rsae_sha256"], rsa)):
        for version in ("-tls1_2", "-tls1_3"):
            text = stapled(port, "a.example", version, *arguments)
            assert "Cert Status: good" in text and f"{issued.x509.serial_number:X}" in text, (serial, text)
    assert "Cert Status: good" in stapled(port, "own.example")
    for name, why in (("late", "it is out of date"), ("wrong", "it is about another certificate"),
                      ("forged", "its signature cannot be verified"), ("none", "no OCSP responder is named in it")):
        assert stapled(port, f"{name}.example") is None
        assert proxy.wait_for_error(rf'\[warn\].*"ssl_stapling" has nothing to show for .*{name}.*: {why}')
    assert stapled(port, "off.example") is None
    # A new one is taken up by itself.
    put(late, certs.ocsp(late))
    wait_until(lambda: stapled(port, "late.example"), "the new response to be shown")
    proxy.write("http { " + server(port, "a.example", ec.fullchain, ec.key, "ssl_stapling_responder http://x/;") + " }")
    assert "OCSP responses are taken from files" in proxy.run("-t", check=1).err
    proxy.forget_errors()


def test_servers_that_share_a_certificate_share_its_response(tinyproxyd, free_port, certs, tmp_path):
    """The file that one of them names is for all that staple, and checked where one of them says so."""
    port, site, strangers = free_port(), certs.issue("a.example", "b.example"), Certs(tmp_path / "strangers")
    def config(verify):
        return "http { ssl_stapling on;" + server(port, "a.example", site.fullchain, site.key) \
            + server(port, "b.example", site.fullchain, site.key, f"ssl_stapling_file {tmp_path}/own.der; {verify}") + " }"
    (tmp_path / "own.der").write_bytes(certs.ocsp(site, signer=strangers))
    proxy = tinyproxyd(config(""))
    for name in ("a.example", "b.example"):
        assert "Cert Status: good" in stapled(port, name)
    proxy.reload(config(f"ssl_stapling_verify on; ssl_trusted_certificate {certs.ca};"))
    assert stapled(port, "a.example") is None and stapled(port, "b.example") is None
    assert proxy.wait_for_error("its signature cannot be verified")
    proxy.forget_errors()


def validated(port, name, alpn=("acme-tls/1",)):
    """The certificate shown to a CA, in DER."""
    context = tls_context(alpn=list(alpn))
    with Client(port, tls=context, server_name=name) as client:
        assert client.sock.selected_alpn_protocol() == "acme-tls/1"
        shown = client.sock.getpeercert(True)
        assert client.until_closed() == b""
        return shown


def test_names_are_proved_through_it_without_a_reload(tinyproxyd, make_pebble, free_port, certs, tool, tmp_path):
    """acme-issue, tls-alpn-01, pebble: twice, at a proxy whose default server keeps everybody out."""
    port, store = free_port(), tmp_path / "store"
    pebble = make_pebble(tls_port=port)
    site = certs.issue("other.example", key="rsa")
    proxy = tinyproxyd(f"""worker_processes 2;
http {{ acme_tls_alpn {store};
    server {{ listen 127.0.0.1:{port} ssl http2 default_server; ssl_reject_handshake on; ssl_protocols TLSv1.3;
        ssl_verify_client on; ssl_client_certificate {certs.ca}; }}
    {server(port, "other.example", site.cert, site.key)}
}}""")
    for name in ("one.example", "two.example"):
        tool("acme-issue", "--config-dir", store, "--server", pebble.directory_url, "--ca-file", pebble.ca_file,
             "--agree-tos", "--register-unsafely-without-email", "--tinyproxyd", "--preflight", f"127.0.0.1:{port}", "-d", name,
             check=0)
        assert file_fingerprint(store / "live" / name / "fullchain.pem")
    assert "answering acme-tls/1 for \"two.example\"" in proxy.error_log.read_text()
    # Nothing is left to be shown, and nobody else noticed.
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        validated(port, "one.example")
    assert get(port, tls=True, server_name="other.example", host="other.example").status == 200
    assert not list((store / "gatehouse" / "acme-tls").glob("*.pem"))
    assert not proxy.errors()


def test_only_validation_certificates_are_shown_that_way(tinyproxyd, free_port, certs, tmp_path):
    port, store, site = free_port(), tmp_path / "store", certs.issue("a.example")
    proxy = tinyproxyd(f"http {{ acme_tls_alpn {store}/; {server(port, 'a.example', site.cert, site.key)} }}")
    directory = store / "gatehouse" / "acme-tls"
    assert directory.stat().st_mode & 0o777 == 0o700
    temporary = directory / ".a"
    temporary.write_bytes(site.key.read_bytes() + site.cert.read_bytes())
    temporary.rename(directory / "a.example.pem")
    assert proxy.wait_for_error("a.example.pem: this is no validation certificate")
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        validated(port, "a.example")
