# SPDX-License-Identifier: ISC
"""What acme-issue and acme-renew tell: lines, a terminal, a log file that may be rotated."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from support.acme_site import *  # noqa: F401,F403
from support.wait import wait_until


def on_a_terminal(argv, rows=24):
    """Everything that a program writes to a terminal of so many rows, and its exit code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", rows, 80, 0, 0))
    env = {**os.environ, "no_proxy": "*", "TERM": "xterm"}
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)], stdin=slave,
                          stdout=subprocess.PIPE, stderr=slave, env=env) as run:
        os.close(slave)
        written = b""
        try:
            while True:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                written += piece
            out = run.stdout.read()
        except BaseException:
            run.kill()    # its terminal is not read any more
            raise
    os.close(master)
    return written.decode(), out.decode(), run.returncode


def screen(text):
    """What is left on the screen: enough of a terminal for what we write to one."""
    rows, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[\d*[A-Z]|\r|\n|[^\x1b\r\n]+", text):
        if piece == "\r":
            column = 0
        elif piece == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        elif piece.startswith("\x1b["):
            if piece[-1] == "A":
                row -= int(piece[2:-1])
                assert row >= 0
            else:
                assert piece[-1] == "J"
                rows[row] = rows[row][:column]
                del rows[row + 1:]
        else:
            rows[row] = rows[row][:column] + piece + rows[row][column + len(piece):]
            column += len(piece)
    return "\n".join(rows).strip()


def test_a_terminal_shows_a_line_per_order_and_then_the_table(store):
    names = [f"n{i}.example" for i in range(5)]
    for name in names:
        store.issue(name)
    shown, out, code = on_a_terminal(store.argv(
        "acme-renew", "--ca-file", store.pebble.ca_file, "--force-renewal", "--jobs", "5"))
    assert code == 0 and screen(shown) == ""
    for name in names:
        assert re.search(rf"{name}  creating the order +0 s", shown), shown
        assert re.search(rf"^{name} +issued", out, re.M)


def test_more_orders_than_rows(store, site):
    """Not many orders but few rows: pebble can lock itself up when many ask at once."""
    names = [f"n{i}.example" for i in range(6)]
    for name in names:
        store.issue(name, preflight=False)
    shown, _, code = on_a_terminal(store.argv(
        "acme-renew", "--ca-file", store.pebble.ca_file, "--force-renewal", "--jobs", "6"), rows=4)
    assert code == 0 and screen(shown) == "" and re.search(r"\.\.\. and \d+ more", shown)


def test_elsewhere_a_line_per_event(store):
    done = store.issue("a.example")
    assert "\x1b" not in done.err and "acme-issue: a.example: creating the order\n" in done.err


def test_log_file_lives_through_rotation(store, tmp_path, site, start):
    log = tmp_path / "acme.log"
    site.open.clear()
    argv = store.argv("acme-issue", *store.issue_argv(
        "a.example", arguments=["-q", "--log-file", log]))
    run = start("acme-issue", argv, env={"no_proxy": "*"})
    wait_until(lambda: log.exists() and "putting the challenges on show" in log.read_text(), "log")
    log.rename(tmp_path / "acme.log.1")
    site.open.set()
    assert run.wait() == 0 and run.output() == ""
    assert "creating the order" in (tmp_path / "acme.log.1").read_text()
    assert re.search(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[info\] \d+#\d+: acme-issue: a\.example: issued$",
                     log.read_text(), re.M)
    assert log.stat().st_mode & 0o777 == 0o600


def test_log_file_has_the_reason_of_a_failure(store, tmp_path):
    log = tmp_path / "acme.log"
    store.issue("a.example", arguments=["--deploy-hook", "echo my words; exit 3", "--log-file", log],
                check=1)
    text = log.read_text()
    assert "[error]" in text and "ended with exit code 3" in text and "my words" in text
    done = store.issue("b.example", arguments=["--log-file", tmp_path / "no/acme.log"], check=66)
    assert "cannot write to the log file" in done.err
