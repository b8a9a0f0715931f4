"""One run from its seed: a fresh loop, a suite, and a verdict that fits on one line."""

from __future__ import annotations

import dataclasses
import enum
import logging
import platform
import traceback
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from firmware_sim.errors import SimDeadlock, SimRunaway
from firmware_sim.kernel.run import Simulation, run_sim
from hil_tests.errors import LivenessViolated, SafetyViolated, Violation
from hil_tests.explore.stage import Stage, Suite
from hil_tests.explore.suite_device import device
from hil_tests.explore.suite_fleet import fleet
from hil_tests.explore.suite_grants import grants
from hil_tests.explore.token import DIGEST_LENGTH, RunSpec, Token

SUITES: Final[Mapping[str, Suite]] = MappingProxyType(
    {"grants": grants, "device": device, "fleet": fleet}
)
VERSION: Final = metadata.version("strikeplate")
# Bench days after which a run is given up: a workload lasts two weeks at most.
_HORIZON_S: Final = 90 * 86_400.0
# A run takes some ten thousand; in a fleet ten times as many.
_CALLBACKS_MAX: Final = 5_000_000
_SENTENCE_MAX: Final = 400


class Verdict(enum.StrEnum):
    """How a run ended."""

    OK = "ok"
    UNSAFE = "unsafe"  # a safety rule was broken
    UNDONE = "undone"  # a liveness rule was broken
    STUCK = "stuck"  # everything waited for everything, or for ever
    CRASHED = "crashed"  # an exception that no rule names


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What came of a run.

    Attributes:
        spec: Which run.
        verdict: How it ended.
        sentence: What was wrong; "" when nothing was. It holds no credential.
        digest: Digest of its trace, 32 digits.
        counts: What happened how often.
    """

    spec: RunSpec
    verdict: Verdict
    sentence: str
    digest: str
    counts: Mapping[str, int]

    @property
    def token(self) -> str:
        """The word that repeats it."""
        digest = self.digest[:DIGEST_LENGTH]
        return str(Token(spec=self.spec, version=VERSION, digest=digest))

    def as_document(self) -> dict[str, Any]:
        """Its line in a campaign."""
        return {
            "suite": self.spec.suite,
            "seed": self.spec.seed,
            "interleaved": self.spec.is_interleaved,
            "verdict": self.verdict.value,
            "sentence": self.sentence,
            "token": self.token,
            "digest": self.digest,
            "counts": dict(sorted(self.counts.items())),
            "python": platform.python_version(),
            "strikeplate": VERSION,
        }


def perform(spec: RunSpec, *, trace_path: Path | None = None) -> RunReport:
    """Run it, whatever comes of it.

    Args:
        spec: Which run; its suite is one of `SUITES`.
        trace_path: File for its trace; None keeps none.
    """
    stage = Stage(spec.seed, trace_path)
    suite = SUITES[spec.suite]

    async def main(_: Simulation) -> None:
        await suite(stage)

    verdict, sentence = Verdict.OK, ""
    try:
        run = run_sim(
            main,
            seed=spec.seed,
            explore=spec.is_interleaved,
            horizon_s=_HORIZON_S,
            callbacks_max=_CALLBACKS_MAX,
        )
        if run.reached_horizon:
            verdict, sentence = Verdict.STUCK, "the workload had no end"
    except Exception as error:  # noqa: BLE001 - whatever ends a run is its verdict.
        verdict, sentence = _judged(error)
    return RunReport(
        spec=spec,
        verdict=verdict,
        sentence=sentence,
        digest=stage.digest or "0" * 32,
        counts={**stage.counts, "events": stage.event_count},
    )


def _judged(error: Exception) -> tuple[Verdict, str]:
    """The verdict on what ended a run, with its sentence."""
    leaves = list(_leaves(error))
    for kind, verdict in (
        (SafetyViolated, Verdict.UNSAFE),
        (LivenessViolated, Verdict.UNDONE),
        (Violation, Verdict.UNSAFE),
        (SimDeadlock, Verdict.STUCK),
        (SimRunaway, Verdict.STUCK),
    ):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return verdict, str(leaf)[:_SENTENCE_MAX]
    mistake = leaves[0]
    frames = traceback.extract_tb(mistake.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    # Its own words may hold a credential.
    return Verdict.CRASHED, f"{type(mistake).__name__} at {where}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def hush() -> None:
    """Keep warnings off the screen: in an exploration, trouble is the point.

    Those of the project say what its faults did; a library's say the same in its own words, such
    as Bumble's of a connection that failed, but its errors are worth seeing.
    """
    for package in ("gateway", "firmware_sim"):
        logging.getLogger(package).setLevel(logging.CRITICAL)
    # What sets no level of its own, as libraries do, has the root's.
    logging.root.setLevel(max(logging.root.level, logging.ERROR))
