# SPDX-License-Identifier: ISC
"""What a process keeps from other users: its descriptors, its memory map, its program.

Workers forbid being looked into, so a test that does it needs root's eyes: its own, or sudo's.
"""
import json
import os
import pathlib
import subprocess
import sys


def look_into(pid):
    """{"fds": {number: [target, size]}, "maps": text, "exe": path}"""
    try:
        return _look(pid)
    except PermissionError:
        return json.loads(subprocess.run(["sudo", "-n", sys.executable, "-I", __file__, str(pid)], timeout=60,
                                         stdout=subprocess.PIPE, check=True).stdout)


def descriptors(pid):
    """{number: target}, as a text: a path, "socket:[…]", "/tmp/x (deleted)"."""
    return {int(number): target for number, (target, _) in look_into(pid)["fds"].items()}


def open_files(pid, part):
    """Sizes of the files open in a process whose paths have part in them."""
    return [size for target, size in look_into(pid)["fds"].values() if part in target]


def _look(pid):
    top, fds = pathlib.Path(f"/proc/{pid}"), {}
    for link in (top / "fd").iterdir():
        try:
            fds[link.name] = [os.readlink(link), link.stat().st_size]
        except FileNotFoundError:
            pass    # closed since it was listed
    return {"fds": fds, "maps": (top / "maps").read_text(), "exe": os.readlink(top / "exe")}


if __name__ == "__main__":
    print(json.dumps(_look(int(sys.argv[1]))))
