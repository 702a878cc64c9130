# SPDX-License-Identifier: ISC
"""acme-renew --schedule below a root of its own: a systemd timer, or a line of cron."""
import os
import pathlib
import re

import pytest

from support import programs
from support.process import run

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
MARK = "# Made by acme-renew --schedule install\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc/cron.d").mkdir(parents=True)
    (tmp_path / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    return tmp_path


@pytest.fixture
def schedule(tool, root):
    def run(what, *arguments, check=0):
        return tool("acme-renew", "--schedule", what, "--root", root, *arguments, check=check)
    return run


def expected(name, command):
    text = (SCRIPTS / name).read_text().replace("@BINDIR@/acme-renew -q", command)
    return MARK + text.split("\n", 1)[1]


def test_systemd_timer(schedule, root):
    (root / "run/systemd/system").mkdir(parents=True)
    units = root / "etc/systemd/system"
    assert "not scheduled" in schedule("status", check=1).out
    done = schedule("install")
    assert str(units / "acme-renew.timer") in done.out
    command = f"{programs.path('acme-renew')} -q"
    assert (units / "acme-renew.service").read_text() == expected("acme-renew.service", command)
    assert (units / "acme-renew.timer").read_text() == expected("acme-renew.timer", command)
    assert not (root / "etc/cron.d/acme-renew").exists()
    schedule("install", "-q")                   # again is no failure
    assert "is there" in schedule("status").out
    schedule("remove")
    assert list(units.iterdir()) == []
    assert "nothing was scheduled" in schedule("remove").out


def test_systemd_understands_the_units(schedule, root):
    (root / "run/systemd/system").mkdir(parents=True)
    schedule("install")
    units = root / "etc/systemd/system"
    done = run(["systemd-analyze", "verify", "--man=no", *sorted(units.iterdir())], check=0)
    assert done.out + done.err == ""
    when = re.search("^OnCalendar=(.*)$", (units / "acme-renew.timer").read_text(), re.M)[1]
    done = run(["systemd-analyze", "calendar", "--iterations=4", "--base-time=2026-01-01 05:00:00 UTC", when],
               env={"TZ": "UTC"}, check=0)
    assert re.findall(r"2026-01-01 (\d\d:\d\d:\d\d)", done.out) == ["06:00:00", "12:00:00", "18:00:00"]
    run(["systemctl", "--root", root, "enable", "acme-renew.timer"], check=0)
    assert (units / "timers.target.wants/acme-renew.timer").is_symlink()


@pytest.fixture
def booted(tmp_path):
    """Runs the command where systemd seems to be the init system, and units go to a directory of the test's."""
    units = tmp_path / "units"
    units.mkdir()
    inside = ("mount -t tmpfs none /run && mkdir -p /run/systemd/system && "
              'mount --bind "$0" /etc/systemd/system && exec "$@"')

    def schedule(what, path="", check=0):
        return run(["unshare", "-rm", "sh", "-c", inside, units, programs.path("acme-renew"), "--schedule", what],
                   env={"PATH": f"{path}{os.environ['PATH']}"}, check=check)
    schedule.units = units
    return schedule


def test_the_timer_is_started_and_stopped(booted, tmp_path):
    calls, fake = tmp_path / "calls", tmp_path / "bin/systemctl"
    fake.parent.mkdir()
    fake.write_text(f"""#!/bin/sh
echo "$*" >> {calls}
case $1 in is-active) echo active ;; show) echo 'Thu 2026-01-01 07:12:30 UTC' ;; esac
""")
    fake.chmod(0o755)
    path = f"{fake.parent}:"
    assert "enabled and started acme-renew.timer" in booted("install", path).out
    assert calls.read_text().splitlines() == ["daemon-reload", "enable --now acme-renew.timer"]
    told = booted("status", path).out
    assert "acme-renew.timer is active\nnext run: Thu 2026-01-01 07:12:30 UTC\n" == told
    calls.unlink()
    booted("remove", path)
    assert calls.read_text().splitlines() == ["disable --now acme-renew.timer", "daemon-reload"]
    assert list(booted.units.iterdir()) == []


def test_a_systemctl_that_fails_is_quoted(booted):
    """The real one, which finds nobody to talk to in there."""
    told = booted("install", check=69).err
    assert "systemctl daemon-reload failed" in told and "Failed to connect to bus" in told


def test_cron_line_at_a_moment_of_its_own(schedule, root):
    moments = set()
    for number in range(8):
        (root / "etc/machine-id").write_text(f"{number:032x}\n")
        schedule("install")
        text = (root / "etc/cron.d/acme-renew").read_text()
        schedule("install")
        assert (root / "etc/cron.d/acme-renew").read_text() == text
        match = re.search(rf"^(\d+) (\d+)-23/6 \* \* \* root {programs.path('acme-renew')} -q$",
                          text, re.M)
        assert int(match[1]) < 60 and int(match[2]) < 6
        moments.add(match.groups())
    assert len(moments) > 4
    assert "-23/6 * * *" in schedule("status").out
    schedule("remove")
    assert not (root / "etc/cron.d/acme-renew").exists()


def test_another_store_is_written_along(schedule, root, tmp_path):
    store = tmp_path / "my store"
    store.mkdir()
    schedule("install", "--config-dir", store)
    assert f"-q --config-dir '{store}'\n" in (root / "etc/cron.d/acme-renew").read_text()
    assert "100%" in schedule("install", "--config-dir", tmp_path / "100%", check=66).err


def test_what_others_made_stays(schedule, root):
    file = root / "etc/cron.d/acme-renew"
    file.write_text("0 0 * * * root something\n")
    assert "somebody else" in schedule("install", check=73).err
    assert "somebody else" in schedule("remove", check=73).err
    assert file.read_text() == "0 0 * * * root something\n"


def test_neither_systemd_nor_cron(schedule, root):
    (root / "etc/cron.d").rmdir()
    assert "neither systemd nor" in schedule("install", check=69).err


def test_other_words_are_refused(schedule):
    assert "install, remove or status" in schedule("instal", check=64).err
