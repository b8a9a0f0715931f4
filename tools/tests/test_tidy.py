"""Mechanical house rules: sizes, names, purposes, leftovers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocols", "firmware_sim", "gateway", "hil_tests", "tools")
BANNED_STEMS = {"utils", "util", "helpers", "helper", "common", "manager", "const", "misc"}
FILE_LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def is_test(path: Path) -> bool:
    return "tests" in path.parts or "suites" in path.parts


def untidy(path: Path) -> Iterator[str]:
    """What is wrong with a module."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.count("\n")
    if lines > (TEST_LINES_MAX if is_test(path) else FILE_LINES_MAX):
        yield f"{lines} lines"
    if path.stem in BANNED_STEMS:
        yield "a name that says nothing"
    if path.name != Path(__file__).name:
        yield from (word for word in ("TODO", "FIXME", "XXX") if word in text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{node.name} has {length} lines"
    purpose = ast.get_docstring(tree)
    if not is_test(path) and not (
        purpose and purpose.splitlines()[0].rstrip().endswith((".", "?", "!", ":"))
    ):
        yield "no purpose sentence"
    if path.name == "__init__.py" and not all(
        isinstance(node, ast.Expr)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        or isinstance(node, ast.ImportFrom)
        for node in tree.body
    ):
        yield "more than a docstring and names"


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_are_tidy(package: str) -> None:
    found = modules(package)
    assert found
    assert [f"{path}: {fault}" for path in found for fault in untidy(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("door.py", '"""A door."""\n' + "x = 1\n" * 400, "401 lines"),
        ("helpers.py", '"""A door."""\n', "a name that says nothing"),
        ("door.py", '"""A door."""\n# TODO: more.\n', "TODO"),
        ("door.py", '"""A door."""\ndef opened():\n' + "    x = 1\n" * 70, "opened has 71 lines"),
        ("door.py", "x = 1\n", "no purpose sentence"),
        ("door.py", '"""A door"""\n', "no purpose sentence"),
        ("__init__.py", '"""Doors."""\nx = 1\n', "more than a docstring and names"),
        ("door.py", '"""A door."""\n' + "x = 1\n" * 399, None),
    ],
)
def test_what_is_untidy_is_named(tmp_path: Path, name: str, text: str, fault: str | None) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert list(untidy(path)) == ([fault] if fault else [])
