"""Makes every device hold what it shall hold: looks what is due, runs sessions, waits, again.

Theory of operation: one loop, one timer. The agenda says which devices need a session now and when
the next one will; each gets a task of its own, as many at once as there are connections; then the
loop sleeps until the next due instant, a milestone, a wake-up or the end of a session. Nothing is
kept here that a restart would miss: what is due is in the store, and what is known beside it only
makes things earlier.

One device's trouble stays its own: a session ends as that device's failure and its back-off keeps
it away, devices in trouble never take the last free connection from healthy ones, and whoever was
asked for comes first.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from gateway.access import milestones, sessions
from gateway.access.context import Context
from gateway.access.sessions import DueDevice
from gateway.errors import ConfigError, StoreError
from gateway.links.watch import Sighting
from gateway.reconcile.agenda import (
    Agenda,
    Appointment,
    has_open_entries,
    heard_again_ms,
    read_appointments,
    read_overdue,
)
from gateway.reconcile.routes import address_of
from gateway.reconcile.services import SessionServices
from gateway.reconcile.session import DeviceSession
from protocols.errors import StrikeplateError

logger = logging.getLogger(__name__)

# Longest sleep, and longest time between two looks at every device. The timer follows the loop's
# clock; this bounds how far it can be from UTC after the machine slept or its clock was set.
SWEEP_S: Final = 3600.0
# Wait after the store failed: it is a full disk or a restart of the database.
STORE_RETRY_S: Final = 5.0
# A device of which not even the failure can be stored is left alone for so long.
HOLD_MS: Final = 60_000
# Sleep when the next instant lies in the past twice in a row: it should have been dealt with.
OVERDUE_S: Final = 1.0
# Milestones of one unit, so that a transaction stays short.
_MILESTONE_ROWS: Final = 500
_SECOND_MS: Final = 1000
_LOW_16_BITS: Final = 0xFFFF


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An entry that is due and not confirmed.

    Attributes:
        device_id: On which device.
        entry_id: Which entry.
        reason: The last error, or `due`.
        next_try_at_ms: When it is tried next, milliseconds since 1970; None when that is not
            foreseeable, because it waits for something else.
    """

    device_id: str
    entry_id: str
    reason: str
    next_try_at_ms: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Trouble:
    """A device whose last session failed.

    Attributes:
        failed_at_ms: When it ended, milliseconds since 1970.
        failures: Failed sessions in a row.
    """

    failed_at_ms: int
    failures: int


class Reconciler:
    """Keeps devices as they shall be; `run` it in a task, once.

    Args:
        services: The rooms and ports that sessions need.
        session_limit: Sessions at once, from 1: not more than there are connections.
    """

    def __init__(self, services: SessionServices, *, session_limit: int) -> None:
        self._services = services
        self._session_limit = session_limit
        self._agenda = Agenda()
        self._running: dict[str, DeviceSession] = {}
        self._in_trouble: set[str] = set()  # of those running; membership only
        self._trouble: dict[str, Trouble] = {}
        self._heard: set[str] = set()  # while they had a session; membership only
        self._news: dict[str, int] = {}  # log index that was heard with it, low 16 bits
        self._device_at: dict[str, str] = {}  # Bluetooth address to device id
        self._early: dict[str, Sighting] = {}  # heard before the first look at the store
        # Devices whose appointments have to be read again, in order; all of them at first.
        self._touched: dict[str, None] = {}
        self._is_sweep_due = True
        self._next_sweep_at_s = 0.0  # of the loop's clock
        self._next_milestone_ms: int | None = None
        self._open: Sequence[sessions.Unfinished] = ()
        self._may_be_open = False  # more than `_open` says
        self._look = asyncio.Event()
        self._is_looking = True
        self._was_overdue = False

    # --- what others ask ------------------------------------------------------------------------

    @property
    def running_count(self) -> int:
        """Sessions that run now."""
        return len(self._running)

    @property
    def is_busy(self) -> bool:
        """True while a session runs, or the store is being looked at, or will be at once."""
        return bool(self._running) or self._is_looking or self._look.is_set()

    def wake(self, device_id: str | None) -> None:
        """Look at a device now, and at its session first if it needs one; None: at all."""
        if device_id is None:
            self._is_sweep_due = True
        else:
            self._agenda.ask(device_id)
            self._touched[device_id] = None
            session = self._running.get(device_id)
            if session is not None:
                session.want()
        self._look.set()

    def sighted(self, sighting: Sighting) -> None:
        """A device was heard: contact it when it has news, or when it had been out of reach."""
        device_id = self._device_at.get(sighting.address)
        if device_id is None:
            if self._next_sweep_at_s == 0.0:
                # Nothing has been read yet, and a scanner may not tell it again.
                self._early[sighting.address] = sighting
            return
        now_ms = self._services.clock.now_ms()
        is_running = device_id in self._running
        if is_running:
            self._heard.add(device_id)
        trouble = self._trouble.get(device_id)
        if trouble is not None:
            if is_running:
                return  # Being tried just now; should that fail, `_fail` remembers.
            at_ms = max(now_ms, heard_again_ms(trouble.failed_at_ms, trouble.failures))
        elif sighting.is_changed and self._is_news(device_id, sighting):
            self._news[device_id] = sighting.log_next_low
            at_ms = now_ms
        else:
            return
        if self._agenda.hear(device_id, at_ms):
            self._look.set()

    def _is_news(self, device_id: str, sighting: Sighting) -> bool:
        """True when a device has something to tell.

        It has when nobody read its log to the end; and when somebody did who could not store it,
        which only the index shows: a gateway that died between the two.
        """
        known_index = self._agenda.log_next_index(device_id)
        return sighting.has_news or (
            known_index is not None and known_index & _LOW_16_BITS != sighting.log_next_low
        )

    def unfinished(self) -> Sequence[Unfinished]:
        """Every entry that is due and not confirmed, back-off included, as of the last look.

        The last look was at the last instant at which anything became due or was done.
        """
        return tuple(
            Unfinished(
                device_id=each.device_id,
                entry_id=each.entry_id,
                reason=each.reason,
                next_try_at_ms=self._next_try_ms(each),
            )
            for each in self._open
        )

    def is_settled(self, limit_ms: int) -> bool:
        """True when no session runs and nothing due is open that is tried again by the limit.

        Args:
            limit_ms: Milliseconds since 1970.
        """
        if self.is_busy:
            return False
        waits = [each.next_try_at_ms for each in self.unfinished()]
        return all(at_ms is None or at_ms > limit_ms for at_ms in waits)

    def _next_try_ms(self, entry: sessions.Unfinished) -> int | None:
        at_ms = entry.next_try_ms
        heard_ms = self._agenda.heard_at_ms(entry.device_id)
        if heard_ms is not None:
            at_ms = heard_ms if at_ms is None else min(at_ms, heard_ms)
        held_ms = self._agenda.held_until_ms(entry.device_id)
        return at_ms if at_ms is None or held_ms is None else max(at_ms, held_ms)

    # --- the loop -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reconcile until cancelled.

        Cancellation: sessions are cancelled too; their links are closed, nothing is reported.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._is_looking = True
                self._look.clear()
                try:
                    next_ms = await self._turn(tasks)
                except StoreError as error:
                    logger.error("the store failed: %s", error)  # noqa: TRY400 - the sentence says it; a traceback a retry would bury it.
                    self._is_sweep_due = True
                    next_ms = self._services.clock.now_ms() + round(STORE_RETRY_S * _SECOND_MS)
                self._is_looking = False
                await self._sleep(next_ms)

    async def _turn(self, tasks: asyncio.TaskGroup) -> int | None:
        """Do all that is due; returns when to look again, None when nothing is foreseeable."""
        if asyncio.get_running_loop().time() >= self._next_sweep_at_s:
            self._is_sweep_due = True
        if self._is_sweep_due or self._touched:
            await self._read(None if self._is_sweep_due else tuple(self._touched))
        await self._pass_milestones()
        now_ms = self._services.clock.now_ms()
        due = self._agenda.due(now_ms, self._running)
        if self._open or self._may_be_open or has_open_entries(due, now_ms):
            ctx = self._context()
            self._open = await self._services.store.read(
                functools.partial(sessions.unfinished, ctx=ctx)
            )
            self._may_be_open = False
        is_all = self._begin(tasks, due)
        instants = [self._next_milestone_ms]
        if is_all:
            # Otherwise whoever had to wait begins at the end of another session.
            instants.append(self._agenda.next_ms(now_ms, self._running))
        return min((at_ms for at_ms in instants if at_ms is not None), default=None)

    async def _read(self, device_ids: Collection[str] | None) -> None:
        """Read the appointments of some devices, or of all when None.

        Raises:
            StoreError: When that failed; `run` has everything read then.
        """
        now_ms = self._services.clock.now_ms()
        self._touched.clear()
        self._is_sweep_due = False

        def read(conn: sa.Connection) -> tuple[list[Appointment], int | None]:
            found = read_appointments(conn, now_ms, device_ids)
            return found, milestones.next_milestone_ms(conn)

        found, self._next_milestone_ms = await self._services.store.read(read)
        self._agenda.replace(found, device_ids)
        self._may_be_open |= has_open_entries(found, now_ms)
        if device_ids is None:
            self._next_sweep_at_s = asyncio.get_running_loop().time() + SWEEP_S
        for each in found:
            self._meet(each.due)
        while self._early:
            self.sighted(self._early.pop(next(iter(self._early))))

    async def _pass_milestones(self) -> None:
        """Let time do what it does alone, and read again the devices that it made due."""
        while (
            self._next_milestone_ms is not None
            and self._next_milestone_ms <= self._services.clock.now_ms()
        ):
            ctx = self._context()
            apply = functools.partial(milestones.apply, ctx=ctx, rows_max=_MILESTONE_ROWS)
            count = await self._services.store.write(apply)
            overdue = functools.partial(read_overdue, now_ms=ctx.now_ms)
            await self._read(await self._services.store.read(overdue))
            if not count:
                break  # A mistake of ours must not become a hot loop.

    def _begin(self, tasks: asyncio.TaskGroup, due: Sequence[Appointment]) -> bool:
        """Start sessions as far as there is room; False when some had to wait."""
        is_all = True
        for each in due:
            if not self._has_room(each.due):
                is_all = False
                continue
            device_id = each.due.device_id
            session = DeviceSession(each.due, self._services)
            self._agenda.begin(device_id)
            self._running[device_id] = session
            if each.due.attempts:
                self._in_trouble.add(device_id)
            tasks.create_task(self._hold(each.due, session), name=f"session {device_id}")
        return is_all

    def _has_room(self, due: DueDevice) -> bool:
        if len(self._running) >= self._session_limit:
            return False
        # The last connection is for healthy devices, where there is more than one.
        return not due.attempts or len(self._in_trouble) < max(1, self._session_limit - 1)

    async def _hold(self, due: DueDevice, session: DeviceSession) -> None:
        """Run one session and keep its failure from everybody else."""
        try:
            await session.run()
            self._trouble.pop(due.device_id, None)
            self._agenda.note_log(due.device_id, session.log_next_index)
            if self._news.pop(due.device_id, None) == session.log_next_index & _LOW_16_BITS:
                # Heard just before it connected: it has been fetched.
                self._agenda.unhear(due.device_id)
        except Exception as error:  # noqa: BLE001 - the session's boundary.
            # Whatever one device brings out, a mistake of ours or of a library included, must
            # not end the sessions of the others: it counts as this device's failure.
            await self._fail(due, session, error)
        finally:
            del self._running[due.device_id]
            self._in_trouble.discard(due.device_id)
            self._heard.discard(due.device_id)
            self._touched[due.device_id] = None
            self._look.set()

    async def _fail(self, due: DueDevice, session: DeviceSession, error: Exception) -> None:
        now_ms = self._services.clock.now_ms()
        failures = due.attempts + 1
        self._trouble[due.device_id] = Trouble(failed_at_ms=now_ms, failures=failures)
        if due.device_id in self._heard:
            # It is there: a scanner may not tell that again.
            self._agenda.hear(due.device_id, heard_again_ms(now_ms, failures))
        if not isinstance(error, (StrikeplateError, TimeoutError)):
            logger.error("session with %s", due.device_id, exc_info=error)
        try:
            failure = await session.report_failure(error)
        except Exception:
            # The same boundary: the store is gone, or refuses what this session has to say.
            logger.exception("the failure of %s could not be stored", due.device_id)
            self._agenda.hold(due.device_id, now_ms + HOLD_MS)
            return
        logger.info("session with %s failed: %s: %s", due.device_id, failure, error)

    async def _sleep(self, until_ms: int | None) -> None:
        """Wait for the instant, a wake-up, or the next sweep."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        until_s = now_s + SWEEP_S
        if until_ms is not None:
            # The instant itself, not a span from now: nothing is rounded on the way.
            until_s = min(until_s, self._services.clock.loop_s(until_ms))
        if until_s > now_s:
            self._was_overdue = False
        elif self._was_overdue:
            # Whatever is due has begun: an instant that stays in the past is no reason to run hot.
            until_s = now_s + OVERDUE_S
        else:
            self._was_overdue = True
        try:
            async with asyncio.timeout_at(until_s):
                await self._look.wait()
        except TimeoutError:
            self._is_looking = True

    def _meet(self, due: DueDevice) -> None:
        """Learn where a device is heard, and whether it was in trouble in an earlier life."""
        if due.attempts and due.device_id not in self._trouble:
            # When it failed is not known any more: long enough ago.
            self._trouble[due.device_id] = Trouble(failed_at_ms=0, failures=due.attempts)
        try:
            address = address_of(due.moniker)
        except ConfigError as error:
            # Its sessions fail with the same sentence; nobody can hear it anyway.
            logger.debug("device %s: %s", due.device_id, error)
            return
        if address is not None:
            self._device_at[address] = due.device_id

    def _context(self) -> Context:
        # Units of the loop look at every workspace; the name does not matter to them.
        return self._services.context("")
