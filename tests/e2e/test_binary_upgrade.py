# SPDX-License-Identifier: ISC
"""A new binary in place of the running one, by USR2, WINCH and QUIT as with nginx; and back again."""
import os
import shutil
import signal
import socket
import threading

import pytest
from support import programs
from support.client import Client, get
from support.process import children, gone
from support.wait import wait_until

CONFIG = """
worker_processes 2;
http {{
    log_format pid "$pid";
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{shared} reuseport;
        listen unix:{socket};
        location / {{ return 200 "ok"; }}
        location /hold/ {{ proxy_pass http://127.0.0.1:{backend}; }}
    }}
}}
"""


class Upgrade:
    def __init__(self, proxy, port, shared, socket_path):
        self.proxy, self.port, self.shared, self.socket_path = proxy, port, shared, socket_path
        self.old = proxy.pid
        self.old_pid_file = proxy.pid_file.with_name(proxy.pid_file.name + ".oldbin")
        self.failures, self.served, self.stop = [], 0, threading.Event()
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        """Somebody asks all the time, and never in vain."""
        while not self.stop.is_set():
            for port in (self.port, self.shared):
                try:
                    assert get(port).body == b"ok"
                    self.served += 1
                except Exception as e:  # noqa: BLE001
                    self.failures.append(repr(e))

    def pid_of_file(self):
        """None: there is none just now."""
        try:
            return self.proxy.pid
        except FileNotFoundError:
            return None

    def begin(self):
        os.kill(self.old, signal.SIGUSR2)
        wait_until(lambda: self.pid_of_file() not in (None, self.old), "the new pid file")
        assert self.old_pid_file.read_text() == f"{self.old}\n"
        return self.proxy.pid

    def check(self):
        before = self.served
        wait_until(lambda: self.served > before + 10 or self.failures, "requests")
        assert not self.failures, self.failures[:5]
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.socket_path))
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert s.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def upgrade(tinyproxyd, backend, free_port, tmp_path):
    here = tmp_path / "bin"
    here.mkdir()
    for name in ("tinyproxyd", "tinyproxyctl"):
        shutil.copy(programs.path(name), here / name)
    port, shared, path = free_port(), free_port(), tmp_path / "s"
    proxy = tinyproxyd(CONFIG.format(port=port, shared=shared, socket=path, backend=backend.port), build=here)
    it = Upgrade(proxy, port, shared, path)
    yield it
    it.stop.set()
    it.thread.join()


def test_the_new_binary_takes_over(upgrade, backend):
    proxy, old = upgrade.proxy, upgrade.old
    with Client(upgrade.port) as client:
        client.send("GET /hold/x HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        # Another file lies there now; the one that runs is only held open.
        os.replace(shutil.copy(proxy.build / "tinyproxyd", proxy.build / "new"), proxy.build / "tinyproxyd")
        new = upgrade.begin()
        assert os.readlink(f"/proc/{new}/exe") == str(proxy.build / "tinyproxyd")
        assert os.readlink(f"/proc/{old}/exe").endswith("(deleted)")
        assert len(children(new)) == 2 and len([p for p in children(old) if p != new]) == 2
        upgrade.check()
        # Neither of them starts a third.
        for pid in (old, new):
            os.kill(pid, signal.SIGUSR2)
        proxy.wait_for_error("a change of the binary is under way already")
        os.kill(old, signal.SIGWINCH)
        wait_until(lambda: len([p for p in children(old) if p != new]) == 1, "the idle old worker to end")
        assert proxy.status()["pid"] == new
        backend.release("x")
        assert client.response().status == 200
    wait_until(lambda: children(old) == [new], "the other one to follow")
    upgrade.check()
    os.kill(old, signal.SIGQUIT)
    assert proxy.process.wait() == 0
    assert not upgrade.old_pid_file.exists() and proxy.pid == new
    upgrade.check()
    assert proxy.reload().code == 0
    upgrade.check()
    upgrade.stop.set()
    upgrade.thread.join()
    proxy.send(signal.SIGQUIT)
    wait_until(lambda: gone(new) and not proxy.pid_file.exists(), "the new one to end")
    assert not upgrade.socket_path.exists()


def test_back_to_the_old_one(upgrade):
    proxy, old = upgrade.proxy, upgrade.old
    new = upgrade.begin()
    os.kill(old, signal.SIGWINCH)
    wait_until(lambda: children(old) == [new], "the old workers to end")
    upgrade.check()
    os.kill(old, signal.SIGHUP)
    wait_until(lambda: len(children(old)) == 3, "the old workers to come back")
    os.kill(new, signal.SIGQUIT)
    wait_until(lambda: upgrade.pid_of_file() == old, "the pid file to come back")
    assert not upgrade.old_pid_file.exists()
    upgrade.check()
    assert proxy.status()["pid"] == old
    assert proxy.reload().code == 0
    upgrade.check()


def test_a_new_one_that_cannot_start(upgrade):
    proxy, old = upgrade.proxy, upgrade.old
    good = proxy.config.read_text()
    proxy.config.write_text(good.replace("reuseport", "reusepor"))
    os.kill(old, signal.SIGUSR2)
    proxy.wait_for_error("new binary process \\d+ exited with code 1")
    wait_until(lambda: upgrade.pid_of_file() == old, "the pid file to come back")
    upgrade.check()
    assert proxy.status()["pid"] == old
    proxy.config.write_text(good)
    os.unlink(proxy.build / "tinyproxyd")
    proxy.forget_errors()
    os.kill(old, signal.SIGUSR2)
    proxy.wait_for_error("execve\\(\\) failed while executing .* \\(2: No such file or directory\\)")
    wait_until(lambda: upgrade.pid_of_file() == old, "the pid file to come back")
    upgrade.check()
    proxy.forget_errors()
