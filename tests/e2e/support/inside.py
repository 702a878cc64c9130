# SPDX-License-Identifier: ISC
"""What a process keeps from other users: its descriptors, its memory map, its program.

Workers forbid being looked into, so a test that does it needs root's eyes: its own, or sudo's.
"""
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys


def look_into(pid):
    """{"fds": {number: [target, size]}, "maps": text, "exe": path}"""
    return _as_root(_look, pid)


def nodelay_by_peer(pid):
    """{peer's port: TCP_NODELAY is on} of the process's TCP connections."""
    return {int(port): on for port, on in _as_root(_nodelay, pid).items()}


def _as_root(function, pid):
    try:
        return function(pid)
    except PermissionError:
        return json.loads(subprocess.run(["sudo", "-n", sys.executable, "-I", __file__, function.__name__, str(pid)],
                                         timeout=60, stdout=subprocess.PIPE, check=True).stdout)


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


def _nodelay(pid):
    libc, options = ctypes.CDLL(None, use_errno=True), {}
    for number, (target, _) in _look(pid)["fds"].items():
        if not target.startswith("socket:"):
            continue
        with open(os.pidfd_open(pid), "rb") as process:
            copy = libc.syscall(438, process.fileno(), int(number), 0)    # pidfd_getfd
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        with socket.socket(fileno=copy) as sock:
            try:
                options[str(sock.getpeername()[1])] = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            except (OSError, IndexError):
                pass    # it listens, or is none of TCP
    return options


if __name__ == "__main__":
    print(json.dumps({function.__name__: function for function in (_look, _nodelay)}[sys.argv[1]](int(sys.argv[2]))))
