"""What a lock tells about itself and its memory; nothing here changes anything."""

from __future__ import annotations

from itertools import islice
from typing import Final

from firmware_sim.locks.programming import pin_key
from firmware_sim.locks.writing import invalid_field
from firmware_sim.memory.interface import LockMemory
from firmware_sim.memory.local_bounds import told
from firmware_sim.memory.pins import clear_pin, owner_of
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.vocabulary import CredentialType, RecordKind
from protocols.profiles.parser import Profile, ReadBack
from protocols.profiles.vocabulary import ZoneAwareness
from protocols.strike.features import Feature
from protocols.strike.frame import PROTOCOL_VERSION
from protocols.strike.limits import LOG_PAGE_MAX, MESSAGE_SIZE_MAX, OCCUPIED_PAGE_MAX
from protocols.strike.messages import (
    CredentialStatus,
    GetCredentialStatus,
    Info,
    ListOccupied,
    LogPage,
    OccupiedList,
    OccupiedRecord,
    ReadLog,
    StatusReply,
)
from protocols.strike.tags import CredentialStatusTag
from protocols.wire.layout import Tlv

# Version of the simulated firmware; one for all profiles.
FIRMWARE_VERSION: Final = "1.0.0"


def info(profile: Profile, serial_number: str) -> Info:
    """Answer GetInfo."""
    return Info(
        protocol_version=PROTOCOL_VERSION,
        profile_version=profile.version,
        pin_slot_count=profile.pin_slot_count,
        user_count=profile.pin_slot_count,
        year_day_per_user=profile.year_day_per_user,
        week_day_per_user=profile.week_day_per_user,
        log_capacity=profile.log_capacity,
        features=int(_features(profile)),
        message_size_max=MESSAGE_SIZE_MAX,
        profile_id=profile.profile_id,
        serial_number=serial_number,
        firmware_version=FIRMWARE_VERSION,
    )


def credential_status(
    profile: Profile, memory: LockMemory, message: GetCredentialStatus
) -> CredentialStatus | StatusReply:
    """Answer GetCredentialStatus.

    The next free index is the first one after the index asked for, from the beginning again when
    there is none behind it; it is another one than the index asked for.
    """
    count = profile.pin_slot_count
    index = message.credential_index
    if message.credential_type is not CredentialType.PIN or not 1 <= index <= count:
        return invalid_field()
    record = memory.record(pin_key(index))
    content = None if record is None else record.content
    taken = {other.key.index for other in memory.live(RecordKind.CREDENTIAL)}
    following = (*range(index + 1, count + 1), *range(1, index))
    return CredentialStatus(
        is_occupied=int(content is not None),
        user_index=owner_of(record) or 0,
        revision=0 if record is None else record.revision,
        next_free_index=next((free for free in following if free not in taken), 0),
        extensions=() if content is None else _read_back(profile, clear_pin(record) or b""),
    )


def _read_back(profile: Profile, code: bytes) -> tuple[Tlv, ...]:
    """What this kind of lock tells of a stored code; an empty one is kept as a hash only."""
    match profile.read_back:
        case ReadBack.CLEAR:
            told = code
        case ReadBack.MASKED:
            told = (profile.read_back_mask or "*").encode() * len(code)
        case ReadBack.OMITTED:
            told = b""
        case ReadBack.WRITE_ONLY:
            return ()
    return (Tlv(tag=CredentialStatusTag.CREDENTIAL_DATA, value=told),)


def list_occupied(memory: LockMemory, message: ListOccupied, ahead_s: int) -> OccupiedList:
    """Answer ListOccupied: one page of records and tombstones in key order.

    Args:
        memory: What the lock holds.
        message: The request.
        ahead_s: Seconds that it takes off windows (`time_limits.stored_ahead_s`).
    """
    after = RecordKey(message.after_kind, message.after_index, message.after_sub_index)
    found = list(islice(memory.records(after), OCCUPIED_PAGE_MAX + 1))
    return OccupiedList(
        has_more=int(len(found) > OCCUPIED_PAGE_MAX),
        records=tuple(
            OccupiedRecord(
                kind=record.key.kind,
                index=record.key.index,
                sub_index=record.key.sub_index,
                revision=record.revision,
                digest=record.digest,
            )
            for record in (told(each, ahead_s) for each in found[:OCCUPIED_PAGE_MAX])
        ),
    )


def log_page(memory: LockMemory, message: ReadLog) -> LogPage:
    """Answer ReadLog: records from an index on, or from the oldest that is left."""
    return LogPage(
        oldest_index=memory.log_oldest_index,
        next_index=memory.log_next_index,
        records=tuple(memory.log_records(message.from_index, LOG_PAGE_MAX)),
    )


def _features(profile: Profile) -> Feature:
    has = {
        Feature.PIN: profile.has_keypad,
        Feature.YEAR_DAY_SCHEDULES: profile.year_day_per_user > 0,
        Feature.WEEK_DAY_SCHEDULES: profile.week_day_per_user > 0,
        Feature.REMOTE_LOCK: profile.remote_lock,
        Feature.REMOTE_UNLOCK: profile.remote_unlock,
        Feature.LOG: True,
        Feature.DOOR_SENSOR: profile.door_sensor,
        Feature.TIME_ZONE: profile.clock.zone is not ZoneAwareness.NONE,
        Feature.HOLIDAY_SCHEDULES: profile.holiday_count > 0,
    }
    features = Feature(0)
    for feature, is_there in has.items():
        if is_there:
            features |= feature
    return features
