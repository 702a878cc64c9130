# SPDX-License-Identifier: ISC
"""publish under a hostile kernel: killed before every call that changes the file system, and every
such call failing once, or failing from then on.

Whatever happens, live/ is a whole, matching set (judged by python's cryptography, not by our own
code), no key is ever readable by others, and the next run finishes the job and leaves no litter.
"""
import errno
import os
import pathlib
import shutil
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support import programs

NAME = "a.example"
PARTS = ("cert", "chain", "fullchain", "privkey")
SHIM = "tests/fault/syscalls.so"


def driver(*arguments, shim=None, **fault):
    """Runs publish_driver under umask 0; returns (exit code, stdout, stderr)."""
    env = dict(os.environ)
    if shim is not None:
        env["LD_PRELOAD"] = str(programs.path(SHIM))
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env.update({f"FAULT_{key.upper()}": str(value) for key, value in shim.items()})
    env.update({key: str(value) for key, value in fault.items()})
    done = subprocess.run([programs.path("tests/fault/publish_driver"), *map(str, arguments)],
                          env=env, capture_output=True, text=True, timeout=60, check=False,
                          preexec_fn=lambda: os.umask(0))
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    directory = tmp_path_factory.mktemp("versions")
    code, _, err = driver("make", directory, 3)
    assert code == 0, err
    return directory


def publish_first(store, versions):
    """Version 1 is live, and beside it lies what certbot puts there."""
    assert driver("publish", store, NAME, versions, 1)[0] == 0
    (store / "live" / NAME / "README").write_text("keep me")
    return store


@pytest.fixture(params=["first", "second"])
def before(request, tmp_path, versions):
    """A store before the publish under test: empty, or with version 1 live (and a README)."""
    store = tmp_path / "before"
    store.mkdir()
    if request.param == "second":
        publish_first(store, versions)
    return store


def load_set(directory):
    """The four files, opened through one directory as a server does."""
    return {part: (directory / f"{part}.pem").read_bytes() for part in PARTS}


def live_number(store):
    """The live version; 0 when there is none. Fails on anything but a whole matching set."""
    live = store / "live" / NAME
    if not live.exists():
        return 0
    numbers = {pathlib.Path(os.readlink(live / f"{part}.pem")).name[len(part):-4] for part in PARTS}
    assert len(numbers) == 1, f"live/ is a mix of versions {numbers}"
    files = load_set(live)
    assert files["fullchain"] == files["cert"] + files["chain"]
    leaf = x509.load_pem_x509_certificate(files["cert"])
    key = serialization.load_pem_private_key(files["privkey"], None)
    assert key.public_key().public_numbers() == leaf.public_key().public_numbers()
    issuer = x509.load_pem_x509_certificate(files["chain"])
    assert leaf.issuer == issuer.subject
    return int(numbers.pop())


def assert_keys_private(store):
    for path in store.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"PRIVATE KEY" in path.read_bytes():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o177 == 0, f"{path} has mode {mode:o}"


def assert_tidy(store):
    """No journal, no directory under way, no file of a version that never went live."""
    assert not list((store / "gatehouse" / "publish").iterdir())
    assert sorted(os.listdir(store / "live")) == [NAME]
    number = live_number(store)
    archived = sorted(os.listdir(store / "archive" / NAME))
    assert archived == sorted(f"{part}{n}.pem" for part in PARTS for n in range(1, number + 1))
    others = set(os.listdir(store / "live" / NAME)) - {f"{part}.pem" for part in PARTS}
    assert others <= {"README"}


def copy(before, to):
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(before, to, symlinks=True)
    return to


def assert_kept(before, store):
    """What lay in live/NAME besides the links still does."""
    kept = before / "live" / NAME / "README"
    if kept.exists():
        assert (store / "live" / NAME / "README").read_text() == kept.read_text()


def count_calls(before, tmp_path, versions, **shim):
    store = copy(before, tmp_path / "counted")
    code, _, err = driver("publish", store, NAME, versions, 2, shim={"count": 2, **shim})
    assert code == 0, err
    assert live_number(store) == live_number(before) + 1
    assert_tidy(store)
    return int(err.split()[-1])


def finish(before, store, versions):
    """The next run: it recovers, then publishes; everything is in order after it."""
    old = live_number(before)
    code, out, err = driver("publish", store, NAME, versions, 3)
    assert code == 0, err
    assert live_number(store) == int(out)
    assert int(out) in (old + 1, old + 2)
    assert_tidy(store)
    assert_kept(before, store)
    assert_keys_private(store)


def recover(before, store):
    """Recovery alone: the old version or the new one, and no litter of the other."""
    code, _, err = driver("recover", store, NAME)
    assert code == 0, err
    if live_number(store):
        assert live_number(store) in (live_number(before), live_number(before) + 1)
        assert_tidy(store)
        assert_kept(before, store)


def test_killed_before_any_call(before, tmp_path, versions):
    old = live_number(before)
    calls = count_calls(before, tmp_path, versions)
    seen = set()
    assert calls > 20
    for at in range(1, calls + 1):
        store = copy(before, tmp_path / "store")
        code, _, _ = driver("publish", store, NAME, versions, 2, shim={"at": at})
        assert code == -9, f"call {at}"
        seen.add(live_number(store) - old)
        assert_keys_private(store)
        recover(before, store)
        finish(before, store, versions)
    assert seen == {0, 1}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_any_call_fails_once(before, tmp_path, versions, number):
    old = live_number(before)
    calls = count_calls(before, tmp_path, versions)
    failed = 0
    for at in range(1, calls + 1):
        store = copy(before, tmp_path / "store")
        code, out, err = driver("publish", store, NAME, versions, 2,
                                shim={"at": at, "errno": number})
        if code != 0:
            failed += 1
            assert os.strerror(number) in err
            assert live_number(store) == old, f"call {at} failed, yet live/ has changed"
        else:
            assert live_number(store) == int(out) == old + 1
        assert_keys_private(store)
        finish(before, store, versions)
    # All but the clearing up after the switch.
    assert failed > calls // 2


def test_every_call_fails_from_some_point_on(before, tmp_path, versions):
    """A disk that dies: nothing can be undone, so live/ may be the new version, never a mix."""
    old = live_number(before)
    calls = count_calls(before, tmp_path, versions)
    for at in range(1, calls + 1):
        store = copy(before, tmp_path / "store")
        driver("publish", store, NAME, versions, 2,
               shim={"at": at, "errno": errno.EIO, "always": 1})
        assert live_number(store) in (old, old + 1)
        assert_keys_private(store)
        finish(before, store, versions)


def assert_no_link_missing(store):
    for part in PARTS:
        path = store / "live" / NAME / f"{part}.pem"
        assert path.is_symlink() and path.exists(), f"{path} leads nowhere"


def test_killed_where_directories_cannot_be_exchanged(tmp_path, versions):
    """The links are swung one by one: a mix is possible, a missing link is not, and the next run mends."""
    before = publish_first(tmp_path / "before", versions)
    calls = count_calls(before, tmp_path, versions, no_exchange=1)
    for at in range(1, calls + 1):
        store = copy(before, tmp_path / "store")
        code, _, _ = driver("publish", store, NAME, versions, 2,
                            shim={"at": at, "no_exchange": 1})
        assert code == -9
        assert_no_link_missing(store)
        assert_keys_private(store)
        recover(before, store)
        finish(before, store, versions)


def test_fails_where_directories_cannot_be_exchanged(tmp_path, versions):
    before = publish_first(tmp_path / "before", versions)
    calls = count_calls(before, tmp_path, versions, no_exchange=1)
    for at in range(1, calls + 1):
        store = copy(before, tmp_path / "store")
        code, _, err = driver("publish", store, NAME, versions, 2,
                              shim={"at": at, "no_exchange": 1, "errno": errno.ENOSPC})
        assert live_number(store) == (1 if code else 2), err
        assert_keys_private(store)
        finish(before, store, versions)


def test_recover_itself_may_be_killed(tmp_path, versions):
    """Killed in the middle of a publish, then again in the middle of recovering from that."""
    before = publish_first(tmp_path / "before", versions)
    calls = count_calls(before, tmp_path, versions)
    for first in range(5, calls + 1, 12):
        crashed = copy(before, tmp_path / "crashed")
        assert driver("publish", crashed, NAME, versions, 2, shim={"at": first})[0] == -9
        second, code = 0, -9
        while code == -9:
            second += 1
            store = copy(crashed, tmp_path / "store")
            code, _, err = driver("recover", store, NAME, shim={"at": second})
            assert code in (0, -9), err
            assert live_number(store) in (1, 2)
            finish(before, store, versions)


def test_steps_have_names(tmp_path, versions):
    """GATEHOUSE_KILL_AT kills at a step in builds for tests, and is nothing to an installed program."""
    has_steps = b"GATEHOUSE_KILL_AT" in programs.path("tests/fault/publish_driver").read_bytes()
    assert has_steps == (b"GATEHOUSE_KILL_AT" in programs.path("acme-issue").read_bytes())
    for step, live in (("publish", 0), ("journal", 0), ("privkey", 0), ("fullchain", 0),
                       ("sync-archive", 0), ("build", 0), ("exchange", 0), ("sync-live", 1),
                       ("settle", 1), ("forget", 1), ("1", 0), ("5", 0)):
        store = tmp_path / step
        code, out, _ = driver("publish", store, NAME, versions, 2, GATEHOUSE_KILL_AT=step)
        if has_steps:
            assert code == -9, step
            assert live_number(store) == live
        else:
            assert (code, out) == (0, "1\n")
    code, _, err = driver("publish", tmp_path / "none", NAME, versions, 2,
                          GATEHOUSE_KILL_AT="no such step")
    assert code == 0, err


def test_many_at_once(tmp_path, versions):
    """The lineage's lock puts them in a row: every one gets its own number."""
    store = tmp_path / "store"
    running = [subprocess.Popen([programs.path("tests/fault/publish_driver"), "publish", store, NAME,
                                 versions, "2"], stdout=subprocess.PIPE, text=True)
               for _ in range(8)]
    numbers = sorted(int(process.communicate(timeout=60)[0]) for process in running)
    assert numbers == list(range(1, 9))
    assert live_number(store) == 8
