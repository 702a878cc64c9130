# SPDX-License-Identifier: ISC
"""Ports nobody else has: not another test, nor another test run on the same machine.

A block of ports is reserved by binding an abstract Unix socket named after it: the kernel lets one
process hold that name and frees it when the process ends. The range lies below the one the kernel takes
ephemeral ports from, so an outgoing connection never sits on a port that was promised to a server.
"""
import random
import socket

BLOCK = 100  # a descriptor each: a whole run takes thousands of ports, and users may have 1024 descriptors
BLOCKS = range(10000, 32000, BLOCK)
_held = []
_left = []  # of the latest block, in no order


def _unused(port):
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno in (97, 99):
                continue  # a machine without IPv6
            return False
    return True


def _take_block():
    """The ports of a block that nobody has."""
    for first in random.sample(BLOCKS, len(BLOCKS)):
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0gatehouse-test-ports-{first}")
        except OSError:
            name.close()
            continue
        _held.append(name)
        return random.sample(range(first, first + BLOCK), BLOCK)
    raise AssertionError("no free port found")


def free_port():
    """A TCP (and UDP) port that stays this process's until it ends."""
    while True:
        if not _left:
            _left.extend(_take_block())
        port = _left.pop()
        if _unused(port):
            return port
