"""All that callers, time, radio and locks can do, in any order, with what must always hold."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from gateway.access import codes, grants, sessions
from gateway.access.requests import (
    UNCHANGED,
    CodeChanges,
    CodeRequest,
    GrantChanges,
    GrantRequest,
    IdentityRequest,
    RequestedMethod,
)
from gateway.errors import AccessError
from gateway.store.tables import access_code, access_grant, entry
from gateway.tests.access.harness import DAY_MS, HOUR_MS, MINUTE_MS, House, profile_like
from protocols.profiles.parser import JitPolicy

DEVICES = ("native", "jit", "early")
devices = st.sampled_from(DEVICES)
# A few PINs only, so that they meet.
pins = st.sampled_from(["246813", "135724", "998211", "707412"])
starts = st.sampled_from([None, -DAY_MS, 0, 20 * MINUTE_MS, 5 * HOUR_MS, 4 * DAY_MS])
lengths = st.sampled_from([None, HOUR_MS, 2 * DAY_MS])
steps = st.sampled_from([1000, MINUTE_MS, 25 * MINUTE_MS, 3 * HOUR_MS, DAY_MS, 6 * DAY_MS])


class HouseMachine(RuleBasedStateMachine):
    """A house with three small locks."""

    code_ids = Bundle("code_ids")
    grant_ids = Bundle("grant_ids")

    @initialize()
    def build(self) -> None:
        profiles = {
            "native": profile_like("generic-native", profile_id="native"),
            "jit": profile_like("generic-jit", profile_id="jit"),
            "early": profile_like("generic-jit", profile_id="early", jit=JitPolicy.EARLY_LIVE),
        }
        self.house = House(profiles=profiles)
        for name in DEVICES:
            self.house.add_device(name, name, slot_count=3)

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.close()

    # --- what callers do ------------------------------------------------------------------------

    @rule(
        target=code_ids,
        device=devices,
        pin=st.none() | pins,
        start=starts,
        length=lengths,
        is_native=st.booleans(),
    )
    def create_code(
        self,
        device: str,
        pin: str | None,
        start: int | None,
        length: int | None,
        *,
        is_native: bool,
    ) -> str:
        begin, end = self.window(start, length)
        request = CodeRequest(
            device_id=device,
            code=pin,
            name="Jane",
            starts_at_ms=begin,
            ends_at_ms=end,
            prefer_native_scheduling=is_native,
        )
        return self.attempt(codes.create_code, request) or ""

    @rule(
        code_id=code_ids,
        pin=st.none() | pins,
        name=st.sampled_from([None, "Bob", "Jane"]),
        is_moved=st.booleans(),
        start=starts,
        length=lengths,
        is_native=st.none() | st.booleans(),
    )
    def update_code(
        self,
        code_id: str,
        pin: str | None,
        name: str | None,
        is_moved: bool,  # noqa: FBT001 - drawn by hypothesis.
        start: int | None,
        length: int | None,
        is_native: bool | None,  # noqa: FBT001 - drawn by hypothesis.
    ) -> None:
        begin, end = self.window(start, length)
        changes = CodeChanges(
            code=UNCHANGED if pin is None else pin,
            name=UNCHANGED if name is None else name,
            starts_at_ms=begin if is_moved else UNCHANGED,
            ends_at_ms=end if is_moved else UNCHANGED,
            prefer_native_scheduling=UNCHANGED if is_native is None else is_native,
        )
        self.attempt(codes.update_code, code_id, changes)

    @rule(code_id=consumes(code_ids))
    def delete_code(self, code_id: str) -> None:
        self.attempt(codes.delete_code, code_id)

    @rule(
        target=grant_ids,
        chosen=st.lists(devices, min_size=1, max_size=3, unique=True),
        pin=st.none() | pins,
        start=starts,
        length=lengths,
    )
    def create_grant(
        self, chosen: list[str], pin: str | None, start: int | None, length: int | None
    ) -> str:
        begin, end = self.window(start, length)
        request = GrantRequest(
            identity=IdentityRequest(full_name="Jane Doe", email_address="jane@example.com"),
            device_ids=tuple(chosen),
            requested=(RequestedMethod(mode="code", code=pin),),
            starts_at_ms=begin,
            ends_at_ms=end,
        )
        return self.attempt(grants.create_grant, request) or ""

    @rule(grant_id=grant_ids, start=starts, length=lengths)
    def update_grant(self, grant_id: str, start: int | None, length: int | None) -> None:
        begin, end = self.window(start, length)
        changes = GrantChanges(starts_at_ms=UNCHANGED if begin is None else begin, ends_at_ms=end)
        self.attempt(grants.update_grant, grant_id, changes)

    @rule(grant_id=consumes(grant_ids))
    def delete_grant(self, grant_id: str) -> None:
        self.attempt(grants.delete_grant, grant_id)

    # --- what the world does --------------------------------------------------------------------

    @rule(step=steps)
    def pass_time(self, step: int) -> None:
        self.house.advance(to_ms=self.house.now_ms + step)

    @rule(step=steps)
    def pass_time_without_gateway(self, step: int) -> None:
        """The gateway is off: time passes, nobody looks."""
        self.house.now_ms += step

    @rule()
    def settle(self) -> None:
        self.house.tick()

    @rule(device=devices)
    def go_out_of_range(self, device: str) -> None:
        self.house.unreachable.add(device)

    @rule()
    def come_back_into_range(self) -> None:
        self.house.seen_again()

    @rule(device=devices, after=st.integers(0, 4))
    def cut_a_session(self, device: str, after: int) -> None:
        if device not in self.house.unreachable:
            self.house.cut_after = after
            self.house.session(device)
            self.house.cut_after = None

    @rule(device=devices)
    def lose_an_outcome(self, device: str) -> None:
        """The gateway dies after the writes: what it would have reported is never stored."""
        if device not in self.house.unreachable:
            plan = self.house.write(sessions.plan_session, device)
            for step in plan.steps:
                self.house.apply_quietly(device, step.operations)

    @rule()
    def everything_settles_when_everybody_can_be_reached(self) -> None:
        self.house.seen_again()
        self.house.advance(to_ms=self.house.now_ms + MINUTE_MS)
        for one in self.house.read(sessions.unfinished):
            assert one.reason in {
                "no_space_for_access_code_on_device",
                "duplicate_code_on_device",
            }
        for device in DEVICES:
            self.check_door(device)

    # --- what must always hold ------------------------------------------------------------------

    @invariant()
    def one_pin_once_on_a_device(self) -> None:
        if not hasattr(self, "house"):
            return
        rows = self.rows(sa.select(access_code.c.device_id, access_code.c.code))
        held = [(row["device_id"], row["code"]) for row in rows]
        assert len(held) == len(set(held))
        for lock in self.house.locks.values():
            on_lock = list(lock.codes().values())
            assert len(on_lock) == len(set(on_lock))

    @invariant()
    def whatever_opens_is_known_and_listed(self) -> None:
        """A door that opens now does so by the entry of a code that callers can still see."""
        if not hasattr(self, "house"):
            return
        for device, lock in self.house.locks.items():
            for slot, code in lock.codes().items():
                if lock.opens(code, self.house.now_ms):
                    row = self.rows(
                        sa.select(entry.c.entry_id).where(
                            entry.c.device_id == device, entry.c.slot == slot
                        )
                    )
                    assert row, f"{device} slot {slot} is nobody's"
                    listed = self.rows(
                        sa.select(access_code.c.access_code_id).where(
                            access_code.c.access_code_id == row[0]["entry_id"]
                        )
                    )
                    is_behind = bool(self.house.next_instants()) and (
                        min(self.house.next_instants()) <= self.house.now_ms
                    )
                    assert listed or is_behind, (
                        f"{device} slot {slot} opens for a code that is gone"
                    )

    @invariant()
    def slots_are_held_once(self) -> None:
        if not hasattr(self, "house"):
            return
        rows = self.rows(sa.select(entry.c.device_id, entry.c.slot).where(entry.c.slot > 0))
        assert len(rows) == len({(row["device_id"], row["slot"]) for row in rows})

    @invariant()
    def events_tell_a_life_in_order(self) -> None:
        if not hasattr(self, "house"):
            return
        lives: dict[str, list[Any]] = {}
        for row in self.house.events():
            if row.access_code_id is not None:
                lives.setdefault(row.access_code_id, []).append(row)
        living = {
            row["access_code_id"] for row in self.rows(sa.select(access_code.c.access_code_id))
        }
        for code_id, life in lives.items():
            types = [row.event_type for row in life]
            assert types[0] == "access_code.created"
            assert types.count("access_code.created") == 1
            is_gone = "access_code.deleted" in types
            assert is_gone == (code_id not in living)
            assert not is_gone or types[-1] == "access_code.deleted"
            self.check_presence(types)

    @staticmethod
    def check_presence(types: list[str]) -> None:
        """On the device before it leaves it, and never twice in a row off it."""
        is_on = False
        for event_type in types:
            if event_type in {"access_code.set_on_device", "access_code.scheduled_on_device"}:
                is_on = True
            if event_type == "access_code.removed_from_device":
                is_on = False
        assert not (is_on and types[-1] == "access_code.deleted")

    def check_door(self, device: str) -> None:
        """All reachable and settled: the door opens for exactly what was asked, now."""
        now_ms = self.house.now_ms
        lock = self.house.locks[device]
        rows = self.rows(sa.select(access_code).where(access_code.c.device_id == device))
        wanted: dict[str, bool] = {}
        for row in rows:
            assert row["status"] != "removing", "settled, but not removed"
            if any(error["error_code"] in UNSET for error in row["errors"]):
                continue
            begun = row["starts_at_ms"] is None or row["starts_at_ms"] <= now_ms
            over = row["ends_at_ms"] is not None and row["ends_at_ms"] <= now_ms
            wanted[row["code"]] = begun and not over
            # A lock that is live early says so; until its start is another thing.
            assert (row["status"] == "set") == (begun and not over) or device == "early"
            kinds = {one["mutation_code"] for one in row["pending_mutations"]}
            assert kinds <= {"deferring_creation", "creating"}
            assert not kinds or row["status"] != "set"
        for code, is_open in wanted.items():
            is_early = device == "early" and lock.opens(code, now_ms)
            assert lock.opens(code, now_ms) == is_open or is_early
        for slot, code in lock.codes().items():
            assert code in wanted or not lock.opens(code, now_ms), f"slot {slot} opens for nobody"

    # --- plumbing -------------------------------------------------------------------------------

    def window(self, start: int | None, length: int | None) -> tuple[int | None, int | None]:
        now_ms = self.house.now_ms
        begin = None if start is None else now_ms + start
        if length is None:
            return begin, None
        return begin, max(now_ms, begin or now_ms) + length

    def attempt(self, unit: Any, *arguments: Any) -> Any:
        """Do what a caller asks; refusals are answers too, and must leave nothing behind."""
        refusal = ""
        try:
            return self.house.write(unit, *arguments)
        except AccessError as error:
            refusal = error.error_type
        assert refusal in REFUSALS
        return None

    def rows(self, query: Any) -> list[sa.RowMapping]:
        with self.house.engines.reader.begin() as conn:
            return list(conn.execute(query).mappings())

    @invariant()
    def a_grant_is_granted_when_its_methods_are_issued(self) -> None:
        if not hasattr(self, "house"):
            return
        for row in self.rows(sa.select(access_grant)):
            if row["deleting_at_ms"] is None and row["is_granted_to_all_doors"]:
                told = self.house.told(access_grant_ids=(row["access_grant_id"],))
                assert "access_grant.access_granted_to_all_doors" in told


UNSET = frozenset({"no_space_for_access_code_on_device", "duplicate_code_on_device"})
REFUSALS = frozenset(
    {
        "access_code_not_found",
        "access_grant_not_found",
        "invalid_input",
        "duplicate_access_code",
        "access_code_being_deleted",
        "access_grant_being_deleted",
    }
)

# Each life is a store of its own and costs half a second: fewer lives than a plain property.
_LIVES = max(8, settings().max_examples // 5)

TestHouseMachine = HouseMachine.TestCase
TestHouseMachine.settings = settings(max_examples=_LIVES, stateful_step_count=25)
