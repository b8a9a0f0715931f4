"""A campaign: many runs, one line each in a file that can be gone on with, split and merged.

`campaign.jsonl` holds what `RunReport.as_document` gives. A run is known by suite, seed, order and
version of strikeplate; known runs are not run again. Files of several machines are merged by
reading them all. A run that failed leaves its trace in the folder ``campaign.traces`` beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from hil_tests.errors import CampaignError
from hil_tests.explore.token import RunSpec

_TRACES_SUFFIX: Final = ".traces"
_KINDS: Final = MappingProxyType(
    {
        "suite": str,
        "seed": int,
        "interleaved": bool,
        "strikeplate": str,
        "verdict": str,
        "sentence": str,
        "token": str,
        "digest": str,
    }
)
# What a line begins with, and so the end of a file whose writer was killed.
_LINE_START: Final = "{"

Line = Mapping[str, Any]
_Key = tuple[str, int, bool, str]


class Campaign:
    """The file of a campaign.

    Args:
        path: The file; a new one is made at the first run.
        version: Of strikeplate; runs of other versions are kept and count for nothing.

    Raises:
        CampaignError: When it can't be read, or holds something else.
    """

    def __init__(self, path: Path, version: str) -> None:
        self.path = path
        self._version = version
        self._lines: dict[_Key, Line] = {}
        if path.exists():
            for line in _read(path, mends=True):
                self._lines.setdefault(_key(line), line)

    @property
    def traces(self) -> Path:
        """The folder for traces of runs that failed."""
        return self.path.with_suffix(_TRACES_SUFFIX)

    def trace_of(self, spec: RunSpec) -> Path:
        """Where the trace of a run is kept, if it failed."""
        order = "i" if spec.is_interleaved else ""
        return self.traces / f"{spec.suite}-{spec.seed}{order}.events.jsonl"

    def todo(self, specs: Sequence[RunSpec]) -> list[RunSpec]:
        """Those of some runs that are not known yet."""
        return [spec for spec in specs if self._of(spec) not in self._lines]

    def find(self, spec: RunSpec) -> Line | None:
        """What is known of a run."""
        return self._lines.get(self._of(spec))

    def lines(self, specs: Sequence[RunSpec]) -> list[Line]:
        """What is known of some runs, in their order."""
        found = (self._lines.get(self._of(spec)) for spec in specs)
        return [line for line in found if line is not None]

    def all_lines(self) -> list[Line]:
        """What is known of every run of this version."""
        return [line for line in self._lines.values() if line["strikeplate"] == self._version]

    def count_of_other_versions(self) -> int:
        """How many runs of other versions it holds."""
        return len(self._lines) - len(self.all_lines())

    def add(self, line: Line) -> None:
        """Note a run, at once and for good; a known one is not noted again.

        Raises:
            CampaignError: When it can't be written.
        """
        key = _key(line)
        if key in self._lines:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(line, sort_keys=True) + "\n")
        except OSError as error:
            raise CampaignError(f"can't write {self.path}: {error.strerror}") from None
        self._lines[key] = line

    def merge(self, path: Path) -> int:
        """Take over the runs of another campaign; returns how many were new.

        Raises:
            CampaignError: When it can't be read, or holds something else.
        """
        before = len(self._lines)
        for line in _read(path, mends=False):
            self.add(line)
        return len(self._lines) - before

    def _of(self, spec: RunSpec) -> _Key:
        return spec.suite, spec.seed, spec.is_interleaved, self._version


def shard_of(specs: Sequence[RunSpec], number: int, count: int) -> list[RunSpec]:
    """One part of a campaign: every `count`-th run, beginning with the `number`-th, from 1."""
    return list(specs[number - 1 :: count])


def _key(line: Line) -> _Key:
    return line["suite"], line["seed"], line["interleaved"], line["strikeplate"]


def _read(path: Path, *, mends: bool) -> Iterator[Line]:
    """The lines of a file; the end of one whose writer was killed is dropped.

    Raises:
        CampaignError: When it can't be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CampaignError(f"can't read {path}: {reason}") from None
    whole, _, torn = text.rpartition("\n")
    lines = whole.splitlines()
    documents = [_parsed(path, number, line) for number, line in enumerate(lines, start=1)]
    if torn and not torn.startswith(_LINE_START):
        raise _no_campaign(path, len(lines) + 1)
    if torn and mends:
        try:
            # So that what is added next begins a line; only now that it is known to be a campaign.
            path.write_text(whole + "\n" if whole else "", encoding="utf-8", newline="\n")
        except OSError as error:
            raise CampaignError(f"can't write {path}: {error.strerror}") from None
    yield from documents


def _parsed(path: Path, number: int, line: str) -> Line:
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    # By type and not by `isinstance`: true is no seed.
    if not isinstance(document, dict) or any(
        type(document.get(key)) is not kind for key, kind in _KINDS.items()
    ):
        raise _no_campaign(path, number)
    return document


def _no_campaign(path: Path, number: int) -> CampaignError:
    return CampaignError(f"{path}:{number}: is no line of a campaign; give another file")
