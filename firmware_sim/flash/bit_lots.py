"""Draws which bits of many something happens to."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator


def drawn_bits(stream: random.Random, count: int, probability: float) -> Iterator[int]:
    """Each of `count` bits with that probability, by drawing the gaps between them."""
    if probability <= 0:
        return
    scale = math.log1p(-probability) if probability < 1 else -math.inf
    bit = -1
    while True:
        bit += 1 + int(math.log(1 - stream.random()) / scale)
        if bit >= count:
            return
        yield bit
