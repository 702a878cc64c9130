# SPDX-License-Identifier: ISC
"""Orders by the hundred from a CA that rejects nonces, over a network that loses connections: all are
issued by one run. tests/fault/test_acme_ca.py has a few of them in every check."""
import pytest

from support.acme_proxy import acme_proxy  # noqa: F401
from support.acme_site import *  # noqa: F401,F403
from support.acme_site import under_fire


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rejected, dropped, count", [(60, 0, 50), (30, 0.10, 100)])
def test_all_are_issued(make_pebble, acme_proxy, make_site, tmp_path, rejected, dropped, count):
    under_fire(make_pebble, acme_proxy, make_site, tmp_path, rejected, dropped, count)
