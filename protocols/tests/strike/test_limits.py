from __future__ import annotations

from protocols.doorlock.vocabulary import ClockQuality, LogEvent, OperationSource, RecordKind
from protocols.strike.fragment import Fragmenter
from protocols.strike.frame import COUNTER_SIZE, SESSION_ID_SIZE, TAG_SIZE, FrameHeader
from protocols.strike.limits import (
    ATT_MTU_MIN,
    BODY_SIZE_MAX,
    FRAGMENT_COUNT_MAX,
    HEADER_SIZE,
    LOG_PAGE_MAX,
    MESSAGE_SIZE_MAX,
    OCCUPIED_PAGE_MAX,
    PARTS_SIZE_MAX,
)
from protocols.strike.messages import LogPage, LogRecord, OccupiedList, OccupiedRecord
from protocols.wire.layout import codec, fields_of

# Bytes that the fullest page leaves to optional fields.
ROOM = 40


def test_parts_when_added_then_they_are_as_the_bounds_say() -> None:
    assert sum(field.size or 0 for field in fields_of(FrameHeader)) == HEADER_SIZE
    assert SESSION_ID_SIZE + COUNTER_SIZE + TAG_SIZE == PARTS_SIZE_MAX
    assert BODY_SIZE_MAX + HEADER_SIZE + PARTS_SIZE_MAX == MESSAGE_SIZE_MAX


def test_longest_message_when_cut_at_the_smallest_mtu_then_the_sequence_holds_it() -> None:
    assert len(Fragmenter(ATT_MTU_MIN).split(bytes(MESSAGE_SIZE_MAX))) <= FRAGMENT_COUNT_MAX


def test_fullest_occupied_list_when_encoded_then_a_sealed_message_holds_it() -> None:
    record = OccupiedRecord(
        kind=RecordKind.USER, index=1, sub_index=0, revision=1, digest=bytes(8)
    )
    page = OccupiedList(has_more=1, records=(record,) * OCCUPIED_PAGE_MAX)
    assert len(codec(OccupiedList).encode(page)) + ROOM <= BODY_SIZE_MAX


def test_fullest_log_page_when_encoded_then_a_sealed_message_holds_it() -> None:
    record = LogRecord(
        index=1,
        utc_s=1,
        event=LogEvent.ALARM,
        source=OperationSource.KEYPAD,
        detail=0,
        clock_quality=ClockQuality.TRUSTED,
        user_index=0,
        credential_index=0,
        chain=bytes(4),
    )
    assert len(codec(LogRecord).encode(record)) == 20
    page = LogPage(oldest_index=1, next_index=2, records=(record,) * LOG_PAGE_MAX)
    assert len(codec(LogPage).encode(page)) + ROOM <= BODY_SIZE_MAX
