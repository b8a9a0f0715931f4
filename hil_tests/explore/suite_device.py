"""Suite `device`: one lock and nobody else; requests, keys and faults, close together.

The gateway is off. A programmer asks the lock directly and keeps a model of what it may hold by
its answers; after every step the memory is compared with the model.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.kernel.loop import SimLoop
from hil_tests.errors import LivenessViolated
from hil_tests.explore.direct import DirectLink
from hil_tests.explore.model import Key, MemoryModel, Part
from hil_tests.explore.plans import random_plan
from hil_tests.explore.stage import Stage, bench_of
from hil_tests.oracles.admission import at
from hil_tests.oracles.safety import SafetyOracle
from hil_tests.sim_bench import SimBench
from protocols.doorlock.vocabulary import CredentialType, Status, UserStatus, UserType
from protocols.strike import messages as m

_STEPS: Final = 120
# Few slots and few PINs, so that they meet.
_SLOTS: Final = 4
_PINS: Final = ("1111", "2222", "3333", "44444", "555555")
_EPOCH: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_PAUSES_S: Final = (0.5, 5.0, 70.0, 600.0, 4_000.0)
_PROFILES: Final = ("generic-native", "generic-jit")
_LIES: Final = "device_no_effect"


async def device(stage: Stage) -> None:
    """Run it.

    Raises:
        Violation: When a rule is broken.
    """
    profile = stage.stream("house").choice(_PROFILES)
    file = bench_of(
        f'[bench]\nname = "explore"\n[[devices]]\nname = "lock"\nprofile = "{profile}"'
    )
    async with stage.bench(file) as (bench, oracle):
        await bench.call("/bench/gateway", on=False)
        await _Programmer(bench, oracle, stage).work(_STEPS)


class _Programmer:
    """Works at one lock."""

    def __init__(self, bench: SimBench, oracle: SafetyOracle, stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SimLoop):
            raise TypeError("a direct link needs a virtual loop")
        self._bench = bench
        self._oracle = oracle
        self._counts = stage.counts
        self._draw: random.Random = stage.stream("programmer")
        self._subject = bench.bench.device("lock")
        self._link = DirectLink(loop, self._subject.endpoint)
        self._model = MemoryModel("lock")
        self._knobs: dict[str, Any] = {}
        bench.trace.listen(self._note)
        self._was_changed_outside = False

    def _note(self, event: Mapping[str, Any]) -> None:
        if event["data"].get("knob") == "device_outside_changes_per_day":
            self._was_changed_outside = True

    async def work(self, steps: int) -> None:
        """Do so many things, and have everything looked at after each."""
        deeds = (
            (self._program, 5),
            (self._clear, 3),
            (self._enter, 6),
            (self._wait, 3),
            (self._set_time, 1),
            (self._faults, 1),
            (self._power, 1),
        )
        for _ in range(steps):
            [deed] = self._draw.choices(
                [deed for deed, _ in deeds], weights=[weight for _, weight in deeds]
            )
            await deed()
            self._compare()
        await self._bench.set_faults("lock")
        await self._bench.call("/bench/devices/lock/power", on=True)
        await self._bench.advance(seconds=7200)
        self._knobs = {}
        self._compare()
        # Whole again, it takes and holds what it is told.
        for slot in range(1, _SLOTS + 1):
            await self._program_slot(slot, must=True)
        self._compare()

    def _compare(self) -> None:
        view = self._bench.bench.memory_view("lock")
        if self._was_changed_outside:
            self._was_changed_outside = False
            self._model.forget(view)
        self._model.seen(view)
        self._oracle.look_at_memory("lock")

    async def _ask(self, request: Any, writes: Mapping[Key, Part], *, must: bool = False) -> bool:
        """Ask for a write; whether it was answered as done."""
        reply = await self._link.ask(request)
        answer = None if reply is None else reply.status is Status.SUCCESS
        self._counts[f"answer {'none' if reply is None else reply.status.name}"] += 1
        if answer and _LIES in self._knobs:
            self._model.lied(writes)
        else:
            self._model.asked(writes, answer)
        # A PIN that another slot holds is refused by right.
        if must and not answer and (reply is None or reply.status is not Status.DUPLICATE):
            told = "nothing" if reply is None else reply.status.name
            raise LivenessViolated("answer", "lock", f"whole again, it answered {told}")
        return bool(answer)

    # --- deeds ------------------------------------------------------------------------------

    async def _program(self) -> None:
        await self._program_slot(self._draw.randint(1, _SLOTS))

    async def _program_slot(self, slot: int, *, must: bool = False) -> None:
        """Write an entry as a gateway does: user, window, PIN; it stops at the first failure."""
        revision = self._model.revision(slot) + 1
        has_window = self._subject.spec.profile.native_scheduling and self._draw.random() < 0.5  # noqa: PLR2004 - a coin.
        kind = UserType.YEAR_DAY_SCHEDULE_USER if has_window else UserType.UNRESTRICTED_USER
        status = self._draw.choice(
            (
                UserStatus.OCCUPIED_ENABLED,
                UserStatus.OCCUPIED_ENABLED,
                UserStatus.OCCUPIED_DISABLED,
            )
        )
        user = m.SetUser(
            user_index=slot, revision=revision, user_status=status, user_type=kind, user_name="Jo"
        )
        says = (status.name.lower(), kind.name.lower(), "Jo")
        if not await self._ask(user, {("user", slot): Part(revision, says)}, must=must):
            return
        if has_window and not await self._write_window(slot, revision, must=must):
            return
        pin = self._draw.choice(_PINS)
        credential = m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=revision,
            user_index=slot,
            credential_data=pin.encode(),
        )
        await self._ask(credential, {("pin", slot): Part(revision, (pin,))}, must=must)

    async def _write_window(self, slot: int, revision: int, *, must: bool) -> bool:
        now = at(self._bench.now).replace(microsecond=0)
        starts_at = now + dt.timedelta(seconds=self._draw.randint(-4000, 4000))
        ends_at = starts_at + dt.timedelta(seconds=self._draw.choice((1, 60, 3600, 7200)))
        request = m.SetYearDaySchedule(
            year_day_index=1,
            user_index=slot,
            revision=revision,
            start_s=_device_s(starts_at),
            end_s=_device_s(ends_at),
        )
        says = (_shown(starts_at), _shown(ends_at))
        return await self._ask(request, {("window", slot): Part(revision, says)}, must=must)

    async def _clear(self) -> None:
        slot = self._draw.randint(1, _SLOTS)
        revision = self._model.revision(slot) + 1
        view = self._bench.bench.memory_view("lock")
        held = [each for each in view["slots"] if each["slot"] == slot]
        writes: dict[Key, Part] = {("pin", slot): Part(revision, None)}
        if held and held[0]["user"] is not None:
            writes["user", slot] = Part(revision, None)
        if held and held[0]["year_day"]:
            writes["window", slot] = Part(revision, None)
        request = m.ClearCredential(
            credential_type=CredentialType.PIN, credential_index=slot, revision=revision
        )
        await self._ask(request, writes)

    async def _enter(self) -> None:
        for _ in range(self._draw.choice((1, 1, 3, 6))):
            outcome = await self._oracle.enter("lock", self._draw.choice((*_PINS, "98765")))
            self._counts[f"entry {outcome['reason']}"] += 1

    async def _wait(self) -> None:
        await self._bench.advance(seconds=self._draw.choice(_PAUSES_S))

    async def _set_time(self) -> None:
        reply = await self._link.ask(
            m.SetTime(utc_s=_device_s(at(self._bench.now)), utc_offset_min=0)
        )
        self._counts["clock set"] += reply is not None

    async def _faults(self) -> None:
        self._knobs = random_plan(self._draw, with_radio=False)
        await self._bench.set_faults("lock", **self._knobs)

    async def _power(self) -> None:
        await self._bench.call("/bench/devices/lock/power", on=False)
        await self._bench.advance(seconds=self._draw.choice(_PAUSES_S))
        await self._bench.call("/bench/devices/lock/power", on=True)


def _device_s(instant: dt.datetime) -> int:
    return int((instant - _EPOCH).total_seconds())


def _shown(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
