"""A bench in virtual time, with the calls that suites make: the `sim` target.

Time moves only while somebody waits for it: a request that changes something returns when the
devices have it, as at speed 0, and `advance` goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from firmware_sim.errors import SimulationError
from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.trace import Trace
from gateway.ports import DirectEdge
from hil_tests.bench import Bench, BenchSetting
from hil_tests.bench_file import BenchFile
from hil_tests.bench_gate import BenchGate
from hil_tests.bench_instants import instant, parse_instant_ms
from hil_tests.bench_start import BenchStart, ClockKeeper
from hil_tests.bench_state import BenchState

# The date of the product's first example: its window lies three days on.
DEFAULT_NOW: Final = "2025-07-10T12:00:00Z"
API_KEY: Final = "seam_test_bench_in_virtual_time"
_REFUSED_FROM: Final = 400


class ApiRefused(AssertionError):  # noqa: N818 - it fails a suite with the sentence of the API.
    """The API refused a call that a suite expected to succeed.

    Attributes:
        status: HTTP status.
        error_type: `error.type` of the reply.
        error: The whole `error` of the reply.
    """

    def __init__(self, route: str, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(f"{route} -> {status} {error.get('type')}: {error.get('message')}")
        self.status = status
        self.error_type = str(error.get("type"))
        self.error = error


class SimBench:
    """A running bench in virtual time.

    Attributes:
        bench: The bench itself.
        trace: Its trace; `trace.digest()` is equal for equal seeds.
    """

    def __init__(self, bench: Bench, trace: Trace, clock: WorldClock) -> None:
        self.bench = bench
        self.trace = trace
        self._clock = clock
        transport = httpx.ASGITransport(app=BenchGate(bench, [API_KEY]))
        self._http = httpx.AsyncClient(
            transport=transport,
            base_url="http://bench",
            headers={"authorization": f"Bearer {API_KEY}"},
            # Virtual time may pass within a call; no call of a suite may time out on it.
            timeout=None,  # noqa: S113 - an in-process transport.
        )

    @property
    def now(self) -> str:
        """Bench time, ISO 8601 with milliseconds."""
        return instant(self._clock.now_ms())

    async def call(self, route: str, **parameters: Any) -> dict[str, Any]:
        """POST to a Seam or bench route; returns the reply.

        Raises:
            ApiRefused: When the reply is an error.
        """
        return _document(route, await self._http.post(route, json=parameters))

    async def get(self, route: str) -> dict[str, Any]:
        """GET a bench route; returns the reply.

        Raises:
            ApiRefused: When the reply is an error.
        """
        return _document(route, await self._http.get(route))

    async def advance(
        self, *, seconds: float | None = None, to: str | None = None, settle: bool = False
    ) -> dict[str, Any]:
        """Move bench time on; see `POST /bench/clock/advance`."""
        target = {"seconds": seconds} if to is None else {"to": to}
        return await self.call("/bench/clock/advance", **target, settle=settle)

    async def press(self, device: str, digits: str) -> dict[str, Any]:
        """Type at a keypad; see `POST /bench/devices/{name}/keypad`."""
        return await self.call(f"/bench/devices/{device}/keypad", digits=digits)

    async def set_faults(self, device: str, **knobs: Any) -> dict[str, Any]:
        """Replace a device's fault plan; without a knob nothing goes wrong any more.

        See `PUT /bench/devices/{name}/faults`.
        """
        reply = await self._http.put(f"/bench/devices/{device}/faults", json=knobs)
        return dict(_document("faults", reply)["faults"])

    def slots(self, device: str) -> dict[str, int]:
        """The PINs that a device holds, each with its slot."""
        view = self.bench.memory_view(device)
        return {slot["code"]: slot["slot"] for slot in view["slots"] if slot["code"] is not None}

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """All events of some types, oldest first."""
        reply = await self.call("/events/list", since="2000-01-01T00:00:00Z", limit=1000)
        return [event for event in reply["events"] if not types or event["event_type"] in types]

    async def aclose(self) -> None:
        """Close the HTTP client."""
        await self._http.aclose()


def _document(route: str, reply: httpx.Response) -> dict[str, Any]:
    document = dict(reply.json())
    if reply.status_code >= _REFUSED_FROM:
        raise ApiRefused(route, reply.status_code, document["error"])
    return document


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SimOptions:
    """How a bench in virtual time is set up.

    Attributes:
        seed: Where all randomness comes from.
        now: Bench time at the start of a new state; an existing one goes on at its own.
        state: Folder that outlives the bench; None keeps everything in memory.
        trace_path: File for the trace.
        scratch: Folder for a store that nobody keeps; None = where the system has such things.
    """

    seed: int = 1
    now: str = DEFAULT_NOW
    state: Path | None = None
    trace_path: Path | None = None
    scratch: Path | None = None


@contextlib.asynccontextmanager
async def sim_bench(file: BenchFile, options: SimOptions) -> AsyncIterator[SimBench]:
    """Run a bench on the virtual loop that runs now.

    Raises:
        SimulationError: When the running loop is a real one.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimLoop):
        raise SimulationError("a bench in virtual time needs a virtual loop: see SimLoop")
    with contextlib.ExitStack() as stack:
        # Without a state of its own the bench still has a store that outlives its gateway.
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch)
        )
        state = BenchState(options.state or Path(folder))
        state.make()
        start = BenchStart.of(
            state,
            asked_ms=None if state.found_ms() else parse_instant_ms(options.now),
            wall_ms=0,
            speed=0,
            seed=options.seed,
        )
        # The loop may have run before: its zero lies that far in the past.
        clock = WorldClock(loop, start.epoch_ms - round(loop.time() * 1000))
        trace = stack.enter_context(Trace(options.trace_path, start.run_seed, clock))
        setting = BenchSetting(
            loop=loop,
            seed=start.run_seed,
            trace=trace,
            clock=clock,
            edge=DirectEdge(),
            api_key=API_KEY,
            store_url=state.store_url,
            device_dir=None if options.state is None else state.devices,
            on_moved=ClockKeeper(state, start.record).note,
        )
        async with Bench(file, setting) as bench:
            await loop.run_to(max(loop.time(), clock.loop_s(start.now_ms)))
            running = SimBench(bench, trace, clock)
            try:
                yield running
            finally:
                await running.aclose()
