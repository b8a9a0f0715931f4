"""The safety oracle of a bench: watches all of it, and says so the moment something is wrong.

Its rules, in the words of their violations:

* **keypad**: a code opens only if the lock stores it, its user is enabled and of a type that lets
  in, the lock's own clock is inside its schedules and no holiday shuts the door, the keypad is not
  locked out, and the hardware can; if all of that holds, it does. A one-time code opens once, an
  expiring one for so long after its first use. Whatever else is answered is what the lock must
  answer then.
* **lockout**: so many wrong codes lock a keypad out, for as long as the profile says at least;
  nothing else does.
* **pins**: no two slots of a lock hold one PIN, but for kinds of locks that let somebody do so.
* **log**: indices without a gap, a hash chain that holds, nothing that changes afterwards; every
  entry at the keypad of a running lock is in it as what it was, a forced one with its alarm.
* **claims**: the gateway says `set` of what the device holds.
* **revocation**: a code that the API does not know any more opens nothing, once the gateway has
  nothing unfinished there; **window**: nor does one that it knows for another time.
"""

from __future__ import annotations

from typing import Final

from hil_tests.errors import LivenessViolated, SafetyViolated
from hil_tests.oracles.access_log import LogOracle, judge_entry
from hil_tests.oracles.claims import ClaimsOracle
from hil_tests.oracles.keypad import Entry, KeypadOracle
from hil_tests.oracles.known_codes import KnownCodes
from hil_tests.oracles.lies import Lies
from hil_tests.oracles.sight import Sight, look_at
from hil_tests.sim_bench import SimBench
from protocols.profiles.vocabulary import DuplicateRule

# Log records that are looked at in one go: more than happen between two looks.
_LOG_PAGE: Final = 4096
# Seconds until a lockout is over for sure: no profile has a longer one than a quarter of an hour,
# and a clock that was lost begins it anew.
_LOCKOUT_OVER_S: Final = 3600.0
# A healthy device is in contact every six hours; an hour more for what that brings up.
_CONTACT_S: Final = 7 * 3600.0


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
        self._codes = KnownCodes()
        self.claims = ClaimsOracle(bench, lies, self._codes)
        self._logs: dict[str, LogOracle] = {}
        self._looked_to: dict[str, int] = {}

    @property
    def devices(self) -> list[str]:
        """The bench names of all devices."""
        return [device.spec.name for device in self._bench.bench.world.devices]

    async def enter(self, device: str, code: str) -> Entry:
        """Enter a code at a keypad, and judge what comes of it.

        Raises:
            SafetyViolated: When that may not be.
        """
        firmware = self._bench.bench.device(device).firmware
        next_index = firmware.log_next_index
        # Asked before: while the entry is told, a gateway that is late may catch up.
        was_done = self.claims.says_all_is_done(device)
        entry = await self.keypad.enter(device, code)
        self._codes.learn(code)
        if entry.outcome["opened"] and was_done and self._bench.bench.gateway_is_on:
            await self.claims.judge_opening(device, code, entry.sight)
        judge_entry(device, entry.outcome, firmware.log_records(next_index, _LOG_PAGE))
        return entry

    def look_at_memory(self, device: str) -> Sight:
        """Look at what one device holds.

        Raises:
            SafetyViolated: When two slots hold one PIN, or the log is not whole.
        """
        sight = look_at(self._bench.bench, device)
        duplicates = sight.profile.duplicates
        is_allowed = DuplicateRule.ALLOWED in (duplicates.remote, duplicates.keypad)
        slots: dict[str, int] = {}
        for slot, code in self._codes.found(sight):
            other = slots.setdefault(code, slot)
            if other != slot and not is_allowed:
                raise SafetyViolated("pins", device, f"slots {other} and {slot} share one")
        firmware = self._bench.bench.device(device).firmware
        if not firmware.is_running:
            # Nobody can be told of the log now, and what a cut left of a write is settled at boot.
            return sight
        log = self._logs.setdefault(device, LogOracle(device))
        # From the newest record that was seen on, which must still be the same.
        from_index = max(0, self._looked_to.get(device, 0) - 1)
        log.look(firmware.log_records(from_index, _LOG_PAGE), firmware.log_next_index)
        self._looked_to[device] = firmware.log_next_index
        return sight

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
                    entry = await self.enter(device, str(code["code"]))
                    opened += entry.outcome["opened"]
        return opened
