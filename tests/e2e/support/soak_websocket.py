# SPDX-License-Identifier: ISC
"""Many WebSockets (python3-websockets at both ends) over wss that talk while the proxy is reloaded with new certificates."""
import asyncio
import pathlib
import random

import websockets

from .client import served_certificate, tls_context
from .certs import fingerprint
from .process import children
from .wait import DEADLINE_S


def resident_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


class Soak:
    def __init__(self, tinyproxyd, free_port, certs, sockets, reloads):
        self.certs, self.sockets, self.reloads = certs, sockets, reloads
        self.port, self.backend_port = free_port(), free_port()
        self.site = certs.issue("ws.example")
        self.config = f"""worker_processes 2;
events {{ worker_connections {sockets * 2 + 100}; }}
http {{ access_log off; server {{
    listen 127.0.0.1:{self.port} ssl; server_name ws.example;
    ssl_certificate {self.site.fullchain}; ssl_certificate_key {self.site.key};
    location / {{ proxy_pass http://127.0.0.1:{self.backend_port}; }}
}} }}"""
        self.proxy = tinyproxyd(self.config)
        self.bytes = 0
        self.opened = self.reloaded = None

    async def _echo(self, socket, _path):
        async for message in socket:
            await socket.send(message)

    async def _talk(self, number, rounds, pause_s):
        """So many messages, and on until the last reload is over."""
        chance = random.Random(number)
        async with websockets.connect(f"wss://127.0.0.1:{self.port}/{number}", ssl=tls_context(),
                                      server_hostname="ws.example", max_size=None,
                                      open_timeout=DEADLINE_S, ping_interval=None) as socket:
            await self.opened.wait()
            turn = -1
            while (turn := turn + 1) < rounds or not self.reloaded.is_set():
                size = chance.choice((0, 1, 125, 126, 2000, 70000))
                message = chance.randbytes(size) if turn % 2 else f"{number}:{turn}:" + "x" * size
                await socket.send(message)
                assert await socket.recv() == message
                self.bytes += 2 * len(message)
                if pause_s:
                    await asyncio.sleep(pause_s)

    def _renew(self, turn):
        fresh = self.certs.issue("ws.example")
        self.site.fullchain.write_bytes(fresh.fullchain.read_bytes())
        self.site.key.write_bytes(fresh.key.read_bytes())
        self.proxy.reload(self.config + f"\n# {turn}")
        assert fingerprint(served_certificate(self.port, "ws.example")) == fresh.sha256

    async def _run(self, rounds, pause_s):
        self.opened, self.reloaded = asyncio.Event(), asyncio.Event()
        async with websockets.serve(self._echo, "127.0.0.1", self.backend_port, max_size=None,
                                    ping_interval=None, backlog=1024):
            talks = [asyncio.ensure_future(self._talk(n, rounds, pause_s)) for n in range(self.sockets)]
            self.opened.set()
            loop, grown = asyncio.get_running_loop(), []
            for turn in range(self.reloads):
                await loop.run_in_executor(None, self._renew, turn)
                grown.append(sum(map(resident_kb, children(self.proxy.pid))))
                await asyncio.sleep(pause_s * rounds / (self.reloads + 1))
            self.reloaded.set()
            await asyncio.gather(*talks)
        return grown

    def run(self, rounds, pause_s=0):
        """Resident kB of all workers after each reload."""
        grown = asyncio.run(self._run(rounds, pause_s))
        assert self.bytes > 0 and not self.proxy.errors()
        return grown
