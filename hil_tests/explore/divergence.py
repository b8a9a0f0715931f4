"""Where two traces of one run part: the first event that differs, side by side."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Final

# Events before it that are shown too: what both did last together.
_BEFORE: Final = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first event that differs.

    Attributes:
        number: Its number, from 1.
        before: The last events that both have, oldest first.
        expected: The event of the first trace; None when that had ended.
        found: The event of the second trace; None when that had ended.
    """

    number: int
    before: tuple[str, ...]
    expected: str | None
    found: str | None


def first_divergence(expected: Path, found: Path) -> Divergence | None:
    """Compare two traces, line by line; None when they are the same."""
    common: list[str] = []
    with expected.open(encoding="utf-8") as one, found.open(encoding="utf-8") as other:
        for number, (line, its) in enumerate(itertools.zip_longest(one, other), start=1):
            if line != its:
                return Divergence(
                    number=number,
                    before=tuple(common),
                    expected=None if line is None else line.rstrip("\n"),
                    found=None if its is None else its.rstrip("\n"),
                )
            common = [*common[1 - _BEFORE :], line.rstrip("\n")]
    return None
