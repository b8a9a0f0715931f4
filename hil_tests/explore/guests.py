"""People who use a building while everything fails: what the suites with a gateway have them do.

Every deed is a draw of the run's own stream. A refusal of the API (4xx) is an answer like any
other; a failure (5xx) while the gateway is on is a violation.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hil_tests.errors import SafetyViolated
from hil_tests.explore.installer import PINS, Installer
from hil_tests.explore.plans import random_plan
from hil_tests.explore.stage import Stage
from hil_tests.oracles.safety import SafetyOracle
from hil_tests.oracles.sight import at
from hil_tests.sim_bench import ApiRefused, SimBench

_SERVER_ERRORS_FROM: Final = 500
# Seconds that somebody waits between two deeds: a moment, a coffee, a night.
_PAUSES_S: Final = (1.0, 20.0, 300.0, 1_800.0, 7_200.0, 40_000.0)
# Windows begin that long from now and last that long, hours; negative has begun.
_STARTS_H: Final = (-1.0, 0.0, 0.1, 0.6, 3.0, 30.0, 90.0)
_LENGTHS_H: Final = (0.2, 1.0, 5.0, 26.0, 100.0)


class _Impatient(Exception):  # noqa: N818 - nobody else sees it.
    """Somebody hangs up in the middle of several calls."""


class Guests:
    """Does things on a bench, one deed after the other.

    Args:
        bench: The bench.
        oracle: Watches it.
        stage: The run.
    """

    def __init__(self, bench: SimBench, oracle: SafetyOracle, stage: Stage) -> None:
        self._bench = bench
        self._oracle = oracle
        self._counts = stage.counts
        self._draw = stage.stream("guests")
        self._doors = oracle.devices
        self._installer = Installer(bench, stage.stream("installer"))
        # PINs that were ever heard of, and ids of what may still be there.
        self._pins: list[str] = []
        self._codes: list[str] = []
        self._grants: list[str] = []
        self._deeds: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "code": (5, self._create_code),
            "grant": (4, self._grant),
            "change": (4, self._change),
            "cancel": (3, self._cancel),
            "try": (8, self._try),
            "wait": (8, self._wait),
            "unlock": (1, self._unlock),
            "installer": (1, self._install),
            "abort": (1, self._abort),
            "faults": (3, self._faults),
            "radio": (1, self._radio),
            "power": (1, self._power),
            "gateway": (1, self._gateway),
        }

    async def live(self, deeds: int) -> None:
        """Do so many things, and have everything looked at after each.

        Raises:
            SafetyViolated: When something happened that may not.
        """
        names = list(self._deeds)
        weights = [weight for weight, _ in self._deeds.values()]
        for _ in range(deeds):
            [name] = self._draw.choices(names, weights=weights)
            await self._do(name, self._deeds[name][1]())
            await self._oracle.look()

    async def _do(self, name: str, deed: Awaitable[None]) -> None:
        self._counts[name] += 1
        try:
            await deed
        except ApiRefused as refused:
            self._counts["refused"] += 1
            is_failure = refused.status >= _SERVER_ERRORS_FROM
            if is_failure and self._bench.bench.gateway_is_on:
                raise SafetyViolated("api", "", str(refused)) from refused

    # --- codes and grants -------------------------------------------------------------------

    def _window(self) -> dict[str, Any]:
        """A window, or none."""
        if self._draw.random() < 0.2:  # noqa: PLR2004 - one in five is for good.
            return {}
        now = at(self._bench.now).replace(microsecond=0)
        starts_at = now + dt.timedelta(hours=self._draw.choice(_STARTS_H))
        ends_at = starts_at + dt.timedelta(hours=self._draw.choice(_LENGTHS_H))
        return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}

    def _pin(self) -> str:
        """New digits, or some that were used before."""
        if self._pins and self._draw.random() < 0.15:  # noqa: PLR2004 - people reuse PINs.
            return self._draw.choice(self._pins)
        return "".join(self._draw.choices("0123456789", k=self._draw.randint(4, 8)))

    def _digits_for(self, door: str) -> dict[str, str]:
        """Digits where callers may choose them."""
        is_made = self._bench.bench.device(door).spec.profile.vendor_made_codes
        return {} if is_made else {"code": self._pin()}

    def _learn(self, code: dict[str, Any]) -> None:
        if code["code"] is not None and code["code"] not in self._pins:
            self._pins.append(code["code"])

    async def _create_code(self) -> None:
        door = self._draw.choice(self._doors)
        chosen = {**self._digits_for(door), **self._window()}
        reply = await self._bench.call(
            "/access_codes/create", device_id=self._id_of(door), **chosen
        )
        self._codes.append(reply["access_code"]["access_code_id"])
        self._learn(reply["access_code"])

    async def _grant(self) -> None:
        doors = self._draw.sample(self._doors, self._draw.randint(1, min(3, len(self._doors))))
        reply = await self._bench.call(
            "/access_grants/create",
            user_identity={"full_name": "Jane Doe"},
            device_ids=[self._id_of(door) for door in doors],
            requested_access_methods=[{"mode": "code"}],
            **(self._window() or {"starts_at": self._bench.now}),
        )
        grant_id = reply["access_grant"]["access_grant_id"]
        self._grants.append(grant_id)
        methods = await self._bench.call("/access_methods/list", access_grant_id=grant_id)
        for method in methods["access_methods"]:
            self._learn(method)

    async def _change(self) -> None:
        if self._grants and self._draw.random() < 0.3:  # noqa: PLR2004 - codes change more often.
            grant = self._draw.choice(self._grants)
            await self._bench.call(
                "/access_grants/update", access_grant_id=grant, **self._window()
            )
        elif self._codes:
            code = self._draw.choice(self._codes)
            changes: dict[str, Any] = {}
            what = self._draw.choice(("code", "window", "name", "both"))
            if what in {"code", "both"}:
                changes["code"] = self._pin()
                self._pins.append(changes["code"])
            if what in {"window", "both"}:
                changes |= self._window() or {"type": "ongoing"}
            if what == "name":
                changes["name"] = self._draw.choice(("Jane", "Joe", "the cook"))
            await self._bench.call("/access_codes/update", access_code_id=code, **changes)

    async def _cancel(self) -> None:
        if self._grants and self._draw.random() < 0.4:  # noqa: PLR2004 - about their share.
            grant = self._grants.pop(self._draw.randrange(len(self._grants)))
            await self._bench.call("/access_grants/delete", access_grant_id=grant)
        elif self._codes:
            code = self._codes.pop(self._draw.randrange(len(self._codes)))
            await self._bench.call("/access_codes/delete", access_code_id=code)

    # --- doors and time -----------------------------------------------------------------------

    async def _try(self) -> None:
        """Enter some codes at one door: right ones, old ones, wrong ones."""
        door = self._draw.choice(self._doors)
        held = list(self._bench.slots(door))
        for _ in range(self._draw.choice((1, 1, 2, 7))):
            choices = [held, self._pins, ["13131313", *PINS]]
            pins = self._draw.choice([pins for pins in choices if pins])
            entry = await self._oracle.enter(door, self._draw.choice(pins))
            self._counts[f"entry {entry.outcome['reason']}"] += 1

    async def _wait(self) -> None:
        span_s = self._draw.choice(_PAUSES_S) * self._draw.uniform(0.5, 1.5)
        await self._bench.advance(seconds=round(span_s, 3), settle=self._draw.random() < 0.5)  # noqa: PLR2004 - a coin.

    async def _unlock(self) -> None:
        door = self._draw.choice(self._doors)
        await self._bench.call("/locks/unlock_door", device_id=self._id_of(door))

    async def _install(self) -> None:
        self._counts["installed"] += self._installer.work(self._draw.choice(self._doors))

    async def _abort(self) -> None:
        """Ask for several things at once, and hang up in the middle of it."""
        doors = [self._draw.choice(self._doors) for _ in range(3)]
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        loop.call_later(self._draw.uniform(0.0, 2.0), _end, gone)
        try:
            async with asyncio.TaskGroup() as calls:
                for number, door in enumerate(doors):
                    calls.create_task(self._quietly_create(door), name=f"call {number}")
                calls.create_task(_hang_up(gone), name="hanging up")
        except* _Impatient:
            self._counts["hung up"] += 1

    async def _quietly_create(self, door: str) -> None:
        """Create a code; a refusal is nothing, for nobody listens."""
        chosen = {**self._digits_for(door), **self._window()}
        self._pins += chosen.values() if "code" in chosen and len(chosen) == 1 else ()
        try:
            await self._bench.call("/access_codes/create", device_id=self._id_of(door), **chosen)
        except ApiRefused:
            self._counts["refused"] += 1

    # --- trouble ------------------------------------------------------------------------------

    async def _faults(self) -> None:
        door = self._draw.choice(self._doors)
        await self._bench.set_faults(door, **random_plan(self._draw))

    async def _radio(self) -> None:
        door = self._draw.choice(self._doors)
        in_range = self._draw.random() < 0.5  # noqa: PLR2004 - a coin.
        await self._bench.call(f"/bench/devices/{door}/radio", in_range=in_range)

    async def _power(self) -> None:
        door = self._draw.choice(self._doors)
        on = self._draw.random() < 0.6  # noqa: PLR2004 - mostly it comes back.
        await self._bench.call(f"/bench/devices/{door}/power", on=on)

    async def _gateway(self) -> None:
        """The gateway ends, one way or the other, and comes back after a while."""
        ending = {"crash": True} if self._draw.random() < 0.5 else {"on": False}  # noqa: PLR2004 - a coin.
        await self._bench.call("/bench/gateway", **ending)
        await self._wait()
        await self._bench.call("/bench/gateway", on=True)

    def _id_of(self, door: str) -> str:
        return self._bench.bench.device(door).spec.device_id


async def _hang_up(gone: asyncio.Future[None]) -> None:
    """Wait for the moment, then take the whole group along.

    Raises:
        _Impatient: Always.
    """
    await gone
    raise _Impatient


def _end(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def drawn_drift_ppm(draw: random.Random) -> float:
    """How far a lock's crystal is off, as they come: within 50 ppm, rarely a minute a day."""
    return draw.choice((0.0, round(draw.uniform(-50, 50), 1), 694.0))
