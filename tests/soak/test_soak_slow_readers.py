# SPDX-License-Identifier: ISC
"""1,000 clients that ask for 8 MiB each and read nothing, in 16 MiB."""
import pytest

from support.slow_readers import cost_of_slow_readers


@pytest.mark.timeout(900)
def test_a_thousand_slow_readers(tinyproxyd, backend, free_port, release_build):
    assert cost_of_slow_readers(tinyproxyd, backend, free_port(), release_build, 1000) < 16 * 1024
