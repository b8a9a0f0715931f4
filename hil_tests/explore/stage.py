"""What a run of an exploration has to work with."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from firmware_sim.kernel.streams import Streams
from gateway.config_schema import Document
from hil_tests.bench_file import BenchFile, read_bench
from hil_tests.bench_state import RAM_DISK
from hil_tests.oracles.safety import SafetyOracle
from hil_tests.sim_bench import SimBench, SimOptions, sim_bench


@dataclasses.dataclass(slots=True)
class Stage:
    """One run, while it lasts.

    Attributes:
        seed: Its seed.
        trace_path: File for its trace; None keeps none.
        counts: What happened how often, for the campaign.
        digest: Digest of its trace, once the bench has ended.
        event_count: Events of its trace, likewise.
    """

    seed: int
    trace_path: Path | None = None
    counts: Counter[str] = dataclasses.field(default_factory=Counter)
    digest: str = ""
    event_count: int = 0

    def stream(self, name: str) -> random.Random:
        """A random stream of the run, apart from those of its bench."""
        return Streams(self.seed).stream(f"explore/{name}")

    @contextlib.asynccontextmanager
    async def bench(self, file: BenchFile) -> AsyncIterator[tuple[SimBench, SafetyOracle]]:
        """A bench with an oracle that watches it; one a run."""
        options = SimOptions(seed=self.seed, trace_path=self.trace_path, scratch=RAM_DISK)
        async with sim_bench(file, options) as running:
            try:
                yield running, SafetyOracle(running)
            finally:
                self.digest = running.trace.digest()
                self.event_count = running.trace.event_count


Suite = Callable[[Stage], Coroutine[Any, Any, None]]


def bench_of(text: str) -> BenchFile:
    """A bench from the text of a bench file."""
    return read_bench(Document(text=text, source="explore"))
