# SPDX-License-Identifier: ISC
"""tinyproxyd on a configuration of the test's, in a directory of its own.

The lines that make it testable (pid file, log, foreground) are put behind the
test's text, so that line numbers in messages are those of the text.
"""
import json
import os
import pathlib
import re
import signal

from . import programs
from .process import children, run
from .wait import DEADLINE_S, wait_until


class Tinyproxyd:
    """Not started yet: start() waits until it is ready, run() expects it to end by itself."""

    def __init__(self, directory, start, config, name="tinyproxyd", events=True, build=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.name = name
        self.build = build           # where its programs are; default: those under test
        self.config = self.directory / "tinyproxyd.conf"
        self.pid_file = self.directory / "tinyproxyd.pid"
        self.error_log = self.directory / "error.log"
        self.access_log = self.directory / "access.log"
        self.control = self.pid_file.with_suffix(".ctl")
        self.process = None
        self.expect_alerts = False   # set by a test that kills workers on purpose
        self._start, self._events = start, events
        self.write(config)

    def write(self, config):
        """Replace the configuration (atomically); reload() makes it count."""
        text = config.rstrip("\n") + "\n"
        if "access_log" not in text:
            text = re.sub(r"^http \{", f"http {{ access_log {self.access_log};", text, count=1,
                          flags=re.M)
        added = {"daemon": "daemon off;", "pid": f"pid {self.pid_file};",
                 "error_log": f"error_log {self.error_log} info;"}
        main = [line.strip() for line in text.splitlines() if not line[:1].isspace()]
        for word, line in added.items():
            if not any(own.startswith(word + " ") for own in main):
                text += line + "\n"
        if self._events and not any(own.startswith("events") for own in main):
            text += "events { }\n"
        temporary = self.config.with_suffix(".new")
        temporary.write_text(text)
        os.replace(temporary, self.config)

    def argv(self, *more):
        return [programs.path("tinyproxyd", self.build), "-p", self.directory, "-c", self.config,
                "-e", self.error_log, *more]

    def start(self, *more, deadline_s=DEADLINE_S):
        self.process = self._start(self.name, self.argv(*more), logs=[self.error_log],
                                   cwd=self.directory)
        self.process.wait_for(self._pid_written, f"pid file {self.pid_file}", deadline_s)
        return self

    def _pid_written(self):
        return self.pid_file.exists() and self.pid_file.read_text().endswith("\n")

    def run(self, *more, check=None):
        """A run that ends by itself: -t, -T, -s, or a configuration that is refused."""
        return run(self.argv(*more), cwd=self.directory, check=check)

    def ctl(self, *words, check=0):
        return run([programs.path("tinyproxyctl", self.build), "--socket", self.control, *words], check=check)

    def reload(self, config=None, check=0):
        """Reload through the control socket, which waits for every worker's acknowledgement."""
        if config is not None:
            self.write(config)
        return self.ctl("reload", check=check)

    def status(self):
        return json.loads(self.ctl("status", "--json").out)

    @property
    def pid(self):
        return int(self.pid_file.read_text())

    def worker_pids(self):
        return children(self.pid)

    def send(self, number):
        os.kill(self.pid, number)

    def stop(self, number=signal.SIGQUIT, deadline_s=DEADLINE_S):
        """End it (gracefully unless told otherwise) and return the exit code."""
        code = self.process.stop(number, deadline_s)
        wait_until(lambda: not self.pid_file.exists(), "the pid file to go", deadline_s)
        return code

    def check_end(self):
        """At the end of a test: it stops cleanly, and no worker has died on the way."""
        if self.process and self.process.alive():
            code = self.stop(signal.SIGTERM)
            assert code == 0, f"{self.name} ended with {code}"
        if not self.expect_alerts:
            assert not self.errors("alert", "emerg"), "\n".join(self.errors("alert", "emerg"))

    def errors(self, *levels):
        """Lines of the error log at these levels (default: warn and worse)."""
        marks = [f"[{level}]" for level in
                 levels or ("warn", "error", "crit", "alert", "emerg")]
        if not self.error_log.exists():
            return []
        return [line for line in self.error_log.read_text(errors="replace").splitlines()
                if any(mark in line for mark in marks)]

    def forget_errors(self):
        """What the log holds so far was wanted."""
        self.error_log.write_text("")

    def wait_for_error(self, pattern, deadline_s=DEADLINE_S):
        return self.process.wait_for_line(pattern, self.error_log, deadline_s)
