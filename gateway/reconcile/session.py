"""One session with one device: connect, do what waits, make its memory so, fetch its log, report.

The order is such that whoever waits is served first and a cut anywhere is harmless: actions; the
device's state and clock; the memory compared, by digest and only where that differs record by
record; the writes that are due; the access log up to its end. What came of it goes into the store
in one unit at the end, also when the connection broke on the way. A session that was cancelled
writes nothing: the next one finds the device further than the store knows, and revisions make
that a success that changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import attempts, retiming, sessions, slots
from gateway.access.attempts import AttemptError, PendingAttempt
from gateway.access.context import Context
from gateway.access.door_time import MISMATCH
from gateway.access.sessions import DueDevice, Step
from gateway.access.troubles import Trouble, has
from gateway.drivers.interface import Driver
from gateway.errors import ConnectFailed, GatewayError, RequestRefused
from gateway.plan.operations import ClearCredential, is_overtaken
from gateway.plan.policy import SECOND_MS
from gateway.reconcile import actions, memory, reported
from gateway.reconcile.backoff import delay_ms
from gateway.reconcile.clock_setting import DoorClock, see_to_clock
from gateway.reconcile.failures import SessionFailure, session_failure
from gateway.reconcile.findings import Findings
from gateway.reconcile.services import SessionServices
from gateway.store.tables import device as device_table
from protocols.doorlock.vocabulary import Status
from protocols.profiles.parser import Profile
from protocols.strike.messages import DeviceStatus

logger = logging.getLogger(__name__)

# One whole session. A full table of 30 slots takes 90 writes; at a slow lock's second a write
# that is a minute and a half. What is confirmed by then stays so; the next session goes on.
SESSION_LIMIT_S: Final = 120.0
# One try to connect, for stacks that ignore their own time-out (bleak: search, then connect).
CONNECT_LIMIT_S: Final = 30.0
# Time that a bolt on its way is given to arrive before it is asked for again: motors need less.
BOLT_ARRIVES_S: Final = 1.0
# Plans of one session: a second one repairs revisions that the device knew better.
PLANS_MAX: Final = 2

_BRIEF: Final = sa.select(
    device_table.c.reported,
    device_table.c.log_next_index,
    device_table.c.time_zone,
    device_table.c.warnings,
).where(device_table.c.device_id == sa.bindparam("device_id"))


@dataclasses.dataclass(frozen=True, slots=True)
class _Facts:
    """What the store knows when a session begins."""

    reported: Mapping[str, Any]
    log_next_index: int
    time_zone: str | None
    warnings: Sequence[Trouble]
    waiting: tuple[PendingAttempt, ...]
    is_space_awaited: bool


class DeviceSession:
    """A session; single-use: `run` it once."""

    def __init__(self, device: DueDevice, services: SessionServices) -> None:
        self._device = device
        self._services = services
        self._is_wanted = False
        # True when something was cleared that no entry stands for.
        self._has_cleared = False
        self._waiting: list[PendingAttempt] = []
        self._findings = Findings(device.device_id)

    @property
    def _profile(self) -> Profile:
        return self._context().profile(self._device.profile_id)

    @property
    def log_next_index(self) -> int:
        """First access-log record that was not fetched."""
        return self._findings.log_next_index

    def want(self) -> None:
        """Say that somebody asked for something: looked at before the next write."""
        self._is_wanted = True

    async def run(self) -> None:
        """Hold the session and report what came of it.

        Cancellation: the link is closed and nothing is reported.

        Raises:
            StrikeplateError: When the session failed as a whole; call `report_failure` with it.
            TimeoutError: When it took too long; likewise.
        """
        async with asyncio.timeout(SESSION_LIMIT_S):
            await self._converse()
        await self._services.store.write(
            lambda conn: self._findings.report_success(conn, self._context())
        )

    async def report_failure(self, error: BaseException) -> SessionFailure:
        """Store that the session failed, and what it had done until then.

        Raises:
            StoreError: When that could not be stored.
        """
        failure = session_failure(error)
        draw = self._services.draw(self._device.device_id)
        wait_ms = delay_ms(self._services.policy, self._device.attempts + 1, draw)

        def report(conn: sa.Connection) -> None:
            ctx = self._context()
            self._findings.report_failure(conn, ctx, failure, retry_at_ms=ctx.now_ms + wait_ms)
            actions.end_all(conn, ctx, self._waiting, error)

        await self._services.store.write(report)
        return failure

    # --- the conversation -------------------------------------------------------------------

    async def _converse(self) -> None:
        facts = await self._services.store.read(self._begin)
        await self._expect(facts.waiting)
        self._findings.begin_log(facts.log_next_index)
        async with contextlib.AsyncExitStack() as stack:
            driver = await self._connect(stack)
            await self._act(driver)
            status = await driver.status()
            self._note(status)
            # A lock may have got more slots since it was met, as by an update.
            if reported.needs_info(facts.reported, status) or facts.is_space_awaited:
                await self._learn(driver, facts)
            status = await self._see_to_clock(driver, status, facts)
            digest = facts.reported.get(reported.MEMORY_DIGEST)
            if status.memory_digest.hex() != digest:
                await self._compare(driver)
            is_changed = await self._program(driver) or self._has_cleared
            if self._findings.confirmed:
                await self._verify(driver)
            if is_changed:
                status = await driver.status()
                self._note(status)
            # What was cleared without an entry is looked at once more, at the next contact.
            digest = None if self._has_cleared else status.memory_digest.hex()
            self._findings.reported[reported.MEMORY_DIGEST] = digest
            await self._read_log(driver, status)
            await self._await_bolt(driver)

    async def _connect(self, stack: contextlib.AsyncExitStack) -> Driver:
        """A conversation over the first route that works."""
        error: GatewayError = ConnectFailed("there is no way to this device")
        for route in self._services.routes.of(self._device):
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    return await stack.enter_async_context(route.open(self._findings.note_event))
            except ConnectFailed as failed:
                error = failed
            except TimeoutError:
                error = ConnectFailed(f"{route.name}: no connection in {CONNECT_LIMIT_S:g} s")
        raise error

    async def _expect(self, waiting: Iterable[PendingAttempt]) -> None:
        """Take on what somebody waits for; what such a lock never does is refused at once."""
        for attempt in waiting:
            if actions.is_supported(self._profile, attempt.action_type):
                self._waiting.append(attempt)
            else:
                await self._finish(attempt, actions.NOT_SUPPORTED)

    async def _act(self, driver: Driver) -> bool:
        """Do what somebody waits for; True when anything was tried."""
        tried = False
        while self._waiting:
            attempt = self._waiting[0]
            if attempt.expires_at_ms > self._services.clock.now_ms():
                # One that has expired is ended by the clock: the person at the door is gone.
                tried = True
                await self._finish(attempt, await actions.act(driver, attempt))
            del self._waiting[0]
        return tried

    async def _finish(self, attempt: PendingAttempt, error: AttemptError | None) -> None:
        result = {"was_confirmed_by_device": True} if error is None else None
        await self._services.store.write(
            lambda conn: attempts.finish(
                conn, self._context(), attempt.action_attempt_id, result=result, error=error
            )
        )

    async def _learn(self, driver: Driver, facts: _Facts) -> None:
        info = await driver.info()
        found = reported.of_info(info)
        device_id = self._device.device_id

        def remember(conn: sa.Connection) -> None:
            memory.remember(conn, device_id, found)
            if reported.has_more_slots(facts.reported, found):
                slots.wake(conn, self._context(), device_id)

        # At once: the plan of this very session goes by the device's own capacities.
        await self._services.store.write(remember)
        if info.profile_id != self._device.profile_id:
            logger.warning(
                "device %s says it is a %.40r, the configuration says %r",
                self._device.device_id,
                info.profile_id,
                self._device.profile_id,
            )

    async def _see_to_clock(
        self, driver: Driver, status: DeviceStatus, facts: _Facts
    ) -> DeviceStatus:
        """Have clock and local time right before anything goes by them; returns the state then."""
        door = DoorClock(
            profile=self._profile,
            time_zone=facts.time_zone,
            tolerance_ms=self._services.policy.clock_tolerance_s * SECOND_MS,
        )
        clock = await see_to_clock(driver, status, door, self._services.clock)
        if clock.status is not status:
            self._note(clock.status)
        is_news = clock.is_local_time_right is has(facts.warnings, "warning_code", MISMATCH)
        if is_news or clock.moves_windows:
            # At once: the plan of this very session goes by it.
            await self._services.store.write(
                lambda conn: retiming.local_time_shown(
                    conn,
                    self._context(),
                    self._device.device_id,
                    is_right=clock.is_local_time_right,
                )
            )
        return clock.status

    async def _compare(self, driver: Driver, refused_slots: Collection[int] = ()) -> None:
        """Compare the memory record by record; what is found goes into the store at once.

        A revoked code that is back, as after an older image was put into the device, is cleared
        again at once.
        """
        records = await driver.list_occupied()
        difference = await self._services.store.write(
            lambda conn: memory.compare(
                conn,
                self._context(),
                self._device,
                self._profile,
                records,
                refused_slots=refused_slots,
            )
        )
        for slot, revision in difference.returned.items():
            self._has_cleared = True
            await driver.apply(ClearCredential(slot=slot, revision=revision))

    async def _program(self, driver: Driver) -> bool:
        """Make every write that is due; True when the device was changed or asked to act."""
        tried = False
        for _ in range(PLANS_MAX):
            plan = await self._services.store.write(self._plan)
            await self._expect(plan.attempts)
            tried |= await self._act(driver)
            refused_slots: set[int] = set()
            for step in plan.steps:
                if self._findings.is_done(step):
                    continue
                tried = True
                if await self._take(driver, step) and step.entry.slot is not None:
                    refused_slots.add(step.entry.slot)
                tried |= await self._serve(driver)
            if not refused_slots:
                break
            # The device holds what the store does not know of: the store was restored from an
            # older copy, or somebody at the lock was first. What it is is read, and the plan made
            # anew above it (DESIGN D21).
            await self._compare(driver, refused_slots)
        return tried

    def _plan(self, conn: sa.Connection) -> sessions.SessionPlan:
        """What is to be written now; from here on nobody knows the memory until it is read."""
        plan = sessions.plan_session(conn, self._context(), self._device.device_id)
        if plan.steps:
            memory.remember(conn, self._device.device_id, {reported.MEMORY_DIGEST: None})
        return plan

    async def _verify(self, driver: Driver) -> None:
        """Read back what was written: a device may say "done" and hold something else."""
        records = await driver.list_occupied()
        steps = tuple(self._findings.confirmed.values())
        for step in memory.not_held(steps, self._profile, records):
            logger.warning(
                "device %s, slot %s: answered as done, and not done",
                self._device.device_id,
                step.entry.slot,
            )
            self._findings.doubt(step)

    async def _take(self, driver: Driver, step: Step) -> bool:
        """Make the writes of one step; True when the device holds what is newer, or another."""
        for operation in step.operations:
            try:
                await driver.apply(operation)
            except RequestRefused as refused:
                is_too_old = refused.status is Status.DATA_VERSION_MISMATCH
                if is_too_old and is_overtaken(operation, step.entry, refused.revision):
                    continue
                self._findings.refuse(step, refused)
                logger.warning(
                    "device %s, slot %s: %s", self._device.device_id, operation.slot, refused
                )
                return is_too_old
        self._findings.confirm(step)
        return False

    async def _serve(self, driver: Driver) -> bool:
        """Between two steps: do what somebody asked for meanwhile."""
        if not self._is_wanted:
            return False
        self._is_wanted = False
        await self._expect(
            await self._services.store.read(
                lambda conn: attempts.pending(conn, self._context(), self._device.device_id)
            )
        )
        return await self._act(driver)

    async def _read_log(self, driver: Driver, status: DeviceStatus) -> None:
        """Fetch every record up to the end, those that are written meanwhile too."""
        findings = self._findings
        if status.log_next_index < findings.log_next_index:
            logger.warning(
                "device %s: its access log was reset, from %d to %d",
                self._device.device_id,
                findings.log_next_index,
                status.log_next_index,
            )
            findings.log_next_index = status.log_next_index
        findings.log_told_index = max(findings.log_told_index, status.log_next_index)
        has_more = findings.log_next_index < findings.log_told_index
        while has_more:
            page = await driver.read_log(findings.log_next_index)
            if page.oldest_index > findings.log_next_index:
                logger.warning(
                    "device %s: its log has lost the records before %d",
                    self._device.device_id,
                    page.oldest_index,
                )
            has_more = findings.take_page(page)

    async def _await_bolt(self, driver: Driver) -> None:
        """Let a bolt that is being thrown arrive: a door counts as locked only then.

        One that is still neither here nor there after that is stuck.
        """
        if self._findings.is_locking:
            await asyncio.sleep(BOLT_ARRIVES_S)
            self._note(await driver.status())

    # --- what the store says ------------------------------------------------------------------

    def _note(self, status: DeviceStatus) -> None:
        self._findings.note_status(status, now_ms=self._services.clock.now_ms())

    def _context(self) -> Context:
        return self._services.context(self._device.workspace_id)

    def _begin(self, conn: sa.Connection) -> _Facts:
        device_id = self._device.device_id
        row = conn.execute(_BRIEF, {"device_id": device_id}).one()
        return _Facts(
            reported=row.reported,
            log_next_index=row.log_next_index,
            time_zone=row.time_zone,
            warnings=row.warnings,
            waiting=tuple(attempts.pending(conn, self._context(), device_id)),
            is_space_awaited=slots.is_awaited(conn, device_id),
        )
