# SPDX-License-Identifier: ISC
"""--trust: Chromium, NSS databases of Firefox, the system's store and Java's, each as it judges by itself. Everything
happens in homes, key stores and (for the system) mounts of the test's own."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from support import programs
from support.browser import CHROMIUM
from support.process import run


class Home:
    """A user's home, fresh; our program and Chromium run in it."""

    def __init__(self, tool, directory):
        self.tool, self.directory = tool, directory
        self.home = directory / "home"
        self.home.mkdir()
        self.ca = self.home / ".local/share/gatehouse/ca/ca.crt"
        self.env = {"HOME": str(self.home), "JAVA_HOME": str(directory / "no-java")}
        self.profiles = 0

    def mkcert(self, *arguments, check=0):
        return self.tool("mkcert-selfsigned", *arguments, cwd=self.directory, env=self.env,
                         unset=("XDG_DATA_HOME", "XDG_CONFIG_HOME"), check=check)

    def trust(self, action, *arguments, check=0):
        told = json.loads(self.mkcert("--trust", action, "--json", *arguments, check=check).out)
        return [(store["store"], store["state"]) for store in told["stores"]]

    def chromium(self, url):
        """(what the page shows, what Chromium complains of), with a profile of its own."""
        self.profiles += 1
        done = run([*CHROMIUM, f"--user-data-dir={self.directory}/profile{self.profiles}", "--dump-dom", url],
                   env=self.env, unset=("XDG_DATA_HOME", "XDG_CONFIG_HOME"), deadline_s=120)
        return done.out, done.err


@pytest.fixture
def home(tool, tmp_path):
    return Home(tool, tmp_path)


def serve(tinyproxyd, port, cert, key):
    tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port} ssl; server_name localhost;
        ssl_certificate {cert}; ssl_certificate_key {key};
        return 200 "<p>seen by a browser</p>"; default_type text/html; }} }}""")


def test_chromium_believes_the_local_ca_while_it_is_trusted(home, tinyproxyd, free_port, tmp_path):
    home.mkcert("--ca-init", "--permit", "localhost", "--permit", "127.0.0.0/8")
    home.mkcert("--ca", "localhost", "127.0.0.1")
    port = free_port()
    serve(tinyproxyd, port, tmp_path / "localhost.crt", tmp_path / "localhost.key")
    shown, said = home.chromium(f"https://localhost:{port}/")
    assert "seen by a browser" not in shown and "ERR_CERT_AUTHORITY_INVALID" in said
    assert home.trust("install", "--stores", "nss") == [("nss", "trusted")] * len(databases(home))
    for host in ("localhost", "127.0.0.1"):
        shown, said = home.chromium(f"https://{host}:{port}/")
        assert "seen by a browser" in shown, said
    assert home.trust("uninstall", "--stores", "nss") == [("nss", "not trusted")] * len(databases(home))
    shown, said = home.chromium(f"https://localhost:{port}/")
    assert "seen by a browser" not in shown and "ERR_CERT_AUTHORITY_INVALID" in said


def databases(home):
    return list(home.home.glob("**/pki/nssdb")) + list(home.home.glob("**/.pki/nssdb"))


def test_what_the_tutorials_line_makes_is_explained(home, tinyproxyd, free_port, tool, tmp_path):
    """openssl's certificate names its host where no browser looks; cert-info says so, and ours has it right."""
    line = ["req", "-x509", "-nodes", "-days", "365", "-newkey", "rsa:2048", "-keyout", "K", "-out", "C"]
    run(["openssl", *line, "-subj", "/CN=localhost"], cwd=tmp_path, check=0)
    port, nssdb = free_port(), home.home / ".pki/nssdb"
    nssdb.mkdir(parents=True)
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{nssdb}"], check=0)
    run(["certutil", "-A", "-d", f"sql:{nssdb}", "-n", "it", "-t", "CP,,", "-i", tmp_path / "C"], check=0)
    serve(tinyproxyd, port, tmp_path / "C", tmp_path / "K")
    shown, said = home.chromium(f"https://localhost:{port}/")
    assert "seen by a browser" not in shown and "ERR_CERT_COMMON_NAME_INVALID" in said
    explained = tool("cert-info", "--name", "localhost", tmp_path / "C", check=0).out
    assert "subjectAltName: browsers refuse it" in explained
    assert "does not cover the name localhost" in explained
    tool("mkcert-selfsigned", "--force", *line, "-subj", "/CN=localhost", cwd=tmp_path)
    told = json.loads(tool("cert-info", "--json", "--name", "localhost", tmp_path / "C", check=0).out)
    assert told["certificates"][0]["problems"] == []


def test_profiles_of_firefox(home):
    """Each profile counts; NSS itself says whether it trusts; one that is locked is told as such."""
    home.mkcert("--ca-init")
    profiles = [home.home / ".mozilla/firefox" / name for name in ("1.default", "2.work")]
    for profile in profiles:
        profile.mkdir(parents=True)
        run(["certutil", "-N", "--empty-password", "-d", f"sql:{profile}"], check=0)
    (home.home / ".pki/nssdb").mkdir(parents=True)
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{home.home}/.pki/nssdb"], check=0)
    assert home.trust("status", "--stores", "nss", check=1) == [("nss", "not trusted")] * 3
    assert home.trust("install", "--stores", "nss") == [("nss", "trusted")] * 3
    assert home.trust("install", "--stores", "nss") == [("nss", "trusted")] * 3
    listed = run(["certutil", "-L", "-d", f"sql:{profiles[0]}"], check=0).out
    label = next(line for line in listed.splitlines() if line.startswith("gatehouse-")).split()[0]
    assert "C,," in listed
    # Somebody takes the trust away, but not the certificate.
    run(["certutil", "-M", "-d", f"sql:{profiles[1]}", "-n", label, "-t", ",,"], check=0)
    assert home.trust("status", "--stores", "nss", check=1).count(("nss", "trusted")) == 2
    assert home.trust("install", "--stores", "nss").count(("nss", "trusted")) == 3
    (profiles[1] / "cert9.db").write_bytes(b"no database")
    assert sorted(home.trust("uninstall", "--stores", "nss", check=1)) == \
        [("nss", "failed"), ("nss", "not trusted"), ("nss", "not trusted")]
    assert label not in run(["certutil", "-L", "-d", f"sql:{profiles[0]}"], check=0).out


def real_java():
    return pathlib.Path(shutil.which("keytool")).resolve().parents[1]


def test_java(home, tmp_path):
    """A runtime whose store is a copy of the machine's, asked by its own keytool."""
    java = tmp_path / "java"
    (java / "bin").mkdir(parents=True)
    (java / "lib/security").mkdir(parents=True)
    (java / "bin/keytool").write_text(f'#!/bin/sh\nexec {real_java()}/bin/keytool "$@"\n')
    (java / "bin/keytool").chmod(0o755)
    store = java / "lib/security/cacerts"
    run(["keytool", "-genkeypair", "-keyalg", "EC", "-alias", "other", "-dname", "CN=other", "-keystore",
         store, "-storepass", "changeit"], check=0)
    # A third of the work of starting up.
    home.env.update(JAVA_HOME=str(java), JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    home.mkcert("--ca-init")
    assert home.trust("install", "--stores", "java") == [("java", "trusted")]
    listed = run(["keytool", "-list", "-rfc", "-keystore", store, "-storepass", "changeit"], check=0).out
    assert home.ca.read_text().replace("\n", "") in listed.replace("\r", "").replace("\n", "")
    assert home.trust("uninstall", "--stores", "java") == [("java", "not trusted")]
    store.write_bytes(b"no key store")
    told = home.mkcert("--trust", "install", "--stores", "java", check=1)
    assert told.out.startswith("java    failed") and "keytool error" in told.out
    home.env["JAVA_HOME"] = str(tmp_path)
    assert home.trust("status", "--stores", "java", check=1) == [("java", "absent")]


def in_namespace(script, directory):
    """Run as root in mounts of its own, where the system's store is a copy."""
    mounts = (f"mount --bind {directory}/certs /etc/ssl/certs && "
              f"mount --bind {directory}/anchors /usr/local/share/ca-certificates && ")
    entry = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    return subprocess.run([*entry, "sh", "-c", mounts + script], capture_output=True, text=True, timeout=180,
                          check=False, cwd=directory)


def test_the_systems_store(home, start, free_port, tmp_path):
    """curl, with no word about a CA, and Debian's hook that carries it on to Java's store."""
    home.mkcert("--ca-init")
    home.mkcert("--ca", "localhost")
    shutil.copytree("/etc/ssl/certs", tmp_path / "certs", symlinks=True)
    (tmp_path / "anchors").mkdir()
    port = free_port()
    start("s_server", ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet", "-cert",
                       tmp_path / "localhost.crt", "-key", tmp_path / "localhost.key"]).wait_for_port(port)
    fetch = f"curl -sS --noproxy '*' -o /dev/null -w '%{{http_code}}' https://localhost:{port}/"
    mkcert = f"HOME={home.home} {programs.path('mkcert-selfsigned')} --stores system --trust"
    refused = in_namespace(fetch, tmp_path)
    assert refused.returncode == 60, refused.stderr
    done = in_namespace(f"{mkcert} status; {mkcert} install && {mkcert} status && {fetch}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split("/")[0].split(None, 1)[-1].strip() for line in done.stdout.splitlines()] == \
        ["not trusted", "trusted", "trusted", "200"]
    assert [path.read_text() for path in (tmp_path / "anchors").iterdir()] == [home.ca.read_text()]
    done = in_namespace(f"{mkcert} uninstall && {fetch}", tmp_path)
    assert done.returncode == 60, done.stderr
    assert done.stdout.startswith("system  not trusted")
    assert list((tmp_path / "anchors").iterdir()) == []
    read_only = in_namespace(f"mount -o remount,bind,ro {tmp_path}/anchors /usr/local/share/ca-certificates && "
                             f"{mkcert} install", tmp_path)
    assert read_only.returncode == 1 and "failed" in read_only.stdout and "Read-only" in read_only.stdout


def test_homes_of_others_and_missing_tools_are_told(home, tool, tmp_path):
    home.mkcert("--ca-init")
    theirs, reason = (tmp_path / "theirs", "another user") if os.geteuid() == 0 else ("/root", "")
    if os.geteuid() == 0:
        theirs.mkdir()
        os.chown(theirs, 65534, 65534)
    for where, why in ((theirs, reason), (tmp_path / "nowhere", "no such directory")):
        told = tool("mkcert-selfsigned", "--trust", "install", "--stores", "nss", "--ca-dir", home.ca.parent,
                    env={"HOME": str(where)}, check=1)
        assert told.out.startswith("nss     failed") and why in told.out
    (home.home / ".pki/nssdb").mkdir(parents=True)
    run(["certutil", "-N", "--empty-password", "-d", f"sql:{home.home}/.pki/nssdb"], check=0)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/setpriv").symlink_to(shutil.which("setpriv"))
    home.env["PATH"] = str(tmp_path / "bin")
    assert "libnss3-tools" in home.mkcert("--trust", "install", "--stores", "nss", check=1).out
    assert home.trust("status", "--stores", "java", check=1) == [("java", "absent")]
