"""Types at keypads, and judges what comes of it: opens only if it may, and if it may, it does."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hil_tests.errors import SafetyViolated
from hil_tests.oracles.admission import Opinion, View, opinion
from hil_tests.oracles.lockout import LockoutOracle
from hil_tests.sim_bench import SimBench

_RULE: Final = "keypad"
# A door that stayed shut for one of these is not to be judged: its hardware could not open it.
_HARDWARE: Final = ("jammed", "privacy", "no_power")


class KeypadOracle:
    """Tries codes at the locks of a bench.

    Args:
        bench: The bench.
    """

    def __init__(self, bench: SimBench) -> None:
        self._bench = bench
        self._lockouts: dict[str, LockoutOracle] = {}
        # Device, slot and revision of the one-time codes that have opened.
        self._used: Counter[tuple[str, int | None, int | None]] = Counter()

    async def enter(self, device: str, code: str) -> tuple[dict[str, Any], View]:
        """Enter a code, judge the outcome; returns it with what the lock held before.

        Raises:
            SafetyViolated: When it opened and may not have, or stayed shut and must not have.
        """
        subject = self._bench.bench.device(device)
        view = self._bench.bench.memory_view(device)
        runs, now = subject.firmware.is_running, self._bench.now
        expected = opinion(view, code) if runs else Opinion(False, "its processor does not run")
        submit = "#" if subject.spec.profile.variable_code_length else ""
        outcome = await self._bench.press(device, code + submit)
        rules = subject.spec.profile.lockout
        lockout = self._lockouts.setdefault(device, LockoutOracle(device, rules))
        lockout.judge(outcome["reason"], view, now)
        self._judge(device, expected, outcome)
        return outcome, view

    def _judge(self, device: str, expected: Opinion, outcome: dict[str, Any]) -> None:
        opened, reason = outcome["opened"], outcome["reason"]
        if opened and expected.opens is False:
            raise SafetyViolated(
                _RULE, device, f"a code opened although {expected.because} (slot {expected.slot})"
            )
        is_excused = reason in _HARDWARE and self._is_excused(device, reason)
        if expected.opens and not opened and not is_excused:
            raise SafetyViolated(
                _RULE,
                device,
                f"the code of slot {expected.slot} was answered {reason} "
                f"although {expected.because}",
            )
        if opened and expected.is_one_time:
            life = (device, expected.slot, expected.revision)
            self._used[life] += 1
            if self._used[life] > 1:
                raise SafetyViolated(_RULE, device, f"a one-time code opened again: {life[1:]}")

    def _is_excused(self, device: str, reason: str) -> bool:
        """Whether a door may stay shut for its hardware: its plan must have such a fault."""
        plan = self._bench.bench.faults(device)
        # Jams and privacy are made by hand only; whoever does so knows what to expect.
        return reason != "no_power" or "power_brown_out" in plan
