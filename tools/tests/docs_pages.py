"""The pages of the documentation: where they are, what blocks they hold, and how those run.

A page runs in a folder of its own, in one shell and one Python, in the order of the page, as a
reader would type it. What follows the word of a block's language says what it is:

    console           commands after `$ `, gone on with after `> `, each followed by its output
    python            a program, in the namespace of the page's earlier ones
    text output       what the Python block before it prints
    <any> file=NAME   a file of the page's folder
    toml bench        a bench file that must be valid; `toml gateway` a configuration likewise
    text demo         what `strikeplate demo` prints
    text, json, js    for reading only

In an output a line `...` stands for any lines, and `...` within a line for any text. A command
that ends with `&` is a bench that keeps running; the page goes on when it says that it is ready.
The folder has `examples/` in it, as a clone of the repository has.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# Seconds; a command takes a few, and many times that on a machine that is busy otherwise.
COMMAND_TIMEOUT_S = 240

# What the page's Python runs: one program a line, as JSON, and one answer a line.
_PYTHON = """
import contextlib, io, json, sys, traceback
namespace = {"__name__": "__main__"}
for line in sys.stdin:
    output, error = io.StringIO(), ""
    with contextlib.redirect_stdout(output):
        try:
            exec(compile(json.loads(line), "<block of the page>", "exec"), namespace)
        except BaseException:
            error = traceback.format_exc()
    print(json.dumps([output.getvalue(), error]), flush=True)
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def kind(self) -> str:
        """What it is: `text`, `text output`, `python`, without a file's name."""
        return re.sub(r" ?file=\S+", "", self.info)

    @property
    def file_name(self) -> str | None:
        found = re.search(r"file=(\S+)", self.info)
        return None if found is None else found[1]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(match["info"], match["text"]) for match in FENCE.finditer(text)]


def prose(page: Path) -> str:
    """A page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output that the page shows for it."""
    command, output = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, output
            command, output = line[2:], ""
        elif line.startswith("> ") and not output:
            command += "\n" + line[2:]
        else:
            output += line + "\n"
    if command:
        yield command, output


def fits(shown: str, printed: str) -> bool:
    """Whether a program printed what a page shows."""
    parts = []
    for line in shown.splitlines():
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(r"[^\n]*?".join(re.escape(piece) for piece in line.split("...")) + r"\n")
    return re.fullmatch("".join(parts), printed) is not None


class Process:
    """A child whose lines are waited for with a time-out."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._errors = folder / ".stderr"
        with self._errors.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                arguments,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def send(self, text: str) -> None:
        # One that has ended says so when its answer is awaited.
        with contextlib.suppress(BrokenPipeError):
            self._input.write(text + "\n")
            self._input.flush()

    def line(self, awaited: str) -> str:
        try:
            line = self._lines.get(timeout=COMMAND_TIMEOUT_S)
        except queue.Empty:
            line = None
        if line is None:
            raise AssertionError(f"no answer: {awaited}\n{self.errors()}")
        return line

    def errors(self) -> str:
        return self._errors.read_text(encoding="utf-8")[-4000:]

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        try:
            self._process.wait(timeout=COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Console:
    """One shell for the console blocks of a page, with job control, as at a terminal."""

    # Comes after each command, with its exit code.
    MARK = "--done--"
    # Comes when a bench ends, with its exit code.
    ENDED = "--ended--"

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._shell = Process(["bash", "--noprofile", "--norc"], folder, environment)
        self._shell.send("set -m -u -o pipefail")

    def run(self, text: str) -> None:
        for command, shown in commands(text):
            printed = self._start(command) if command.endswith("&") else self._run(command)
            if shown:
                assert fits(shown, printed), f"{command} printed:\n{printed}"

    def _run(self, command: str) -> str:
        self._shell.send(f"{command}\nprintf '\\n%s %d\\n' {self.MARK} $?")
        printed = ""
        while not (line := self._line(command)).startswith(self.MARK):
            printed += line
        # The mark begins on a line of its own whatever the command ended with.
        printed = printed.removesuffix("\n")
        exit_code = line.split()[1]
        assert exit_code == "0", f"{command} -> {exit_code}\n{printed}{self._shell.errors()}"
        return printed + "\n" if printed and not printed.endswith("\n") else printed

    def _start(self, command: str) -> str:
        # The trap has the group outlive the bench, so that its own end is told.
        group = f"trap : TERM; {command.removesuffix('&')}"
        self._shell.send(f"{{ {group}; printf '%s %d\\n' {self.ENDED} $?; }} &")
        printed = ""
        while "ready" not in printed:
            line = self._shell.line(command)
            assert not line.startswith(self.ENDED), f"{command}\n{self._shell.errors()}"
            printed += line
        return printed

    def _line(self, command: str) -> str:
        line = self._shell.line(command)
        while line.startswith(self.ENDED):
            assert line.split()[1] == "0", f"a bench ended: {line}{self._shell.errors()}"
            line = self._shell.line(command)
        return line

    def close(self) -> None:
        self._shell.send("jobs -p | while read -r job; do kill -- -$job; done; wait")
        self._shell.close()


class Page:
    """Runs the blocks of one page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        binaries = Path(sys.executable).parent
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("STRIKEPLATE_", "SEAM_"))
        } | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
        (folder / "examples").symlink_to(ROOT / "examples")
        self._console: Console | None = None
        self._python: Process | None = None
        self._printed: str | None = None

    def run(self, block: Block) -> None:
        if block.file_name is not None:
            path = self._folder / block.file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            if self._console is None:
                self._console = Console(self._folder, self._environment)
            self._console.run(block.text)
        elif block.kind == "python":
            self._printed = self._execute(block.text)
        elif block.kind == "text output":
            assert self._printed is not None, "no Python block before this output"
            assert fits(block.text, self._printed), f"the block before printed:\n{self._printed}"

    def _execute(self, text: str) -> str:
        if self._python is None:
            self._python = Process(
                [sys.executable, "-c", _PYTHON], self._folder, self._environment
            )
        self._python.send(json.dumps(text))
        printed, error = json.loads(self._python.line(text))
        assert not error, f"{text}\n{error}"
        return str(printed)

    def close(self) -> None:
        for process in (self._python, self._console):
            if process is not None:
                process.close()
