"""Reads a TOML table key by key; whatever is missing, unknown or wrong is named with its path."""

from __future__ import annotations

import difflib
import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from protocols.errors import ProfileError

E = TypeVar("E", bound=enum.Enum)
M = TypeVar("M")

# Characters of a text value: it travels in a `ShortText` of 255 bytes, as up to 4 bytes each.
_TEXT_MAX: Final = 63
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class TableReader:
    """Takes typed values out of a table and remembers which keys were asked for.

    Args:
        table: The parsed TOML table.
        source: What to call the text in an error.
        path: Dotted path of this table; empty for the root.
    """

    def __init__(self, table: Mapping[str, Any], source: str, path: str = "") -> None:
        self._table = table
        self._source = source
        self._path = path
        self._asked: list[str] = []
        self._children: list[TableReader] = []

    def has(self, key: str) -> bool:
        """True when an optional key is there."""
        self._asked.append(key)
        return key in self._table

    def table(self, key: str) -> TableReader:
        """A table inside this one."""
        value = self._take(key, dict, "a table")
        child = TableReader(value, self._source, self._name(key))
        self._children.append(child)
        return child

    def tables(self, key: str) -> tuple[TableReader, ...]:
        """An optional array of tables; none is an empty one. Its facts are `key.0.name`."""
        if not self.has(key):
            return ()
        values = self._take(key, list, "an array of tables")
        if not all(isinstance(value, dict) for value in values):
            raise self._fault(key, "must be an array of tables")
        children = tuple(
            TableReader(value, self._source, f"{self._name(key)}.{position}")
            for position, value in enumerate(values)
        )
        self._children.extend(children)
        return children

    def facts(self) -> Iterator[str]:
        """Dotted keys of everything that is there and no table, in the order of the file."""
        inside = {child.path: child for child in self._children}
        for key, value in self._table.items():
            name = self._name(key)
            if name in inside:
                yield from inside[name].facts()
            elif isinstance(value, list) and f"{name}.0" in inside:
                for position in range(len(value)):
                    yield from inside[f"{name}.{position}"].facts()
            else:
                yield name

    @property
    def path(self) -> str:
        """Dotted path of this table; empty for the root."""
        return self._path

    def character(self, key: str) -> str:
        """A text of one character."""
        value = self.text(key)
        if len(value) != 1:
            raise self._fault(key, "must be one character")
        return value

    def text(self, key: str) -> str:
        """A text of 1 to 63 characters."""
        value: str = self._take(key, str, "a text")
        if not 0 < len(value) <= _TEXT_MAX:
            raise self._fault(key, f"must have 1 to {_TEXT_MAX} characters")
        return value

    def slug(self, key: str) -> str:
        """A text of lower-case words and digits, joined by hyphens."""
        value = self.text(key)
        if not _SLUG.fullmatch(value):
            raise self._fault(key, "must be lower-case words joined by hyphens")
        return value

    def boolean(self, key: str) -> bool:
        """True or false."""
        value: bool = self._take(key, bool, "true or false")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """A whole number within bounds, both included."""
        value = self._take(key, int, "a whole number")
        return self._bounded(key, value, low, high)

    def integers(
        self, key: str, low: int, high: int, *, may_be_empty: bool = False
    ) -> tuple[int, ...]:
        """Whole numbers, at least one unless said otherwise, each within bounds."""
        values = self._take(key, list, "a list of whole numbers")
        if not values and not may_be_empty:
            raise self._fault(key, "must not be empty")
        return tuple(self._bounded(key, value, low, high) for value in values)

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """One of some texts."""
        value: str = self._take(key, str, "a text")
        return self._chosen(key, value, choices)

    def member(self, key: str, kind: type[E]) -> E:
        """A member of an enum of texts, by value."""
        return kind(self.choice(key, tuple(member.value for member in kind)))

    def members(self, key: str, kind: type[E]) -> tuple[E, ...]:
        """Members of an enum of texts, by value, each at most once."""
        return self.chosen(key, {member.value: member for member in kind})

    def chosen(self, key: str, choices: Mapping[str, M]) -> tuple[M, ...]:
        """What the words of a list stand for, each at most once."""
        values = self._take(key, list, "a list of texts")
        found = tuple(choices[self._chosen(key, value, tuple(choices))] for value in values)
        if len(set(found)) != len(found):
            raise self._fault(key, "names something twice")
        return found

    def finish(self) -> None:
        """Refuse keys that nobody asked for, here and in the tables inside.

        Raises:
            ProfileError: Names the first unknown key and the nearest known one.
        """
        for key in self._table:
            if key not in self._asked:
                raise self._fault(key, f"is unknown{_nearest(key, self._asked)}")
        for child in self._children:
            child.finish()

    def _take(self, key: str, kind: type, wanted: str) -> Any:
        self._asked.append(key)
        if key not in self._table:
            raise self._fault(key, "is missing")
        value = self._table[key]
        # bool is an int to Python, not to people who write profiles.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._fault(key, f"must be {wanted}")
        return value

    def _bounded(self, key: str, value: object, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self._fault(key, f"must be a whole number from {low} to {high}")
        return value

    def _chosen(self, key: str, value: object, choices: tuple[str, ...]) -> str:
        if not isinstance(value, str) or value not in choices:
            raise self._fault(key, f"has no value {value!r:.40}{_nearest(str(value), choices)}")
        return value

    def _fault(self, key: str, what: str) -> ProfileError:
        return ProfileError(f"{self._source}: {self._name(key)} {what}")

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
