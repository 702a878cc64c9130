# SPDX-License-Identifier: ISC
"""1,000 clients that ask for 8 MiB each and read nothing, in 16 MiB, and gone after half a minute."""
import pytest

from support.slow_readers import cost_of_slow_readers, slow_readers_are_closed

COUNT = 1000


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("tls", [False, True])
def test_a_thousand_slow_readers(tls, tinyproxyd, backend, free_port, release_build, certs):
    leaf = certs.issue("a.example") if tls else None
    assert cost_of_slow_readers(tinyproxyd, backend, free_port(), release_build, COUNT, leaf) < 16 * 1024


@pytest.mark.timeout(900)
@pytest.mark.parametrize("tls", [False, True])
def test_a_thousand_slow_readers_are_closed(tls, tinyproxyd, backend, free_port, release_build, certs):
    leaf = certs.issue("a.example") if tls else None
    slow_readers_are_closed(tinyproxyd, backend, free_port(), release_build, COUNT, 10, leaf)
