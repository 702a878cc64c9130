# SPDX-License-Identifier: ISC
"""Golden cases: a command line, and byte for byte what it prints and how it exits.

A case is a directory tests/golden/TOOL/CASE with
    cmd      a line of shell (or several); our programs come first in PATH
    out err  what it must print on standard output and standard error (missing: nothing)
    rc       its exit code (missing: 0)
    files/   what lies in the directory it runs in (optional)
The run has a fixed locale, time zone and width. `GOLDEN=update make golden` writes out, err and
rc anew: read the difference before committing it.
"""
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
BIN_DIR = pathlib.Path(os.environ.get("BIN_DIR", HERE.parents[1] / "build" / "release"))
CASES = sorted(path.parent for path in HERE.glob("*/*/cmd"))
UPDATE = os.environ.get("GOLDEN") == "update"


def expected(case, name):
    path = case / name
    return path.read_bytes() if path.exists() else b""


def update(case, name, value, default):
    path = case / name
    if value != default:
        path.write_bytes(value)
    elif path.exists():
        path.unlink()


@pytest.mark.parametrize("case", CASES,
                         ids=[f"{case.parent.name}/{case.name}" for case in CASES])
def test_golden(case, tmp_path):
    work = tmp_path / "work"
    if (case / "files").is_dir():
        shutil.copytree(case / "files", work)
    else:
        work.mkdir()
    keep = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
            if name in os.environ}
    done = subprocess.run(
        ["sh", "-c", (case / "cmd").read_text()], cwd=work, stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60, check=False,
        env={"PATH": f"{BIN_DIR}:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1",
             "COLUMNS": "80", "HOME": str(work), **keep})
    code = f"{done.returncode}\n".encode()
    if UPDATE:
        update(case, "out", done.stdout, b"")
        update(case, "err", done.stderr, b"")
        update(case, "rc", code, b"0\n")
        return
    assert done.stdout.decode(errors="replace") == expected(case, "out").decode()
    assert done.stderr.decode(errors="replace") == expected(case, "err").decode()
    assert code == (expected(case, "rc") or b"0\n")
