"""A device's memory against what the store knows of it: read only where the digest differs."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from gateway.access import outcomes, slots
from gateway.access.context import Context
from gateway.access.facts import PIN, desired_entry, progress_of, write_entry
from gateway.access.sessions import DueDevice, Step
from gateway.plan.entry import DesiredEntry, Phase
from gateway.plan.memory import diff
from gateway.plan.operations import Difference, expected_records, pin_digest
from gateway.store.tables import device as device_table
from gateway.store.tables import entry
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey
from protocols.doorlock.vocabulary import RecordKind
from protocols.profiles.parser import Profile
from protocols.strike.messages import OccupiedRecord

logger = logging.getLogger(__name__)

_REPORTED: Final = sa.select(device_table.c.reported).where(
    device_table.c.device_id == sa.bindparam("device_id")
)
_REMEMBER: Final = (
    sa.update(device_table)
    .where(device_table.c.device_id == sa.bindparam("known_id"))
    .values(reported=sa.bindparam("reported", type_=sa.JSON))
)


def compare(
    conn: sa.Connection,
    ctx: Context,
    device: DueDevice,
    profile: Profile,
    records: Sequence[OccupiedRecord],
    *,
    refused_slots: Collection[int] = (),
) -> Difference:
    """Find out where a memory is not what was confirmed, and have that repaired.

    Slots whose writes were handed out and never confirmed are left out: what they hold is not
    known, and they are written again anyway. Their revisions count all the same.

    Args:
        conn: The connection.
        ctx: The context.
        device: Which device.
        profile: Its facts.
        records: Everything that its memory holds, tombstones too.
        refused_slots: Where it refused a write for what it holds there: somebody else may have
            used a revision that was issued to the slot.
    """
    settled, unsettled = _entries(conn, device.device_id)
    found = diff(
        expected_records(settled, profile),
        slots.issued_revisions(conn, device.device_id),
        [
            (
                RecordKey(record.kind, record.index, record.sub_index),
                record.revision,
                record.digest,
            )
            for record in records
        ],
    )
    others = _others_slots(conn, device.device_id, records)
    lost = [
        entry_
        for entry_, phase in (*settled, *unsettled)
        if phase is Phase.ABSENT and entry_.slot in others
    ]
    for entry_ in lost:
        outcomes.slot_lost(conn, ctx, entry_.entry_id)
    own = {entry_.slot for entry_, _ in settled if entry_ not in lost}
    written = {entry_.slot: entry_ for entry_, _ in unsettled if entry_ not in lost}
    returned = {
        slot: revision
        for slot, revision in found.returned.items()
        # What an entry has its slot for is written there anyway.
        if slot not in others and slot not in own and slot not in written
    }
    unknown = {*found.unknown_slots, *found.returned} - returned.keys() - written.keys()
    difference = Difference(
        missing_slots=found.missing_slots,
        newer=found.newer,
        returned=returned,
        unknown_slots=tuple(sorted(unknown)),
    )
    _log(device.device_id, difference)
    # An empty difference takes back what was told of an earlier one.
    outcomes.memory_differs(conn, ctx, device.device_id, difference)
    foreign = [slot for slot in difference.unknown_slots if slot not in own]
    remember(conn, device.device_id, {slots.FOREIGN_SLOTS: foreign})
    for slot in sorted({*difference.newer, *refused_slots}):
        if slot in written:
            _raise_above(conn, ctx, written[slot].entry_id)
    return difference


def _log(device_id: str, difference: Difference) -> None:
    """Say which slots differ; slots and revisions only: contents are nobody's business."""
    if not difference.is_empty:
        logger.warning(
            "device %s: its memory is not what was confirmed: missing in slots %s,"
            " higher revisions in %s, back again in %s, unknown in %s",
            device_id,
            list(difference.missing_slots),
            list(difference.newer),
            list(difference.returned),
            list(difference.unknown_slots),
        )


def _others_slots(
    conn: sa.Connection, device_id: str, records: Sequence[OccupiedRecord]
) -> set[int]:
    """Slots that hold a PIN which was none of ours there, by what its digest says."""
    held = {
        record.index: record.digest
        for record in records
        if record.kind is RecordKind.CREDENTIAL and record.digest != TOMBSTONE_DIGEST
    }
    ours = {
        slot: {pin_digest(slot, row.code) for row in rows}
        for slot, rows in slots.holders(conn, device_id, held).items()
    }
    return {slot for slot, digest in held.items() if digest not in ours[slot]}


def not_held(
    steps: Iterable[Step], profile: Profile, records: Sequence[OccupiedRecord]
) -> list[Step]:
    """Of steps that a device says it made, those whose result it does not hold.

    Args:
        steps: Made by its own word.
        profile: Its facts.
        records: Everything that its memory holds, tombstones too.
    """
    held = [
        (RecordKey(record.kind, record.index, record.sub_index), record.revision, record.digest)
        for record in records
    ]
    live_pins = {
        key.index
        for key, _, digest in held
        if key.kind is RecordKind.CREDENTIAL and digest != TOMBSTONE_DIGEST
    }
    doubtful = []
    for step in steps:
        if step.to_phase is Phase.ABSENT:
            is_held = step.entry.slot not in live_pins
        else:
            expected = expected_records([(step.entry, step.to_phase)], profile)
            is_held = not diff(expected, {}, held).missing_slots
        if not is_held:
            doubtful.append(step)
    return doubtful


def remember(conn: sa.Connection, device_id: str, reported: Mapping[str, Any]) -> None:
    """Keep what a device says at once, without counting it as a session that succeeded."""
    known = conn.execute(_REPORTED, {"device_id": device_id}).scalar_one()
    values = {"known_id": device_id, "reported": {**known, **reported}}
    conn.execute(_REMEMBER, values)


def _raise_above(conn: sa.Connection, ctx: Context, entry_id: str) -> None:
    """Give an entry whose writes are under way a revision above all that its slot has seen.

    The revisions that it was handed out with would be refused for ever.
    """
    row = conn.execute(sa.select(entry).where(entry.c.entry_id == entry_id)).mappings().one()
    desired, progress = desired_entry(row), progress_of(row)
    issued = slots.issued_revision(conn, desired.device_id, row["slot"])
    desired = slots.take(conn, ctx, desired, row["slot"], issued)
    confirmed = dataclasses.replace(progress.confirmed, pending_revision=issued)
    progress = dataclasses.replace(progress, confirmed=confirmed)
    write_entry(conn, entry_id, desired=desired, progress=progress)


def failures_of(conn: sa.Connection, entry_id: str) -> int:
    """Failed tries of an entry in a row; 0 for one that is gone."""
    found = conn.execute(
        sa.select(entry.c.failures).where(entry.c.entry_id == entry_id)
    ).scalar_one_or_none()
    return int(found or 0)


def _entries(
    conn: sa.Connection, device_id: str
) -> tuple[list[tuple[DesiredEntry, Phase]], list[tuple[DesiredEntry, Phase]]]:
    """The entries of which the device's state is known, and the others; each as confirmed."""
    settled: list[tuple[DesiredEntry, Phase]] = []
    unsettled: list[tuple[DesiredEntry, Phase]] = []
    rows = conn.execute(
        sa.select(entry)
        .where(entry.c.device_id == device_id, entry.c.kind == PIN, entry.c.slot.is_not(None))
        .order_by(entry.c.slot)
    ).mappings()
    for row in rows:
        desired, confirmed = desired_entry(row), progress_of(row).confirmed
        is_unsettled = confirmed.pending_revision or confirmed.revision != desired.revision
        (unsettled if is_unsettled else settled).append((desired, confirmed.phase))
    return settled, unsettled
