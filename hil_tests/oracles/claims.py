"""Does the gateway tell the truth about the locks, and does it find out when it does not know?

A code that the API shows as `set`, or as scheduled on its device, has to be in that device's
memory, in a window no wider than asked. Two things excuse a difference: a session that has not
ended, and a lock that lied or was changed behind everybody's back since the two last agreed. After
faults have stopped, nothing excuses it once the device was in contact again.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from firmware_sim.memory.view import YearDayView
from hil_tests.errors import LivenessViolated, SafetyViolated
from hil_tests.oracles.known_codes import KnownCodes
from hil_tests.oracles.lies import Lies
from hil_tests.oracles.sight import Sight, at, look_at
from hil_tests.sim_bench import SimBench

_RULE: Final = "claims"
Code = Mapping[str, Any]


class ClaimsOracle:
    """Compares what the API says with what the devices hold.

    Args:
        bench: The bench.
        lies: What devices did behind the gateway's back.
        codes: Is told of every code of the API.
    """

    def __init__(self, bench: SimBench, lies: Lies, codes: KnownCodes) -> None:
        self._bench = bench
        self._lies = lies
        self._heard = codes
        # The codes that the API ever showed of a device; membership only.
        self._known: dict[str, set[str]] = {}
        # Lies of a device when everything about it last agreed.
        self._agreed: Counter[str] = Counter()

    @property
    def _is_quiet(self) -> bool:
        """Whether the gateway is there and has no session that could be halfway."""
        bench = self._bench.bench
        return bench.gateway_is_on and not bench.sessions_running

    async def codes(self, device: str) -> list[Code]:
        """The access codes of a device, as the API shows them."""
        device_id = self._bench.bench.device(device).spec.device_id
        reply = await self._bench.call("/access_codes/list", device_id=device_id)
        codes = list(reply["access_codes"])
        known = self._known.setdefault(device, set())
        for code in codes:
            if code["code"] is not None:
                known.add(code["code"])
                self._heard.learn(code["code"])
        return codes

    async def look(self, device: str) -> None:
        """Compare; whoever asks in the middle of a session learns nothing.

        Raises:
            SafetyViolated: When the gateway claims what the device does not hold, and no lie of
                the device explains it.
        """
        if not self._is_quiet:
            return
        codes = await self.codes(device)
        wrong = self._differences(codes, look_at(self._bench.bench, device))
        lies = self._lies.count[device]
        if not wrong:
            self._agreed[device] = lies
        elif lies == self._agreed[device]:
            raise SafetyViolated(_RULE, device, "; ".join(wrong))

    async def look_after_healing(self, device: str) -> None:
        """Compare once more, when nothing excuses a difference.

        Raises:
            LivenessViolated: When there is one, or a code is due and not on its lock.
        """
        codes = await self.codes(device)
        wrong = self._differences(codes, look_at(self._bench.bench, device))
        wrong += [
            f"a code is {code['status']} with {[error['error_code'] for error in code['errors']]} "
            "in the middle of its window"
            for code in codes
            if code["status"] != "set" and self._is_inside(code) and not _is_refused(code)
        ]
        if wrong:
            raise LivenessViolated(_RULE, device, "; ".join(wrong))
        self._agreed[device] = self._lies.count[device]

    def says_all_is_done(self, device: str) -> bool:
        """Whether the gateway is at rest and has nothing left to do on a device."""
        device_id = self._bench.bench.device(device).spec.device_id
        return self._is_quiet and device_id not in self._bench.bench.unfinished_devices()

    async def judge_opening(self, device: str, code: str, sight: Sight) -> None:
        """A code opened a door of which all was done: the API must know it, for this time.

        A lock with schedules goes by its own clock, and the gateway keeps the time for one
        without, so a code may open by either. A code that was never of the API's making, such as
        one that somebody added at the keypad, is nobody's.

        Args:
            device: Whose door.
            code: The digits.
            sight: What the lock held before.

        Raises:
            SafetyViolated: When the code was revoked, or is not of this time, and the gateway says
                that all is done.
        """
        if not self.says_all_is_done(device) or self._lies.count[device] != self._agreed[device]:
            return
        known = [each for each in await self.codes(device) if each["code"] == code]
        slot = sight.holder(code)
        if slot is None or code not in self._known[device]:
            return
        true = at(self._bench.now)
        if not known:
            ends = [window.ends_at for window in slot.year_day]
            if not any(end is not None and _instant(end, sight) <= true for end in ends):
                raise SafetyViolated(
                    "revocation",
                    device,
                    f"the code of slot {slot.slot} opened, which the API knows no more",
                )
        elif not any(
            _is_in_window(each, true) or _is_in_window(each, sight.shown) for each in known
        ):
            raise SafetyViolated(
                "window", device, f"the code of slot {slot.slot} opened outside what the API says"
            )

    def _differences(self, codes: list[Code], sight: Sight) -> list[str]:
        """What the API claims and the device does not hold; a sentence each, without PINs."""
        wrong = []
        for code in codes:
            is_claimed = code["status"] == "set" or code.get("is_scheduled_on_device")
            if not is_claimed or code["pending_mutations"] or self._is_over(code):
                continue
            slot = sight.holder(code["code"])
            if slot is None:
                wrong.append(f"a code shows as {code['status']}, and no slot holds it")
            elif code["status"] == "set" and (
                slot.user is None or slot.user.status != "occupied_enabled"
            ):
                wrong.append(f"the code of slot {slot.slot} shows as set, and is disabled")
            elif any(not _is_within(window, code, sight) for window in slot.year_day):
                wrong.append(f"slot {slot.slot} is open for longer than its code says")
        return wrong

    def _is_over(self, code: Code) -> bool:
        ends_at = code.get("ends_at")
        return ends_at is not None and at(ends_at) <= at(self._bench.now)

    def _is_inside(self, code: Code) -> bool:
        starts_at = code.get("starts_at")
        has_begun = starts_at is None or at(starts_at) < at(self._bench.now)
        return has_begun and not self._is_over(code)


def _is_in_window(code: Code, instant: dt.datetime) -> bool:
    starts_at, ends_at = code.get("starts_at"), code.get("ends_at")
    if starts_at is not None and instant < at(starts_at):
        return False
    return ends_at is None or instant < at(ends_at)


def _is_within(window: YearDayView, code: Code, sight: Sight) -> bool:
    """Whether a window of a lock lies inside that of its code."""
    starts_at, ends_at = code.get("starts_at"), code.get("ends_at")
    if starts_at is not None and _instant(window.starts_at, sight) < at(starts_at):
        return False
    if ends_at is None:
        return True
    return window.ends_at is not None and _instant(window.ends_at, sight) <= at(ends_at)


def _instant(bound: str, sight: Sight) -> dt.datetime:
    """A bound of a window; one in local time is taken by the distance from UTC of now.

    So it is right on benches whose doors have no zone; where clocks are changed, the suites of
    local windows stand at the door.
    """
    found = at(bound)
    if found.tzinfo is not None:
        return found
    offset = dt.timedelta(minutes=sight.memory.clock.utc_offset_min)
    return (found - offset).replace(tzinfo=dt.UTC)


def _is_refused(code: Code) -> bool:
    """Whether the lock refused the code for good, which is told and nobody's omission."""
    final = {"code_constraints_violated", "duplicate_code_on_device", "provider_issue"}
    return any(error["error_code"] in final for error in code["errors"])
