# SPDX-License-Identifier: ISC
"""cert-info on files, lineages and live servers (openssl s_server, nginx, tinyproxyd); its fields
compared with openssl x509."""
import json
import re
import shutil

import pytest

from support import programs
from support.lineage import lineage
from support.nginx import NGINX, temp_paths
from support.process import run

SAMPLE = re.compile(r'^gatehouse_certificate_\w+\{(\w+="(?:[^"\\\n]|\\[\\"n])*",?)+\} -?\d+$')


@pytest.fixture
def info(tool):
    """cert-info --json …: its certificates."""
    def look(*arguments, check=0):
        done = json.loads(tool("cert-info", "--json", *arguments, check=check).out)
        assert done["schema"] == 1
        return done["certificates"]
    return look


def problems(certificate):
    return [problem["problem"] for problem in certificate["problems"]]


def chain(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def test_fields_are_those_of_openssl(info, certs):
    for key in ("ec", "rsa"):
        issued = certs.issue("a.example", "*.b.example", "192.0.2.1", key=key)
        mine = info(issued.fullchain)[0]
        said = run(["openssl", "x509", "-in", issued.cert, "-noout", "-serial", "-fingerprint",
                    "-sha256", "-dates", "-dateopt", "iso_8601", "-subject", "-issuer", "-nameopt",
                    "RFC2253"], check=0).out
        said = dict(line.split("=", 1) for line in said.splitlines())
        assert mine["serial"] == said["serial"]
        assert mine["sha256"] == said["sha256 Fingerprint"].replace(":", "").lower()
        assert mine["not_before"] == said["notBefore"].replace(" ", "T")
        assert mine["not_after"] == said["notAfter"].replace(" ", "T")
        assert mine["subject"] == said["subject"]
        assert mine["issuer"] == said["issuer"]
        assert mine["names"] == ["a.example", "*.b.example", "192.0.2.1"]
        assert mine["key"] == {"ec": "ECDSA P-256", "rsa": "RSA 2048"}[key]
        assert problems(mine) == []


def test_what_people_hand_over(info, tool, certs, tmp_path):
    """DER, standard input, what else there is in PEM, an address as a browser shows it, an empty store."""
    issued = certs.issue("a.example")
    der, request = tmp_path / "a.der", tmp_path / "a.csr"
    run(["openssl", "x509", "-in", issued.cert, "-outform", "DER", "-out", der], check=0)
    assert info(der)[0]["sha256"] == issued.sha256
    said = run([programs.path("cert-info"), "--json", "-"], stdin=issued.fullchain.read_text(), check=0)
    assert json.loads(said.out)["certificates"][0]["sha256"] == issued.sha256
    run(["openssl", "req", "-new", "-key", issued.key, "-subj", "/CN=a", "-out", request], check=0)
    for file, words in ((issued.key, "but a private key"), (request, "but a signing request")):
        assert words in info(file, check=65)[0]["error"]
    der.write_bytes(der.read_bytes()[:-1])
    assert "binary: DER, or PKCS#12" in info(der, check=65)[0]["error"]
    for url, address in (("https://127.0.0.1:1/x?y", "127.0.0.1:1"), ("https://[::1]:1", "[::1]:1")):
        looked = info(url, check=69)[0]
        assert (looked["kind"], looked["name"]) == ("server", address)
    (tmp_path / "store").mkdir()
    assert tool("cert-info", "--config-dir", tmp_path / "store", check=0).err == \
        f"cert-info: no lineage in {tmp_path}/store\n"
    assert tool("cert-info", "--config-dir", tmp_path / "store", "-q", check=0).err == ""


def test_what_is_wrong_with_files_is_named(info, tool, certs, tmp_path):
    good, other = certs.issue("a.example"), certs.issue("b.example")
    assert problems(info("--key", other.key, good.fullchain)[0]) == ["key-mismatch"]
    assert problems(info(chain(tmp_path / "pair.pem", good.fullchain, other.key))[0]) == ["key-mismatch"]
    assert problems(info(chain(tmp_path / "both.pem", good.key, good.fullchain))[0]) == []
    assert problems(info(good.cert)[0]) == ["chain-incomplete"]
    assert problems(info(chain(tmp_path / "mixed.pem", good.cert, other.cert, certs.ca))[0]) == \
        ["chain-misordered"]
    assert problems(info(certs.issue("a.example", days=-1, begins_days=-9).fullchain)[0]) == ["expired"]
    assert problems(info(certs.issue("a.example", days=9, begins_days=3).fullchain)[0]) == \
        ["not-yet-valid"]
    assert problems(info("--warn", "100d", good.fullchain)[0]) == ["expiring"]
    assert problems(info("--name", "c.example", good.fullchain)[0]) == ["name-not-covered"]
    weak = tmp_path / "weak.pem"
    run(["openssl", "req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:1024", "-sha1", "-subj",
         "/CN=a.example/O=\x1b[31mred", "-keyout", tmp_path / "weak.key", "-out", weak], check=0)
    assert problems(info(weak)[0]) == ["weak-key", "weak-signature", "no-names", "wrong-use"]
    assert "\x1b" not in tool("cert-info", weak, check=0).out
    upside_down = info(chain(tmp_path / "upside.pem", certs.ca, good.cert))[0]
    assert problems(upside_down) == ["chain-misordered"] and upside_down["state"] == "critical"
    # The key beside a certificate is checked without being asked for.
    beside = chain(tmp_path / "beside.crt", good.fullchain)
    chain(tmp_path / "beside.key", good.key)
    assert problems(info(beside)[0]) == []
    chain(tmp_path / "beside.key", other.key)
    assert problems(info(beside)[0]) == ["key-mismatch"]
    assert str(tmp_path / "beside.key") in info(beside)[0]["problems"][0]["text"]
    (tmp_path / "beside.key").write_text("nothing\n")
    assert problems(info(beside)[0]) == []
    (tmp_path / "none.pem").write_text("nothing\n")
    tool("cert-info", tmp_path / "none.pem", check=65)
    tool("cert-info", tmp_path / "missing.pem", check=66)
    tool("cert-info", tmp_path / "missing.pem", good.fullchain, check=1)


def test_servers_are_looked_at(info, tool, certs, start, free_port, tmp_path):
    good = certs.issue("localhost", "127.0.0.1")
    port = free_port()
    server = start("s_server", ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
                                good.cert, "-key", good.key, "-quiet"])
    server.wait_for_port(port)
    assert problems(info(f"127.0.0.1:{port}")[0]) == ["chain-incomplete"]
    assert problems(info("--name", "b.example", f"127.0.0.1:{port}")[0]) == \
        ["chain-incomplete", "name-not-covered"]
    expired = certs.issue("localhost", "127.0.0.1", days=-1, begins_days=-9)
    port, conf = free_port(), tmp_path / "nginx.conf"
    conf.write_text(f"daemon off; pid {tmp_path}/pid; events {{ }} http {{ access_log off; {temp_paths(tmp_path)}\nserver {{ "
                    f"listen 127.0.0.1:{port} ssl; ssl_certificate {expired.fullchain};\n"
                    f"ssl_certificate_key {expired.key}; }} }}\n")
    nginx = start("nginx", [NGINX, "-p", tmp_path, "-c", conf, "-e", tmp_path / "error.log"])
    nginx.wait_for_port(port)
    seen = info(f"127.0.0.1:{port}")[0]
    assert problems(seen) == ["expired"]
    assert seen["sha256"] == expired.sha256
    tool("cert-info", f"127.0.0.1:{free_port()}", check=69)


def test_disk_and_wire_are_compared(info, tool, certs, tinyproxyd, free_port, tmp_path):
    old, new = certs.issue("a.example"), certs.issue("a.example")
    store, port = tmp_path / "le", free_port()
    lineage(store, "a.example", new)
    proxy = """http { server { listen 127.0.0.1:%d ssl; server_name a.example; return 204;
        ssl_certificate %s; ssl_certificate_key %s; } }"""
    served = tinyproxyd(proxy % (port, old.fullchain, old.key))
    look = ["--config-dir", store, "--verify", f"127.0.0.1:{port}", "a.example"]
    seen = info(*look)[0]
    assert (seen["wire"], problems(seen)) == ("different", ["wire-differs"])
    served.reload(proxy % (port, store / "live/a.example/fullchain.pem",
                           store / "live/a.example/privkey.pem"))
    seen = info(*look)[0]
    assert (seen["wire"], problems(seen)) == ("same", [])
    served.stop()
    assert problems(info(*look)[0]) == ["wire-unreachable"]


def test_the_store_is_listed_and_checked(info, tool, certs, tmp_path):
    store = tmp_path / "le"
    good, soon = certs.issue("a.example"), certs.issue("b.example", days=10, begins_days=-80)
    lineage(store, "a.example", good)
    check = ["--check", "--warn", "20d", "--crit", "7d", "--config-dir", store]
    assert tool("cert-info", *check, check=0).out.startswith("CERTIFICATES OK - 1 certificate")
    lineage(store, "b.example", soon)
    assert re.search(r"b\.example: the certificate ends in (9|10) days", tool("cert-info", *check, check=1).out)
    seen = {one["name"]: one for one in info("--config-dir", store)}
    assert (seen["a.example"]["due"], seen["b.example"]["due"]) == (False, True)
    note = store / "gatehouse" / "deploy" / "a.example.json"
    note.parent.mkdir(parents=True)
    note.write_text('{"schema":1,"problem":"nobody reloaded"}\n')
    assert problems(info("--config-dir", store, "a.example")[0]) == ["not-deployed"]
    note.unlink()
    lineage(store, "c.example", good, key=soon.key)
    assert problems(info("--config-dir", store, "c.example")[0]) == ["key-mismatch"]
    out = tool("cert-info", *check, "--full", check=2).out
    assert out.count("\n") == 1 and "CRITICAL - c.example: the private key" in out
    assert re.search(r" \| critical=1 warning=1 unknown=0 ok=1 'a\.example'=\d+s;1728000:;604800:", out)
    (store / "archive/b.example/fullchain1.pem").write_text("")
    assert "UNKNOWN" in tool("cert-info", *check, check=3).out
    assert "CERTIFICATES UNKNOWN" in tool("cert-info", "--check", "--config-dir", tmp_path / "le/live/x",
                                          tmp_path / "none.pem", check=3).out
    tool("cert-info", "--check", "--warn", "1d", "--crit", "2d", check=3)


def test_metrics_are_well_formed(tool, certs, tmp_path):
    issued = certs.issue("a.example", days=1, begins_days=-89)
    odd = tmp_path / 'quo"te\\.pem'
    shutil.copy(issued.fullchain, odd)
    lines = tool("cert-info", "--prometheus", odd, odd, check=0).out.splitlines()
    samples = [line for line in lines if not line.startswith("# ")]
    assert all(SAMPLE.match(line) for line in samples), samples
    assert len(samples) == len({line.rsplit(" ", 1)[0] for line in samples}) > 3
    types = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(types) == len(set(types)) and {line.split("{")[0] for line in samples} <= set(types)
    assert any('problem="expiring",weight="critical"' in line for line in samples)


def test_a_timeline_fits_the_terminal(tool, certs):
    issued = certs.issue("a.example", days=60, begins_days=-30)
    for columns in (60, 80, 200):
        out = tool("cert-info", "--timeline", issued.fullchain, check=0, env={"COLUMNS": str(columns)}).out
        widths = [len(line) for line in out.splitlines()]
        assert max(widths) <= columns and max(widths) > columns - 10
        assert "|" in out and "\x1b" not in out


def test_a_store_of_hundreds_in_little_memory(info, tool, certs, tmp_path):
    store, count = tmp_path / "le", 300
    good, soon = certs.issue("a.example"), certs.issue("b.example", days=10, begins_days=-80)
    for number in range(count):
        lineage(store, f"n{number:03}.example", soon if number % 10 == 7 else good)
    seen = info("--config-dir", store)
    assert [one["name"] for one in seen] == [f"n{number:03}.example" for number in range(count)]
    assert [one["due"] for one in seen] == [number % 10 == 7 for number in range(count)]
    assert tool("cert-info", "--config-dir", store, check=0).out.count("\n") >= count
