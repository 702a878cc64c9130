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
from support.certs import file_fingerprint, fingerprint
from support.client import Client, get, served_certificate
from support.process import run
from support.wait import wait_until


def site(port, text="one", more=""):
    return f"http {{ server {{ listen 127.0.0.1:{port}; location / {{ return 200 {text}; }} }} {more} }}"


def tls_site(port, *certs):
    servers = "".join(f"""
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name {name};
        ssl_certificate {cert.fullchain};
        ssl_certificate_key {cert.key};
        location / {{ return 200 {name}; }}
    }}""" for name, cert in certs)
    return f"http {{ {servers}\n}}"


def refuses(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return False
    except ConnectionRefusedError:
        return True


def served(port, name):
    return fingerprint(served_certificate(port, name))


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
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers)


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
        assert [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)] == \
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
            targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)]
            assert targets[:2] == ["/dev/null"] * 2
            assert targets[2] in ("/dev/null", str(proxy.error_log))
        assert get(port).status == 200
    finally:
        proxy.run("-s", "stop", check=0)
        wait_until(lambda: not proxy.pid_file.exists(), "the daemon's end")


def test_workers_inherit_nothing(tinyproxyd, free_port, certs):
    """A worker has its channel, what it was sent, and no other descriptor of the monitor's."""
    port = free_port()
    proxy = tinyproxyd("worker_processes 3;\n" + tls_site(port, ("a.example",
                                                                certs.issue("a.example"))))
    for pid in proxy.worker_pids():
        fds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        assert not any("signalfd" in fd for fd in fds)
        assert sum(fd == str(proxy.error_log) for fd in fds) <= 2
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        assert maps.count("tinyproxyd-bundle") <= 1, maps
        assert os.readlink(f"/proc/{pid}/exe") == str(programs.path("tinyproxyd"))


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
    wait_until(lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in workers),
               "the workers to follow their monitor")
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


# ---- reload --------------------------------------------------------------------------------------

def test_reload_by_signal(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port))
    workers = proxy.worker_pids()
    proxy.write(site(port, "two"))
    proxy.send(signal.SIGHUP)
    wait_until(lambda: get(port).body == b"two", "the new configuration")
    assert proxy.worker_pids() == workers


def test_reload_by_command(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("worker_processes 2;\n" + site(port))
    proxy.write("worker_processes 2;\n" + site(port, "two"))
    proxy.run("-s", "reload", check=0)
    assert {get(port).body for _ in range(20)} == {b"two"}


def test_reload_is_acknowledged(tinyproxyd, free_port):
    """When the command returns no worker serves the old generation any more."""
    port = free_port()
    proxy = tinyproxyd("worker_processes 4;\n" + site(port, "v0"))
    for n in range(1, 30):
        done = proxy.reload("worker_processes 4;\n" + site(port, f"v{n}"))
        assert done.out.startswith(f"generation {n + 1} is in service on 4 workers")
        assert {get(port).body for _ in range(8)} == {f"v{n}".encode()}


def test_refused_reload_changes_nothing(tinyproxyd, free_port):
    port, other = free_port(), free_port()
    proxy = tinyproxyd(site(port))
    workers = proxy.worker_pids()
    proxy.write(f"http {{\n server {{ listen 127.0.0.1:{other}; }}\n proxy_pas x;\n}}\nlalala;\n")
    done = proxy.ctl("reload", check=78)
    assert f'[emerg] unknown directive "proxy_pas" in {proxy.config}:3' in done.err
    assert f'unknown directive "lalala" in {proxy.config}:5' in done.err
    answer = json.loads(proxy.ctl("reload", "--json", check=78).out)
    assert not answer["ok"] and answer["schema"] == 1 and answer["generation"] == 1
    assert [(e["file"], e["line"]) for e in answer["errors"]] == \
        [(str(proxy.config), 3), (str(proxy.config), 5)]
    assert "hint" in answer["errors"][0]
    assert proxy.run("-s", "reload", check=1).err.count("[emerg]") == 2
    assert refuses(other)
    assert get(port).body == b"one"
    assert proxy.worker_pids() == workers
    assert proxy.errors("emerg")
    proxy.reload(site(port, "good"))
    assert get(port).body == b"good"
    proxy.forget_errors()


def test_reload_with_address_in_use(tinyproxyd, free_port):
    port, taken = free_port(), free_port()
    proxy = tinyproxyd(site(port))
    with socket.create_server(("127.0.0.1", taken)):
        done = proxy.reload(site(port, "two", f"server {{ listen 127.0.0.1:{taken}; }}"), check=70)
        assert f"bind() to 127.0.0.1:{taken} failed (98: Address already in use)" in done.err
        assert "(pid " in done.err
        assert get(port).body == b"one"
    proxy.reload()
    assert get(port).body == b"two"
    proxy.forget_errors()


def test_listeners_come_and_go(tinyproxyd, free_port):
    """Sockets that stay are the same sockets: what waits in their queues is not lost."""
    a, b, c = free_port(), free_port(), free_port()

    def listening(*ports):
        return "http { " + "".join(f"server {{ listen 127.0.0.1:{p}; return 200 {p}; }}"
                                   for p in ports) + "}"

    def inode(port):
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
                return fields[9]
        return None

    proxy = tinyproxyd(listening(a, b))
    before = inode(b)
    with Client(a) as old:
        assert old.request().body == str(a).encode()
        proxy.reload(listening(b, c))
        assert refuses(a)
        assert inode(b) == before
        assert [get(p).body for p in (b, c)] == [str(b).encode(), str(c).encode()]
        assert proxy.status()["listeners"] == [f"127.0.0.1:{b}", f"127.0.0.1:{c}"]
    proxy.reload(listening(a))
    assert get(a).status == 200 and refuses(b) and refuses(c)


def test_unix_listener(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port()), started=False)
    path = proxy.directory / "s.sock"
    proxy.write(site(free_port(), more=f"server {{ listen unix:{path}; return 200 u; }}"))
    proxy.start()
    assert path.stat().st_mode & 0o777 == 0o666
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    proxy.reload(site(free_port()))
    assert not path.exists()


def test_worker_count_changes(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("worker_processes 2;\n" + site(port))
    first = proxy.worker_pids()
    proxy.reload("worker_processes 4;\n" + site(port))
    grown = proxy.worker_pids()
    assert len(grown) == 4 and set(first) <= set(grown)
    status = proxy.status()
    assert [w["state"] for w in status["workers"]] == ["ready"] * 4
    assert {w["generation"] for w in status["workers"]} == {2}
    proxy.reload("worker_processes 1;\n" + site(port))
    wait_until(lambda: proxy.worker_pids() == first[:1], "the others to drain")
    assert get(port).status == 200


def test_drained_worker_finishes(tinyproxyd, free_port, backend):
    """A worker that is one too many finishes its request first."""
    port = free_port()

    def config(count):
        return f"""worker_processes {count};
http {{ server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{backend.port}; }} }} }}"""

    proxy = tinyproxyd(config(3))
    clients = [Client(port) for _ in range(9)]
    for client in clients:
        client.send("GET /hold/it HTTP/1.1\r\nHost: a\r\n\r\n")
    backend.wait_for_requests(9)
    proxy.reload(config(1))
    backend.release("it")
    assert [client.response().status for client in clients] == [200] * 9
    for client in clients:
        client.close()
    wait_until(lambda: len(proxy.worker_pids()) == 1, "the others to drain")


def test_many_ask_for_reload_at_once(tinyproxyd, free_port):
    """All are answered, and by a configuration read after they asked."""
    port = free_port()
    proxy = tinyproxyd(site(port))
    proxy.write(site(port, "two"))
    asking = [subprocess.Popen([programs.path("tinyproxyctl"), "--socket", proxy.control, "reload"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
              for _ in range(12)]
    for one in asking:
        out, _ = one.communicate(timeout=60)
        assert one.returncode == 0, out
    assert get(port).body == b"two"
    assert proxy.status()["generation"] <= 13


def test_pid_file_moves(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port))
    old_pid, old_control = proxy.pid_file, proxy.control
    proxy.pid_file = proxy.directory / "moved.pid"
    proxy.write(site(port))
    proxy.ctl("reload")
    proxy.control = proxy.directory / "moved.ctl"
    assert proxy.pid == proxy.process.pid
    wait_until(lambda: not old_pid.exists() and not old_control.exists(), "the old ones to go")
    assert proxy.status()["generation"] == 2


def test_changed_user_is_said(tinyproxyd, free_port):
    if os.geteuid() != 0:
        return
    port = free_port()
    proxy = tinyproxyd("user nobody;\n" + site(port))
    proxy.reload("user www-data;\n" + site(port, "two"))
    assert get(port).body == b"two"
    assert any('"user" takes effect with the next start' in e for e in proxy.errors("warn"))


# ---- certificates --------------------------------------------------------------------------------

def test_bad_certificate_at_start(tinyproxyd, free_port, certs):
    """One host without TLS, the other as if nothing were."""
    port = free_port()
    good, bad = certs.issue("good.example"), certs.issue("bad.example")
    mixed = bad._replace(key=good.key)
    proxy = tinyproxyd(tls_site(port, ("good.example", good), ("bad.example", mixed)))
    assert served(port, "good.example") == good.sha256
    with pytest.raises(OSError):
        served_certificate(port, "bad.example")
    line, = proxy.errors("error")
    assert str(bad.fullchain) in line and "does not belong" in line
    problem, = proxy.status()["problems"]
    assert problem["outcome"] == "disabled" and problem["certificate"] == str(bad.fullchain)
    done = proxy.reload(tls_site(port, ("good.example", good), ("bad.example", bad)))
    assert done.err == ""
    assert served(port, "bad.example") == bad.sha256
    assert proxy.status()["problems"] == []


def test_bad_certificate_at_reload(tinyproxyd, free_port, certs):
    """The last good one stays in service; whoever reloads is told; others take their new one."""
    port = free_port()
    a, b = certs.issue("a.example"), certs.issue("b.example")
    new_a, new_b = certs.issue("a.example"), certs.issue("b.example")
    proxy = tinyproxyd(tls_site(port, ("a.example", a), ("b.example", b)))
    old = b.sha256
    a.fullchain.write_bytes(new_a.fullchain.read_bytes())
    a.key.write_bytes(new_a.key.read_bytes())
    b.fullchain.write_bytes(new_b.fullchain.read_bytes())
    done = proxy.reload()
    assert "the previous one stays in service" in done.err and str(b.fullchain) in done.err
    assert served(port, "a.example") == new_a.sha256
    assert served(port, "b.example") == old
    b.key.write_bytes(new_b.key.read_bytes())
    assert proxy.reload().err == ""
    assert served(port, "b.example") == new_b.sha256


def test_certificate_in_live_directory(tinyproxyd, free_port, certs):
    """Swung links and exchanged directories are seen by the next reload."""
    port = free_port()
    versions = [certs.issue("a.example") for _ in range(3)]
    live = certs.directory / "live"
    live.mkdir()
    paths = versions[0]._replace(fullchain=live / "fullchain.pem", key=live / "privkey.pem")

    def publish(version):
        for name, target in (("fullchain.pem", version.fullchain), ("privkey.pem", version.key)):
            link = live / (name + ".new")
            link.symlink_to(target)
            os.replace(link, live / name)

    publish(versions[0])
    proxy = tinyproxyd(tls_site(port, ("a.example", paths)))
    for version in versions:
        publish(version)
        proxy.reload()
        assert served(port, "a.example") == version.sha256 == file_fingerprint(live / "fullchain.pem")


# ---- logs ----------------------------------------------------------------------------------------

def test_reopen(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("worker_processes 2;\n" + site(port))
    get(port, "/before")
    wait_until(lambda: "/before" in proxy.access_log.read_text(), "the access log line")
    moved = [path.rename(path.with_suffix(".1")) for path in (proxy.access_log, proxy.error_log)]
    get(port, "/between")
    wait_until(lambda: "/between" in moved[0].read_text(), "the line in the moved log")
    proxy.run("-s", "reopen", check=0)
    wait_until(lambda: proxy.access_log.exists() and proxy.error_log.exists(), "new logs")
    for n in range(8):
        wait_until(lambda n=n: get(port, f"/after{n}").status == 200, "an answer")
    wait_until(lambda: "/after7" in proxy.access_log.read_text(), "the line in the new log")
    sizes = [path.stat().st_size for path in moved]
    proxy.reload()
    assert "reconfiguring" in proxy.error_log.read_text()
    assert [path.stat().st_size for path in moved] == sizes


def test_log_cannot_be_opened(tinyproxyd, free_port):
    proxy = tinyproxyd(site(free_port(), more="access_log /nonexistent/access.log;"), started=False)
    done = proxy.run(check=1)
    assert '[emerg] open() "/nonexistent/access.log" failed (2: No such file or directory)' in done.err
    assert "/nonexistent/access.log" in proxy.run("-t", check=1).err


def test_many_logs_and_listeners(tinyproxyd, free_port):
    """More descriptors than fit a socket's queue at once reach every worker."""
    ports = [free_port() for _ in range(40)]
    proxy = tinyproxyd("", started=False)
    proxy.write("worker_processes 2;\nhttp {" + "".join(
        f"server {{ listen 127.0.0.1:{p}; access_log {proxy.directory}/{p}-{n}.log;"
        f" server_name s{n}; return 200 {p}; }}" for p in ports for n in range(10)) + "}")
    proxy.start()
    assert [get(p, host="s3").body for p in ports] == [str(p).encode() for p in ports]
    wait_until(lambda: (proxy.directory / f"{ports[-1]}-3.log").read_text(), "an access log line")


# ---- control socket and tinyproxyctl -------------------------------------------------------------

def test_status(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd("worker_processes 2;\n" + site(port))
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


# ---- signals that are for later ------------------------------------------------------------------

def test_signals_that_do_nothing_yet(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port))
    for number in (signal.SIGUSR2, signal.SIGWINCH):
        proxy.send(number)
        proxy.wait_for_error(rf"signal {int(number)} \({number.name}\) received from {os.getpid()}")
    assert get(port).status == 200
