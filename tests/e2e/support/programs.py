# SPDX-License-Identifier: ISC
"""Where the programs under test are: BIN_DIR, which the Makefile sets to the build it tests."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN_DIR = pathlib.Path(os.environ.get("BIN_DIR", ROOT / "build" / "release"))


# Where memory is measured: sanitizers keep what was freed.
RELEASE_DIR = pathlib.Path(os.environ.get("RELEASE_DIR", ROOT / "build" / "release"))


def path(name, build=None):
    program = (build or BIN_DIR) / name
    assert program.exists(), f"{program} is missing: run make, or set BIN_DIR"
    return program
