# SPDX-License-Identifier: ISC
"""The README's first command, as a newcomer runs it."""
import pathlib

from support.process import run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_demo_tells_the_whole_story(release_build, free_port):
    done = run([ROOT / "scripts" / "demo", "--http-port", free_port(), "--https-port", free_port()],
               cwd=ROOT, deadline_s=300)
    assert done.code == 0, done.out + done.err
    assert "One client connection lived through both certificate changes" in done.out
