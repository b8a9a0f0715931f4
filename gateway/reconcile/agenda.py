"""Which device needs a session when: read from the store, a device at a time, kept in memory.

Level-triggered all the same: an appointment is never changed by reasoning, only read again, when
somebody asked for something, a session ended, or time brought a milestone; and all of them are
read at the start and once an hour, so a wake-up that was lost is made up for. One device costs one
statement then, however many devices there are.

What the store does not know, since it is about the radio and not about what a device shall hold,
stands beside the appointments: who was asked for, who has news or was heard again, and who is left
alone because the store could not be told of its failure.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.attempts import SESSION_ACTIONS
from gateway.access.sessions import DueDevice
from gateway.store.tables import action_attempt, device, entry

# A device that is heard after a failure is tried this long after it, times its failures in a row,
# even if its back-off says later; a lock that is heard all the time, but never connects, is tried
# once a minute and not four times an hour.
HEARD_AGAIN_MS: Final = 5_000
HEARD_AGAIN_MS_MAX: Final = 60_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """When a device needs its next session. Instants are milliseconds since 1970.

    Attributes:
        due: What a session needs to know of the device.
        at_ms: When; None when nothing is foreseeable.
        entry_due_at_ms: When the first of its entries is due, back-off or not; None likewise.
        has_failures: Some of its entries failed and are not what they shall be.
        log_next_index: First record of its access log that is not stored yet.
    """

    due: DueDevice
    at_ms: int | None
    entry_due_at_ms: int | None
    has_failures: bool
    log_next_index: int = 0


_EVERY: Final = (
    sa.select(
        device.c.device_id,
        device.c.workspace_id,
        device.c.profile_id,
        device.c.moniker,
        device.c.attempts,
        device.c.next_try_at_ms,
        device.c.next_contact_at_ms,
        device.c.log_next_index,
        sa.select(sa.func.min(entry.c.next_due_at_ms))
        .where(entry.c.device_id == device.c.device_id)
        .scalar_subquery()
        .label("entry_due_at_ms"),
        sa.select(sa.func.max(entry.c.failures))
        .where(entry.c.device_id == device.c.device_id)
        .scalar_subquery()
        .label("failures"),
        sa.select(sa.func.min(action_attempt.c.created_at_ms))
        .where(
            action_attempt.c.device_id == device.c.device_id,
            action_attempt.c.status == "pending",
            action_attempt.c.expires_at_ms > sa.bindparam("now_ms"),
            action_attempt.c.action_type.in_(SESSION_ACTIONS),
        )
        .scalar_subquery()
        .label("action_since_ms"),
    )
    .select_from(device)
    .order_by(device.c.created_at_ms, device.c.device_id)
)
_SOME: Final = _EVERY.where(device.c.device_id.in_(sa.bindparam("device_ids", expanding=True)))
_OVERDUE: Final = sa.select(entry.c.device_id).where(
    entry.c.next_due_at_ms <= sa.bindparam("now_ms")
)


def read_appointments(
    conn: sa.Connection, now_ms: int, device_ids: Collection[str] | None
) -> list[Appointment]:
    """Read the appointments of some devices, or of all when None."""
    if device_ids is None:
        rows = conn.execute(_EVERY, {"now_ms": now_ms})
    elif not device_ids:
        return []
    else:
        rows = conn.execute(_SOME, {"now_ms": now_ms, "device_ids": list(device_ids)})
    return [_appointment(row) for row in rows]


def read_overdue(conn: sa.Connection, now_ms: int) -> list[str]:
    """The devices with an entry that is due, back-off or not."""
    # Ordered here: asked for an order, SQLite goes through all entries by device.
    return sorted(set(conn.execute(_OVERDUE, {"now_ms": now_ms}).scalars()))


def _appointment(row: Any) -> Appointment:
    instants = [row.entry_due_at_ms, row.next_contact_at_ms]
    at_ms = min((each for each in instants if each is not None), default=None)
    if at_ms is not None and row.next_try_at_ms is not None:
        at_ms = max(at_ms, row.next_try_at_ms)
    if row.action_since_ms is not None:
        # Somebody waits: no back-off keeps them waiting.
        at_ms = row.action_since_ms
    return Appointment(
        due=DueDevice(
            device_id=row.device_id,
            workspace_id=row.workspace_id,
            profile_id=row.profile_id,
            moniker=row.moniker,
            attempts=row.attempts,
        ),
        at_ms=at_ms,
        entry_due_at_ms=row.entry_due_at_ms,
        has_failures=bool(row.failures),
        log_next_index=row.log_next_index,
    )


class _Diary:
    """Devices in the order of their instants; finding the next looks at nobody behind it."""

    def __init__(self) -> None:
        self._at_ms: dict[str, int] = {}
        self._ordered: list[tuple[int, str]] = []

    def put(self, device_id: str, at_ms: int | None) -> None:
        """Enter a device's instant in place of the one it had; None takes it out."""
        held_ms = self._at_ms.pop(device_id, None)
        if held_ms is not None:
            del self._ordered[bisect.bisect_left(self._ordered, (held_ms, device_id))]
        if at_ms is not None:
            self._at_ms[device_id] = at_ms
            bisect.insort(self._ordered, (at_ms, device_id))

    def fill(self, instants: Mapping[str, int | None]) -> None:
        """Enter these devices, each with an instant or none, in place of all others."""
        # Sorted once: entering a hundred thousand one by one moves half of them each time.
        self._at_ms = {each: at_ms for each, at_ms in instants.items() if at_ms is not None}
        self._ordered = sorted((at_ms, each) for each, at_ms in self._at_ms.items())

    def until(self, now_ms: int) -> list[str]:
        """The devices whose instants have come."""
        return [device_id for _, device_id in self._ordered[: self._after(now_ms)]]

    def later(self, now_ms: int) -> Iterator[tuple[int, str]]:
        """The instants that are to come, with their devices, in order."""
        return itertools.islice(self._ordered, self._after(now_ms), None)

    def _after(self, now_ms: int) -> int:
        return bisect.bisect_left(self._ordered, (now_ms + 1, ""))


class Agenda:
    """The appointments of every device, and what is known beside the store."""

    def __init__(self) -> None:
        self._appointments: dict[str, Appointment] = {}
        # In the order of asking.
        self._asked: dict[str, None] = {}
        self._heard_at: dict[str, int] = {}
        self._held_until: dict[str, int] = {}
        # `next_at_ms` of every device that has one.
        self._diary = _Diary()

    # --- what becomes known ---------------------------------------------------------------------

    def replace(self, found: Iterable[Appointment], device_ids: Collection[str] | None) -> None:
        """Take appointments that were read: of all devices when None, else of those named."""
        if device_ids is None:
            self._appointments = {each.due.device_id: each for each in found}
            self._diary.fill({each: self.next_at_ms(each) for each in self._appointments})
            return
        for device_id in device_ids:
            self._appointments.pop(device_id, None)
            self._diary.put(device_id, None)
        for each in found:
            self._appointments[each.due.device_id] = each
            self._enter(each.due.device_id)

    def note_log(self, device_id: str, log_next_index: int) -> None:
        """A session stored the log up to here."""
        appointment = self._appointments.get(device_id)
        if appointment is not None:
            self._appointments[device_id] = dataclasses.replace(
                appointment, log_next_index=log_next_index
            )

    def ask(self, device_id: str) -> None:
        """Somebody changed something about a device: it comes first if it is due."""
        self._asked[device_id] = None

    def hear(self, device_id: str, at_ms: int) -> bool:
        """Contact a device from an instant on, whatever the store says; False if known already."""
        known_ms = self._heard_at.get(device_id)
        if known_ms is not None and known_ms <= at_ms:
            return False
        self._heard_at[device_id] = at_ms
        self._enter(device_id)
        return True

    def unhear(self, device_id: str) -> None:
        """What was heard has been looked after."""
        self._heard_at.pop(device_id, None)
        self._enter(device_id)

    def hold(self, device_id: str, until_ms: int) -> None:
        """Leave a device alone: the store could not be told of its failure and says it is due."""
        self._held_until[device_id] = until_ms
        self._enter(device_id)

    def begin(self, device_id: str) -> None:
        """A session begins: whatever was said of this device is being looked after."""
        self._asked.pop(device_id, None)
        self._heard_at.pop(device_id, None)
        self._held_until.pop(device_id, None)
        self._enter(device_id)

    def _enter(self, device_id: str) -> None:
        self._diary.put(device_id, self.next_at_ms(device_id))

    # --- what follows ---------------------------------------------------------------------------

    def due(self, now_ms: int, busy: Collection[str]) -> list[Appointment]:
        """The devices that need a session now: those asked for, the healthy, then the others."""
        found = [
            self._appointments[device_id]
            for device_id in self._diary.until(now_ms)
            if device_id not in busy
        ]
        # Whatever was asked or heard of the others came to nothing.
        due_ids = {each.due.device_id for each in found}
        self._asked = {each: None for each in self._asked if each in due_ids or each in busy}
        return sorted(found, key=self._rank)

    def next_ms(self, now_ms: int, busy: Collection[str]) -> int | None:
        """The first instant after now at which a device that has no session needs one."""
        later = self._diary.later(now_ms)
        return next((at_ms for at_ms, device_id in later if device_id not in busy), None)

    def next_at_ms(self, device_id: str) -> int | None:
        """When a device gets its next session; None when nothing is foreseeable."""
        appointment = self._appointments.get(device_id)
        if appointment is None:
            return None
        instants = (appointment.at_ms, self._heard_at.get(device_id))
        at_ms = min((each for each in instants if each is not None), default=None)
        held_ms = self._held_until.get(device_id)
        return at_ms if at_ms is None or held_ms is None else max(at_ms, held_ms)

    def log_next_index(self, device_id: str) -> int | None:
        """First record of a device's log that is not stored; None for one without appointment."""
        appointment = self._appointments.get(device_id)
        return None if appointment is None else appointment.log_next_index

    def heard_at_ms(self, device_id: str) -> int | None:
        """From when on a device is contacted because of what was heard."""
        return self._heard_at.get(device_id)

    def held_until_ms(self, device_id: str) -> int | None:
        """Until when a device is left alone."""
        return self._held_until.get(device_id)

    def _rank(self, appointment: Appointment) -> tuple[bool, bool, int, str]:
        device_id = appointment.due.device_id
        return (
            device_id not in self._asked,
            appointment.due.attempts > 0,
            appointment.at_ms or 0,
            device_id,
        )


def heard_again_ms(failed_at_ms: int, failures: int) -> int:
    """When a device that failed and is heard now may be tried again."""
    return failed_at_ms + min(HEARD_AGAIN_MS_MAX, HEARD_AGAIN_MS * failures)


def _is_by(at_ms: int | None, now_ms: int) -> bool:
    return at_ms is not None and at_ms <= now_ms


def has_open_entries(appointments: Sequence[Appointment], now_ms: int) -> bool:
    """True when an entry of these devices is due, or failed and waits."""
    return any(each.has_failures or _is_by(each.entry_due_at_ms, now_ms) for each in appointments)
