# SPDX-License-Identifier: ISC
"""ssl_preread: real ClientHellos in any records and any pieces; what is passed on is what came, byte for byte."""
import asyncio
import hashlib
import random
import socket

import pytest

from support.hello import CAPTURES, in_records, made_by_openssl, message_of, widened
from support.pattern import pattern_bytes
from support.tcp_server import TcpServer

SPLITS = 1000
AT_ONCE = 50
SECONDS = 20


def answer_with_hash(letter):
    def run(sock):
        digest, count = hashlib.sha256(), 0
        while data := sock.recv(1 << 16):
            digest.update(data)
            count += len(data)
        sock.sendall(f"{letter} {digest.hexdigest()} {count}".encode())
    return run


@pytest.fixture
def front(tinyproxyd, free_port):
    """The port of a passthrough whose backend for a.example and the one for all others answer with what came."""
    port = free_port()
    servers = [TcpServer(answer_with_hash(letter)) for letter in ("named", "other")]
    tinyproxyd(f"""stream {{
        map $ssl_preread_server_name $to {{ a.example 127.0.0.1:{servers[0].port}; default 127.0.0.1:{servers[1].port}; }}
        server {{ listen 127.0.0.1:{port}; ssl_preread on; preread_buffer_size 64k; proxy_half_close on;
                  proxy_pass $to; }} }}""")
    yield port
    for server in servers:
        server.stop()


def any_case(dice):
    """A hello in records of any sizes, whatever follows it, and where it is cut."""
    hello = CAPTURES[dice.choice(sorted(CAPTURES))]
    if dice.random() < 0.3:
        hello = widened(hello, dice.randrange(16000, 40000))
    least = dice.choice((1, 40, 517, 16384)) if len(hello) < 4000 else dice.choice((517, 16384))
    records = in_records(hello, lambda: dice.randint(least, 16384))
    data = records + pattern_bytes(dice.choice((0, 0, 1, 5000, 100000)))
    # Mostly inside the hello, where it matters.
    cuts = sorted(dice.randrange(1, len(records) if dice.random() < 0.8 else len(data))
                  for _ in range(dice.choice((0, 1, 2, 3, 8))))
    return data, [0, *cuts, len(data)]


async def through(port, data, cuts, dice):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start, end in zip(cuts, cuts[1:]):
        writer.write(data[start:end])
        await writer.drain()
        if dice.random() < 0.5:
            await asyncio.sleep(0.001)  # so that the pieces do not all arrive as one
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), SECONDS)
    writer.close()
    return answer.decode()


def test_a_thousand_splits(front):
    async def one(number, gate):
        async with gate:
            dice = random.Random(number)
            data, cuts = any_case(dice)
            assert await through(front, data, cuts, dice) == \
                f"named {hashlib.sha256(data).hexdigest()} {len(data)}", f"split {number}"

    async def all_of_them():
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(number, gate) for number in range(SPLITS)))
    asyncio.run(all_of_them())


def test_real_hellos_are_what_they_say():
    """The captures are whole, and the large ones are larger than a record."""
    assert sorted(CAPTURES) == ["chromium", "curl", "openssl"]
    for data in (*CAPTURES.values(), *(widened(capture, 20000) for capture in CAPTURES.values()),
                 made_by_openssl("a.example", padding=20000)):
        message = message_of(data)
        assert data[0] == 0x16 and message[0] == 1 and len(message) == 4 + int.from_bytes(message[1:4], "big")
        assert b"a.example" in message
    assert len(widened(CAPTURES["chromium"], 20000)) > 16384 + 5
