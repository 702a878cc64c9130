# SPDX-License-Identifier: ISC
"""No private key is seen by anybody at any instant: watched call by call (strace), none is in an
argument list, in the environment of a hook, in what is printed or logged, or in a file that others
may read, from its first byte on."""
import json
import os
import re

import pytest

from support.acme_site import *  # noqa: F401,F403
from support.process import run

EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
CREATED = re.compile(r'openat\((?:AT_FDCWD|\d+)(?:<[^>]*>)?, "([^"]+)", ([A-Z_|]*O_CREAT[A-Z_|]*), 0(\d+)\)'
                     r' = (\d+)')
CHMOD = re.compile(r'(?:f?chmod(?:at)?)\((?:AT_FDCWD, |\d+(?:<[^>]*>)?, )?(?:"([^"]*)", )?0(\d+)')


@pytest.fixture
def pebble(make_pebble):
    return make_pebble(nonce_reject=0, eab={"kid-1": EAB_KEY})


@pytest.fixture
def traced(store, tmp_path):
    """traced(argv) → every call that matters, strings in full."""
    def trace(name, *arguments, env=None):
        out = tmp_path / "strace"
        calls = "execve,openat,open,creat,write,writev,pwrite64,sendto,sendmsg,chmod,fchmod,fchmodat"
        run(["strace", "-f", "-v", "-y", "-s", "200000", "-o", out, "-e", f"trace={calls}",
             *store.argv(name, *arguments)], deadline_s=120, check=0,
            # A leak checker cannot work where a tracer does.
            env={"no_proxy": "*", "ASAN_OPTIONS": "detect_leaks=0", **(env or {})})
        return out.read_text(errors="replace").splitlines()
    return trace


def secrets_of(store):
    """Pieces of every private key in the store that nothing public contains."""
    found = {EAB_KEY}
    for path in store.dir.rglob("*"):
        if not path.is_file():
            continue
        if path.name == "private_key.json":
            found.add(json.loads(path.read_text())["d"])
        elif path.name.startswith("privkey"):
            # The middle of a P-256 key's PKCS#8 is the private number.
            found.update(path.read_text().splitlines()[2:3])
    return found


def test_nobody_sees_a_key(store, traced, tmp_path):
    log, hook = tmp_path / "log", tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nenv >> {tmp_path}/environment\n")
    hook.chmod(0o755)
    os.umask(0)
    try:
        argv = store.issue_argv("a.example", arguments=[
            "--eab-kid", "kid-1", "--eab-hmac-key", "env:EAB_SECRET", "-v", "--log-file", log,
            "--pre-hook", hook, "--deploy-hook", hook, "--post-hook", "true"])
        calls = traced("acme-issue", *argv, env={"EAB_SECRET": EAB_KEY})
        calls += traced("acme-renew", "--ca-file", store.pebble.ca_file, "--force-renewal", "-v",
                        "--log-file", log)
    finally:
        os.umask(0o022)
    assert store.number("a.example") == 2
    secrets = secrets_of(store)
    assert len(secrets) == 4 and all(len(secret) > 30 for secret in secrets)
    first = True
    for call in calls:
        holds = [secret for secret in secrets if secret in call]
        if "execve(" in call:
            # Our own environment is the user's affair; that of what we start is ours.
            assert first or not holds, call[:200]
            first = False
        elif holds and re.search(r"\b(write|writev|pwrite64)\(", call):
            target = re.search(r"\(\d+<([^>]*)>", call).group(1)
            assert str(store.dir) in target and re.search(r"privkey|private_key|orders", target), \
                call[:200]
        else:
            assert not holds, call[:200]
    for text in (log.read_text(), (tmp_path / "environment").read_text()):
        assert not any(secret in text for secret in secrets)


def test_no_secret_file_is_open_to_others_for_an_instant(store, traced):
    os.umask(0)
    try:
        calls = traced("acme-issue", *store.issue_argv("a.example", arguments=[
            "--eab-kid", "kid-1", "--eab-hmac-key", "env:EAB_SECRET"]), env={"EAB_SECRET": EAB_KEY})
    finally:
        os.umask(0o022)
    secret = re.compile(r"privkey|private_key|gatehouse/orders")
    made = [(match, call) for call in calls if (match := CREATED.search(call)) and secret.search(call)]
    for match, call in made:
        assert int(match[3], 8) & 0o077 == 0, call[:200]
    for word in ("privkey", "private_key", "gatehouse/orders"):
        assert any(word in call for _, call in made), word
    for call in calls:
        changed = CHMOD.search(call)
        if changed and secret.search(call):
            assert int(changed[2], 8) & 0o077 == 0, call[:200]
