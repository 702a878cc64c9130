# SPDX-License-Identifier: ISC
"""What ACME tests need besides pebble: a site whose web root is shown at pebble's http port, and
acme-issue and acme-renew on a store of their own."""
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import threading

import pytest

from . import programs
from .acme_proxy import DROP
from .certs import file_fingerprint, key_matches, load_certificates
from .pebble import Pebble
from .process import run


class Webroot:
    """Plain HTTP on 127.0.0.1:port, showing files below .directory; .hits are the paths asked for."""

    def __init__(self, directory, port):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, self.hits = port, []
        self.open = threading.Event()      # cleared: answers wait until it is set again
        self.open.set()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.hits.append((self.headers.get("User-Agent", ""), self.path))
                site.open.wait(60)
                path = (site.directory / self.path.lstrip("/")).resolve()
                found = path.is_relative_to(site.directory.resolve()) and path.is_file()
                body = path.read_bytes() if found else b"not here\n"
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            # A CA looks several times for each of many orders at once; a SYN that finds no room is late by a second.
            request_queue_size = 256

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def stop(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()

    def leftovers(self):
        """Challenge files that are still there."""
        return [path for path in self.directory.rglob("*") if path.is_file()]


class BlockingPebble(Pebble):
    """A pebble whose policy forbids some names; or with other settings of its configuration file."""

    def __init__(self, directory, start, certs, settings, **more):
        def start_changed(name, argv, **options):
            if name == "pebble":
                path = pathlib.Path(argv[argv.index("-config") + 1])
                config = json.loads(path.read_text())
                config["pebble"].update(settings)
                path.write_text(json.dumps(config))
            return start(name, argv, **options)
        super().__init__(directory, start_changed, certs, **more)


class Store:
    """acme-issue and acme-renew on one store, one pebble, one site."""

    def __init__(self, directory, pebble, site):
        self.dir = pathlib.Path(directory)
        self.pebble, self.site = pebble, site

    def _run(self, name, *arguments, env=None, check=None, deadline_s=60):
        done = run([programs.path(name), "--config-dir", self.dir, *arguments],
                   env={"no_proxy": "*", **(env or {})}, deadline_s=deadline_s, check=check)
        assert "AddressSanitizer" not in done.err and "LeakSanitizer" not in done.err, done.err
        return done

    def issue_argv(self, *names, arguments=(), preflight=True, agree=True, webroot=None):
        look = ["--preflight", self.site.address] if preflight else ["--no-preflight"]
        return ["--server", self.pebble.directory_url, "--ca-file", self.pebble.ca_file,
                "-w", webroot or self.site.directory,
                *[word for name in names for word in ("-d", name)], *look,
                *(["--agree-tos"] if agree else []), *arguments]

    def issue(self, *names, arguments=(), check=0, preflight=True, agree=True, webroot=None, **more):
        argv = self.issue_argv(*names, arguments=arguments, preflight=preflight, agree=agree,
                               webroot=webroot)
        return self._run("acme-issue", *argv, check=check, **more)

    def argv(self, name, *arguments):
        """For the start fixture: a run in the background."""
        return [programs.path(name), "--config-dir", self.dir, *arguments]

    def renew(self, *arguments, check=0, **more):
        return self._run("acme-renew", "--ca-file", self.pebble.ca_file, *arguments, check=check,
                         **more)

    def account(self, *arguments, check=0, server=True, **more):
        where = ["--server", self.pebble.directory_url] if server else []
        ca = ["--ca-file", self.pebble.ca_file] if "list" not in arguments else []
        return self._run("acme-account", *arguments, *ca, *where, check=check, **more)

    def revoke(self, *arguments, check=0, **more):
        return self._run("acme-revoke", "--ca-file", self.pebble.ca_file, *arguments, check=check,
                         **more)

    def copy(self, name, names):
        """Lineages that are copies of that one, certificate and all."""
        for new in names:
            shutil.copytree(self.dir / "archive" / name, self.dir / "archive" / new)
            live = self.dir / "live" / new
            live.mkdir()
            for part in ("cert", "chain", "fullchain", "privkey"):
                (live / f"{part}.pem").symlink_to(f"../../archive/{new}/{part}1.pem")
            (self.dir / "renewal" / f"{new}.conf").write_text(self.conf(name).replace(name, new))

    # ---- what is there -------------------------------------------------------------------------

    def live(self, name, part="fullchain"):
        return self.dir / "live" / name / f"{part}.pem"

    def number(self, name):
        """Of the live version; checks that it is one whole, matching set."""
        directory = self.dir / "live" / name
        numbers = set()
        for part in ("cert", "chain", "fullchain", "privkey"):
            target = os.readlink(directory / f"{part}.pem")
            match = re.fullmatch(rf"\.\./\.\./archive/{re.escape(name)}/{part}(\d+)\.pem", target)
            assert match, f"{part}.pem -> {target}"
            numbers.add(int(match.group(1)))
        assert len(numbers) == 1, f"live/{name} mixes versions {numbers}"
        assert key_matches(self.live(name), self.live(name, "privkey"))
        assert self.live(name).read_bytes() == \
            self.live(name, "cert").read_bytes() + self.live(name, "chain").read_bytes()
        return numbers.pop()

    def leaf(self, name):
        return load_certificates(self.live(name))[0]

    def fingerprint(self, name):
        return file_fingerprint(self.live(name))

    def conf(self, name):
        return (self.dir / "renewal" / f"{name}.conf").read_text()

    def accounts(self):
        return sorted((self.dir / "accounts").rglob("regr.json"))

    def under_way(self):
        """Orders and deployments that a run left for the next."""
        ours = self.dir / "gatehouse"
        return sorted(str(path.relative_to(ours)) for kind in ("orders", "deploy", "publish")
                      for path in (ours / kind).rglob("*") if path.is_file())


def orders_made(pebble):
    """How many orders pebble has created."""
    return len(re.findall(r"Added order ", pebble.log()))


def validations(pebble):
    """How many challenges pebble was told to validate."""
    return len(re.findall(r"Pulled a task from the Tasks queue", pebble.log()))


def under_fire(make_pebble, acme_proxy, make_site, directory, rejected, dropped, count):
    """count lineages renewed at once from a CA that rejects that many percent of the nonces, over a
    network that loses that share of the requests or replies. All must be issued, by one run."""
    pebble = make_pebble(nonce_reject=rejected, authz_reuse=0)
    proxy = acme_proxy(pebble)
    store = Store(directory / "le", pebble, make_site(port=pebble.http_port))
    names = [f"n{i}.example" for i in range(count)]
    chance = random.Random(count)
    for name in names:
        store.issue(name, preflight=False, arguments=["--server", proxy.directory_url])
    proxy.before(lambda r: DROP if chance.random() < dropped / 2 else None)
    # But for answers on challenges: asked again, Pebble validates again, and takes back a "valid" when the file has gone.
    proxy.after(lambda r, a: DROP if chance.random() < dropped / 2 and r.kind != "challenge" else None)
    done = store.renew("-q", "--json", "--force-renewal", "--jobs", "16", check=0, deadline_s=300)
    assert {lineage["outcome"] for lineage in result(done)["lineages"]} == {"issued"}
    assert [store.number(name) for name in names] == [2] * count


def result(done):
    """The JSON that a program printed."""
    return json.loads(done.out)


@pytest.fixture
def make_site(tmp_path, free_port):
    running = []

    def make(port=None, name="www"):
        running.append(Webroot(tmp_path / name, port or free_port()))
        return running[-1]

    yield make
    for site in running:
        site.stop()


@pytest.fixture
def site(make_site, pebble):
    """The web server that pebble validates at."""
    return make_site(port=pebble.http_port)


@pytest.fixture
def store(tmp_path, pebble, site):
    return Store(tmp_path / "letsencrypt", pebble, site)
