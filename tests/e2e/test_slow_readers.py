# SPDX-License-Identifier: ISC
"""Clients that ask for much and read nothing cost little memory, and not for long."""
import pytest

from support.slow_readers import cost_of_slow_readers, slow_readers_are_closed


@pytest.mark.parametrize("tls", [False, True])
def test_slow_readers_cost_little(tls, tinyproxyd, backend, free_port, release_build, certs):
    """The budget is 16 MiB for 1,000 responses of 8 MiB (tests/soak); here for a tenth of them, and what a worker keeps at hand whoever reads."""
    leaf = certs.issue("a.example") if tls else None
    assert cost_of_slow_readers(tinyproxyd, backend, free_port(), release_build, 100, leaf) < 16 * 1024 // 10 + 1536


@pytest.mark.parametrize("tls", [False, True])
def test_slow_readers_are_closed(tls, tinyproxyd, backend, free_port, release_build, certs):
    leaf = certs.issue("a.example") if tls else None
    slow_readers_are_closed(tinyproxyd, backend, free_port(), release_build, 20, 2, leaf)
