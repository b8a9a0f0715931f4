"""Compare what a device's memory shall hold with what it says it holds (DESIGN D21)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.plan.operations import Difference, ExpectedRecord
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey
from protocols.doorlock.vocabulary import RecordKind


def diff(
    expected: Mapping[RecordKey, ExpectedRecord],
    issued: Mapping[int, int],
    reported: Iterable[tuple[RecordKey, int, bytes]],
) -> Difference:
    """Where a memory is not what it shall be.

    Args:
        expected: Live records by key, as `expected_records` gives them.
        issued: Slot to the highest revision that was ever issued to it.
        reported: Key, revision and content digest of each record and tombstone on the device.
    """
    # A holiday belongs to the lock and not to a slot: whoever set it may keep it.
    held = {
        key: (revision, digest)
        for key, revision, digest in reported
        if key.kind is not RecordKind.HOLIDAY_SCHEDULE
    }
    missing = {
        key.index
        for key, record in expected.items()
        if held.get(key) != (record.revision, record.digest)
    }
    newer: dict[int, int] = {}
    # Slot to the highest revision of its live records that nobody asked for.
    unknown: dict[int, int] = {}
    for key, (revision, digest) in held.items():
        if revision > issued.get(key.index, 0):
            newer[key.index] = max(revision, newer.get(key.index, 0))
        if digest != TOMBSTONE_DIGEST and key not in expected:
            unknown[key.index] = max(revision, unknown.get(key.index, 0))
    own = {key.index for key in expected}
    # Whatever others write is newer than all that was issued, and counts as issued from then on.
    returned = {
        slot: issued[slot]
        for slot, revision in sorted(unknown.items())
        if slot not in own and revision < issued.get(slot, 0)
    }
    return Difference(
        missing_slots=tuple(sorted(missing)),
        newer=dict(sorted(newer.items())),
        returned=returned,
        unknown_slots=tuple(sorted(unknown.keys() - returned.keys())),
    )
