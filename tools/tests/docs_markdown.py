"""Words of Markdown, and the meanings that docstrings give attributes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

Row = Sequence[str]


def table(header: Row, rows: Sequence[Row]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: object) -> str:
    # A bar would end the cell.
    return "`{}`".format(str(text).replace("|", "\\|"))


def sentence(text: str | None) -> str:
    """The first paragraph of a docstring or help, on one line, in Markdown's own marks."""
    return " ".join((text or "").split("\n\n")[0].replace("``", "`").split())


def attributes(schema: type[Any]) -> dict[str, str]:
    """Attribute to meaning, from the docstring of a class."""
    _, _, listed = (inspect.getdoc(schema) or "").partition("Attributes:\n")
    found = re.finditer(r"^    (\w+): (.*(?:\n {5,}.*)*)", listed, re.MULTILINE)
    return {match[1]: sentence(match[2]) for match in found}
