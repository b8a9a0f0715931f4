"""Named random streams: one seed, any number of independent streams, in any order.

A stream's numbers depend on the seed and on its name alone. Adding a device, or drawing more
often from one stream, moves no other stream; nor does the process or its hash seed.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable

# Bytes of a stream's seed: more than any number of named streams could make collide.
_SEED_BYTES = 32


class Streams:
    """The random streams of one run.

    Args:
        seed: The run's seed; any integer.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """The stream of that name; always the same object for the same name.

        Args:
            name: Owner and purpose, such as ``lock-1/radio``.
        """
        stream = self._streams.get(name)
        if stream is None:
            stream = random.Random(derive_seed(self.seed, name))  # noqa: S311 - not for secrets.
            self._streams[name] = stream
        return stream


def derive_seed(seed: int, name: str) -> int:
    """A seed for one purpose, from the run's seed and the purpose's name.

    The two are joined by a line feed after the decimal seed, so that no two pairs are alike.
    """
    text = f"{seed}\n{name}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=_SEED_BYTES).digest(), "big")


def uuid_source(stream: random.Random) -> Callable[[], uuid.UUID]:
    """A source of random (version 4) UUIDs that repeats with its stream."""

    def next_uuid() -> uuid.UUID:
        return uuid.UUID(bytes=stream.randbytes(16), version=4)

    return next_uuid
