"""Slots of devices: who holds which, since when, and how high its revisions went (DESIGN D21)."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.access.facts import PIN
from gateway.plan.entry import DesiredEntry
from gateway.plan.operations import clear_revision, next_revision
from gateway.store.tables import access_code, access_grant, entry, slot_holder, slot_revision

# Slots are numbered from here, as users and credentials are in the Door Lock cluster.
FIRST_SLOT: Final = 1
# Where a device's row keeps the slots that somebody else filled: a list under `reported`.
FOREIGN_SLOTS: Final = "foreign_slots"
NO_SPACE: Final = "no_space_for_access_code_on_device"

# Names of values in clauses must not be those of columns that are set.
_IS_SLOT: Final = sa.and_(
    slot_revision.c.device_id == sa.bindparam("of_device_id"),
    slot_revision.c.kind == PIN,
    slot_revision.c.slot == sa.bindparam("of_slot"),
)
_TAKEN: Final = sa.select(entry.c.slot).where(
    entry.c.device_id == sa.bindparam("device_id"),
    entry.c.kind == PIN,
    entry.c.slot.is_not(None),
)
_ISSUED: Final = sa.select(slot_revision.c.slot, slot_revision.c.revision).where(
    slot_revision.c.device_id == sa.bindparam("device_id"), slot_revision.c.kind == PIN
)
_REVISION: Final = sa.select(slot_revision.c.revision).where(_IS_SLOT)
_NEW_REVISION: Final = sa.insert(slot_revision)
_HIGHER_REVISION: Final = sa.update(slot_revision).where(_IS_SLOT)
_NEW_HOLDER: Final = sa.insert(slot_holder)
_CLOSE_HOLDER: Final = sa.update(slot_holder).where(
    slot_holder.c.device_id == sa.bindparam("of_device_id"),
    slot_holder.c.kind == PIN,
    slot_holder.c.slot == sa.bindparam("of_slot"),
    slot_holder.c.held_until_ms.is_(None),
)
_IS_WITHOUT_SPACE: Final = sa.and_(
    entry.c.device_id == sa.bindparam("of_device_id"),
    entry.c.slot.is_(None),
    entry.c.last_error == NO_SPACE,
)
# Whose time has not come (the start was moved away since) stays asleep until then.
_WAKE: Final = (
    sa.update(entry)
    .where(_IS_WITHOUT_SPACE, entry.c.program_at_ms <= sa.bindparam("now_ms"))
    .values(next_due_at_ms=sa.bindparam("now_ms"))
)
_WAITING: Final = sa.select(entry.c.entry_id).where(_IS_WITHOUT_SPACE).limit(1)
_OWNERS: Final = (
    sa.select(
        access_code.c.access_grant_id,
        access_code.c.access_method_id,
        access_grant.c.user_identity_id,
    )
    .outerjoin(access_grant, access_grant.c.access_grant_id == access_code.c.access_grant_id)
    .where(access_code.c.access_code_id == sa.bindparam("access_code_id"))
)


def free_slot(taken: Collection[int], slot_count: int) -> int | None:
    """The lowest slot that nobody holds; None when all are taken."""
    slots = range(FIRST_SLOT, FIRST_SLOT + slot_count)
    return next((slot for slot in slots if slot not in taken), None)


def taken_slots(conn: sa.Connection, device_id: str) -> set[int]:
    """The slots that entries of a device hold."""
    return set(conn.execute(_TAKEN, {"device_id": device_id}).scalars())


def issued_revisions(conn: sa.Connection, device_id: str) -> dict[int, int]:
    """Slot to the highest revision that was issued to it or seen in it."""
    rows = conn.execute(_ISSUED, {"device_id": device_id})
    return {row.slot: row.revision for row in rows}


def issued_revision(conn: sa.Connection, device_id: str, slot: int) -> int:
    """The highest revision of one slot; 0 for one never used."""
    found = conn.execute(_REVISION, {"of_device_id": device_id, "of_slot": slot}).scalar()
    return int(found or 0)


def note_revision(conn: sa.Connection, device_id: str, slot: int, revision: int) -> None:
    """Remember that a slot's revisions went as high as this."""
    held = issued_revision(conn, device_id, slot)
    if held == 0:
        conn.execute(
            _NEW_REVISION,
            {"device_id": device_id, "kind": PIN, "slot": slot, "revision": revision},
        )
    elif revision > held:
        conn.execute(
            _HIGHER_REVISION,
            {"of_device_id": device_id, "of_slot": slot, "revision": revision},
        )


def take(
    conn: sa.Connection, ctx: Context, entry_: DesiredEntry, slot: int, issued: int
) -> DesiredEntry:
    """Give a slot, or a new content of the slot that it holds, to an entry.

    Args:
        conn: The connection.
        ctx: The context.
        entry_: The entry; its new content is what it says now.
        slot: The slot.
        issued: Highest revision issued to that slot; 0 for one never used.

    Returns:
        The entry with slot and revision; the caller writes it.
    """
    revision = next_revision(issued)
    taken = _with_slot(entry_, slot, revision)
    note_revision(conn, entry_.device_id, slot, clear_revision(taken))
    _close_holder(conn, entry_.device_id, slot, ctx.now_ms)
    conn.execute(
        _NEW_HOLDER,
        {
            "device_id": entry_.device_id,
            "kind": PIN,
            "slot": slot,
            "revision": revision,
            "entry_id": entry_.entry_id,
            "code": entry_.code,
            "held_from_ms": ctx.now_ms,
            "held_until_ms": None,
            **_owners(conn, entry_.entry_id),
        },
    )
    return taken


def release(conn: sa.Connection, ctx: Context, device_id: str, slot: int) -> None:
    """A slot is empty: who waits for space on the device is due again."""
    _close_holder(conn, device_id, slot, ctx.now_ms)
    wake(conn, ctx, device_id)


def wake(conn: sa.Connection, ctx: Context, device_id: str) -> None:
    """There may be space on a device: who waits for it is due again."""
    conn.execute(_WAKE, {"of_device_id": device_id, "now_ms": ctx.now_ms})


def is_awaited(conn: sa.Connection, device_id: str) -> bool:
    """True when somebody waits for a slot of a device."""
    return conn.execute(_WAITING, {"of_device_id": device_id}).first() is not None


def holders(
    conn: sa.Connection, device_id: str, slots: Collection[int]
) -> Mapping[int, list[sa.Row[Any]]]:
    """Slot to who held it, latest first."""
    rows = conn.execute(
        sa.select(slot_holder)
        .where(
            slot_holder.c.device_id == device_id,
            slot_holder.c.kind == PIN,
            slot_holder.c.slot.in_(sorted(slots)),
        )
        .order_by(slot_holder.c.revision.desc())
    )
    found: dict[int, list[sa.Row[Any]]] = {slot: [] for slot in slots}
    for row in rows:
        found[row.slot].append(row)
    return found


def _close_holder(conn: sa.Connection, device_id: str, slot: int, now_ms: int) -> None:
    conn.execute(
        _CLOSE_HOLDER, {"of_device_id": device_id, "of_slot": slot, "held_until_ms": now_ms}
    )


def _owners(conn: sa.Connection, access_code_id: str) -> dict[str, str | None]:
    """Grant, method and person behind an access code, for the history of its slot."""
    row = conn.execute(_OWNERS, {"access_code_id": access_code_id}).mappings().one_or_none()
    if row is None:
        return {"access_grant_id": None, "access_method_id": None, "user_identity_id": None}
    return dict(row)


def _with_slot(entry_: DesiredEntry, slot: int, revision: int) -> DesiredEntry:
    return dataclasses.replace(entry_, slot=slot, revision=revision)
