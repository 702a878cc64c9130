# SPDX-License-Identifier: ISC
"""Servers that are measured from outside: started on one core, their process tree's time and memory read."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, LOAD_CORE = CORES[0], CORES[-1]
CPUCLOCK_SCHED = 2  # of the kernel's numbers for a process's clocks: nanoseconds on a processor
PATIENCE_S = 30


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def tree(pid):
    """A process and all below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text().split():
                found += tree(int(child))
    return found


def cpu_seconds(pid):
    """Processor time of a process tree, all threads included, those that ended too."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            total += time.clock_gettime(~process << 3 | CPUCLOCK_SCHED)
    return total


def resident_kib(pid):
    """Memory of a process tree; what processes share is counted once."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return total


def is_listening(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


class Server:
    """A program in a directory of its own, pinned to a core; it has begun to listen when this returns."""

    def __init__(self, argv, directory, core, port):
        self.log = directory / "output"
        with self.log.open("w") as output:
            self.popen = subprocess.Popen([str(word) for word in argv], stdout=output, stderr=output,
                                          stdin=subprocess.DEVNULL, cwd=directory,
                                          env={**os.environ, "GOMAXPROCS": "1", "HOME": str(directory)},
                                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        self.pid = self.popen.pid
        deadline = time.monotonic() + PATIENCE_S
        while not is_listening(port):
            if self.popen.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"bench: {argv[0]} does not listen:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
