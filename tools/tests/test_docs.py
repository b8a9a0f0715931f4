"""The documentation is true: its examples run, its links lead somewhere, its commands exist."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from gateway.config import load_config
from gateway.config_schema import Document
from hil_tests.bench_file import read_bench
from tools.cli import build_parser
from tools.tests.docs_pages import (
    COMMAND_TIMEOUT_S,
    PAGES,
    ROOT,
    Block,
    Page,
    blocks,
    commands,
    fits,
    prose,
)

KINDS = {
    "console",
    "python",
    "text",
    "text output",
    "text demo",
    "toml",
    "toml bench",
    "toml gateway",
    "json",
    "js",
    "mermaid",
}
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(?P<title>.+?) *$", re.MULTILINE)
COMMAND = re.compile(r"\bstrikeplate (?P<verb>[a-z]+(?:-[a-z]+)*)(?P<rest>[^`|\n]*)")

each_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES]
)


# Each of these runs benches of its own for ten seconds or so; `make check` runs them too, and what
# everybody reads first is run everywhere.
_SLOW_PAGES = {
    "back-up-and-restore.md",
    "explore-seeds.md",
    "look-into-a-flash.md",
    "make-things-go-wrong.md",
    "power-cuts.md",
    "run-the-gateway.md",
    "test-in-virtual-time.md",
    "write-a-bench-file.md",
    "write-a-profile.md",
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            path,
            id=str(path.relative_to(ROOT)),
            marks=[pytest.mark.real_servers] if path.name in _SLOW_PAGES else [],
        )
        for path in PAGES
    ],
)
def test_examples_of_the_page_run(page: Path, tmp_path: Path) -> None:
    running = Page(tmp_path)
    try:
        for block in blocks(page):
            running.run(block)
    finally:
        running.close()


@each_page
def test_every_block_says_what_it_is(page: Path) -> None:
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(blocks(page))
    for block in blocks(page):
        assert block.kind in KINDS, f"{block.info!r}: {block.text[:80]}"
        assert block.file_name is None or block.language != "text"
        if block.kind != "console":
            # A command outside of a console block would be a command that nobody runs.
            assert "$ " not in [line[:2] for line in block.text.splitlines()]


@each_page
def test_toml_of_the_page_is_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.kind == "toml bench":
            read_bench(Document(text=block.text, source=page.name))
        elif block.kind == "toml gateway":
            path = tmp_path / "gateway.toml"
            path.write_text(block.text, encoding="utf-8")
            # Where it names a file for the key, there is one.
            (tmp_path / "api-key").write_text("seam_test_0123456789abcdef", encoding="utf-8")
            load_config(path, environment=MappingProxyType({}))


@each_page
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    for match in LINK.finditer(prose(page)):
        target, _, anchor = match["target"].partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{match[0]}: there is no {path}"
        if anchor:
            assert anchor in anchors(path), f"{match[0]}: {path} has no such heading"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for match in HEADING.finditer(prose(page)):
        title = match["title"].lower().replace(" ", "-")
        kept = (c for c in title if c in "-_" or unicodedata.category(c)[0] in "LN")
        found.add("".join(kept))
    return found


@each_page
def test_commands_that_the_page_names_exist(page: Path) -> None:
    known = dict(options_of_verbs())
    for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
        if match["verb"] not in known:
            # "strikeplate is ready": a sentence, not a command.
            assert f"`strikeplate {match['verb']}" not in page.read_text(encoding="utf-8")
            continue
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", match["rest"]):
            assert option in known[match["verb"]], match[0]


def options_of_verbs() -> Iterator[tuple[str, set[str]]]:
    [verbs] = subparsers(build_parser())
    for verb, parser in verbs.choices.items():
        options = set(parser._option_string_actions)
        for actions in subparsers(parser):
            for action in actions.choices.values():
                options |= set(action._option_string_actions)
        yield verb, options


def subparsers(
    parser: argparse.ArgumentParser,
) -> list[argparse._SubParsersAction[argparse.ArgumentParser]]:
    return [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]


def test_make_targets_that_the_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert targets.issuperset(named), f"{page.name}: {set(named) - targets}"


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {
        (index.parent / match["target"].partition("#")[0]).resolve()
        for match in LINK.finditer(index.read_text(encoding="utf-8"))
    }
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - linked <= {index}


def test_every_example_is_run_by_a_page() -> None:
    run = [
        command
        for page in PAGES
        for block in blocks(page)
        if block.kind == "console"
        for command, _ in commands(block.text)
        if command.startswith(("python ", "pytest "))
    ]
    for path in (ROOT / "examples").rglob("*.py"):
        # Itself, or by a pytest on its folder.
        parts = [path, *path.parents][: len(path.relative_to(ROOT).parts) - 1]
        named = [str(part.relative_to(ROOT)) for part in parts]
        assert any(name in command.split() for name in named for command in run), path


@pytest.mark.real_servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("package", ["seam-js1", "seam-js2"])
def test_javascript_example_runs(package: str, tmp_path: Path) -> None:
    installed = ROOT / "tools" / "tests" / "sdk" / "node_modules" / package
    if shutil.which("node") is None or not installed.exists():
        missing = "node, or the npm packages of tools/tests/sdk (npm ci)"
        if os.environ.get("STRIKEPLATE_CI"):
            pytest.fail(f"missing: {missing}")
        pytest.skip(f"missing: {missing}")
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "seam").symlink_to(installed)
    shutil.copy(ROOT / "examples" / "grant.mjs", tmp_path)
    running = Page(tmp_path)
    try:
        running.run(Block("console", SCRIPT))
    finally:
        running.close()


SCRIPT = """
$ strikeplate up --speed 0 --now 2025-07-10T12:00Z --port 0 &
$ node grant.mjs
Access for John Smith: issued true
2025-07-11T12:00:00.000Z opened
2025-07-14T12:00:00.000Z outside_schedule
"""


@pytest.mark.timeout(600)
def test_readme_shows_the_real_output_of_the_demo() -> None:
    [shown] = [block.text for block in blocks(ROOT / "README.md") if block.kind == "text demo"]
    result = subprocess.run(
        [sys.executable, "-m", "tools.cli", "demo"],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=True,
        cwd=ROOT,
    )
    assert result.stdout.strip() == shown.strip()


# --- the runner itself is strict ------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\nc\n", "a\nc\n", True),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("PIN ...!\n", "PIN 123!\n", True),
        ("PIN ...!\n", "PIN 1\n23!\n", False),
    ],
)
def test_shown_output_fits_only_what_was_printed(
    shown: str, printed: str, *, expected: bool
) -> None:
    assert fits(shown, printed) is expected


@pytest.mark.parametrize(
    "block",
    [
        Block("console", "$ false\n"),
        Block("console", "$ echo one\ntwo\n"),
        Block("console", "$ printf one; exit 3\n"),
        Block("python", "assert 1 == 2\n"),
        Block("python", "raise SystemExit(0)\n"),
    ],
    ids=lambda block: block.text.split("\n")[0],
)
def test_block_that_is_not_true_fails_its_page(block: Block, tmp_path: Path) -> None:
    running = Page(tmp_path)
    try:
        with pytest.raises(AssertionError):
            running.run(block)
    finally:
        running.close()


def test_page_goes_on_in_one_shell_and_one_namespace(tmp_path: Path) -> None:
    running = Page(tmp_path)
    try:
        running.run(Block("json file=a.txt", "hello\n"))
        running.run(Block("console", '$ export WORD=there\n$ printf "$WORD" > b.txt\n'))
        running.run(Block("python", 'text = open("a.txt").read() + open("b.txt").read()\n'))
        running.run(Block("python", "print(text)\n"))
        running.run(Block("text output", "hello\nthere\n"))
    finally:
        running.close()
