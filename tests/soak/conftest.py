# SPDX-License-Identifier: ISC
from support.fixtures import *  # noqa: F401,F403  (the fixtures and hooks are the point)
