# SPDX-License-Identifier: ISC
"""Bytes that can be made in any amount and known again by their hash."""
import functools
import hashlib

PERIOD = 1 << 20
_BLOCK = b"".join(hashlib.sha256(i.to_bytes(8, "big")).digest() for i in range(PERIOD // 32))


def pattern(length, chunk=PERIOD):
    """Yield `length` bytes in pieces of at most `chunk`; never the same 32 bytes twice a period."""
    position = 0
    while position < length:
        start = position % PERIOD
        piece = _BLOCK[start:start + min(chunk, PERIOD - start, length - position)]
        position += len(piece)
        yield piece


def pattern_bytes(length):
    return b"".join(pattern(length))


@functools.lru_cache(maxsize=64)
def pattern_sha256(length):
    digest = hashlib.sha256()
    for piece in pattern(length):
        digest.update(piece)
    return digest.hexdigest()
