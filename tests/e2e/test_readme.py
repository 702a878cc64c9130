# SPDX-License-Identifier: ISC
"""The README's first real site and its other command lines, as they stand but for ports and places."""
import os
import re
import shlex
import textwrap

from support import programs
from support.certs import file_fingerprint, fingerprint
from support.client import get, served_certificate
from support.process import run

README = (programs.ROOT / "README.md").read_text()
PROGRAMS = {path.stem for path in (programs.ROOT / "cmd").glob("*.c")}


def section(title):
    return README.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def command_lines(text):
    """Indented lines and `quoted` ones that call one of the programs, as lists of words without sudo."""
    written = re.findall(r"^    (.+)$", text, re.M) + [word for word in re.findall(r"`([^`]*)`", text) if " " in word]
    lines = [shlex.split(line, comments=True) for line in written]
    lines = [line[1:] if line[:1] == ["sudo"] else line for line in lines]
    return [line for line in lines if line and line[0] in PROGRAMS]


def test_every_program_is_introduced():
    table = re.findall(r"^\| (.+?) \|", README, re.M)
    assert set(re.findall(r"`([\w-]+)`", " ".join(table))) == PROGRAMS
    for script in re.findall(r"\./(scripts/\w+)", README):
        assert os.access(programs.ROOT / script, os.X_OK)
    targets = run(["make", "-C", programs.ROOT, "help"], check=0).out
    for target in re.findall(r"`(?:sudo )?make (\w+)`", README):
        assert target == "help" or re.search(rf"\b{target}\b", targets)


def test_every_option_written_exists():
    lines = command_lines(README)
    assert len(lines) >= 11
    for line in lines:
        known = run([programs.path(line[0]), "--completion-words"], check=0).out.split()
        assert {word for word in line[1:] if word.startswith("-")} <= set(known), line


def test_the_first_real_site(tinyproxyd, pebble, backend, free_port, tmp_path):
    text = section("A first real site")
    lines = {line[0]: line for line in command_lines(text)}
    assert set(lines) == {"mkcert-selfsigned", "acme-issue", "tinyproxyctl", "acme-renew", "cert-info"}
    https = free_port()
    webroot = tmp_path / "html"
    webroot.mkdir()
    proxy = tinyproxyd("http { }", started=False)
    places = {"/etc/tinyproxyd": str(tmp_path / "first"), "/var/www/html": str(webroot),
              "/etc/letsencrypt": str(tmp_path / "letsencrypt")}

    def placed(word):
        for place, here in places.items():
            word = word.replace(place, here)
        return word

    def call(name, *more):
        words = [placed(word) for word in lines[name]]
        return run([programs.path(name), *words[1:], *more], env={"no_proxy": "*"}, check=0)

    config = textwrap.dedent(re.search(r"tinyproxyd\.conf`:\n\n(.*?)\n\nStart it", text, re.S).group(1))
    config = placed(config).replace("user www-data;\n", "").replace("127.0.0.1:8080", f"127.0.0.1:{backend.port}")
    config = config.replace("listen 80;", f"listen 127.0.0.1:{pebble.http_port};")
    config = config.replace("listen 443 ssl;", f"listen 127.0.0.1:{https} ssl;")
    assert "listen 80;" not in config and "listen 443" not in config and "/etc/" not in config

    call("mkcert-selfsigned")
    proxy.write(config)
    proxy.start()
    assert fingerprint(served_certificate(https, "www.example.com")) == file_fingerprint(tmp_path / "first/first.crt")
    assert get(pebble.http_port, "/x", host="www.example.com").status == 301

    call("acme-issue", "--server", pebble.directory_url, "--ca-file", pebble.ca_file, "--config-dir",
         tmp_path / "letsencrypt", "--no-preflight", "--reload", "none", "--verify", "none")
    new = dict(re.findall(r"^    #   (ssl_certificate(?:_key)?) +(\S+);$", text, re.M))
    assert set(new) == {"ssl_certificate", "ssl_certificate_key"}
    for directive, path in new.items():
        config = re.sub(rf"{directive} +\S+;", f"{directive} {placed(path)};", config)
    proxy.write(config)
    assert lines["tinyproxyctl"] == ["tinyproxyctl", "reload"]
    assert proxy.ctl("reload").code == 0
    live = tmp_path / "letsencrypt/live/www.example.com/fullchain.pem"
    assert fingerprint(served_certificate(https, "www.example.com")) == file_fingerprint(live)
    assert get(https, "/x", host="www.example.com", tls=True).status == 200
    assert backend.last.get("host") == "www.example.com"
    assert backend.last.get("x-forwarded-proto") == "https"

    (tmp_path / "root/etc/cron.d").mkdir(parents=True)
    assert lines["acme-renew"][1:] == ["--schedule", "install"]
    call("acme-renew", "--root", tmp_path / "root")
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()]


def test_a_ca_of_one_s_own(tmp_path):
    lines = command_lines(section("Certificates for machines of one's own"))
    assert [line[1] for line in lines] == ["--ca-init", "--trust", "--ca", "--ca"]
    for line in lines:
        # What the machine's stores can be made to do is not this file's business.
        more = ["--stores", "nss"] if "--trust" in line else []
        done = run([programs.path(line[0]), *line[1:], *more], cwd=tmp_path, env={"HOME": str(tmp_path)},
                   unset=["XDG_DATA_HOME"])
        assert done.code == 0 or "--trust" in line and done.code == 1, done
    assert {"www.example.test.crt", "www.example.test.key", "alice@example.test.p12"} <= {
        path.name for path in tmp_path.iterdir()}
