"""A house for the access tests: a real SQLite store, a clock that is set, locks that obey."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.access import codes, devices, milestones, outcomes, read, sessions, workspaces
from gateway.access.attempts import finish
from gateway.access.context import Context
from gateway.access.events import events
from gateway.access.filters import EventFilter
from gateway.access.requests import CodeRequest, DeviceRegistration
from gateway.plan.entry import DesiredEntry
from gateway.plan.operations import Operation, is_overtaken
from gateway.plan.policy import Policy
from gateway.profiles import load_profiles
from gateway.store import schema
from gateway.store.engine import open_engines
from gateway.tests.access.fake_lock import FakeLock, LockRefused
from protocols.doorlock.vocabulary import Status
from protocols.profiles.parser import Profile

T = TypeVar("T")

# 2025-07-10T12:00:00Z, the demo's beginning.
NOON_MS = 1_752_148_800_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000
PROFILES: Mapping[str, Profile] = load_profiles()
# First and longest wait of the fake reconciler after a failed session.
RETRY_MS = 5000
RETRY_MAX_MS = 6 * HOUR_MS


class Streams:
    """Seeded streams by name."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """The stream of that name."""
        return self._streams.setdefault(name, random.Random(f"{self._seed}/{name}"))


@dataclasses.dataclass
class Report:
    """The unit that tells what came of a session."""

    device_id: str
    plan: sessions.SessionPlan
    _: dataclasses.KW_ONLY
    retry_at_ms: int
    done: list[sessions.Step] = dataclasses.field(default_factory=list)
    refused: list[tuple[sessions.Step, Status]] = dataclasses.field(default_factory=list)
    is_cut: bool = False

    def __call__(self, conn: sa.Connection, ctx: Context) -> None:
        outcomes.device_contacted(conn, ctx, self.device_id, {})
        for step in self.done:
            outcomes.entry_confirmed(
                conn, ctx, step.entry.entry_id, step.to_phase, step.entry.revision
            )
        for step, status in self.refused:
            is_duplicate = status is Status.DUPLICATE
            outcomes.entry_failed(
                conn,
                ctx,
                step.entry.entry_id,
                error_code="duplicate_code_on_device" if is_duplicate else "provider_issue",
                message=None,
                # The lock refused it for a reason: no hurry.
                retry_at_ms=self.retry_at_ms + RETRY_MAX_MS,
            )
        if self.is_cut:
            outcomes.device_unreachable(
                conn, ctx, self.device_id, reason="link_lost", retry_at_ms=self.retry_at_ms
            )
            return
        for attempt in self.plan.attempts:
            finish(conn, ctx, attempt.action_attempt_id, result={})


class House:
    """Devices, their fake locks and everything that a unit needs."""

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        profiles: Mapping[str, Profile] = PROFILES,
        url: str = "sqlite://",
    ) -> None:
        self.engines = open_engines(url)
        self.now_ms = NOON_MS
        self.workspace_id = "w1"
        self.policy = policy or Policy()
        self.profiles = profiles
        self.streams = Streams()
        self.locks: dict[str, FakeLock] = {}
        self.unreachable: set[str] = set()
        # Operations after which the next session is cut; None for none.
        self.cut_after: int | None = None
        if url == "sqlite://":
            with self.engines.writer.connect() as conn:
                schema.fill(conn)
        else:
            with self.engines.writer.begin() as conn:
                schema.migrate(conn)
        self.write(
            workspaces.ensure_workspace, name="Home", company_name="Home Ltd", is_sandbox=True
        )

    @staticmethod
    def brands() -> Mapping[str, Profile]:
        """The brand profiles that come with the project."""
        return PROFILES

    @property
    def ctx(self) -> Context:
        """The context of now."""
        return Context(
            now_ms=self.now_ms,
            workspace_id=self.workspace_id,
            policy=self.policy,
            profiles=self.profiles,
            randomness=self.streams,
        )

    def close(self) -> None:
        """Let go of the store."""
        self.engines.dispose()

    def write(self, unit: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a unit and commit it."""
        with self.engines.writer.begin() as conn:
            return unit(conn, self.ctx, *args, **kwargs)

    def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a query."""
        with self.engines.reader.begin() as conn:
            return query(conn, self.ctx, *args, **kwargs)

    def add_device(self, device_id: str, profile_id: str, *, slot_count: int | None = None) -> str:
        """A device with its lock, contacted once."""
        profile = self.profiles[profile_id]
        self.locks[device_id] = FakeLock(slot_count or profile.pin_slot_count)
        self.write(
            devices.register,
            DeviceRegistration(
                device_id=device_id,
                name=device_id,
                display_name=f"Door {device_id}",
                profile_id=profile_id,
                moniker=f"ble:{device_id}",
            ),
        )
        reported = {"battery_mv": 6000}
        if slot_count is not None:
            reported["pin_slot_count"] = slot_count
        self.write(outcomes.device_contacted, device_id, reported)
        return device_id

    def advance(self, *, to_ms: int, settle: bool = True) -> None:
        """Let time pass: milestones and sessions happen when they are due, in their order."""
        stuck = 0
        while True:
            instants = self.next_instants()
            if not instants or min(instants) > to_ms:
                break
            stuck = stuck + 1 if min(instants) <= self.now_ms else 0
            assert stuck < 3, "something is due for ever"
            self.now_ms = max(self.now_ms, min(instants))
            self.tick(settle=settle)
        self.now_ms = max(self.now_ms, to_ms)

    def next_instants(self) -> list[int]:
        """When something is due next."""
        with self.engines.reader.begin() as conn:
            found = (milestones.next_milestone_ms(conn), sessions.next_session_ms(conn, self.ctx))
        return [instant for instant in found if instant is not None]

    def tick(self, *, settle: bool = True) -> None:
        """Do all that is due now."""
        for _ in range(100):
            changed = self.write(milestones.apply)
            due = self.read(sessions.due_devices) if settle else []
            for device in due:
                self.session(device.device_id)
            if not changed and not due:
                return
        raise AssertionError("never settles")

    def seen_again(self) -> None:
        """Every lock is in range: each has a session, as its advertisements would bring about."""
        self.unreachable.clear()
        for device_id in self.locks:
            self.session(device_id)

    def session(self, device_id: str) -> None:
        """One session with a lock."""
        attempts = self.read(devices.get_device, device_id)["attempts"]
        retry_at_ms = self.now_ms + min(RETRY_MS << (2 * attempts), RETRY_MAX_MS)
        if device_id in self.unreachable:
            self.write(
                outcomes.device_unreachable,
                device_id,
                reason="connect_failed",
                retry_at_ms=retry_at_ms,
            )
            return
        plan = self.write(sessions.plan_session, device_id)
        report = Report(device_id, plan, retry_at_ms=retry_at_ms)
        for step in plan.steps:
            try:
                for operation in step.operations:
                    self._carry(device_id, operation, step.entry)
            except LockRefused as error:
                report.refused.append((step, error.status))
            except ConnectionError:
                report.is_cut = True
                self.cut_after = None
                break
            else:
                report.done.append(step)
        self.write(report)

    def apply_quietly(self, device_id: str, writes: Iterable[Operation]) -> None:
        """Make writes of which nobody hears, up to the first that is refused."""
        with contextlib.suppress(LockRefused):
            for operation in writes:
                self.locks[device_id].apply(operation)

    def _carry(self, device_id: str, operation: Operation, entry: DesiredEntry) -> None:
        if self.cut_after == 0:
            raise ConnectionError
        if self.cut_after is not None:
            self.cut_after -= 1
        try:
            self.locks[device_id].apply(operation)
        except LockRefused as error:
            if not is_overtaken(operation, entry, error.revision):
                raise

    def create(self, conn: sa.Connection, ctx: Context, device_id: str, **changes: Any) -> str:
        """A unit that creates an access code."""
        return codes.create_code(conn, ctx, CodeRequest(device_id=device_id, **changes))

    def attempt(self, action_attempt_id: str) -> Any:
        """An action attempt's row."""
        return self.read(read.attempt, action_attempt_id)

    def grant(self, access_grant_id: str) -> Any:
        """A grant's row."""
        return self.read(read.grant, access_grant_id=access_grant_id)

    def code(self, access_code_id: str) -> Any:
        """An access code's row."""
        return self.read(read.access_code, access_code_id=access_code_id)

    def device(self, device_id: str) -> Any:
        """A device's row."""
        return self.read(read.device_of, device_id=device_id)

    def events(self, **narrow: Any) -> list[Any]:
        """Events in order."""
        return self.read(events, EventFilter(**narrow), limit=10_000)

    def told(self, **narrow: Any) -> list[str]:
        """Types of the events in order."""
        return [row.event_type for row in self.events(**narrow)]


def profile_like(profile_id: str, /, **changes: Any) -> Profile:
    """A profile with some facts changed."""
    return dataclasses.replace(PROFILES[profile_id], **changes)
