# SPDX-License-Identifier: ISC
"""What holds for every command: help, version, manual page, quiet, verbose, JSON, exit codes, completion."""
import json
import os
import pty
import re
import subprocess

import pytest

from support import programs
from support.process import run

# name -> section of its manual page; all that cmd/ has.
COMMANDS = {path.stem: "8" if path.stem.startswith("tinyproxy") else "1"
            for path in sorted((programs.ROOT / "cmd").glob("*.c"))}
# tinyproxyd keeps nginx's conventions: exit code 1 for everything, -v for the version, nothing as JSON.
OWN = [name for name in COMMANDS if name != "tinyproxyd"]
EVERY = pytest.mark.parametrize("name", COMMANDS)
EVERY_OWN = pytest.mark.parametrize("name", OWN)


def words_of(name, *line):
    return run([programs.path(name), "--completion-words", *line], check=0).out.splitlines()


def manual(name):
    return (programs.ROOT / "man" / f"{name}.{COMMANDS[name]}").read_text()


@EVERY
def test_help_and_version(name):
    done = run([programs.path(name), "--help"], check=0)
    assert done.err == "" and done.out == run([programs.path(name), "-h"], check=0).out
    assert done.out.startswith(f"Usage: {name} ")
    assert 0 < done.out.index("\nExamples:\n  " + name) < done.out.index("\nOptions:\n")
    assert re.search(r"Exit (codes?|status):", done.out)
    assert max(map(len, done.out.splitlines())) <= 110
    version = run([programs.path(name), "--version"], check=0)
    assert re.fullmatch(rf"{name} \(Gatehouse\) [\d.]+\n", version.out) and version.err == ""
    with open("/dev/full", "w", encoding="ascii") as full:
        code = subprocess.run([programs.path(name), "--help"], stdout=full, check=False,
                              stderr=subprocess.PIPE, text=True)
    assert code.returncode == (1 if name == "tinyproxyd" else 74)
    assert code.stderr.startswith(f"{name}: cannot write to standard output: ")


@EVERY
def test_manual_page(name):
    page = manual(name)
    sections = re.findall(r"^\.Sh (.*)$", page, re.M)
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]:
        assert section in sections
    assert ("FILES" in sections) == (name != "dhparam")  # which has none but those it is given
    for word in [word for word in words_of(name) if word.startswith("-")]:
        written = re.escape(word.lstrip("-"))
        letter = r"Fl (?:\w+ , Fl )?" if not word.startswith("--") else "Fl Fl "
        assert re.search(rf"{letter}{written}\b", page) or re.search(
            rf"\bFl {written}\b", page), f"{word} is not in {name}'s page"
    # Every code that --help speaks of is explained.
    status = page[page.index(".Sh EXIT STATUS"):]
    told = run([programs.path(name), "--help"], check=0).out
    told = re.split(r"Exit (?:codes?|status):", told)[1]
    for code in re.findall(r"(?<![\w-])(\d{1,3}) [a-z]", told):
        assert re.search(rf"^\.It (Li )?.*\b{code}\b", status, re.M), f"{code} is not in {name}'s page"


@EVERY
def test_mistakes_of_the_command_line(name):
    usage = 1 if name == "tinyproxyd" else 64
    for words, text in ((["--no-such-option"], "unknown option --no-such-option"),
                        (["--hlep"], "did you mean --help?"),
                        (["–q"], "en dash (U+2013)")):
        done = run([programs.path(name), *words], stdin="")
        assert done.out == ""
        first, *hints = done.err.splitlines()
        assert first.startswith(f"{name}: ") and all(line.startswith("  ") for line in hints)
        assert done.code == usage and text in done.err, done


@EVERY_OWN
def test_what_each_has(name):
    have = words_of(name)
    assert {"-q", "--quiet", "-v", "--verbose", "--json", "-h", "--help", "--version"} <= set(have)


# ---- exit codes ----------------------------------------------------------------------------------

CODES = [
    (64, ["acme-issue"], "no name"),
    (64, ["acme-issue", "--jobs", "0", "-d", "a.example"], "not a number from 1 to 64"),
    (64, ["acme-renew", "--server", "letsencrypt"], "--dry-run"),
    (64, ["acme-revoke"], "which certificate?"),
    (64, ["acme-account"], "no command is given"),
    (64, ["cert-info", "--warn", "soon"], "no duration"),
    (64, ["dhparam", "many"], "not a number of bits"),
    (64, ["mkcert-selfsigned"], "no name"),
    (64, ["tinyproxyctl"], "no command given"),
    (65, ["acme-revoke", "--cert-path", "junk"], "junk"),
    (65, ["cert-info", "./junk"], ""),
    (65, ["dhparam", "-check", "junk"], "junk"),
    (65, ["mkcert-selfsigned", "-key", "junk", "a.example"], "junk"),
    (66, ["acme-renew", "--cert-name", "none"], "there is no lineage none"),
    (66, ["acme-revoke", "--cert-path", "missing"], "missing"),
    (66, ["acme-account", "show"], "there is no account"),
    (66, ["cert-info", "./missing"], ""),
    (66, ["dhparam", "-check", "missing"], "missing"),
    (66, ["mkcert-selfsigned", "--ca-dir", "none", "--list"], ""),
    (69, ["acme-account", "register", "--agree-tos", "--server", "https://127.0.0.1:1/dir"], "127.0.0.1"),
    (69, ["cert-info", "127.0.0.1:1"], ""),
    (69, ["tinyproxyctl", "--socket", "missing", "status"], "is it running?"),
    (73, ["dhparam", "-out", "junk"], "junk exists"),
    (73, ["mkcert-selfsigned", "-out", "junk", "-keyout", "k", "a.example"], "junk exists"),
    (73, ["dhparam", "-out", "none/x"], "none/x"),
]


@pytest.mark.parametrize("code, words, text", CODES, ids=[f"{row[0]} {' '.join(row[1])}" for row in CODES])
def test_exit_codes(code, words, text, tmp_path):
    (tmp_path / "junk").write_text("no PEM at all\n")
    store = ["--config-dir", "store"] if words[0].startswith(("acme-", "cert-")) else []
    done = run([programs.path(words[0]), *store, *words[1:]], cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert done.code == code, done
    assert text in done.err
    if words[0] != "cert-info":  # which tells what it could not read in its table
        assert done.out == "" and done.err.startswith(f"{words[0]}: ")
    quiet = run([programs.path(words[0]), *store, "-q", *words[1:]], cwd=tmp_path, env={"HOME": str(tmp_path)})
    assert quiet.code == code
    assert re.sub(r"\d+ ms", "", quiet.err) == re.sub(r"\d+ ms", "", done.err)


def test_exit_code_of_lacking_permission(tmp_path):
    mkcert = [programs.path("mkcert-selfsigned"), "--ca-dir", tmp_path / "ca"]
    run([*mkcert, "-q", "--ca-init"], check=0)
    (tmp_path / "ca/ca.key").chmod(0o644)
    done = run([*mkcert, "--list"])
    assert done.code == 77 and "is open to others (mode 0644)\n  chmod 600 " in done.err, done


@pytest.mark.parametrize("words", [["mkcert-selfsigned", "--list", "--ca-dir", "ca"], ["dhparam"], ["cert-info", "./a.example.crt"],
                                   ["acme-account", "list", "--config-dir", "store"]],
                         ids=lambda words: words[0])
def test_what_cannot_be_printed_is_told(words, tmp_path):
    run([programs.path("mkcert-selfsigned"), "-q", "--ca-init", "--ca-dir", "ca"], cwd=tmp_path, check=0)
    run([programs.path("mkcert-selfsigned"), "-q", "--ca-dir", "ca", "a.example"], cwd=tmp_path, check=0)
    key = tmp_path / "store/accounts/acme.invalid/dir" / ("0" * 32)
    key.mkdir(parents=True)
    (key / "private_key.json").write_text("{}")
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([programs.path(words[0]), *words[1:]], cwd=tmp_path, stdout=full,
                              stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    assert "cannot write to standard output" in done.stderr, done
    assert done.returncode == 74


# ---- quiet, verbose, JSON ------------------------------------------------------------------------

# What succeeds without network: (command, a word of its output, a word of --verbose)
WORKS = [
    (["mkcert-selfsigned", "a.example"], "certificate", "wrote a.example.crt"),
    (["mkcert-selfsigned", "--ca-init", "--ca-dir", "ca"], "", "wrote the CA's key and certificate to ca"),
    (["dhparam", "-check", "group.pem"], "fit", "read "),
    (["dhparam", "--generate", "-out", "new.pem", "--stats", "512"], "", "wrote new.pem"),
    (["acme-account", "--config-dir", "store", "list"], "", "0 requests over 0 connections"),
    (["acme-renew", "--config-dir", "store"], "", "0 requests over 0 connections"),
]


@pytest.mark.parametrize("words, text, step", WORKS, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_quiet_verbose_and_json(words, text, step, tmp_path):
    def call(directory, *more):
        (tmp_path / directory).mkdir()
        run([programs.path("dhparam"), "-q", "-out", "group.pem"], cwd=tmp_path / directory, check=0)
        return run([programs.path(words[0]), *words[1:], *more], cwd=tmp_path / directory, check=0)
    plain, verbose = call("plain"), call("verbose", "-v")
    assert text in plain.out and step not in plain.err.splitlines()
    assert step in verbose.err and all(
        line.startswith(f"{words[0]}: ") for line in verbose.err.splitlines() if step in line)
    if "--stats" not in words:
        assert len(verbose.out.splitlines()) == len(plain.out.splitlines())
        quiet = call("quiet", "-q")
        assert (quiet.out, quiet.err) == ("", "")
    answer = json.loads(call("json", "--json").out)
    assert answer["schema"] == 1


def test_every_replaced_file_is_told(tmp_path):
    mkcert = [programs.path("mkcert-selfsigned"), "-v", "--pkcs12", "a.example"]
    assert [line.split(": ", 1)[1] for line in run(mkcert, cwd=tmp_path, check=0).err.splitlines()] == [
        "made a key: ECDSA P-256", "signed with its own key", "wrote a.example.p12",
        "wrote a.example.crt", "wrote a.example.key"]
    told = run([*mkcert, "--force", "--reuse-key"], cwd=tmp_path, check=0).err
    assert "using the key in a.example.key\n" in told and "replaced a.example.crt\n" in told
    assert "wrote" not in told and "replaced a.example.key" not in told


def test_no_escape_sequences_but_on_a_terminal_that_knows_them(tmp_path):
    """Nothing is coloured; what is written over needs a terminal."""
    def told(term):
        leader, follower = pty.openpty()
        with os.fdopen(follower, "wb") as terminal:
            subprocess.run([programs.path("dhparam"), "--generate", "-noout", "512"], stdout=terminal, stderr=terminal,
                           env={**os.environ, "TERM": term}, check=True, timeout=60, stdin=subprocess.DEVNULL)
            text = os.read(leader, 65536)
        os.close(leader)
        return text
    assert b"\033" not in told("dumb")
    assert not re.search(rb"\033\[[\d;]*m", told("xterm"))


# ---- completion ----------------------------------------------------------------------------------

BASH = """
PATH=$1:$PATH
. $2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_gatehouse "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(directory, *words):
    """What bash would offer for the last of these words."""
    script = programs.ROOT / "scripts/completions/gatehouse"
    done = run(["bash", "-c", BASH, "bash", programs.BIN_DIR, script, *words], cwd=directory, check=0)
    assert done.err == ""
    return sorted(done.out.split())


@EVERY
def test_completion_of_options(name, tmp_path):
    long = [word for word in words_of(name) if word.startswith("--")]
    assert complete(tmp_path, name, "--") == sorted(long)
    assert complete(tmp_path, name, "--vers") == ["--version"]
    assert complete(tmp_path, name, "--nothing-like-it") == []


COMPLETIONS = [
    (["acme-account", ""], ["deactivate", "import", "list", "register", "rollover", "show", "update"]),
    (["acme-account", "re"], ["register"]),
    (["acme-account", "show", ""], []),
    (["acme-account", "import", ""], ["adir", "store"]),
    (["acme-account", "import", "--from", "a"], ["acme.sh"]),
    (["acme-account", "show", "--server", "goo"], ["google", "google-staging"]),
    (["tinyproxyctl", ""], ["certs", "connections", "drain", "metrics", "reload", "status", "top", "undrain", "upstreams"]),
    (["tinyproxyctl", "--socket", "/x", "re"], ["reload"]),
    (["tinyproxyctl", "status", ""], []),
    (["tinyproxyd", "-s", ""], ["quit", "reload", "reopen", "stop"]),
    (["acme-renew", "--schedule", ""], ["install", "remove", "status"]),
    (["acme-renew", "--schedule", "=", "in"], ["install"]),
    (["acme-renew", "--schedule", "="], ["install", "remove", "status"]),
    (["acme-renew", "--config-dir", "store", "--cert-name", ""], ["a.example", "b.example"]),
    (["acme-issue", "--config-dir=store", "--cert-name", "b"], ["b.example"]),
    (["acme-issue", "--key-type", ""], ["ecdsa", "rsa"]),
    (["acme-revoke", "--config-dir", "store", "--cert-name", "a"], ["a.example"]),
    (["acme-revoke", "--reason", "k"], ["keyCompromise"]),
    (["cert-info", "--config-dir", "store", "a"], ["a.example", "adir", "afile"]),
    (["mkcert-selfsigned", "--trust", ""], ["install", "status", "uninstall"]),
    (["mkcert-selfsigned", "--renew", "a"], ["adir", "afile"]),
    (["mkcert-selfsigned", "-newkey", "ed"], ["ed25519"]),
    (["mkcert-selfsigned", "-newkey", "ec", ":"], ["P-256", "P-384", "P-521"]),
    (["mkcert-selfsigned", "-newkey", "rsa", ":", "3"], ["3072"]),
    (["mkcert-selfsigned", "-newkey", "=", "rsa", ":", "4"], ["4096"]),
    (["dhparam", ""], ["2048", "3072", "4096", "6144", "8192"]),
    (["dhparam", "-check", "af"], ["afile"]),
    (["dhparam", "--kernel", "w"], ["word"]),
]


@pytest.mark.parametrize("line, offered", COMPLETIONS, ids=[" ".join(row[0]) for row in COMPLETIONS])
def test_completion_of_words(line, offered, tmp_path):
    (tmp_path / "adir").mkdir()
    (tmp_path / "afile").touch()
    (tmp_path / "store/renewal").mkdir(parents=True)
    for name in ("a.example", "b.example"):
        (tmp_path / f"store/renewal/{name}.conf").touch()
    assert complete(tmp_path, *line) == offered
