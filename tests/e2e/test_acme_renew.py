# SPDX-License-Identifier: ISC
"""acme-renew: what is due, what is not, and the loop that ends on the wire."""
import json
import os
import re
import signal
import socket
import ssl
import threading

import pytest

from support import programs
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import orders_made, result
from support.lineage import lineage
from support.process import run
from support.wait import wait_until


def outcomes(done):
    return {lineage["name"]: lineage["outcome"] for lineage in result(done)["lineages"]}


def make_old(store, certs, name, *names, days=20, begins_days=-70):
    """Put a certificate with these dates in place of the live one."""
    old = certs.issue(name, *names, days=days, begins_days=begins_days)
    store.live(name, "cert").write_bytes(old.cert.read_bytes())
    store.live(name, "chain").write_bytes(certs.ca.read_bytes())
    store.live(name).write_bytes(old.fullchain.read_bytes())
    store.live(name, "privkey").write_bytes(old.key.read_bytes())


@pytest.mark.parametrize("days, begins_days, outcome", [
    (29, -61, "issued"), (31, -59, "kept"),    # a third of 90 days
    (2, -4, "issued"), (4, -2, "kept"),        # half of a short life
    (-1, -91, "issued"),                       # over
])
def test_due_by_the_share_of_life_left(store, certs, days, begins_days, outcome):
    store.issue("a.example")
    make_old(store, certs, "a.example", days=days, begins_days=begins_days)
    assert outcomes(store.renew("--json")) == {"a.example": outcome}
    assert store.number("a.example") == (2 if outcome == "issued" else 1)


def test_nothing_due_needs_no_network(store, pebble):
    store.issue("a.example")
    pebble.stop()
    done = store.renew("-q")
    assert (done.out, done.err) == ("", "")


def test_an_empty_store_is_no_failure(store):
    assert store.renew("-q").out == ""
    done = store.renew("--cert-name", "a.example", check=66)
    assert "there is no lineage a.example" in done.err


def test_many_at_once(store, certs, pebble):
    names = [f"n{i}.example" for i in range(6)]
    for name in names:
        store.issue(name)
        make_old(store, certs, name)
    made = orders_made(pebble)
    done = store.renew("--json", "--jobs", "3")
    assert outcomes(done) == {name: "issued" for name in names}
    assert orders_made(pebble) == made + 6 and result(done)["connections"] <= 1 + 2 * 6
    assert all(store.number(name) == 2 for name in names)


def test_more_due_than_descriptors(store, pebble, certs):
    """Each lineage that is due is locked; here the CA is none, and that is all that is wrong."""
    old = certs.issue("a.example", days=10, begins_days=-80)
    for number in range(300):
        lineage(store.dir, f"n{number}.example", old)
    for conf in (store.dir / "renewal").glob("*.conf"):
        conf.write_text(conf.read_text().replace("https://ca.example", pebble.url))
    done = run(["prlimit", "--nofile=128:4096", programs.path("acme-renew"), "--config-dir", store.dir,
                "--ca-file", pebble.ca_file, "--json"], env={"no_proxy": "*"}, check=69)
    assert "Too many open files" not in done.out
    assert [one["outcome"] for one in result(done)["lineages"]] == ["failed"] * 300


def test_twenty_runs_at_once_order_once_per_lineage(store, certs, pebble, start):
    names = ("a.example", "b.example", "c.example")
    for name in names:
        store.issue(name)
        make_old(store, certs, name)
    made = orders_made(pebble)
    runs = [start("acme-renew", store.argv("acme-renew", "--ca-file", pebble.ca_file, "-q"),
                  env={"no_proxy": "*"}) for _ in range(20)]
    assert [run.wait() for run in runs] == [0] * 20
    assert orders_made(pebble) == made + 3 and [store.number(name) for name in names] == [2] * 3


def test_one_broken_lineage_does_not_stop_the_others(store, certs):
    for name in ("a.example", "b.example", "c.example"):
        store.issue(name)
        make_old(store, certs, name)
    conf = store.dir / "renewal" / "b.example.conf"
    conf.write_text(conf.read_text().replace("authenticator = webroot", "authenticator = nginx"))
    done = store.renew("--json", check=1)
    assert outcomes(done) == {"a.example": "issued", "b.example": "failed", "c.example": "issued"}
    assert f'{conf}: it proves its names by certbot\'s "nginx"' in done.err
    assert store.number("b.example") == 1
    # Failures of one kind alone give that kind's exit code.
    assert store.renew("--json", check=78)


@pytest.mark.parametrize("line, words", [
    ("rsa_bits = 1024", "rsa_bits = 1024 is not built in"),
    ("must_staple = perhaps", "must_staple is neither True nor False"),
    ("key_type = dsa", 'key_type is "dsa"'),
    ("pref_challs = dns-persist-01,", 'the challenge "dns-persist-01"'),
])
def test_settings_that_cannot_be_honoured_are_refused_by_name(store, certs, line, words):
    store.issue("a.example")
    make_old(store, certs, "a.example")
    conf = store.dir / "renewal" / "a.example.conf"
    text = re.sub(rf"^{line.split(' ')[0]} = .*\n", "", conf.read_text(), flags=re.M)
    conf.write_text(text.replace("[renewalparams]\n", f"[renewalparams]\n{line}\n"))
    assert words in store.renew("-q", check=78).err


def test_autorenew_off(store, certs):
    store.issue("a.example")
    make_old(store, certs, "a.example")
    conf = store.dir / "renewal" / "a.example.conf"
    conf.write_text(conf.read_text().replace("[renewalparams]\n",
                                             "[renewalparams]\nautorenew = False\n"))
    assert outcomes(store.renew("--json")) == {"a.example": "off"}


def test_hooks_run_as_certbot_runs_them(store, certs, tmp_path):
    out = tmp_path / "hooks"
    for name in ("a.example", "b.example"):
        store.issue(name, arguments=["--pre-hook", f"echo pre >> {out}", "--post-hook",
                                     f"echo post >> {out}", "--deploy-hook",
                                     f"echo deploy $RENEWED_DOMAINS >> {out}"])
        make_old(store, certs, name)
    out.unlink()
    for kind in ("pre", "deploy", "post"):
        directory = store.dir / "renewal-hooks" / kind
        directory.mkdir(parents=True)
        hook = directory / "it's one"
        hook.write_text(f"#!/bin/sh\necho dir-{kind} $RENEWED_DOMAINS >> {out}\n")
        hook.chmod(0o755)
        (directory / "one~").write_text(f"#!/bin/sh\necho backup >> {out}\n")
        (directory / "one~").chmod(0o755)
        (directory / "readme").write_text("not executable\n")
    store.renew("-q", "--jobs", "1")
    assert out.read_text().split("\n") == [
        "dir-pre", "pre",
        "dir-deploy a.example", "deploy a.example", "dir-deploy b.example", "deploy b.example",
        "dir-post a.example b.example", "post", ""]


def test_what_a_pre_hook_stopped_a_post_hook_starts(store, certs, tmp_path):
    store.issue("a.example")
    make_old(store, certs, "a.example")
    conf = store.dir / "renewal" / "a.example.conf"
    conf.write_text(conf.read_text().replace(str(store.site.directory), str(tmp_path / "gone")))
    out = tmp_path / "out"
    store.renew("--pre-hook", f"echo stop >> {out}", "--post-hook", f"echo start >> {out}", check=66)
    assert out.read_text() == "stop\nstart\n"


def test_post_hooks_learn_what_failed(store, certs, tmp_path):
    for name in ("a.example", "b.example"):
        store.issue(name)
        make_old(store, certs, name)
    conf = store.dir / "renewal" / "b.example.conf"
    conf.write_text(conf.read_text().replace(str(store.site.directory), str(tmp_path / "gone")))
    store.renew("--post-hook", f'echo "$RENEWED_DOMAINS|$FAILED_DOMAINS" > {tmp_path}/told', check=1)
    assert (tmp_path / "told").read_text() == "a.example|b.example\n"


def test_failing_deploy_hook_is_tried_again_without_an_order(store, certs, pebble, tmp_path):
    flag = tmp_path / "flag"
    store.issue("a.example", arguments=["--deploy-hook", "true"])
    make_old(store, certs, "a.example")
    made = orders_made(pebble)
    done = store.renew("--deploy-hook", f"echo my reason; test -e {flag}", "--json", check=1)
    assert outcomes(done) == {"a.example": "not deployed"} and "my reason" in done.err
    assert store.number("a.example") == 2 and store.under_way() == ["deploy/a.example.json"]
    done = store.renew("--deploy-hook", f"test -e {flag}", "--json", check=1)
    assert outcomes(done) == {"a.example": "not deployed"}
    flag.touch()
    done = store.renew("--deploy-hook", f"test -e {flag}", "--json")
    assert outcomes(done) == {"a.example": "deployed"} and store.under_way() == []
    assert orders_made(pebble) == made + 1


# ---- reload and wire -----------------------------------------------------------------------------

class TlsServer:
    """Serves whatever was in a lineage's live/ when load() was last called."""

    def __init__(self, store, name):
        self.store, self.name = store, name
        self.loads = 0
        self.load()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def load(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.store.live(self.name), self.store.live(self.name, "privkey"))
        self.context = context
        self.loads += 1

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def server(store):
    store.issue("a.example", "b.example")
    made = TlsServer(store, "a.example")
    yield made
    made.stop()


class ControlSocket:
    """tinyproxyd's side of the control socket, scripted: answer(command) -> object to send."""

    def __init__(self, path, answer):
        self.path, self.answer, self.commands = path, answer, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                line = connection.makefile("rb").readline()
                self.commands.append(json.loads(line))
                connection.sendall((json.dumps(self.answer(self.commands[-1])) + "\n").encode())

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def control(tmp_path):
    made = []

    def make(answer):
        made.append(ControlSocket(tmp_path / f"ctl{len(made)}.sock", answer))
        return made[-1]
    yield make
    for one in made:
        one.stop()


def test_reload_by_control_socket_and_seen_on_the_wire(store, server, control):
    def reload(_):
        server.load()
        return {"schema": 1, "ok": True, "generation": server.loads}
    socket_ = control(reload)
    done = store.renew("--force-renewal", "--reload", socket_.path, "--verify", server.address,
                       "--json")
    assert outcomes(done) == {"a.example": "issued"} and store.under_way() == []
    assert socket_.commands == [{"cmd": "reload"}] and server.loads == 2


def test_reload_that_is_refused_is_told_with_every_mistake(store, server, control):
    socket_ = control(lambda _: {"schema": 1, "ok": False, "errors": [
        {"file": "/etc/x.conf", "line": 12, "text": "unknown directive \"y\""},
        {"file": "/etc/z.pem", "line": 0, "text": "cannot be read"}]})
    done = store.renew("--force-renewal", "--reload", socket_.path, check=1)
    assert '/etc/x.conf:12: unknown directive "y"; /etc/z.pem: cannot be read' in done.err
    assert "live in the store but not deployed" in done.err
    assert store.number("a.example") == 2 and store.under_way() == ["deploy/a.example.json"]


def test_a_proxy_that_did_not_pick_it_up_is_a_loud_failure(store, server, control, pebble):
    socket_ = control(lambda _: {"schema": 1, "ok": True, "generation": 1})
    old = store.fingerprint("a.example")
    done = store.renew("--force-renewal", "--reload", socket_.path, "--verify", server.address,
                       "--json", check=1)
    def colons(sha256):
        return ":".join(re.findall("..", sha256.upper()))
    assert outcomes(done) == {"a.example": "not deployed"}
    assert f"served SHA-256 {colons(old)}, expected {colons(store.fingerprint('a.example'))}" \
        in done.err
    made = orders_made(pebble)
    # The next run, told nothing, remembers where it has to be seen.
    assert outcomes(store.renew("--json", "--reload", socket_.path, check=1)) == \
        {"a.example": "not deployed"}
    server.load()
    assert outcomes(store.renew("--json", "--reload", socket_.path)) == {"a.example": "deployed"}
    assert orders_made(pebble) == made and store.under_way() == []
    assert outcomes(store.renew("--json")) == {"a.example": "kept"}


def test_nobody_at_the_address_is_a_failure(store, server, free_port):
    done = store.renew("--force-renewal", "--reload", "none", "--verify",
                       f"127.0.0.1:{free_port()}", check=1)
    assert "the new certificate is not served: nothing answers at 127.0.0.1:" in done.err


def test_reload_by_pid_file(store, server, tmp_path):
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{os.getpid()}\n")
    before = signal.signal(signal.SIGHUP, lambda *_: server.load())
    try:
        run = threading.Thread(target=lambda: store.renew(
            "--force-renewal", "--reload", pid_file, "--verify", server.address), daemon=True)
        run.start()
        wait_until(lambda: not run.is_alive(), "acme-renew")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert server.loads == 2 and store.under_way() == []


def test_reload_target_that_is_not_there(store):
    store.issue("a.example")
    done = store.renew("--force-renewal", "--reload", "/does/not/exist", check=1)
    assert "cannot reload by /does/not/exist" in done.err and "does it run?" in done.err


def test_what_issue_was_told_holds_for_renewals(store, server, control):
    socket_ = control(lambda _: (server.load(), {"schema": 1, "ok": True})[1])
    store.issue("a.example", "b.example", arguments=[
        "--reload", socket_.path, "--verify", server.address, "--force-renewal"])
    assert server.loads == 2
    assert "[gatehouse]" in store.conf("a.example")
    store.renew("--force-renewal")
    assert server.loads == 3 and store.number("a.example") == 3


def test_renewal_conf_stays_as_it_is(store, certs):
    store.issue("a.example")
    conf = store.dir / "renewal" / "a.example.conf"
    conf.write_text("# my own comment\n" + conf.read_text() + "\n[elsewhere]\nkey = value\n")
    before = conf.read_bytes()
    store.renew("--force-renewal", "-q")
    assert store.number("a.example") == 2 and conf.read_bytes() == before
