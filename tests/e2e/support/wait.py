# SPDX-License-Identifier: ISC
"""Waiting for a condition with a deadline: the only way a test may let time pass."""
import time

DEADLINE_S = 20


def wait_until(condition, what, deadline_s=DEADLINE_S, interval_s=0.01):
    """Return condition()'s first true value; fail naming `what` when the deadline has passed.

    `what` may be a function: it is called for the message, to show the last state.
    """
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s} s for {what() if callable(what) else what}")
        time.sleep(interval_s)
