"""What came of a session, and the one unit that tells the store.

Everything that a session finds out or gets done is collected here while it lasts; at its end, also
when that came early, it goes into the store at once. The order inside the unit is the one that
`gateway.access.outcomes` asks for.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import logs, outcomes
from gateway.access.context import Context
from gateway.access.sessions import Step
from gateway.errors import LinkClosed, RequestRefused
from gateway.reconcile import reported
from gateway.reconcile.backoff import delay_ms
from gateway.reconcile.failures import (
    PASSING_FAILURE,
    PASSING_SENTENCE,
    SessionFailure,
    entry_error,
)
from gateway.reconcile.memory import failures_of
from gateway.store.tables import device
from protocols.doorlock.vocabulary import LockOperationType, LockState, LogEvent
from protocols.strike.messages import DeviceStatus, LogPage, LogRecord

_SOONER: Final = (
    sa.update(device)
    .where(
        device.c.device_id == sa.bindparam("known_id"),
        device.c.next_contact_at_ms > sa.bindparam("retry_at_ms"),
    )
    .values(next_contact_at_ms=sa.bindparam("retry_at_ms"))
)


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """A step that the device refused."""

    step: Step
    error_code: str
    message: str


@dataclasses.dataclass(slots=True)
class Findings:
    """What a session found out and got done.

    Attributes:
        device_id: Of which device.
        log_known_index: First access-log record that the store does not have.
        log_next_index: First one that was not fetched either.
        log_told_index: End of the log, as far as the device told.
        reported: What the device says, in the shape of `gateway.reconcile.reported`.
        records: Access-log records fetched.
        confirmed: Entry id to the step that was made last.
        refused: Entry id to the step that was refused last.
    """

    device_id: str
    log_known_index: int = 0
    log_next_index: int = 0
    log_told_index: int = 0
    reported: dict[str, Any] = dataclasses.field(default_factory=dict)
    records: list[LogRecord] = dataclasses.field(default_factory=list)
    confirmed: dict[str, Step] = dataclasses.field(default_factory=dict)
    refused: dict[str, Refusal] = dataclasses.field(default_factory=dict)

    # --- while the session lasts ----------------------------------------------------------------

    def begin_log(self, index: int) -> None:
        """The log is known up to an index."""
        self.log_known_index = self.log_next_index = index

    def note_status(self, status: DeviceStatus, *, now_ms: int) -> None:
        """The device said how it is."""
        found = reported.of_status(status, now_ms=now_ms)
        if "clock_error_s" in self.reported:
            # What it was before we set the clock is what says something about the device.
            del found["clock_error_s"]
        self.reported.update(found)

    def note_event(self, message: object) -> None:
        """The device told something by itself: a record of its log too, and read from there."""
        index = getattr(message, "log_index", None)
        if isinstance(index, int):
            self.log_told_index = max(self.log_told_index, index + 1)

    @property
    def is_locking(self) -> bool:
        """True when the bolt was on its way and the last that the log says of it is "locked"."""
        operations = [
            record.detail for record in self.records if record.event is LogEvent.LOCK_OPERATION
        ]
        return self.reported.get("lock_state") == LockState.NOT_FULLY_LOCKED and operations[
            -1:
        ] == [LockOperationType.LOCK]

    def take_page(self, page: LogPage) -> bool:
        """Keep a page of the log; False when there is nothing behind it.

        Raises:
            LinkClosed: When its records are not in order.
        """
        for record in page.records:
            if record.index < self.log_next_index:
                raise LinkClosed("the device's log goes backwards")
            self.records.append(record)
            self.log_next_index = record.index + 1
        if not page.records:
            self.log_next_index = max(self.log_next_index, page.next_index)
        return bool(page.records) and self.log_next_index < self.log_told_index

    def is_done(self, step: Step) -> bool:
        """True for a step that an earlier plan of this session had too, and that was made."""
        done = self.confirmed.get(step.entry.entry_id)
        return done is not None and (done.entry, done.to_phase) == (step.entry, step.to_phase)

    def confirm(self, step: Step) -> None:
        """The device made every write of a step."""
        self.refused.pop(step.entry.entry_id, None)
        self.confirmed[step.entry.entry_id] = step

    def refuse(self, step: Step, refused: RequestRefused) -> None:
        """The device refused a write of a step."""
        self.confirmed.pop(step.entry.entry_id, None)
        self.refused[step.entry.entry_id] = Refusal(step, *entry_error(refused))

    def doubt(self, step: Step) -> None:
        """The device said that it made a step, and does not hold what the step writes."""
        self.confirmed.pop(step.entry.entry_id, None)
        self.refused[step.entry.entry_id] = Refusal(step, PASSING_FAILURE, PASSING_SENTENCE)

    # --- units of the store ---------------------------------------------------------------------

    def report_success(self, conn: sa.Connection, ctx: Context) -> None:
        """The session came to its end."""
        outcomes.device_contacted(conn, ctx, self.device_id, self.reported)
        self._report_work(conn, ctx)

    def report_failure(
        self, conn: sa.Connection, ctx: Context, failure: SessionFailure, *, retry_at_ms: int
    ) -> None:
        """The session failed, now or after some of its work."""
        self._report_work(conn, ctx)
        outcomes.device_unreachable(
            conn, ctx, self.device_id, reason=failure.value, retry_at_ms=retry_at_ms
        )
        # What this session did not get to, such as the rest of the log, is nowhere else due.
        conn.execute(_SOONER, {"known_id": self.device_id, "retry_at_ms": retry_at_ms})

    def _report_work(self, conn: sa.Connection, ctx: Context) -> None:
        if self.log_next_index != self.log_known_index:
            logs.log_records(
                conn, ctx, self.device_id, self.records, next_index=self.log_next_index
            )
        for step in self.confirmed.values():
            outcomes.entry_confirmed(
                conn, ctx, step.entry.entry_id, step.to_phase, step.entry.revision
            )
        for entry_id, refusal in self.refused.items():
            # No draw here: the entries of one device are tried in one session anyway.
            retry_ms = delay_ms(ctx.policy, failures_of(conn, entry_id) + 1, draw=0.5)
            outcomes.entry_failed(
                conn,
                ctx,
                entry_id,
                error_code=refusal.error_code,
                message=refusal.message,
                retry_at_ms=ctx.now_ms + retry_ms,
            )
