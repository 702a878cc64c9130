# SPDX-License-Identifier: ISC
"""10,000 lineages listed and checked for what is due, in 64 MiB; the processor time is printed."""
import json
import os
import subprocess

import pytest

from support import programs
from support.lineage import lineage

COUNT = 10000


@pytest.mark.timeout(600)
def test_ten_thousand_lineages(certs, tmp_path, release_build, capsys):
    store = tmp_path / "le"
    good, soon = certs.issue("a.example"), certs.issue("b.example", days=10, begins_days=-80)
    for number in range(COUNT):
        lineage(store, f"n{number:05}.example", soon if number % 100 == 7 else good)
    program = programs.path("cert-info", release_build)
    for form in ("--json", "--check"):
        with open(tmp_path / "out", "wb") as out:
            # Its whole address space, libraries and all.
            child = subprocess.Popen(["prlimit", f"--as={64 * 1024 * 1024}", program, form, "--config-dir",
                                      store], stdout=out)
            _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        with capsys.disabled():
            print(f"\ncert-info {form}: {used.ru_utime + used.ru_stime:.2f} s of CPU")
        if form == "--json":
            told = json.loads((tmp_path / "out").read_text())["certificates"]
            assert len(told) == COUNT and sum(one["due"] for one in told) == COUNT // 100
        assert child.returncode == (0 if form == "--json" else 1)
