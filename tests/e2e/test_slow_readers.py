# SPDX-License-Identifier: ISC
"""Clients that ask for much and read nothing cost little memory."""
from support.slow_readers import cost_of_slow_readers


def test_slow_readers_cost_little(tinyproxyd, backend, free_port, release_build):
    """The budget is 16 MiB for 1,000 responses of 8 MiB (tests/soak); here for a tenth of them, and what a worker keeps at hand whoever reads."""
    assert cost_of_slow_readers(tinyproxyd, backend, free_port(), release_build, 100) < 16 * 1024 // 10 + 1536
