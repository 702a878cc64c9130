# SPDX-License-Identifier: ISC
"""What is measured: a name, how much of it, and what one unit of the result is."""
import ssl
from dataclasses import dataclass
from typing import Callable

import load
from process import resident_kib

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
IDLE_CONNECTIONS = 4000
PLAIN = "/plain/1k"


@dataclass(frozen=True)
class Case:
    about: str
    unit: str
    per: float            # load units in one such unit
    work: Callable        # (site, scale) -> Load
    memory: bool = False  # work(site, pid) -> KiB instead


def scaled(count, scale):
    return max(1, int(count * scale))


def idle_memory(site, pid):
    """KiB that each idle TLS connection adds. What the first ones make once is not theirs."""
    first = load.idle(site.https, 50)
    before = resident_kib(pid)
    held = load.idle(site.https, IDLE_CONNECTIONS)
    grown = resident_kib(pid) - before
    for sock in held + first:
        sock.close()
    return grown / IDLE_CONNECTIONS


CASES = {
    "keepalive": Case("HTTPS requests of 1 KiB, HTTP/1.1, 16 connections", "100,000 requests", 1e5,
                      lambda site, scale: load.h2load(site.https, scaled(60000, scale), 16, 1, True)),
    "http2": Case("HTTP/2 requests of 1 KiB, 16 connections x 32 streams", "100,000 requests", 1e5,
                  lambda site, scale: load.h2load(site.https, scaled(60000, scale), 16, 32, False)),
    "keepalive-plain": Case("the same with a bare proxy_pass, nothing said of connections to the service",
                            "100,000 requests", 1e5,
                            lambda site, scale: load.h2load(site.https, scaled(30000, scale), 16, 1, True, PLAIN)),
    "http2-plain": Case("HTTP/2 requests, 16 x 32, with a bare proxy_pass", "100,000 requests", 1e5,
                        lambda site, scale: load.h2load(site.https, scaled(30000, scale), 16, 32, False, PLAIN)),
    "handshakes": Case("full TLS 1.3 handshakes (P-256) with a request", "1,000 connections", 1e3,
                       lambda site, scale: load.handshakes(site.https, scaled(1500, scale), TLS13, False)),
    "tickets-1.2": Case("TLS 1.2 resumptions by ticket with a request", "1,000 connections", 1e3,
                        lambda site, scale: load.handshakes(site.https, scaled(3000, scale), TLS12, True)),
    "tickets-1.3": Case("TLS 1.3 resumptions by ticket with a request", "1,000 connections", 1e3,
                        lambda site, scale: load.handshakes(site.https, scaled(1500, scale), TLS13, True)),
    "bulk": Case("HTTPS downloads of 100 MiB", "GiB", 1,
                 lambda site, scale: load.fetch("https", site.https, scaled(15, scale))),
    "websocket": Case(f"WebSocket echoes of {load.ECHO_BYTES} bytes over TLS, 16 connections", "100,000 echoes", 1e5,
                      lambda site, scale: load.websocket(site.https, scaled(50000, scale), 16)),
    "tunnel-bulk": Case("downloads of 100 MiB passed through", "GiB", 1,
                        lambda site, scale: load.fetch("http", site.tunnel, scaled(40, scale))),
    "tunnel-connections": Case("connections with a request passed through", "1,000 connections", 1e3,
                               lambda site, scale: load.tunnel_connections(site.tunnel, scaled(8000, scale))),
    "idle": Case(f"{IDLE_CONNECTIONS} idle TLS connections", "connection", 1, idle_memory, memory=True),
}
