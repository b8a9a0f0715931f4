"""The rules by which a lock takes a write: validity first, then revision (DESIGN D21)."""

from __future__ import annotations

import enum

from firmware_sim.errors import MemoryRefused
from firmware_sim.memory.interface import Change, LockMemory
from firmware_sim.memory.records import Record
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import Status
from protocols.strike.messages import StatusReply


class Verdict(enum.Enum):
    """What is to become of a write that is valid by itself."""

    WRITE = enum.auto()
    UNCHANGED = enum.auto()
    REFUSED = enum.auto()


def judge(memory: LockMemory, wanted: Record) -> Verdict:
    """Compare a write or a clear with what its key holds.

    A newer revision is written. The same revision again is a success that changes nothing,
    provided that it says the same. Everything else comes from somebody who knows less than the
    lock does.
    """
    held = memory.record(wanted.key)
    if held is None or wanted.revision > held.revision:
        return Verdict.WRITE
    if wanted.revision == held.revision and wanted.is_same(held):
        return Verdict.UNCHANGED
    return Verdict.REFUSED


def write(memory: LockMemory, wanted: Record, *more: Record) -> StatusReply:
    """Write a record, with others in the same unit, if its revision allows; answer the request.

    Args:
        memory: Where to.
        wanted: The record that the request names; its key decides.
        more: Records that change with it.
    """
    verdict = judge(memory, wanted)
    if verdict is Verdict.REFUSED:
        return refusal(memory, wanted.key, Status.DATA_VERSION_MISMATCH)
    if verdict is Verdict.WRITE:
        try:
            memory.commit(Change(records=(wanted, *more)))
        except MemoryRefused:
            return refusal(memory, wanted.key, Status.RESOURCE_EXHAUSTED)
    return StatusReply(status=Status.SUCCESS, revision=wanted.revision)


def refusal(memory: LockMemory, key: RecordKey, status: Status) -> StatusReply:
    """Refuse a write; the answer carries the revision that its key holds, 0 = never written."""
    held = memory.record(key)
    return StatusReply(status=status, revision=0 if held is None else held.revision)


def invalid_field() -> StatusReply:
    """Refuse a request whose fields name nothing that this lock has."""
    return StatusReply(status=Status.INVALID_FIELD)
