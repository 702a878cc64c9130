# SPDX-License-Identifier: ISC
"""A server or tool under test: started, waited for, signalled and stopped by its own pid.

Standard output and error go to one file, which the test's report shows when the test fails. The
kernel kills the process when the test run dies (setpriv --pdeathsig), so nothing is left behind.
"""
import collections
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import uuid

from .wait import DEADLINE_S, wait_until

Finished = collections.namedtuple("Finished", "code out err")


class Process:
    def __init__(self, name, argv, log, cwd=None, env=None, unset=(), stdin=subprocess.DEVNULL):
        self.name = name
        self.log = pathlib.Path(log)
        self.mark = f"GATEHOUSE_TEST_PROCESS={uuid.uuid4().hex}"
        environment = {**os.environ, **(env or {}), **dict([self.mark.split("=")])}
        for variable in unset:
            environment.pop(variable, None)
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)], stdin=stdin, stdout=out,
                stderr=subprocess.STDOUT, cwd=cwd, env=environment, start_new_session=True)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def _must_live(self):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with {self.popen.returncode} while it was "
                                 f"waited for:\n{self.output()[-4000:]}")

    def wait_for(self, condition, what, deadline_s=DEADLINE_S):
        """As wait_until, but fails at once when the process ends."""
        def check():
            value = condition()
            if not value:
                self._must_live()
            return value
        return wait_until(check, f"{self.name}: {what}", deadline_s)

    def wait_for_port(self, port, host="127.0.0.1", deadline_s=DEADLINE_S):
        def connects():
            try:
                socket.create_connection((host, port), 1).close()
                return True
            except OSError:
                return False
        self.wait_for(connects, f"port {port}", deadline_s)

    def wait_for_line(self, pattern, log=None, deadline_s=DEADLINE_S):
        """The first match of a regular expression in the output (or another log file)."""
        path = pathlib.Path(log or self.log)
        return self.wait_for(
            lambda: path.exists() and re.search(pattern, path.read_text(errors="replace"), re.M),
            f"a line matching {pattern!r} in {path}", deadline_s)

    def wait_for_file(self, path, deadline_s=DEADLINE_S):
        self.wait_for(pathlib.Path(path).exists, f"file {path}", deadline_s)

    def send(self, number):
        self.popen.send_signal(number)

    def wait(self, deadline_s=DEADLINE_S):
        """Wait for the end; returns the exit code (negative: a signal)."""
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {deadline_s} s:\n"
                                 f"{self.output()[-4000:]}") from None

    def stop(self, number=signal.SIGTERM, deadline_s=DEADLINE_S):
        if self.alive():
            self.send(number)
        return self.wait(deadline_s)

    def kill_session(self):
        """Last resort at the end of a test: the process and every child it left in its session."""
        if self.alive():
            self.popen.kill()
        self.popen.wait()
        for pid in session_members(self.pid):
            try:
                # Our pid, and with it the session's number, may be somebody else's by now.
                if self.mark.encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass    # gone, or a worker, which goes with its monitor


def session_members(sid):
    """Pids of the live processes in a session."""
    return [pid for pid in all_pids() if _stat(pid).get("session") == sid]


def children(pid):
    """Pids of the live direct children of a process."""
    return sorted(p for p in all_pids() if _stat(p).get("parent") == pid)


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    state, parent, _, session = text.rpartition(")")[2].split()[:4]
    return {} if state == "Z" else {"parent": int(parent), "session": int(session)}


def gone(pid):
    """Whether a process has ended, though nobody may have collected it yet."""
    return not _stat(pid)


@contextlib.contextmanager
def stopped(pid):
    """What happens meanwhile, the process finds all at once."""
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: _state(pid) == "T", "the process to stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def resident_kib(pid):
    """Resident memory of a process, without what it maps from files and shares."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M).group(1))


def run(argv, cwd=None, env=None, unset=(), stdin=None, deadline_s=60, check=None):
    """Run a tool to its end. `check`: the exit code it must have; `stdin`: text."""
    environment = {**os.environ, **(env or {})}
    for variable in unset:
        environment.pop(variable, None)
    argv = [str(word) for word in argv]
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "--", *argv], cwd=cwd, env=environment,
        timeout=deadline_s, capture_output=True, check=False, text=True, errors="replace",
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}))
    if check is not None and done.returncode != check:
        raise AssertionError(f"{' '.join(argv)}\nexit {done.returncode}, expected {check}\n"
                             f"--- stdout\n{done.stdout}--- stderr\n{done.stderr}")
    return Finished(done.returncode, done.stdout, done.stderr)
