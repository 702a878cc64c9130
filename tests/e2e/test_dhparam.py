# SPDX-License-Identifier: ISC
"""dhparam judged by openssl and nginx, and judging what openssl makes."""
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from support import programs
from support.nginx import temp_paths


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


def handshake_with_nginx(tool, tmp_path, start, free_port):
    """The size of the group that nginx offers with dh.pem."""
    tool("mkcert-selfsigned", "-newkey", "rsa:2048", "localhost", cwd=tmp_path)
    port = free_port()
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; pid nginx.pid; error_log stderr; events {{ }}
        http {{ access_log off; {temp_paths(tmp_path)} server {{ listen 127.0.0.1:{port} ssl;
            ssl_certificate {tmp_path}/localhost.crt; ssl_certificate_key {tmp_path}/localhost.key;
            ssl_protocols TLSv1.2; ssl_ciphers DHE-RSA-AES128-GCM-SHA256;
            ssl_dhparam {tmp_path}/dh.pem; return 204; }} }}""")
    start("nginx", ["nginx", "-p", tmp_path, "-c", "nginx.conf"]).wait_for_port(port)
    said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input="",
                          capture_output=True, text=True, timeout=60, check=False).stdout
    return int(re.search(r"Server Temp Key: DH, (\d+) bits", said)[1])


def test_nginx_handshakes_with_it(dhparam, tool, tmp_path, start, free_port):
    dhparam("-out", "dh.pem", "3072")
    assert handshake_with_nginx(tool, tmp_path, start, free_port) == 3072


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
    (("--generate", "-check", "x.pem"), 64, "-check"),
    (("--generate", "-in", "x.pem"), 64, "-in"),
    (("--generate", "1023"), 64, "steps of 8"),
    (("--generate", "many"), 64, "not a number"),
    (("--generate", "--threads", "0"), 64, "--threads"),
    (("--generate", "--threads", "1025"), 64, "--threads"),
    (("--generate", "--kernel", "abacus"), 64, "abacus"),
    (("--generate", "--json", "-noout"), 64, "--stats"),
    (("--generate", "--json", "--stats"), 64, "-out FILE"),
    (("--threads", "2"), 64, "--generate"),
    (("--stats",), 64, "--generate"),
    (("--kernel", "word"), 64, "--generate"),
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


# ---- --generate

def test_fresh_groups_please_openssl_and_us(dhparam, tmp_path):
    dhparam("--generate", "-q", "-out", "a.pem", "1024")
    made = dhparam("--generate", "-2", "-q", "1024")
    assert made.err == ""
    (tmp_path / "b.pem").write_text(made.out)
    assert (tmp_path / "a.pem").read_text() != made.out
    assert (tmp_path / "a.pem").stat().st_mode & 0o777 == 0o644
    for name in ("a.pem", "b.pem"):
        assert "appear to be ok" in openssl("dhparam", "-check", "-noout", "-in", name, cwd=tmp_path)
        # Too small, and nothing else.
        told = json.loads(dhparam("-check", "--json", name, check=65).out)
        assert (told["bits"], told["group"], told["safe_prime"], told["generator"],
                told["generator_order"]) == (1024, None, True, "2", "(p-1)/2")
        assert "2048" in told["problem"]


def test_fresh_group_of_full_size_serves_nginx(dhparam, tool, tmp_path, start, free_port):
    dhparam("--generate", "-out", "dh.pem", deadline_s=300)
    assert json.loads(dhparam("-check", "--json", "dh.pem").out)["fit"]
    assert handshake_with_nginx(tool, tmp_path, start, free_port) == 2048


@pytest.mark.parametrize("threads", [1, 3])
def test_search_is_told_in_numbers(dhparam, tmp_path, threads):
    made = dhparam("--generate", "--threads", threads, "--kernel", "word", "--stats", "--json",
                   "-out", "dh.pem", "512")
    told = json.loads(made.out)
    assert told["schema"] == 1 and told["found"] is True and told["bits"] == 512
    assert told["threads"] == threads and told["kernel"] == "word"
    assert told["candidates"] >= told["exponentiations"] / 2 >= 1
    assert told["closing_rounds"] >= 64 and told["windows"] >= 1
    # 1 / (9 * 0.88 / (ln p * ln q)), and what a sieve to 2^20 leaves of it.
    assert told["candidates_expected"] == pytest.approx(15840, rel=0.01)
    assert told["exponentiations_expected"] == pytest.approx(206, rel=0.02)
    cost = told["tests_cpu_s"] / told["exponentiations"] * 1e6
    assert told["exponentiation_cpu_us"] == pytest.approx(cost, rel=0.01)
    made = dhparam("--generate", "--threads", threads, "--stats", "512")
    assert made.out.startswith("-----BEGIN DH PARAMETERS-----")
    for word in ("candidates", "exponentiations", "sieve", "closing rounds", f"{threads} thread"):
        assert word in made.err


def test_phases_are_lines_elsewhere(dhparam):
    made = dhparam("--generate", "512", "-noout")
    assert "\r" not in made.err and "\x1b" not in made.err
    assert "warning: less than 2048 bits" in made.err


def seen_on_terminal(wanted):
    """What a search shows on a terminal, interrupted when the wanted words have come."""
    ours, its = pty.openpty()
    search = subprocess.Popen([programs.path("dhparam"), "--generate", "-noout", "2048"],
                              stderr=its, stdout=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"})
    os.close(its)
    seen = ""
    try:
        while True:
            seen += os.read(ours, 4096).decode()
            if wanted in seen:
                search.send_signal(signal.SIGINT)
    except OSError:
        # EIO: the other side is closed.
        search.wait(timeout=60)
    finally:
        search.kill()
        search.wait()
        os.close(ours)
    return seen


def test_progress_is_one_line_on_a_terminal():
    # One in fifteen searches is over before the first tenth of a second is.
    for _ in range(6):
        seen = seen_on_terminal("candidates/s")
        if "candidates/s" in seen:
            break
    assert re.search(r"\r\x1b\[K2048 bits, \d+ threads?: \d+ candidates/s, \d+ s so far, \d+ s more "
                     r"expected", seen)
    assert seen.index("\r\x1b[K") == 0 and "\n" not in seen.split("dhparam:")[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_writes_nothing(tmp_path, number):
    search = subprocess.Popen(
        [programs.path("dhparam"), "--generate", "--stats", "--json", "-out", "dh.pem", "8192"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "sieving" in search.stderr.readline()
        search.send_signal(number)
        out, err = search.communicate(timeout=60)
    finally:
        search.kill()
        search.wait()
    assert search.returncode == 128 + number
    assert "interrupted, nothing was written" in err
    assert json.loads(out)["found"] is False
    assert list(tmp_path.iterdir()) == []


def test_no_search_for_what_could_not_be_written(dhparam, tmp_path):
    (tmp_path / "dh.pem").write_text("precious")
    # 8192 bits would take many minutes.
    refused = dhparam("--generate", "-out", "dh.pem", "8192", check=73)
    assert "--force" in refused.err and "sieving" not in refused.err
    dhparam("--generate", "--force", "-q", "-out", "dh.pem", "512")
    assert "DH PARAMETERS" in (tmp_path / "dh.pem").read_text()
