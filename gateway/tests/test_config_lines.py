"""Lines of keys in a TOML text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config_lines import Path, line_of

TEXT = '''\
# A comment with [brackets] = and "quotes"
title = "x"          # trailing = comment

[api]
host = "a # not a comment"
"port number" = 1

[store.inner]
deep.down.key = 2

[[devices]]
name = "one"
lengths = [
  4,  # four
  5,
]
text = """
[api]
host = "not here"
"""
after = 1

[[devices]]
name = 'two'
inline = { a = 1, b = [1, 2] }

  [devices.inside]
  x = 1

  [[devices.parts]]
  y = 1

  [[devices.parts]]
  y = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("title",), 2),
        (("api",), 4),
        (("api", "host"), 5),
        (("api", "port number"), 6),
        (("store",), 8),
        (("store", "inner"), 8),
        (("store", "inner", "deep"), 9),
        (("store", "inner", "deep", "down", "key"), 9),
        (("devices",), 11),
        (("devices", 0), 11),
        (("devices", 0, "name"), 12),
        (("devices", 0, "lengths"), 13),
        (("devices", 0, "lengths", 1), 13),
        (("devices", 0, "text"), 17),
        (("devices", 0, "after"), 21),
        (("devices", 1), 23),
        (("devices", 1, "name"), 24),
        (("devices", 1, "inline", "b"), 25),
        (("devices", 1, "inside", "x"), 28),
        (("devices", 1, "parts", 0, "y"), 31),
        (("devices", 1, "parts", 1, "y"), 34),
        (("nowhere", "at", "all"), 1),
        (("api", "missing"), 4),
    ],
)
def test_line_of_path_is_the_line_of_its_statement(path: Path, line: int) -> None:
    assert line_of(TEXT, path) == line


def test_line_of_empty_text_is_the_first_line() -> None:
    assert line_of("", ("a",)) == 1


KEYS = st.text("abcDEF_-019", min_size=1, max_size=6)
QUOTED = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=6)
VALUES = st.sampled_from(
    ["1", "true", '"a # [b] = c"', "'x'", "[\n 1,\n 2\n]", '"""\n[t]\nk = 1\n"""', "{ q = [1] }"]
)


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def scalars(value: object, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from scalars(inner, (*path, key))
    else:
        yield path


@given(
    st.lists(st.tuples(KEYS | QUOTED.map(quote), VALUES), max_size=8),
    st.sampled_from(["", "[[t]]\n"]),
)
def test_line_of_any_document_is_where_the_key_is_written(
    items: list[tuple[str, str]], header: str
) -> None:
    text = header
    lines: dict[Path, int] = {}
    prefix: Path = ("t", 0) if header else ()
    for key, value in items:
        attempt = f"{text}{key} = {value}\n"
        try:
            tomllib.loads(attempt)
        except tomllib.TOMLDecodeError:
            continue  # A repeated key.
        name = next(iter(tomllib.loads(f"{key} = 0")))
        lines[(*prefix, name)] = text.count("\n") + 1
        text = attempt + "\n# a comment\n"
    for path, line in lines.items():
        assert line_of(text, path) == line
