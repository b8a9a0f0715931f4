"""Suite `device`: one lock and nobody else; requests, keys, hands and faults, close together.

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
from hil_tests.explore.drawn_entry import Ask, EntryDrawer, Near, device_s
from hil_tests.explore.drawn_lock import drawn_house
from hil_tests.explore.edges import AHEAD, Edge, edges_of
from hil_tests.explore.model import Key, MemoryModel, Part, pin_key, user_key
from hil_tests.explore.plans import random_plan
from hil_tests.explore.stage import Stage
from hil_tests.oracles.keypad import Entry
from hil_tests.oracles.lives import Life
from hil_tests.oracles.remote import judge_remote
from hil_tests.oracles.safety import SafetyOracle
from hil_tests.oracles.sight import Sight, at, look_at
from hil_tests.sim_bench import SimBench
from protocols.doorlock.vocabulary import CredentialType, Status
from protocols.strike import messages as m

_STEPS: Final = 150
# Few slots and few PINs, so that they meet.
_SLOTS: Final = 4
_HOLIDAYS: Final = 2
# Some begin as others do.
_PINS: Final = ("1234", "12345", "4321", "98760", "258025")
_STRANGE: Final = "13579"
_PAUSES_S: Final = (0.5, 5.0, 70.0, 600.0, 4_000.0)
_USED_UP: Final = ("disposable_user", "expiring_user")
_LIES: Final = "device_no_effect"
# Requests that are remembered, to be sent once more.
_REMEMBERED: Final = 12
_HALF: Final = 0.5
_RARELY: Final = 0.1
_MOSTLY: Final = 0.8
_CHARGES: Final = (1.0, 0.3, 0.05, 0.0)


async def device(stage: Stage) -> None:
    """Run it.

    Raises:
        Violation: When a rule is broken.
    """
    async with stage.bench(drawn_house(stage.stream("house"))) as (bench, oracle):
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
        subject = bench.bench.device("lock")
        self._profile = subject.spec.profile
        self._offset_min = subject.spec.utc_offset_min
        self._link = DirectLink(loop, subject.endpoint)
        self._drawer = EntryDrawer(self._draw, self._profile, _PINS)
        self._model = MemoryModel("lock")
        self._knobs: dict[str, Any] = {}
        self._asked: list[Ask] = []
        self._disturbances = (self._power, self._set_time, self._repeat)
        bench.trace.listen(self._note)
        self._was_changed_outside = False

    def _note(self, event: Mapping[str, Any]) -> None:
        if event["data"].get("knob") == "device_outside_changes_per_day":
            self._was_changed_outside = True

    async def work(self, steps: int) -> None:
        """Do so many things, and have everything looked at after each."""
        deeds = (
            (self._program, 20),
            (self._lend, 2),
            (self._clear, 9),
            (self._repeat, 4),
            (self._holiday, 4),
            (self._enter, 20),
            (self._meet_an_edge, 10),
            (self._move_bolt, 3),
            (self._wait, 8),
            (self._set_time, 5),
            (self._hands, 4),
            (self._faults, 4),
            (self._power, 4),
        )
        for _ in range(steps):
            [deed] = self._draw.choices(
                [deed for deed, _ in deeds], weights=[weight for _, weight in deeds]
            )
            await deed()
            self._compare()
        await self._heal()
        self._compare()
        # Whole again, it takes and holds what it is told.
        for slot in range(1, _SLOTS + 1):
            await self._program_slot(slot, must=True)
        self._compare()
        for pin in _PINS:
            await self._enter_code(pin)

    async def _heal(self) -> None:
        await self._bench.set_faults("lock")
        self._knobs = {}
        await self._bench.call("/bench/devices/lock/power", on=True)
        parts: dict[str, Any] = {"bolt": "free"}
        if self._profile.privacy_deadbolt:
            parts["privacy"] = False
        if not self._profile.has_direct_power:
            parts["replace"] = True
        await self._handle(**parts)
        await self._bench.advance(seconds=7200)

    def _compare(self) -> None:
        sight = self._oracle.look_at_memory("lock")
        if not sight.is_running:
            # What a breakdown left of a write is settled when it boots.
            return
        if self._was_changed_outside:
            self._was_changed_outside = False
            self._model.forget(sight)
        self._model.seen(sight)

    def _look(self) -> Sight:
        return look_at(self._bench.bench, "lock")

    # --- requests -----------------------------------------------------------------------------

    async def _ask(self, ask: Ask, *, must: bool = False) -> bool:
        """Ask for a write; whether it was answered as done."""
        self._asked = [*self._asked[1 - _REMEMBERED :], ask]
        reply = await self._link.ask(ask.request)
        answer = None if reply is None else reply.status is Status.SUCCESS
        self._counts[f"answer {'none' if reply is None else reply.status.name}"] += 1
        if answer and _LIES in self._knobs:
            self._model.lied(ask.writes)
        else:
            self._model.asked(ask.writes, answer)
        # A PIN that another slot holds is refused by right.
        if must and not answer and (reply is None or reply.status is not Status.DUPLICATE):
            told = "nothing" if reply is None else reply.status.name
            raise LivenessViolated("answer", "lock", f"whole again, it answered {told}")
        return bool(answer)

    def _near(self) -> Near:
        """Now, by the lock's clock as a rule: what is near for it comes about."""
        sight = self._look()
        utc = sight.shown
        if self._draw.random() < _RARELY:
            utc = at(self._bench.now)
        offset = dt.timedelta(minutes=sight.memory.clock.utc_offset_min)
        return Near(utc=utc, local=utc + offset)

    async def _program(self) -> None:
        await self._program_slot(self._draw.randint(1, _SLOTS))

    async def _program_slot(self, slot: int, *, must: bool = False) -> None:
        """Write an entry; it stops at the first failure."""
        revision = self._model.revision(slot) + 1
        for ask in self._drawer.entry(slot, revision, self._near()):
            if not await self._ask(ask, must=must):
                return

    async def _lend(self) -> None:
        """Give a user a code in a slot that is not their own."""
        slot, user = self._draw.sample(range(1, _SLOTS + 1), 2)
        await self._ask(self._drawer.pin(slot, user, self._model.revision(slot, user) + 1))

    async def _clear(self) -> None:
        slot = self._draw.randint(1, _SLOTS)
        held = {each.slot: each for each in self._look().memory.slots if each.revision is not None}
        owner = slot
        if slot in held and (user := held[slot].user) is not None:
            owner = user.index
        revision = self._model.revision(slot, owner) + 1
        writes: dict[Key, Part] = {pin_key(slot): Part(revision, None)}
        if not any(
            each.user is not None and each.user.index == owner
            for other, each in held.items()
            if other != slot
        ):
            writes |= {key: Part(revision, None) for key in self._model.live_of_user(owner)}
        request = m.ClearCredential(
            credential_type=CredentialType.PIN, credential_index=slot, revision=revision
        )
        await self._ask(Ask(request, writes))
        # What else goes with it depends on the moment, so it is not for repeating.
        self._asked.pop()

    async def _repeat(self) -> None:
        """Ask once more for what was asked before, as somebody does who has recorded it."""
        if self._asked:
            await self._ask(self._draw.choice(self._asked))

    async def _holiday(self) -> None:
        """Keep a holiday, or keep it no more; and see at once what that means."""
        if not self._profile.holiday_count:
            return
        index = self._draw.randint(1, min(_HOLIDAYS, self._profile.holiday_count))
        revision = self._model.holiday_revision(index) + 1
        await self._ask(self._drawer.holiday(index, revision, self._near()))
        await self._move_bolt()
        for pin in _PINS:
            await self._enter_code(pin)

    async def _set_time(self) -> None:
        """Set the clock; mostly right."""
        off_s = self._draw.choice((0, 0, -5, 1800, -1800))
        utc_s = device_s(at(self._bench.now)) + off_s
        reply = await self._link.ask(m.SetTime(utc_s=utc_s, utc_offset_min=self._offset_min))
        self._counts["clock set"] += reply is not None

    async def _move_bolt(self) -> None:
        is_unlock = self._draw.random() < _HALF
        sight = self._look()
        reply = await self._link.ask(m.UnlockDoor() if is_unlock else m.LockDoor())
        self._counts[f"bolt {'none' if reply is None else reply.status.name}"] += 1
        if reply is not None:
            judge_remote("lock", sight, reply.status.name, is_unlock=is_unlock)

    # --- the keypad -------------------------------------------------------------------------

    async def _enter(self) -> None:
        """Enter some codes; mostly right ones, or nothing but lockouts would be seen."""
        sight = self._look()
        held = [pin for pin in _PINS if sight.holder(pin) is not None]
        for _ in range(self._draw.choice((1, 1, 2, 4))):
            is_right = held and self._draw.random() < _MOSTLY
            code = self._draw.choice(held if is_right else (*_PINS, _STRANGE))
            user = await self._enter_code(code)
            if user in _USED_UP and self._draw.random() < _MOSTLY:
                await self._try_again(code)
        if self._draw.random() < _RARELY:
            for _ in range(6):
                await self._enter_code(_STRANGE)

    async def _enter_code(self, code: str) -> str:
        """Enter a code; the type of its user if it opened, else nothing."""
        entry = await self._oracle.enter("lock", code)
        self._counts[f"entry {entry.outcome['reason']}"] += 1
        user = None if entry.expected.slot is None else entry.expected.slot.user
        if user is not None:
            self._counts[f"{user.type} {entry.outcome['reason']}"] += 1
            self._note_use(entry)
        return user.type if user is not None and entry.outcome["opened"] else ""

    def _note_use(self, entry: Entry) -> None:
        """A one-time user is disabled by the entry that opens."""
        user = None if entry.expected.slot is None else entry.expected.slot.user
        if user is None or user.type != "disposable_user":
            return
        if entry.outcome["opened"] or entry.may_be_noted:
            says = ("occupied_disabled", user.type, user.name)
            writes = {user_key(user.index): Part(user.revision + 1, says)}
            self._model.asked(writes, True if entry.outcome["opened"] else None)

    async def _try_again(self, code: str) -> None:
        """A code has opened: have something happen that must not matter, and enter it again.

        One that expires is entered at the end of its time.
        """
        for disturb in self._draw.sample(self._disturbances, 2):
            await disturb()
        sight = self._look()
        slot = sight.holder(code)
        if slot is None:
            return
        life = Life(slot.slot, slot.revision or 0)
        ends = self._oracle.keypad.first_uses("lock").ends_of(life)
        if ends and ends[0] <= sight.shown + AHEAD:
            await self._meet(Edge(ends[0], slot.slot), sight, code)
        else:
            await self._enter_code(code)

    async def _meet_an_edge(self) -> None:
        """Go to where something begins or ends, and enter a code on both sides of it."""
        if self._draw.random() < _HALF:
            await self._draw.choice(self._disturbances)()
        sight = self._look()
        edges = edges_of(sight, self._oracle.keypad.first_uses("lock"))
        if not edges or not sight.is_running:
            return
        edge = self._draw.choice(edges)
        holders = (pin for pin in _PINS if (held := sight.holder(pin)) and held.slot == edge.slot)
        code = next(holders, None) or self._draw.choice(_PINS)
        await self._meet(edge, sight, code)

    async def _meet(self, edge: Edge, sight: Sight, code: str) -> None:
        left_s = (edge.at - sight.shown).total_seconds()
        if left_s > 1:
            await self._bench.advance(seconds=left_s - 1)
        await self._enter_code(code)
        await self._bench.advance(seconds=1)
        await self._enter_code(code)

    # --- time, hands and trouble ------------------------------------------------------------

    async def _wait(self) -> None:
        await self._bench.advance(seconds=self._draw.choice(_PAUSES_S))

    async def _hands(self) -> None:
        """Somebody does something to its parts, and mostly puts it right after a while."""
        deeds: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"bolt": "jam"}, {"bolt": "free"}),
            ({"bolt": self._draw.choice(("thrown", "withdrawn", "half"))}, {}),
        ]
        if self._profile.privacy_deadbolt:
            deeds.append(({"privacy": True}, {"privacy": False}))
        if not self._profile.has_direct_power:
            deeds.append(({"charge": self._draw.choice(_CHARGES)}, {"charge": 1.0}))
        what, back = self._draw.choice(deeds)
        await self._handle(**what)
        await self._enter()
        if back and self._draw.random() >= _RARELY:
            await self._handle(**back)

    async def _handle(self, **what: Any) -> None:
        await self._bench.call("/bench/devices/lock/hardware", **what)

    async def _faults(self) -> None:
        self._knobs = random_plan(self._draw, with_radio=False)
        await self._bench.set_faults("lock", **self._knobs)

    async def _power(self) -> None:
        await self._bench.call("/bench/devices/lock/power", on=False)
        await self._bench.advance(seconds=self._draw.choice(_PAUSES_S))
        await self._bench.call("/bench/devices/lock/power", on=True)
