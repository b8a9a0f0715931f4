"""Somebody who uses a bench that may end at any moment, and does not lose track.

Every step has a key and is done once. What was cut off by a blow is done again in the way of a
careful integrator: who got no answer to a creation looks whether it is there before asking again;
changes and deletions are simply asked for again; an unlock never is. What was answered is a
promise: the ids that were told are the ids that count at the end.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hil_tests.bench_instants import parse_instant_ms
from hil_tests.sim_bench import ApiRefused, SimBench


@dataclasses.dataclass(slots=True)
class Diary:
    """What somebody remembers over a restart of everything; each step goes by its key.

    Attributes:
        begun: Steps that were asked for, with or without an answer.
        done: Changes and deletions that were answered.
        made: Step to the id that it was answered with.
        doors: Step to what a door did.
        unlocks: Step to how its action attempt was answered.
    """

    begun: set[str] = dataclasses.field(default_factory=set)
    done: set[str] = dataclasses.field(default_factory=set)
    made: dict[str, str] = dataclasses.field(default_factory=dict)
    doors: dict[str, str] = dataclasses.field(default_factory=dict)
    unlocks: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def answer_count(self) -> int:
        """How much is remembered: steps that were begun, and what was answered to them."""
        return sum(map(len, (self.begun, self.done, self.made, self.doors, self.unlocks)))


class Person:
    """Works on a bench, step by step.

    Args:
        bench: The bench.
        diary: What was done on it before.
    """

    def __init__(self, bench: SimBench, diary: Diary) -> None:
        self._bench = bench
        self._diary = diary

    async def until(self, instant: str, *, settle: bool = True) -> None:
        """Let time go on to an instant, and by default until what is due then is done."""
        if parse_instant_ms(self._bench.now) < parse_instant_ms(instant):
            await self._bench.advance(to=instant, settle=settle)

    async def create(self, key: str, device: str, code: str, **window: Any) -> None:
        """Create an access code."""
        if key in self._diary.made:
            return
        device_id = self._bench.bench.device(device).spec.device_id
        if key in self._diary.begun:
            listed = await self._bench.call("/access_codes/list", device_id=device_id)
            for found in listed["access_codes"]:
                if found["code"] == code:
                    self._diary.made[key] = found["access_code_id"]
                    return
        self._diary.begun.add(key)
        reply = await self._bench.call(
            "/access_codes/create", device_id=device_id, code=code, name=key, **window
        )
        self._diary.made[key] = reply["access_code"]["access_code_id"]

    async def grant(self, key: str, device: str, code: str, **window: Any) -> None:
        """Grant somebody access by a code."""
        if key in self._diary.made:
            return
        if key in self._diary.begun:
            listed = await self._bench.call("/access_grants/list", access_grant_key=key)
            for found in listed["access_grants"]:
                self._diary.made[key] = found["access_grant_id"]
                return
        self._diary.begun.add(key)
        reply = await self._bench.call(
            "/access_grants/create",
            user_identity={"full_name": "Jane Doe"},
            device_ids=[self._bench.bench.device(device).spec.device_id],
            requested_access_methods=[{"mode": "code", "code": code}],
            access_grant_key=key,
            **window,
        )
        self._diary.made[key] = reply["access_grant"]["access_grant_id"]

    async def change(self, key: str, route: str, of: str, **changes: Any) -> None:
        """Change what an earlier step made, until that is answered."""
        if key not in self._diary.done:
            await self._bench.call(route, **self._named(route, of), **changes)
            self._diary.done.add(key)

    async def delete(self, key: str, route: str, of: str) -> None:
        """Delete what an earlier step made, until that is answered or it is gone."""
        if key in self._diary.done:
            return
        try:
            await self._bench.call(route, **self._named(route, of))
        except ApiRefused as refused:
            # Asked for before, and done without an answer.
            if refused.status != 404 or key not in self._diary.begun:
                raise
        finally:
            self._diary.begun.add(key)
        self._diary.done.add(key)

    async def unlock(self, key: str, device: str) -> None:
        """Unlock a door; nobody asks twice."""
        if key in self._diary.begun:
            return
        self._diary.begun.add(key)
        device_id = self._bench.bench.device(device).spec.device_id
        reply = await self._bench.call("/locks/unlock_door", device_id=device_id)
        self._diary.unlocks[key] = reply["action_attempt"]["status"]

    async def press(self, key: str, device: str, digits: str) -> None:
        """Type at a keypad; what the door did, it did, whatever ends after that."""
        if key in self._diary.doors:
            return
        outcome = self._bench.bench.world.keypad(device, digits)
        self._diary.doors[key] = str(outcome.reason)
        await self._bench.bench.clock.settle()

    def _named(self, route: str, key: str) -> dict[str, Any]:
        kind = "access_grant_id" if route.startswith("/access_grants/") else "access_code_id"
        return {kind: self._diary.made[key]}
