"""Types at keypads, and judges what comes of it: the lock answers what it must, and nothing else.

So a code opens only if it may, and if it may, it does; a silent alarm is raised, a code that opens
nothing by its kind counts for nothing, and a wrong code is called one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.admission import OPENING, Opinion, opinion
from hil_tests.oracles.lives import FirstUses, OneTimeUsers
from hil_tests.oracles.lockout import LockoutOracle
from hil_tests.oracles.sight import Sight, look_at
from hil_tests.sim_bench import SimBench

_RULE: Final = "keypad"
_OUT_OF_POWER: Final = "no_power"


@dataclasses.dataclass(frozen=True, slots=True)
class _Memory:
    """What is remembered of one lock."""

    lockout: LockoutOracle
    first_uses: FirstUses
    one_time: OneTimeUsers


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry, and what was known before it.

    Attributes:
        outcome: The answer of the keypad route.
        sight: What could be seen before.
        expected: What was to become of it.
        may_be_noted: True when it may have used up its code without having opened: power failed.
    """

    outcome: dict[str, Any]
    sight: Sight
    expected: Opinion
    may_be_noted: bool


class KeypadOracle:
    """Tries codes at the locks of a bench.

    Args:
        bench: The bench.
    """

    def __init__(self, bench: SimBench) -> None:
        self._bench = bench
        self._memories = {
            device.spec.name: _Memory(
                LockoutOracle(device.spec.name, device.spec.profile.lockout),
                FirstUses(device.spec.profile.expiring_user_timeout_min),
                OneTimeUsers(device.spec.name),
            )
            for device in bench.bench.world.devices
        }
        bench.trace.listen(self._note)

    def _note(self, event: Mapping[str, Any]) -> None:
        """Pass on what happens to a lock."""
        memory = self._memories.get(event["device"])
        if memory is not None:
            memory.lockout.note(event)
            memory.first_uses.note(event)

    def first_uses(self, device: str) -> FirstUses:
        """What is known of the expiring codes of a lock."""
        return self._memories[device].first_uses

    async def enter(self, device: str, code: str) -> Entry:
        """Enter a code, and judge the outcome.

        Raises:
            SafetyViolated: When the lock may not answer that.
        """
        memory, now = self._memories[device], self._bench.now
        sight = look_at(self._bench.bench, device)
        expected = opinion(sight, code, memory.first_uses)
        submit = "#" if sight.profile.variable_code_length else ""
        outcome = await self._bench.press(device, code + submit)
        length = sight.profile.submit_length
        has_rest = length is not None and len(code) > length
        memory.lockout.judge(outcome["reason"], sight.shown, now, has_rest=has_rest)
        # In the middle of what an entry has the lock write, its supply may break down.
        breaks_off = (
            sight.is_running
            and outcome["reason"] == _OUT_OF_POWER
            and "power_brown_out" in self._bench.bench.faults(device)
        )
        if not breaks_off:
            _judge(device, expected, outcome)
        self._remember(memory, expected, sight, outcome, breaks_off=breaks_off)
        may_be_noted = breaks_off and bool(expected.answers & OPENING)
        return Entry(outcome=outcome, sight=sight, expected=expected, may_be_noted=may_be_noted)

    def _remember(
        self,
        memory: _Memory,
        expected: Opinion,
        sight: Sight,
        outcome: dict[str, Any],
        *,
        breaks_off: bool,
    ) -> None:
        user = None if expected.slot is None else expected.slot.user
        if outcome["opened"] and user is not None and user.type == "disposable_user":
            memory.one_time.opened(user.index, user.revision)
        if expected.life is None:
            return
        if outcome["opened"]:
            is_judged = expected.is_life_judged
            memory.first_uses.opened(expected.life, sight.shown, is_judged=is_judged)
        elif outcome["reason"] == "outside_schedule":
            memory.first_uses.refused(expected.life, sight.shown)
        elif breaks_off and expected.answers & OPENING:
            memory.first_uses.broke_off(expected.life, sight.shown)


def _judge(device: str, expected: Opinion, outcome: dict[str, Any]) -> None:
    """Hold an outcome against what was expected.

    Raises:
        SafetyViolated: When it is none of that.
    """
    reason, slot = outcome["reason"], expected.slot
    is_said_to_open = reason in OPENING
    if outcome["opened"] is not is_said_to_open:
        sentence = f"it answers {reason}, and opened is {outcome['opened']}"
        raise SafetyViolated(_RULE, device, sentence)
    if reason in expected.answers:
        return
    where = "" if slot is None else f" of slot {slot.slot}"
    if is_said_to_open and expected.opens is False:
        raise SafetyViolated(_RULE, device, f"a code{where} opened although {expected.because}")
    raise SafetyViolated(
        _RULE, device, f"a code{where} was answered {reason} although {expected.because}"
    )
