# SPDX-License-Identifier: ISC
"""1,000 WebSockets for a minute through 100 reloads with new certificates: none cut, no byte lost, memory flat."""
import pytest

from support.soak_websocket import Soak


@pytest.mark.timeout(600)
def test_a_thousand_websockets_through_a_hundred_reloads(tinyproxyd, free_port, certs):
    grown = Soak(tinyproxyd, free_port, certs, sockets=1000, reloads=100).run(rounds=60, pause_s=1)
    settled = max(grown[10:30])
    assert max(grown[-20:]) < settled * 1.05 + 2048, grown
