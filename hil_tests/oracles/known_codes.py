"""The codes that were heard of on a bench, and which slots hold them.

A lock that keeps its PINs hashed does not show them, so whether two of its slots hold one can only
be told for codes that somebody has typed or asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from firmware_sim.memory.view import SlotView
from hil_tests.oracles.sight import Sight, pin_digest


@dataclasses.dataclass(slots=True)
class _Search:
    """Which code a digest is of: the code, or how many of them it is not of."""

    code: str | None = dataclasses.field(default=None, repr=False)
    tried: int = 0


class KnownCodes:
    """Codes in the order in which they were heard of."""

    def __init__(self) -> None:
        # A dictionary for a set that keeps its order.
        self._codes: dict[str, None] = {}
        self._searches: dict[bytes, _Search] = {}

    def learn(self, code: str) -> None:
        """Hear of a code."""
        self._codes[code] = None

    def found(self, sight: Sight) -> Iterator[tuple[int, str]]:
        """The slots of a lock whose codes are known, with them."""
        for slot in sight.memory.slots:
            if slot.is_code_hashed:
                code = self._of_hash(slot, sight.digests[slot.slot])
            else:
                code = slot.code
            if code is not None:
                yield slot.slot, code

    def _of_hash(self, slot: SlotView, digest: bytes) -> str | None:
        if slot.user is None:
            return None
        # The digest is of slot and user too, so it names the place.
        search = self._searches.setdefault(digest, _Search())
        if search.code is None:
            for code in list(self._codes)[search.tried :]:
                if pin_digest(slot.slot, slot.user.index, code) == digest:
                    search.code = code
            search.tried = len(self._codes)
        return search.code
