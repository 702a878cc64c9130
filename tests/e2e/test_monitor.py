# SPDX-License-Identifier: ISC
"""The process contract of tinyproxyd: what scripts, init systems and certbot hooks rely on."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from support import programs
from support.client import Client, get
from support.inside import descriptors, look_into
from support.process import gone, run
from support.sites import refuses, site, tls_site
from support.wait import wait_until


# ---- start and end -------------------------------------------------------------------------------

def test_ready_means_ready(tinyproxyd, free_port):
    """When the pid file appears every port answers, and it holds the pid of the exec'd process."""
    ports = [free_port() for _ in range(20)]
    servers = "".join(f"server {{ listen 127.0.0.1:{p}; return 200 ok; }}" for p in ports)
    proxy = tinyproxyd(f"worker_processes 2;\nhttp {{ {servers} }}")
    assert proxy.pid_file.read_text() == f"{proxy.process.pid}\n"
    assert [get(port).status for port in ports] == [200] * len(ports)
    assert len(proxy.worker_pids()) == 2


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
def test_end_by_signal(tinyproxyd, free_port, number):
    port = free_port()
    proxy = tinyproxyd(site(port))
    workers = proxy.worker_pids()
    assert proxy.stop(number) == 0
    assert refuses(port)
    assert not proxy.control.exists()
    assert all(gone(pid) for pid in workers)


def test_quit_finishes_what_is_under_way(tinyproxyd, free_port, backend):
    port = free_port()
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with Client(port) as client:
        client.send("GET /hold/it HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        proxy.send(signal.SIGQUIT)
        wait_until(lambda: refuses(port), "the port to be closed")
        assert proxy.process.alive()
        assert proxy.pid_file.exists()
        backend.release("it")
        assert client.response().status == 200
    assert proxy.process.wait() == 0


def test_term_does_not_wait(tinyproxyd, free_port, backend):
    port = free_port()
    proxy = tinyproxyd(f"""http {{ server {{ listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}""")
    with Client(port) as client:
        client.send("GET /hold/it HTTP/1.1\r\nHost: a\r\n\r\n")
        backend.wait_for_requests(1)
        assert proxy.stop(signal.SIGTERM) == 0
    backend.release("it")


def test_daemon(tinyproxyd, free_port):
    """With "daemon on" the start command returns when the daemon is ready."""
    port = free_port()
    proxy = tinyproxyd("daemon on;\n" + site(port), started=False)
    done = proxy.run(check=0)
    try:
        assert done.err == ""
        assert get(port).body == b"one"
        pid = proxy.pid
        assert os.getsid(pid) == pid
        assert [descriptors(pid)[fd] for fd in (0, 1, 2)] == \
            ["/dev/null", "/dev/null", str(proxy.error_log)]
    finally:
        proxy.run("-s", "quit", check=0)
        wait_until(lambda: not proxy.pid_file.exists(), "the daemon's end")


def test_daemon_that_fails_says_so(tinyproxyd, free_port):
    port = free_port()
    tinyproxyd(site(port))
    proxy = tinyproxyd("daemon on;\n" + site(port), started=False)
    done = proxy.run("-g", "", check=1)
    assert f"[emerg] bind() to 127.0.0.1:{port} failed (98: Address already in use)" in done.err
    assert "tinyproxyd (pid " in done.err
    assert not proxy.pid_file.exists()
    assert f"bind() to 127.0.0.1:{port}" in proxy.error_log.read_text()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_standard_descriptors_closed(tinyproxyd, free_port, closed):
    """No file of ours ever gets number 0, 1 or 2, so nobody's output lands in it."""
    port = free_port()
    proxy = tinyproxyd("daemon on;\n" + site(port), started=False)
    closing = " ".join(f"{fd}<&-" if fd == 0 else f"{fd}>&-" for fd in closed)
    line = " ".join(f"'{word}'" for word in proxy.argv())
    subprocess.run(["sh", "-c", f"exec {line} {closing}"], cwd=proxy.directory, timeout=60,
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    try:
        for pid in (proxy.pid, *proxy.worker_pids()):
            targets = [descriptors(pid)[fd] for fd in (0, 1, 2)]
            assert targets[:2] == ["/dev/null"] * 2
            assert targets[2] in ("/dev/null", str(proxy.error_log))
        assert get(port).status == 200
    finally:
        proxy.run("-s", "stop", check=0)
        wait_until(lambda: not proxy.pid_file.exists(), "the daemon's end")


def test_workers_inherit_nothing(tinyproxyd, free_port, certs):
    """A worker has its channel, what it was sent, and no other descriptor of the monitor's."""
    port = free_port()
    proxy = tinyproxyd(tls_site(port, ("a.example", certs.issue("a.example")), workers=3))
    for pid in proxy.worker_pids():
        fds = descriptors(pid).values()
        assert not any("signalfd" in fd for fd in fds)
        assert sum(fd == str(proxy.error_log) for fd in fds) <= 2
        inside = look_into(pid)
        assert inside["maps"].count("tinyproxyd-bundle") <= 1, inside["maps"]
        assert inside["exe"] == str(programs.path("tinyproxyd"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to give up")
def test_workers_are_unprivileged(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("user nobody nogroup;\n" + site(port))
    for pid in proxy.worker_pids():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == ["65534"] * 4
        assert fields["Gid"].split() == ["65534"] * 4
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
        assert int(fields["CapBnd"], 16) == 0
        assert fields["NoNewPrivs"] == "1"


def test_without_root(tinyproxyd, free_port):
    """Started by an ordinary user: "user" does not matter, workers are what the monitor is."""
    if os.geteuid() != 0:
        return  # then all the other tests show it
    port = free_port()
    proxy = tinyproxyd("user no-such-user;\n" + site(port), started=False)
    os.chown(proxy.directory, 65534, 65534)
    line = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *proxy.argv()]
    proxy.process = proxy._start("tinyproxyd", line, logs=[proxy.error_log], cwd=proxy.directory)
    proxy.process.wait_for(proxy.pid_file.exists, "the pid file")
    assert get(port).status == 200
    for pid in proxy.worker_pids():
        assert os.stat(f"/proc/{pid}").st_uid in (0, 65534)
        assert "Uid:\t65534\t" in pathlib.Path(f"/proc/{pid}/status").read_text()
    assert proxy.status()["ok"]


def test_unknown_user(tinyproxyd, free_port):
    proxy = tinyproxyd("user no-such-user;\n" + site(free_port()), started=False)
    if os.geteuid() == 0:
        assert "no-such-user" in proxy.run(check=1).err
        assert "no-such-user" in proxy.run("-t", check=1).err


def test_second_instance_with_same_pid_file(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()))
    other = proxy.directory / "other.conf"
    other.write_text(proxy.config.read_text().replace("127.0.0.1:", "127.0.0.2:"))
    done = run([programs.path("tinyproxyd"), "-p", proxy.directory, "-c", other, "-e", "stderr"],
               check=1)
    assert "another tinyproxyd" in done.err
    assert proxy.pid == proxy.process.pid
    assert proxy.status()["ok"]


def test_survives_an_unclean_end(tinyproxyd, free_port):
    """kill -9 leaves pid file and sockets; the next start takes them over."""
    port = free_port()
    text = site(port, more="server { listen unix:UNIX; return 200 u; }")
    proxy = tinyproxyd(text, started=False)
    proxy.write(text.replace("UNIX", str(proxy.directory / "s.sock")))
    proxy.start()
    workers = proxy.worker_pids()
    proxy.process.popen.kill()
    proxy.process.wait()
    wait_until(lambda: all(gone(pid) for pid in workers), "the workers to follow their monitor")
    assert proxy.pid_file.exists() and proxy.control.exists()
    proxy.pid_file.unlink()
    proxy.start()
    assert get(port).status == 200


# ---- the command line ----------------------------------------------------------------------------

def test_bad_configuration(tinyproxyd, free_port):
    """Every mistake, in nginx's words, on stderr and in the -e log; exit 1; nothing left behind."""
    proxy = tinyproxyd(f"htpp {{ }}\nworker_processes none;\n{site(free_port())}", started=False)
    done = proxy.run(check=1)
    conf = proxy.config
    assert f'tinyproxyd: [emerg] unknown directive "htpp" in {conf}:1\n' in done.err
    assert f"{conf}:2\n" in done.err
    assert 'did you mean "http"?' in done.err
    log = proxy.error_log.read_text()
    assert re.search(rf'^\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[emerg\] \d+#\d+: unknown directive "htpp"'
                     rf' in {re.escape(str(conf))}:1', log, re.M)
    assert not proxy.pid_file.exists() and not proxy.control.exists()


def test_missing_configuration(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()), started=False)
    proxy.config.unlink()
    done = proxy.run(check=1)
    assert "[emerg]" in done.err and str(proxy.config) in done.err


def test_test_option(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port), started=False)
    done = proxy.run("-t", check=0)
    assert done.out == ""
    assert done.err == (f"tinyproxyd: the configuration file {proxy.config} syntax is ok\n"
                        f"tinyproxyd: configuration file {proxy.config} test is successful\n")
    assert proxy.run("-t", "-q", check=0) == (0, "", "")
    assert proxy.run("-tq", check=0) == (0, "", "")
    assert not proxy.pid_file.exists() and refuses(port)
    proxy.write("nonsense;\n" + site(port))
    done = proxy.run("-t", check=1)
    assert done.err.endswith(f"tinyproxyd: configuration file {proxy.config} test failed\n")
    assert "syntax is ok" not in done.err
    assert "test failed" in proxy.run("-t", "-q", check=1).err


def test_test_option_while_running(tinyproxyd, free_port):
    """The addresses being in use by the running one is no failure; a foreign address is."""
    port = free_port()
    proxy = tinyproxyd(site(port))
    proxy.run("-t", check=0)
    proxy.write(site(port).replace("127.0.0.1", "192.0.2.1"))
    done = proxy.run("-t", check=1)
    assert f"bind() to 192.0.2.1:{port} failed (99: Cannot assign requested address)" in done.err
    assert "syntax is ok" in done.err and "test failed" in done.err
    proxy.forget_errors()


def test_test_option_reports_certificates(tinyproxyd, free_port, certs):
    good, other = certs.issue("a.example"), certs.issue("b.example")
    expired = certs.issue("c.example", begins_days=-30, days=-1)
    port = free_port()
    proxy = tinyproxyd(tls_site(port, ("a.example", good)), started=False)
    proxy.run("-t", check=0)
    mixed = good._replace(key=other.key)
    missing = good._replace(fullchain=good.cert.with_name("missing.pem"))
    proxy.write(tls_site(port, ("a.example", mixed), ("b.example", missing), ("c.example", expired)))
    done = proxy.run("-t", check=1)
    assert "does not belong" in done.err
    assert "missing.pem" in done.err
    assert str(expired.fullchain) in done.err and "expired" in done.err
    assert done.err.count("[error]") == 2 and done.err.count("[warn]") == 1
    assert "test failed" in done.err


def test_dump_option(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port, more="include conf.d/*.conf;"), started=False)
    parts = proxy.directory / "conf.d"
    parts.mkdir()
    (parts / "b.conf").write_text("# b, no newline at the end")
    (parts / "a.conf").write_text(f"server {{ listen 127.0.0.1:{free_port()}; }}\n")
    done = proxy.run("-T", check=0)
    expected = "".join(f"# configuration file {path}:\n{path.read_text()}\n" for path in
                       (proxy.config, parts / "a.conf", parts / "b.conf"))
    assert done.out == expected
    assert "test is successful" in done.err
    proxy.write("nonsense;\n")
    assert proxy.run("-T", check=1).out == ""


def test_versions(tool):
    brief, full = tool("tinyproxyd", "-v", check=0), tool("tinyproxyd", "-V", check=0)
    assert re.fullmatch(r"tinyproxyd version: tinyproxyd/\d+\.\d+\.\d+\n", brief.err)
    assert full.err.startswith(brief.err)
    lines = full.err.splitlines()
    assert lines[1] == "nginx version: nginx/1.31.4"
    assert lines[2].startswith("built with OpenSSL ")
    assert lines[3] == "TLS SNI support enabled"
    assert lines[4].startswith("configure arguments: ")
    assert "--with-http_ssl_module" in lines[4] and "--without-http_gzip_module" in lines[4]


def test_usage(tool):
    assert "-s, --signal" in tool("tinyproxyd", "-h", check=0).out
    assert tool("tinyproxyd", "--help", check=0).out == tool("tinyproxyd", "-h", check=0).out
    assert "unknown option" in tool("tinyproxyd", "-z", check=1).err
    assert "reload, quit, stop, reopen" in tool("tinyproxyd", "-s", "restart", check=1).err


def test_relative_paths(tinyproxyd, free_port, tmp_path):
    """-c and -e are relative to -p; -p to where we are."""
    port = free_port()
    proxy = tinyproxyd(site(port), started=False)
    done = run([programs.path("tinyproxyd"), "-p", proxy.directory.name, "-c", "tinyproxyd.conf", "-e",
                "first.log", "-t"], cwd=proxy.directory.parent, check=0)
    assert f"{proxy.config} syntax is ok" in done.err
    assert (proxy.directory / "first.log").exists()


def test_globals(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()), started=False)
    proxy.start("-g", "worker_processes 3;")
    assert len(proxy.worker_pids()) == 3
    proxy.reload()
    assert len(proxy.worker_pids()) == 3
    assert "command line" in proxy.run("-t", "-g", "nonsense on;", check=1).err
    proxy.forget_errors()


# ---- control socket and tinyproxyctl -------------------------------------------------------------

def test_status(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port, workers=2))
    for _ in range(5):
        get(port)
    status = proxy.status()
    assert status["schema"] == 1 and status["ok"] is True
    assert status["pid"] == proxy.pid and status["generation"] == 1
    assert status["configuration"] == str(proxy.config)
    assert status["listeners"] == [f"127.0.0.1:{port}"]
    assert sorted(w["pid"] for w in status["workers"]) == proxy.worker_pids()
    assert sum(w["requests"] for w in status["workers"]) == 5
    assert sum(w["accepted"] for w in status["workers"]) == 5
    table = proxy.ctl("status").out
    assert f"pid {proxy.pid}" in table and f"127.0.0.1:{port}" in table
    assert all(re.search(rf"^{pid}\s+ready\s+1\s", table, re.M) for pid in proxy.worker_pids())


def test_control_socket_is_private(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()))
    assert proxy.control.stat().st_mode & 0o777 == 0o600
    if os.geteuid() == 0:
        proxy.control.chmod(0o666)
        done = run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    programs.path("tinyproxyctl"), "--socket", proxy.control, "status"])
        assert done.code == 69 and "went away" in done.err


def test_control_socket_nonsense(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()))
    for request in (b"\n", b"reload\n", b'{"cmd":"shutdown"}\n', b"[" * 3000 + b"\n", b"x" * 5000):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(str(proxy.control))
            sock.sendall(request)
            answer = json.loads(sock.makefile().readline())
            assert answer["ok"] is False and answer["errors"][0]["text"]
    silent = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for sock in silent:
        sock.connect(str(proxy.control))
    assert proxy.status()["ok"]
    for sock in silent:
        sock.close()


def test_ctl_usage(tool, tmp_path):
    assert tool("tinyproxyctl", check=64).err
    assert 'did you mean "reload"?' in tool("tinyproxyctl", "relaod", check=64).err
    done = tool("tinyproxyctl", "--socket", tmp_path / "none", "status", check=69)
    assert "is it running?" in done.err
    assert "--socket" in tool("tinyproxyctl", "--completion-words", check=0).out


def test_ctl_json_and_quiet(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()))
    assert proxy.ctl("reload", "--quiet") == (0, "", "")
    answer = json.loads(proxy.ctl("reload", "--json").out)
    assert answer["ok"] and answer["generation"] == 3 and answer["workers"] == 1
