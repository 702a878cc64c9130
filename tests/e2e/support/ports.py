# SPDX-License-Identifier: ISC
"""Ports nobody else has: not another test, nor another test run on the same machine.

A port is reserved by binding an abstract Unix socket named after it: the kernel lets one process
hold that name and frees it when the process ends. The range lies below the one the kernel takes
ephemeral ports from, so an outgoing connection never sits on a port that was promised to a server.
"""
import random
import socket

RANGE = range(10000, 32000)
_held = {}


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


def free_port():
    """A TCP (and UDP) port that stays this process's until it ends."""
    for _ in range(1000):
        port = random.choice(RANGE)
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0gatehouse-test-port-{port}")
        except OSError:
            name.close()
            continue
        if _unused(port):
            _held[port] = name
            return port
        name.close()
    raise AssertionError("no free port found")
