# SPDX-License-Identifier: ISC
"""dhparam judged by openssl and nginx, and judging what openssl makes."""
import json
import re
import subprocess

import pytest


@pytest.fixture
def dhparam(tool, tmp_path):
    def run(*arguments, **more):
        return tool("dhparam", *arguments, cwd=tmp_path, **more)
    return run


def openssl(*arguments, cwd):
    done = subprocess.run(["openssl", *arguments], cwd=cwd, capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 6144, 8192])
def test_openssl_accepts_every_group(dhparam, tmp_path, bits):
    dhparam("-out", "dh.pem", bits)
    assert "appear to be ok" in openssl("dhparam", "-check", "-noout", "-in", "dh.pem", cwd=tmp_path)
    assert f"ffdhe{bits}" in openssl("dhparam", "-text", "-noout", "-in", "dh.pem", cwd=tmp_path)
    told = json.loads(dhparam("-check", "--json", "dh.pem").out)
    assert told == {"schema": 1, "bits": bits, "group": f"ffdhe{bits}", "prime": True,
                    "safe_prime": True, "generator": "2", "generator_order": "(p-1)/2",
                    "fit": True, "problem": None}


def test_default_goes_to_standard_output(dhparam, tmp_path):
    told = dhparam()
    assert told.out.startswith("-----BEGIN DH PARAMETERS-----\n") and told.err == ""
    dhparam("-2", "-out", "dh.pem")
    assert (tmp_path / "dh.pem").read_text() == told.out
    assert (tmp_path / "dh.pem").stat().st_mode & 0o777 == 0o644


def test_text_is_openssls(dhparam, tmp_path):
    told = dhparam("-text", "2048")
    (tmp_path / "dh.pem").write_text(told.out)
    assert told.out == openssl("dhparam", "-text", "-in", "dh.pem", cwd=tmp_path)
    assert dhparam("-in", "dh.pem", "-text", "-noout").out == \
        openssl("dhparam", "-text", "-noout", "-in", "dh.pem", cwd=tmp_path)


def test_nginx_handshakes_with_it(dhparam, tool, tmp_path, start, free_port):
    dhparam("-out", "dh.pem", "3072")
    tool("mkcert-selfsigned", "-newkey", "rsa:2048", "localhost", cwd=tmp_path)
    port = free_port()
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; pid nginx.pid; error_log stderr; events {{ }}
        http {{ access_log off; server {{ listen 127.0.0.1:{port} ssl;
            ssl_certificate {tmp_path}/localhost.crt; ssl_certificate_key {tmp_path}/localhost.key;
            ssl_protocols TLSv1.2; ssl_ciphers DHE-RSA-AES128-GCM-SHA256;
            ssl_dhparam {tmp_path}/dh.pem; return 204; }} }}""")
    start("nginx", ["nginx", "-p", tmp_path, "-c", "nginx.conf"]).wait_for_port(port)
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input="",
                          capture_output=True, text=True, timeout=60, check=False).stdout
    assert re.search(r"Server Temp Key: DH, 3072 bits", said)


def test_own_primes_are_judged(dhparam, tmp_path):
    openssl("dhparam", "-out", "small.pem", "512", cwd=tmp_path)
    refused = dhparam("-check", "small.pem", check=65)
    assert re.search(r"^bits +512$", refused.out, re.M) and "unfit" in refused.out
    assert "less than 2048 bits" in refused.err and "dhparam --force -out small.pem" in refused.err
    assert dhparam("-check", "-q", "small.pem", check=65).out == ""
    # Fast to make, of full size, and not a safe prime.
    openssl("dhparam", "-dsaparam", "-out", "unsafe.pem", "2048", cwd=tmp_path)
    refused = dhparam("-check", "--json", "unsafe.pem", check=65)
    told = json.loads(refused.out)
    assert told["prime"] and not told["safe_prime"] and not told["fit"]
    assert "safe prime" in told["problem"]


def test_existing_files_are_not_overwritten(dhparam, tmp_path):
    (tmp_path / "dh.pem").write_text("precious")
    refused = dhparam("-out", "dh.pem", check=73)
    assert "--force" in refused.err
    assert (tmp_path / "dh.pem").read_text() == "precious"
    dhparam("--force", "-out", "dh.pem")
    assert "DH PARAMETERS" in (tmp_path / "dh.pem").read_text()


@pytest.mark.parametrize("arguments, code, why", [
    (("1024",), 64, "2048, 3072"),
    (("2048", "4096"), 64, "one size"),
    (("x.pem",), 64, "dhparam -check x.pem"),
    (("-5",), 64, "generator 2"),
    (("--generate",), 64, "unknown option --generate"),
    (("-check",), 64, "needs one file"),
    (("-check", "-out", "y", "x.pem"), 64, "no file"),
    (("-check", "-2", "x.pem"), 64, "-2"),
    (("-in", "x.pem", "2048"), 64, "contradict"),
    (("--json",), 64, "-check"),
    (("-check", "missing.pem"), 66, "missing.pem"),
    (("-check", "/dev/null"), 65, "no DH parameters"),
    (("-out", "missing/dh.pem"), 73, "missing/dh.pem"),
])
def test_refusals(dhparam, tmp_path, arguments, code, why):
    refused = dhparam(*arguments, check=code)
    assert why in refused.err
    assert refused.out == ""
    assert list(tmp_path.iterdir()) == []
