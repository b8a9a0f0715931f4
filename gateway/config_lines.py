"""Where in a TOML text a key stands: tomllib reads values but does not tell their lines.

The text is cut into statements (one a header or an assignment, however many lines it takes), and
each statement's key is read by tomllib itself, so quoted and dotted keys need no second grammar.
Only used once something is wrong, on text that tomllib accepted before.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final

# A path from the root of a document: keys, and indices in arrays of tables.
Path = tuple[str | int, ...]

_TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""+'  # multi-line basic string
    r"|'''.*?'''+"  # multi-line literal string
    r'|"(?:[^"\\\n]|\\.)*"'  # basic string
    r"|'[^'\n]*'"  # literal string
    r"|\#[^\n]*"  # comment
    r"|[\[\]{}=\n]"  # what gives structure
    r"|[^\[\]{}=\n\"'#]+",  # anything else
    re.DOTALL,
)


def line_of(text: str, path: Path) -> int:
    """The line (from 1) of the statement that gives a path, or the nearest table around it.

    Args:
        text: A TOML text that tomllib accepts.
        path: Such as ``("devices", 1, "moniker")``.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for line, statement in _statements(text):
        if statement.startswith("["):
            table = _header(statement, counts)
            _note(found, table, line)
        else:
            key = _keys(_before_equals(statement) + " = 0")
            _note(found, (*table, *key), line)
    while path and path not in found:
        path = path[:-1]
    return found.get(path, 1)


def _note(found: dict[Path, int], path: Path, line: int) -> None:
    """Remember a path and those above it that a dotted key makes on the way."""
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], line)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line that it begins on; comments and blank lines are left out."""
    line, first_line, depth = 1, 1, 0
    parts: list[str] = []
    for match in _TOKEN.finditer(text + "\n"):
        part = match.group()
        if part == "\n" and depth == 0:
            statement = "".join(parts).strip()
            if statement:
                yield first_line, statement
            parts = []
            first_line = line + 1
        elif not part.startswith("#"):
            depth += (part in {"[", "{"}) - (part in {"]", "}"})
            parts.append(part)
        line += part.count("\n")


def _header(statement: str, counts: dict[Path, int]) -> Path:
    """Path of a table header; an array's header stands for its newest table."""
    is_array = statement.startswith("[[")
    names = _keys(statement)
    path: Path = ()
    for position, name in enumerate(names, start=1):
        path = (*path, name)
        if is_array and position == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _before_equals(statement: str) -> str:
    """The key of an assignment as written."""
    key = ""
    for match in _TOKEN.finditer(statement):
        if match.group() == "=":
            break
        key += match.group()
    return key


def _keys(statement: str) -> tuple[str, ...]:
    """The keys that a header or ``key = 0`` makes, outermost first."""
    names: list[str] = []
    value: object = tomllib.loads(statement)
    while isinstance(value, (Mapping, list)) and value:
        if isinstance(value, Mapping):
            name, value = next(iter(value.items()))
            names.append(name)
        else:
            value = value[0]
    return tuple(names)
