"""Mechanical house rules: sizes, names, purposes, leftovers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocols", "firmware_sim", "gateway", "hil_tests", "tools")
BANNED_STEMS = {"utils", "util", "helpers", "helper", "common", "manager", "const", "misc"}
FILE_LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def is_test(path: Path) -> bool:
    return "tests" in path.parts or "suites" in path.parts


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_module_is_tidy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = text.count("\n")
    assert lines <= (TEST_LINES_MAX if is_test(path) else FILE_LINES_MAX), f"{lines} lines"
    assert path.stem not in BANNED_STEMS
    for leftover in ("TODO", "FIXME", "XXX"):
        if path.name != Path(__file__).name:
            assert leftover not in text
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines"
    if not is_test(path):
        purpose = ast.get_docstring(tree)
        assert purpose, "no purpose sentence"
        assert purpose.splitlines()[0].rstrip().endswith((".", "?", "!", ":"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_package_file_holds_only_a_docstring(path: Path) -> None:
    if path.name != "__init__.py":
        return
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(
        isinstance(node, ast.Expr)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        or isinstance(node, ast.ImportFrom)
        for node in body
    )
