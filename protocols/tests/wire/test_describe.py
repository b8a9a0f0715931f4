from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import construct as c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.doorlock.vocabulary import Status
from protocols.errors import MalformedFrame
from protocols.strike.messages import OccupiedList, OccupiedRecord, SetTime, SetUser, StatusReply
from protocols.wire.layout import FieldLayout, Tlv, codec, dissect, fields_of, message


def words(cls: type) -> dict[str, tuple[str, int | None]]:
    return {field.name: (field.word, field.size) for field in fields_of(cls)}


def test_fields_of_names_every_word() -> None:
    assert words(SetTime) == {
        "utc_s": ("u32", 4),
        "utc_offset_min": ("s16", 2),
        "extensions": ("Tlv records to the end", None),
    }
    assert words(OccupiedRecord)["kind"] == ("enum8 RecordKind", 1)
    assert words(OccupiedRecord)["digest"] == ("bytes[8]", 8)
    assert words(OccupiedList)["records"] == ("u8 count + OccupiedRecord records", None)
    assert words(Tlv)["value"] == ("u8 length + bytes", None)
    assert words(SetUser)["user_name"] == ("u8 length + UTF-8 text", None)


def test_fields_of_nested_and_foreign_words(zoo: dict[str, Any]) -> None:
    @message
    class Odd:
        number: Annotated[int, c.VarInt]
        text: Annotated[str, c.PaddedString(4, "utf8")]

    everything = words(zoo["Everything"])
    assert everything["big"] == ("u32be", 4)
    assert everything["color"] == ("enum16 Closed", 2)
    assert everything["framed"] == ("Framed", 6)
    assert everything["label"] == ("Label", None)
    assert everything["long"] == ("u16be length + bytes", None)
    assert words(Odd) == {"number": ("VarInt", None), "text": ("StringEncoded", 4)}


def test_dissect_gives_place_bytes_and_value_of_every_field() -> None:
    status, revision, extensions = dissect(StatusReply, bytes.fromhex("92 03000000 01 02 abcd"))
    assert status.layout == FieldLayout(name="status", word="enum8 Status", size=1)
    assert (status.offset, status.raw, status.value) == (0, b"\x92", Status.DATA_VERSION_MISMATCH)
    assert (revision.offset, revision.raw, revision.value) == (1, b"\3\0\0\0", 3)
    assert (extensions.offset, extensions.raw) == (5, bytes.fromhex("0102abcd"))
    assert extensions.value == (Tlv(tag=1, value=b"\xab\xcd"),)


@pytest.mark.parametrize(("wire", "offset"), [("92 0300", 1), ("92 03000000 01", 5), ("", 0)])
def test_dissect_when_bytes_are_wrong_names_the_place(wire: str, offset: int) -> None:
    with pytest.raises(MalformedFrame) as caught:
        dissect(StatusReply, bytes.fromhex(wire))
    assert caught.value.offset == offset


@settings(max_examples=10)
@given(data=st.data())
def test_dissected_fields_cover_the_message(
    every_message: type,
    values_of: Callable[[type], st.SearchStrategy[Any]],
    data: st.DataObject,
) -> None:
    value = data.draw(values_of(every_message))
    wire = codec(every_message).encode(value)
    parts = dissect(every_message, wire)
    assert b"".join(part.raw for part in parts) == wire
    assert every_message(**{part.layout.name: part.value for part in parts}) == value
