# SPDX-License-Identifier: ISC
"""The fixtures, and what pytest needs to know about them. conftest.py files import all of it."""
import os
import pathlib
import shutil
import tempfile

import pytest

from . import programs
from .backend import Backend
from .certbot import Certbot
from .certs import Certs
from .pebble import Pebble
from .peer import peer  # noqa: F401
from .ports import free_port as take_free_port
from .process import Process, run
from .proxied import proxy  # noqa: F401
from .tinyproxyd import Tinyproxyd

LOG_TAIL = 12000
# Servers, and update-ca-certificates; a user's own path may be without.
os.environ["PATH"] += ":/usr/sbin:/sbin"
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:")


# ---- where tests keep their files: short paths that an unprivileged worker can pass through ------

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if not config.option.basetemp and not hasattr(config, "workerinput"):
        config.gatehouse_temp = tempfile.mkdtemp(prefix="gatehouse-")
        config.option.basetemp = config.gatehouse_temp


def pytest_sessionfinish(session, exitstatus):
    session.config.gatehouse_failed = exitstatus not in (0, 5)


def pytest_unconfigure(config):
    temp = getattr(config, "gatehouse_temp", None)
    if not temp:
        return
    if getattr(config, "gatehouse_failed", True) or os.environ.get("KEEP"):
        print(f"the tests' files are kept in {temp}")
    else:
        shutil.rmtree(temp, ignore_errors=True)


@pytest.fixture
def tmp_path(tmp_path, tmp_path_factory):
    top = pathlib.Path(tempfile.gettempdir()).resolve()
    for directory in (tmp_path, *tmp_path.parents):
        if directory == top or not directory.is_relative_to(top):
            break
        directory.chmod(0o755)
    return tmp_path


# ---- processes -----------------------------------------------------------------------------------

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for path in getattr(item, "gatehouse_logs", []):
            if path.exists():
                report.sections.append((str(path), path.read_text(errors="replace")[-LOG_TAIL:]))


@pytest.fixture
def start(request, tmp_path):
    """start(name, argv, env=None, cwd=None, logs=[…], …) → Process; stopped after the test.

    `logs` names further files to show when the test fails. A sanitizer's report in any of them
    fails the test, whatever the exit code was.
    """
    running, logs = [], []
    request.node.gatehouse_logs = logs

    def start_process(name, argv, logs=(), **more):
        index = sum(process.name == name for process in running)
        log = tmp_path / (f"{name}.out" if not index else f"{name}-{index}.out")
        process = Process(name, argv, log, **more)
        running.append(process)
        for path in (log, *map(pathlib.Path, logs)):
            if path not in request.node.gatehouse_logs:
                request.node.gatehouse_logs.append(path)
        return process

    yield start_process
    for process in reversed(running):
        if process.alive():
            process.popen.terminate()
    for process in reversed(running):
        try:
            process.wait(20)
        finally:
            process.kill_session()
    for path in logs:
        text = path.read_text(errors="replace") if path.exists() else ""
        for mark in SANITIZER_MARKS:
            assert mark not in text, f"{path}: {text[text.index(mark):][:LOG_TAIL]}"


@pytest.fixture
def tool():
    """tool("cert-info", "--json", file, check=0) → Finished(code, out, err): one of our programs."""
    def run_tool(name, *arguments, **more):
        done = run([programs.path(name), *arguments], **more)
        for mark in SANITIZER_MARKS:
            assert mark not in done.err, done.err
        return done
    return run_tool


@pytest.fixture
def release_build():
    """The directory of the programs as they are shipped, for tests that measure memory."""
    return programs.RELEASE_DIR


# ---- peers ---------------------------------------------------------------------------------------

@pytest.fixture
def free_port():
    return take_free_port


@pytest.fixture
def certs(tmp_path):
    return Certs(tmp_path / "certs")


@pytest.fixture
def make_backend():
    """make_backend(name=…, tls=…, unix=…) → Backend; stopped after the test."""
    running = []

    def make(name="backend", **more):
        running.append(Backend(name, **more))
        return running[-1]

    yield make
    for backend in running:
        backend.stop()


@pytest.fixture
def backend(make_backend):
    return make_backend()


@pytest.fixture
def tinyproxyd(tmp_path, start):
    """tinyproxyd(config) → a running Tinyproxyd; tinyproxyd(config, started=False) → one to start."""
    made = []

    def make(config, *arguments, name=None, started=True, **more):
        name = name or ("tinyproxyd" if not made else f"tinyproxyd-{len(made)}")
        made.append(Tinyproxyd(tmp_path / name, start, config, name=name, **more))
        return made[-1].start(*arguments) if started else made[-1]

    yield make
    for proxy in made:
        if proxy.process:
            proxy.check_end()


@pytest.fixture
def make_pebble(tmp_path, start, certs):
    """make_pebble(http_port=…, nonce_reject=…, …) → Pebble."""
    made = []

    def make(**more):
        made.append(Pebble(tmp_path / f"pebble-{len(made)}", start, certs, **more))
        return made[-1]
    return make


@pytest.fixture
def pebble(make_pebble):
    return make_pebble()


@pytest.fixture
def certbot(tmp_path, pebble):
    """The real certbot, certbot("certonly", …), on this test's pebble."""
    return Certbot(tmp_path / "certbot", pebble)
