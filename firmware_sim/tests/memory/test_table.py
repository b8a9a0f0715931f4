"""The table of records does what a dict with sorted keys does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.memory.records import Record
from firmware_sim.memory.table import RecordTable
from protocols.doorlock.digest import HolidayContent, RecordKey, UserContent, memory_digest
from protocols.doorlock.vocabulary import OperatingMode, RecordKind, UserStatus, UserType

USER = RecordKind.USER
# Indices on both sides of a byte: their order in bytes is that of the numbers only big-endian.
indices = st.sampled_from([1, 2, 255, 256, 257, 65_535])
revisions = st.integers(1, 0xFFFF_FFFF)


def _user(index: int, revision: int, name: str) -> Record:
    content = UserContent(
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.UNRESTRICTED_USER,
        user_name=name,
    )
    return Record.of(RecordKey(USER, index, 0), revision, content)


def _holiday(index: int, revision: int) -> Record:
    content = HolidayContent(start_s=1, end_s=2, operating_mode=OperatingMode.PASSAGE)
    return Record.of(RecordKey(RecordKind.HOLIDAY_SCHEDULE, index, 0), revision, content)


def _gone(kind: RecordKind, index: int, revision: int) -> Record:
    return Record.tombstone(RecordKey(kind, index, 0), revision)


records = st.lists(
    st.one_of(
        st.builds(_user, indices, revisions, st.text("ab", max_size=3)),
        st.builds(_holiday, indices, revisions),
        st.builds(_gone, st.sampled_from([USER, RecordKind.HOLIDAY_SCHEDULE]), indices, revisions),
    )
)


@given(records, indices)
def test_table_holds_what_a_dict_of_the_newest_records_holds(
    written: list[Record], index: int
) -> None:
    table = RecordTable()
    for record in written:
        table.put(record)
    newest = {record.key: record for record in written}
    ordered = [newest[key] for key in sorted(newest)]
    assert list(table.records()) == ordered
    assert len(table) == len(newest)
    key = RecordKey(USER, index, 0)
    assert table.get(key) == newest.get(key)
    held = newest.get(key)
    assert table.content_length(key) == (None if held is None else len(held.stored_content))
    assert list(table.records(after=key)) == [each for each in ordered if each.key > key]
    live = [each for each in ordered if each.key.kind is USER and each.content is not None]
    assert list(table.live(USER)) == live
    facts = ((each.key, each.revision, each.digest) for each in ordered)
    assert table.digest() == memory_digest(facts)
    again = RecordTable()
    again.put(_user(9, 1, "old"))
    again.replace(written)
    assert list(again.records()) == ordered
