# SPDX-License-Identifier: ISC
"""Reload as tinyproxyd's monitor does it: all or nothing, acknowledged, keeping what did not change."""
import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from support import programs
from support.certs import file_fingerprint, fingerprint
from support.client import Client, get, served_certificate
from support.sites import refuses, site, tls_site
from support.wait import wait_until


def served(port, name):
    return fingerprint(served_certificate(port, name))


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
    proxy = tinyproxyd(site(port, workers=2))
    proxy.write(site(port, "two", workers=2))
    proxy.run("-s", "reload", check=0)
    assert {get(port).body for _ in range(20)} == {b"two"}


def test_reload_is_acknowledged(tinyproxyd, free_port):
    """When the command returns no worker serves the old generation any more."""
    port = free_port()
    proxy = tinyproxyd(site(port, "v0", workers=4))
    for n in range(1, 30):
        done = proxy.reload(site(port, f"v{n}", workers=4))
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


def test_specific_address_becomes_wildcard(tinyproxyd, free_port):
    """Linux cannot bind both at once; a reload can go from one to the other and back."""
    port = free_port()
    proxy = tinyproxyd(site(port))
    for n in range(6):
        text = site(port, f"v{n}")
        proxy.reload(text if n % 2 else text.replace("127.0.0.1:", ""))
        assert get(port).body == f"v{n}".encode()
        assert refuses(port, "127.0.0.2") == bool(n % 2)


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
    proxy = tinyproxyd(site(port, workers=2))
    first = proxy.worker_pids()
    proxy.reload(site(port, workers=4))
    grown = proxy.worker_pids()
    assert len(grown) == 4 and set(first) <= set(grown)
    status = proxy.status()
    assert [w["state"] for w in status["workers"]] == ["ready"] * 4
    assert {w["generation"] for w in status["workers"]} == {2}
    proxy.reload(site(port, workers=1))
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


def test_tree_that_workers_gave_up_is_said(tinyproxyd, free_port):
    port = free_port()
    proxy = tinyproxyd(site(port))
    proxy.reload(site(port, more=f"server {{ listen 127.0.0.1:{free_port()}; root /etc/ssl; }}"))
    assert any('workers gave up access to "/etc/ssl"' in e for e in proxy.errors("warn"))


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
    proxy = tinyproxyd(site(port, workers=2))
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
