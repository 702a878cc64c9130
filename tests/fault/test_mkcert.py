# SPDX-License-Identifier: ISC
"""mkcert-selfsigned on a disk that fills up or fails at any call: key and certificate both, or neither."""
import errno
import json
import os
import shutil
import stat
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support import programs


def mkcert(directory, *arguments, **shim):
    env = {**os.environ, "LD_PRELOAD": str(programs.path("tests/fault/syscalls.so")),
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
           **{f"FAULT_{key.upper()}": str(value) for key, value in shim.items()}}
    return subprocess.run([programs.path("mkcert-selfsigned"), "-q", *arguments, "a.example"],
                          cwd=directory, env=env, capture_output=True, text=True, timeout=60,
                          check=False, preexec_fn=lambda: os.umask(0))


def pair(directory):
    """The bytes of key and certificate; fails unless they match."""
    key, cert = ((directory / f"a.example.{end}").read_bytes() for end in ("key", "crt"))
    public = serialization.load_pem_private_key(key, None).public_key().public_numbers()
    assert public == x509.load_pem_x509_certificate(cert).public_key().public_numbers()
    return key, cert


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def assert_keys_private(directory):
    for path in directory.iterdir():
        if b"PRIVATE KEY" in path.read_bytes():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def calls_of(directory, *arguments):
    directory.mkdir()
    if arguments:
        assert mkcert(directory).returncode == 0
    done = mkcert(directory, *arguments, count=2)
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_neither_is_made_when_a_call_fails(tmp_path, number):
    calls = calls_of(tmp_path / "counted")
    failed = 0
    for at in range(1, calls + 1):
        directory = tmp_path / str(at)
        directory.mkdir()
        done = mkcert(directory, at=at, errno=number)
        if done.returncode:
            failed += 1
            assert os.strerror(number) in done.stderr
            assert files(directory) == []
        else:
            pair(directory)
    assert failed >= 8


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_both_stay_when_they_cannot_be_replaced(tmp_path, number):
    calls = calls_of(tmp_path / "counted", "--force")
    for at in range(1, calls + 1):
        directory = tmp_path / str(at)
        directory.mkdir()
        assert mkcert(directory).returncode == 0
        before = pair(directory)
        done = mkcert(directory, "--force", at=at, errno=number)
        assert (pair(directory) == before) == (done.returncode != 0)
        if done.returncode:
            assert files(directory) == ["a.example.crt", "a.example.key"]


def assert_completed(directory):
    """Another run, which has nothing else to do, leaves a pair or nothing."""
    again = mkcert(directory)
    assert again.returncode in (0, 73), again.stderr
    pair(directory)
    assert files(directory) == ["a.example.crt", "a.example.key"]
    return again


def test_killed_at_any_call(tmp_path):
    calls, completed = calls_of(tmp_path / "counted"), 0
    for at in range(1, calls + 1):
        directory = tmp_path / str(at)
        directory.mkdir()
        assert mkcert(directory, at=at).returncode == -9
        assert_keys_private(directory)
        # Never a key without its certificate, and no name that holds half a file.
        if "a.example.key" in files(directory):
            pair(directory)
        if "a.example.crt" in files(directory):
            x509.load_pem_x509_certificate((directory / "a.example.crt").read_bytes())
        completed += "interrupted" in assert_completed(directory).stderr
    assert completed == 1  # at the key's rename


def belong(directory):
    key, cert = ((directory / f"a.example.{end}").read_bytes() for end in ("key", "crt"))
    public = serialization.load_pem_private_key(key, None).public_key().public_numbers()
    return public == x509.load_pem_x509_certificate(cert).public_key().public_numbers()


def cert_info(directory):
    done = subprocess.run([programs.path("cert-info"), "--json", "./a.example.crt"], cwd=directory,
                          capture_output=True, text=True, timeout=60, check=False)
    return [problem["problem"] for problem in json.loads(done.stdout)["certificates"][0]["problems"]]


def renew(directory):
    return subprocess.run([programs.path("mkcert-selfsigned"), "-v", "--reuse-key", "--renew", "a.example.crt"],
                          cwd=directory, capture_output=True, text=True, timeout=60, check=False)


def test_killed_while_replacing(tmp_path):
    calls, replaced, apart = calls_of(tmp_path / "counted", "--force"), 0, 0
    for at in range(1, calls + 1):
        directory = tmp_path / str(at)
        directory.mkdir()
        assert mkcert(directory).returncode == 0
        before = pair(directory)
        assert mkcert(directory, "--force", at=at).returncode == -9
        assert_keys_private(directory)
        if not belong(directory):
            apart += 1
            assert "key-mismatch" in cert_info(directory)
            # Any run for these files completes them, also one that wants the key.
            copy = tmp_path / f"{at}-renewed"
            shutil.copytree(directory, copy)
            done = renew(copy)
            assert done.returncode == 0 and "an earlier run was interrupted: a.example.key is in place now" in done.stderr
            assert pair(copy)[0] != before[0] and "key-mismatch" not in cert_info(copy)
        assert_completed(directory)
        assert "key-mismatch" not in cert_info(directory)
        replaced += pair(directory) != before
    assert 2 <= replaced < calls
    assert apart == 1  # between the two renames, and nowhere else
