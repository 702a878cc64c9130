# SPDX-License-Identifier: ISC
"""What a run costs: time, processor time and memory, its children's included."""
import collections
import os
import subprocess
import sys
import time

Run = collections.namedtuple("Run", "code err wall cpu kib")

# Between us and what is measured, so that its size does not begin with ours: fork keeps the high-water mark.
SMALL = """
import os, resource, sys
child = os.fork()
if not child:
    os.execvp(sys.argv[2], sys.argv[2:])
status = os.waitpid(child, 0)[1]
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(int(sys.argv[1]), f"{status} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
"""


def measure(argv, env=None):
    """Run(exit code, standard error, wall seconds, processor seconds, KiB of the largest process)."""
    end, begin = os.pipe()
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-S", "-E", "-c", SMALL, str(begin), *map(str, argv)],
                          pass_fds=[begin], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", check=False, env={**os.environ, **(env or {})})
    wall = time.monotonic() - begun
    os.close(begin)
    status, cpu, kib = os.read(end, 100).decode().split()
    os.close(end)
    return Run(os.waitstatus_to_exitcode(int(status)), done.stderr, wall, float(cpu), int(kib))
