# SPDX-License-Identifier: ISC
"""A chat server as people run one on python: what is said comes back with the server's name before it.

usage: python3 chat.py NAME PORT [CERTIFICATE KEY]; with a certificate it speaks wss. Every message is a line on stdout.
"""
import asyncio
import ssl
import sys

import websockets

PAGE_PREFIX = "the page heard"


async def serve(name, port, *pair):
    context = None
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)

    async def talk(socket, _path):
        async for message in socket:
            print(socket.request_headers["Host"], message[:80], flush=True)
            if not message.startswith(PAGE_PREFIX):
                await socket.send(f"{name}: {message}")
    async with websockets.serve(talk, "127.0.0.1", int(port), ssl=context, max_size=None):
        await asyncio.Future()

asyncio.run(serve(*sys.argv[1:]))
