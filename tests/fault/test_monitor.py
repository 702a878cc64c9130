# SPDX-License-Identifier: ISC
"""tinyproxyd when its processes are killed, stopped, or starved, and when its files go bad meanwhile."""
import os
import re
import signal

import pytest

from support.certs import fingerprint
from support.client import Client, get, served_certificate
from support.process import gone, run
from support.sites import site
from support.wait import wait_until


def test_killed_worker_is_replaced(tinyproxyd, free_port):
    """One worker's connections are lost, the other's and the port are not."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2))
    proxy.expect_alerts = True
    for _ in range(5):
        before = proxy.worker_pids()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(proxy.worker_pids()) == 2 and before[0] not in proxy.worker_pids(),
                   "a new worker")
        assert before[1] in proxy.worker_pids()
        wait_until(lambda: [w["state"] for w in proxy.status()["workers"]] == ["ready"] * 2,
                   "both workers ready")
        assert {get(port).body for _ in range(6)} == {b"one"}
    assert f"worker process {before[0]} exited on signal 9" in proxy.error_log.read_text()
    assert sum(w["restarts"] for w in proxy.status()["workers"]) == 5


def test_back_off(tinyproxyd, free_port):
    """A worker that keeps dying is restarted, but not in a busy loop."""
    proxy = tinyproxyd(site(free_port(), workers=1))
    proxy.expect_alerts = True
    for _ in range(6):
        pid, = wait_until(proxy.worker_pids, "the worker")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in proxy.worker_pids(), "its end")
    wait_until(lambda: proxy.status()["workers"][0]["state"] == "dead", "a pause")
    wait_until(lambda: proxy.status()["workers"][0]["state"] == "ready", "the worker after it")


def test_broken_configuration_does_not_stop_a_restart(tinyproxyd, free_port, certs):
    """What workers are made from is in memory: configuration and keys on disk do not matter."""
    port = free_port()
    pair = certs.issue("a.example")
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port} ssl; server_name a.example;
        ssl_certificate {pair.fullchain}; ssl_certificate_key {pair.key}; }} }}""")
    proxy.expect_alerts = True
    proxy.config.write_text("garbage {")
    pair.key.unlink()
    pair.fullchain.write_text("no certificate")
    pid, = proxy.worker_pids()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: proxy.worker_pids() not in ([pid], []), "a new worker")
    wait_until(lambda: proxy.status()["workers"][0]["state"] == "ready", "it to be ready")
    assert fingerprint(served_certificate(port, "a.example")) == pair.sha256
    assert proxy.status()["generation"] == 1
    proxy.ctl("reload", check=78)
    assert fingerprint(served_certificate(port, "a.example")) == pair.sha256


def test_reload_while_a_worker_is_dead(tinyproxyd, free_port):
    """A reload does not wait for a worker's pause to end: it is started with the new generation."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=1))
    proxy.expect_alerts = True
    for _ in range(8):
        pids = proxy.worker_pids()
        if pids:
            os.kill(pids[0], signal.SIGKILL)
            wait_until(lambda: pids[0] not in proxy.worker_pids(), "its end")
        proxy.reload(site(port, "two", workers=1))
        assert get(port).body == b"two"


def test_stopped_worker_is_replaced_by_reload(tinyproxyd, free_port):
    """A worker that does not answer a reload is killed; the reload says so or goes on without it."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2))
    proxy.expect_alerts = True
    first, second = proxy.worker_pids()
    os.kill(second, signal.SIGSTOP)
    assert proxy.reload(site(port, "two", workers=2)).out.startswith("generation 2")
    assert gone(second)
    assert first in proxy.worker_pids() and len(proxy.worker_pids()) == 2
    assert {get(port).body for _ in range(6)} == {b"two"}
    assert f"worker process {second} does not answer" in proxy.error_log.read_text()


def test_first_worker_fails_the_reload(tinyproxyd, free_port):
    """When the worker that tries the new generation does not take it, nothing has changed."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2))
    proxy.expect_alerts = True
    first = proxy.status()["workers"][0]["pid"]
    os.kill(first, signal.SIGSTOP)
    done = proxy.reload(site(port, "two", workers=2), check=70)
    assert "the worker that tried the new configuration" in done.err
    wait_until(lambda: [w["state"] for w in proxy.status()["workers"]] == ["ready"] * 2,
               "both workers ready")
    assert {get(port).body for _ in range(6)} == {b"one"}
    assert proxy.status()["generation"] == 1
    proxy.reload()
    assert {get(port).body for _ in range(6)} == {b"two"}


def test_monitor_killed(tinyproxyd, free_port):
    """Workers do not outlive their monitor."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2))
    workers = proxy.worker_pids()
    with Client(port) as client:
        assert client.request().status == 200
        proxy.process.popen.kill()
        proxy.process.wait()
    wait_until(lambda: all(gone(pid) for pid in workers), "the workers' end")


def test_stopped_worker_does_not_stop_the_end(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port(), workers=2))
    proxy.expect_alerts = True
    workers = proxy.worker_pids()
    os.kill(workers[0], signal.SIGSTOP)
    assert proxy.stop(signal.SIGTERM) == 0
    assert all(gone(pid) for pid in workers)


def test_status_does_not_wait_for_a_stopped_worker(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port(), workers=2))
    worker = proxy.worker_pids()[0]
    os.kill(worker, signal.SIGSTOP)
    assert len(proxy.status()["workers"]) == 2
    os.kill(worker, signal.SIGCONT)


def test_log_directory_vanishes(tinyproxyd, free_port):
    """Logs that cannot be reopened stay as they are, and serving goes on."""
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2), started=False)
    logs = proxy.directory / "logs"
    logs.mkdir()
    access = logs / "access.log"
    proxy.write(site(port, workers=2).replace("http {", f"http {{ access_log {access};"))
    proxy.start()
    proxy.expect_alerts = True
    get(port)
    wait_until(access.read_text, "the access log line")
    held = access.open()
    logs.rename(proxy.directory / "moved")
    proxy.send(signal.SIGUSR1)
    proxy.wait_for_error(r"\[emerg\].*open\(\) \"" + re.escape(str(access)))
    get(port, "/later")
    wait_until(lambda: "/later" in held.read(), "the line in the old file")
    held.close()


def test_kill_nine_at_any_moment_of_reload(tinyproxyd, free_port):
    """Workers killed while reloads run: every reload is answered, and at the end all is well."""
    port = free_port()
    proxy = tinyproxyd(site(port, "v0", workers=3))
    proxy.expect_alerts = True
    for n in range(1, 16):
        pids = proxy.worker_pids()
        proxy.write(site(port, f"v{n}", workers=3))
        proxy.send(signal.SIGHUP)
        if pids:
            os.kill(pids[n % len(pids)], signal.SIGKILL)
        wait_until(lambda: proxy.status()["ok"], "an answer")
    proxy.reload(site(port, "end", workers=3))
    wait_until(lambda: [w["state"] for w in proxy.status()["workers"]] == ["ready"] * 3,
               "all workers ready")
    assert {get(port).body for _ in range(12)} == {b"end"}


@pytest.mark.parametrize("limit", [16, 24, 34])
def test_few_descriptors(tinyproxyd, free_port, limit):
    """Out of descriptors: refused by name, or served; never half a start."""
    ports = [free_port() for _ in range(30)]
    servers = "".join(f"server {{ listen 127.0.0.1:{p}; return 200 x; }}" for p in ports)
    proxy = tinyproxyd(f"http {{ {servers} }}", started=False)
    done = run(["prlimit", f"--nofile={limit}:{limit}", *proxy.argv()], cwd=proxy.directory)
    assert done.code == 1 and "Too many open files" in done.err
    assert not proxy.pid_file.exists() and not proxy.control.exists()
    proxy.expect_alerts = True


def test_worker_that_cannot_begin(tinyproxyd, free_port):
    """The pid file waits for the workers: when they cannot adopt, it never appears and we are told."""
    servers = "".join(f"server {{ listen 127.0.0.1:{free_port()}; return 200 x; }}" for _ in range(20))
    proxy = tinyproxyd(f"worker_rlimit_nofile 12;\nhttp {{ {servers} }}", started=False)
    done = proxy.run(check=1)
    assert "a worker process ended before it was ready" in done.err
    assert '"worker_rlimit_nofile" is too low' in proxy.error_log.read_text()
    assert not proxy.pid_file.exists() and not proxy.control.exists()
