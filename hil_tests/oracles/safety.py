"""The safety oracle of a bench: watches all of it, and says so the moment something is wrong.

Its rules, in the words of their violations:

* **keypad**: a code opens only if the lock stores it, its user is enabled, the lock's own clock is
  inside its schedule, and the keypad is not locked out; if all of that holds and the hardware can,
  it does; a one-time code opens once.
* **lockout**: so many wrong codes lock a keypad out, for as long as the profile says at least.
* **pins**: no two slots of a lock hold one PIN, but for kinds of locks that let somebody do so.
* **log**: indices without a gap, a hash chain that holds, nothing that changes afterwards; every
  entry at the keypad of a running lock is in it.
* **claims**: the gateway says `set` of what the device holds.
* **revocation**: a code that the API does not know any more opens nothing, once the gateway has
  nothing unfinished there.
"""

from __future__ import annotations

from typing import Any, Final

from hil_tests.errors import LivenessViolated, SafetyViolated
from hil_tests.oracles.access_log import LogOracle
from hil_tests.oracles.claims import ClaimsOracle
from hil_tests.oracles.keypad import KeypadOracle
from hil_tests.oracles.lies import Lies
from hil_tests.sim_bench import SimBench
from protocols.profiles.vocabulary import DuplicateRule

# Log records that are looked at in one go: more than happen between two looks.
_LOG_PAGE: Final = 4096
# Seconds until a lockout is over for sure: no profile has a longer one than a quarter of an hour,
# and a clock that was lost begins it anew.
_LOCKOUT_OVER_S: Final = 3600.0
# A healthy device is in contact every six hours; an hour more for what that brings up.
_CONTACT_S: Final = 7 * 3600.0
_ENTRY_EVENTS: Final = ("lock_operation", "access_denied")


class SafetyOracle:
    """Watches one bench.

    Args:
        bench: The bench; it is to be used through this oracle where keypads are concerned.
    """

    def __init__(self, bench: SimBench) -> None:
        self._bench = bench
        lies = Lies()
        bench.trace.listen(lies)
        self.keypad = KeypadOracle(bench)
        self.claims = ClaimsOracle(bench, lies)
        self._logs: dict[str, LogOracle] = {}
        self._looked_to: dict[str, int] = {}

    @property
    def devices(self) -> list[str]:
        """The bench names of all devices."""
        return [device.spec.name for device in self._bench.bench.world.devices]

    async def enter(self, device: str, code: str) -> dict[str, Any]:
        """Enter a code at a keypad, and judge what comes of it.

        Raises:
            SafetyViolated: When that may not be.
        """
        firmware = self._bench.bench.device(device).firmware
        next_index = firmware.log_next_index
        # Asked before: while the entry is told, a gateway that is late may catch up.
        was_done = self.claims.says_all_is_done(device)
        outcome, view = await self.keypad.enter(device, code)
        if outcome["opened"] and was_done and self._bench.bench.gateway_is_on:
            await self.claims.judge_opening(device, code, view)
        if outcome["reason"] != "no_power":
            self._find_entry(device, next_index)
        return outcome

    def _find_entry(self, device: str, from_index: int) -> None:
        """An entry must be in the log."""
        records = self._bench.bench.device(device).firmware.log_records(from_index, _LOG_PAGE)
        if not any(record.event.name.lower() in _ENTRY_EVENTS for record in records):
            raise SafetyViolated("log", device, f"an entry left no record from {from_index} on")

    def look_at_memory(self, device: str) -> None:
        """Look at what one device holds.

        Raises:
            SafetyViolated: When two slots hold one PIN, or the log is not whole.
        """
        device_profile = self._bench.bench.device(device).spec.profile
        rules = (device_profile.duplicates.remote, device_profile.duplicates.keypad)
        slots: dict[str, int] = {}
        for slot in self._bench.bench.memory_view(device)["slots"]:
            if slot["code"] is None or DuplicateRule.ALLOWED in rules:
                continue
            other = slots.setdefault(slot["code"], slot["slot"])
            if other != slot["slot"]:
                raise SafetyViolated("pins", device, f"slots {other} and {slot['slot']} share one")
        firmware = self._bench.bench.device(device).firmware
        if not firmware.is_running:
            # Nobody can be told of the log now, and what a cut left of a write is settled at boot.
            return
        log = self._logs.setdefault(device, LogOracle(device))
        # From the newest record that was seen on, which must still be the same.
        from_index = max(0, self._looked_to.get(device, 0) - 1)
        log.look(firmware.log_records(from_index, _LOG_PAGE), firmware.log_next_index)
        self._looked_to[device] = firmware.log_next_index

    async def look(self) -> None:
        """Look at every device, and at what the gateway says of it.

        Raises:
            SafetyViolated: When something may not be.
        """
        for device in self.devices:
            self.look_at_memory(device)
            await self.claims.look(device)

    async def heal_and_judge(self) -> None:
        """Stop all faults, give everything its time, and see that nothing is left undone.

        Raises:
            SafetyViolated: When something may not be.
            LivenessViolated: When something is still undone.
        """
        bench = self._bench
        for device in self.devices:
            await bench.set_faults(device)
            await bench.call(f"/bench/devices/{device}/radio", in_range=True)
            await bench.call(f"/bench/devices/{device}/power", on=True)
        await bench.call("/bench/gateway", on=True)
        report = await bench.advance(seconds=_CONTACT_S, settle=True)
        await self.look()
        if report["unfinished"]:
            reasons = sorted({item["reason"] for item in report["unfinished"]})
            raise LivenessViolated(
                "unfinished", "", f"{len(report['unfinished'])} entries, for {', '.join(reasons)}"
            )
        for device in self.devices:
            await self.claims.look_after_healing(device)
        await bench.advance(seconds=_LOCKOUT_OVER_S, settle=True)

    async def try_all_codes(self) -> int:
        """Enter every code that the API shows as set at its door; returns how many opened.

        Raises:
            SafetyViolated: When a lock does other than it must.
            LivenessViolated: When a code that is live does not open.
        """
        opened = 0
        for device in self.devices:
            for code in await self.claims.codes(device):
                if code["status"] == "set" and code["code"] is not None:
                    outcome = await self.enter(device, str(code["code"]))
                    opened += outcome["opened"]
        return opened
