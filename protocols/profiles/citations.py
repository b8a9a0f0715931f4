"""Where the facts of a profile come from: its `[sources]` table, by dotted key.

A key of the table is a fact (`"codes.pin_slot_count"`) or a table of facts (`"battery"`), which
then speaks for those of its facts that have no source of their own. The value is a short citation,
or begins with the word `assumed` where no public source gives the fact.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from protocols.errors import ProfileError

# Characters of a citation: it is a cell of a table, no essay.
_CITATION_MAX: Final = 200
_ASSUMED: Final = "assumed"


@dataclasses.dataclass(frozen=True, slots=True)
class Citation:
    """The source of one fact.

    Attributes:
        text: As the file has it.
        key: The key of `[sources]` that it stands under: the fact's own, or a table around it.
    """

    text: str
    key: str

    @property
    def is_assumed(self) -> bool:
        """True when no public source gives the fact."""
        return self.text == _ASSUMED or self.text.startswith((f"{_ASSUMED}:", f"{_ASSUMED} "))


def read_citations(given: Any, facts: Sequence[str], source: str) -> Mapping[str, Citation]:
    """Resolve a `[sources]` table.

    Args:
        given: The table as parsed.
        facts: Dotted keys of all facts.
        source: What to call the file in an error.

    Returns:
        Dotted key to citation, of the facts that have one, in the order of the facts.

    Raises:
        ProfileError: When it is no table of texts, or names something that is no fact.
    """
    if not isinstance(given, dict):
        raise ProfileError(f"{source}: sources must be a table")
    known = dict.fromkeys(each for fact in facts for each in _and_around(fact))
    for key, text in given.items():
        if key not in known:
            raise ProfileError(f'{source}: sources."{key}" names no fact{_nearest(key, known)}')
        if not isinstance(text, str) or not 0 < len(text) <= _CITATION_MAX:
            raise ProfileError(
                f'{source}: sources."{key}" must be a text of 1 to {_CITATION_MAX} characters'
            )
    found = {}
    for fact in facts:
        key = next((each for each in _and_around(fact) if each in given), None)
        if key is not None:
            found[fact] = Citation(text=given[key], key=key)
    return MappingProxyType(found)


def _and_around(fact: str) -> list[str]:
    """A key and the tables around it, the nearest first."""
    parts = fact.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _nearest(word: str, known: Mapping[str, None]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
