from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedFrame, RemoteProtocolError
from protocols.strike.explain import HIDDEN, ExplainedField, explain
from protocols.strike.fragment import Fragmenter
from protocols.strike.frame import Frame
from protocols.strike.limits import MESSAGE_SIZE_MAX
from protocols.strike.messages import TYPE_NUMBERS, GetInfo
from protocols.strike.worked_examples import EXAMPLES
from protocols.wire.layout import Tlv, codec

PIN_MESSAGE = EXAMPLES["SetCredential"].frame()
PIN_HEX = b"8315402".hex(" ")


def leaves(fields: tuple[ExplainedField, ...]) -> list[ExplainedField]:
    return [leaf for field in fields for leaf in field.leaves()]


def by_name(fields: tuple[ExplainedField, ...]) -> dict[str, ExplainedField]:
    return {leaf.name: leaf for leaf in leaves(fields)}


def frame_of(message: Any, transaction: int = 1) -> bytes:
    kind = type(message)
    return Frame(
        message_type=TYPE_NUMBERS[kind],
        transaction=transaction,
        body=codec(kind).encode(message),
    ).encode()


def test_explain_when_a_message_then_every_field_has_its_place_and_meaning() -> None:
    found = explain(PIN_MESSAGE)
    assert found.summary == "SetCredential, transaction 4, 21 bytes"
    assert found.fragments == ()
    named = by_name(found.message)
    assert named["message_type"].meaning == "SetCredential"
    index = named["credential_index"]
    assert (index.offset, index.length, index.raw_hex, index.meaning) == (5, 2, "03 00", "3")


def test_explain_when_a_credential_then_hidden_in_every_place() -> None:
    fragments = Fragmenter(23).split(PIN_MESSAGE)
    found = explain(fragments)
    data = by_name(found.message)["credential_data"]
    assert (data.raw_hex, data.meaning) == ("07 " + " ".join([HIDDEN] * 7), "7 bytes, hidden")
    assert [field.is_secret for field in found.fragments] == [True, True]
    # Neither the digits nor their bytes, in whole or in part, in what is shown or in a repr.
    everything = [*found.message, *found.fragments, *leaves(found.message + found.fragments)]
    shown = " ".join(f"{field.raw_hex} {field.meaning}" for field in everything)
    assert not any(f" {pair}" in shown for pair in ("38 33", "33 31", "35 34", "30 32"))
    assert "8315402" not in shown + repr(found)


def test_explain_when_revealed_then_the_credential_shows_and_is_still_marked() -> None:
    found = explain(Fragmenter(23).split(PIN_MESSAGE), reveal=True)
    data = by_name(found.message)["credential_data"]
    assert (data.raw_hex, data.meaning, data.is_secret) == (f"07 {PIN_HEX}", "'8315402'", True)
    assert [field.is_secret for field in found.fragments] == [True, True]
    assert "8315402" not in repr(found)


def test_explain_when_nothing_is_secret_then_nothing_is_marked() -> None:
    found = explain(Fragmenter(23).split(EXAMPLES["DeviceStatus"].frame()))
    assert not any(field.is_secret for field in found.message + found.fragments)


def test_explain_when_fragments_then_header_and_payload_of_each() -> None:
    first, last = explain(Fragmenter(23).split(PIN_MESSAGE)).fragments
    assert [leaf.meaning for leaf in first.leaves()] == [
        "first, sequence 0",
        "bytes 0 to 18 of the message",
    ]
    assert [leaf.meaning for leaf in last.leaves()] == [
        "last, sequence 1",
        "bytes 19 to 20 of the message",
    ]


def test_explain_when_one_fragment_holds_all_then_its_bytes_are_enough() -> None:
    (fragment,) = Fragmenter(185).split(PIN_MESSAGE)
    assert explain(fragment) == explain([fragment])
    assert explain(fragment).message == explain(PIN_MESSAGE).message


def test_explain_when_a_capture_begins_later_then_any_sequence_is_fine() -> None:
    fragmenter = Fragmenter(23)
    fragmenter.split(bytes(1000))
    fragments = fragmenter.split(PIN_MESSAGE)
    assert fragments[0][0] & 0x3F == 53
    assert explain(fragments).message == explain(PIN_MESSAGE).message


def test_explain_when_records_then_each_has_its_fields() -> None:
    body = bytes.fromhex("01 02" + "01 0300 00 01000000 1122334455667788" * 2)
    found = explain(bytes.fromhex("018e0700") + body)
    records = found.message[1].children[1]
    assert (records.name, records.meaning) == ("records", "2 records")
    assert [item.name for item in records.children] == [
        "count",
        "OccupiedRecord 1",
        "OccupiedRecord 2",
    ]
    assert [item.offset for item in records.children] == [5, 6, 22]
    assert records.children[2].children[1].meaning == "3"


def test_explain_when_an_unknown_extension_then_its_value_is_hidden() -> None:
    message = frame_of(GetInfo(extensions=(Tlv(tag=9, value=b"secret"),)))
    tag, value = leaves(explain(message).message)[-2:]
    assert (tag.raw_hex, tag.meaning) == ("09", "9")
    assert (value.raw_hex, value.is_secret) == ("06" + f" {HIDDEN}" * 6, True)
    assert leaves(explain(message, reveal=True).message)[-1].meaning == "'secret'"


def test_explain_when_the_type_is_unknown_then_the_body_is_hidden_but_counted() -> None:
    found = explain(bytes.fromhex("013f0100aabb"))
    assert found.summary == "unknown message, transaction 1, 6 bytes"
    assert found.message[1].raw_hex == f"{HIDDEN} {HIDDEN}"
    assert explain(bytes.fromhex("013f0100aabb"), reveal=True).message[1].raw_hex == "aa bb"
    assert len(explain(bytes.fromhex("013f0100")).message) == 1


def test_explain_when_sealed_then_the_parts_are_told_and_the_body_is_not_read() -> None:
    frame = Frame(
        message_type=5, transaction=1, body=b"\xaa\xbb", session_id=7, counter=513, tag=bytes(8)
    )
    found = explain(frame.encode())
    assert [(item.name, item.offset, item.length) for item in found.message] == [
        ("header", 0, 4),
        ("session_id", 4, 1),
        ("counter", 5, 2),
        ("body", 7, 2),
        ("tag", 9, 8),
    ]
    assert found.message[3].meaning == "sealed"
    assert found.message[2].meaning == "513, the low 16 bits of the sender's counter"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "there are no bytes to explain"),
        ([], "neither a message of version 1 nor the first fragment of one"),
        ([b""], "neither a message of version 1 nor the first fragment"),
        (b"\x02\x02\x01\x00", "neither a message of version 1 nor the first fragment"),
        ([b"\x01abc"], "neither a message of version 1 nor the first fragment"),
        (b"\x80\x01\x02", "the last fragment of the message is missing"),
        (b"\xc0", "a fragment carries no byte"),
        ([b"\xc0\x01\x02\x01\x00", b"\xc1\x01\x02\x01\x00"], "a fragment follows the last one"),
        ([b"\x80\x01\x02", b"\x42\x01\x00"], "1 fragments are missing"),
        ([b"\x80\x01\x02", b"\x80\x01\x02"], "a fragment came twice or late"),
        (b"\x01\x02", "shorter than the common header"),
        (b"\x01\x02\x01\xf0", "unknown flags at byte 3"),
        (b"\xc0\x02\x02\x01\x00", "another protocol version"),
        (b"\x01\x03\x01\x00", "not a SetTime at byte 4"),
        (b"\x01\x03\x01\x00\x01\x02\x03\x04", "not a SetTime at byte 8"),
    ],
)
def test_explain_when_no_strike_message_then_a_clear_error(
    data: bytes | list[bytes], sentence: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=sentence):
        explain(data)


def test_explain_when_too_long_then_refused_by_its_size() -> None:
    fragment = b"\xc0\x01" + bytes(MESSAGE_SIZE_MAX)
    with pytest.raises(RemoteProtocolError, match="too long"):
        explain(fragment)


@given(data=st.data(), mtu=st.integers(23, 517), reveal=st.booleans())
def test_explain_when_any_message_then_the_leaves_are_all_of_its_bytes(
    data: st.DataObject, mtu: int, messages: Any, *, reveal: bool
) -> None:
    message = data.draw(messages.any_message)
    wire = frame_of(message)
    fragments = Fragmenter(mtu).split(wire)
    found = explain(fragments, reveal=reveal)
    at = 0
    for leaf in leaves(found.message):
        assert (leaf.offset, leaf.length) == (at, len(leaf.digits))
        at += leaf.length
    assert at == len(wire)
    shown = [pair for field in found.message for pair in field.digits]
    for pair, byte in zip(shown, wire, strict=True):
        assert pair == f"{byte:02x}" or (pair == HIDDEN and not reveal)
    assert [pair for field in found.fragments for pair in field.digits] == [
        pair
        for fragment, start in zip(
            fragments, range(0, len(wire), len(fragments[0]) - 1), strict=True
        )
        for pair in (f"{fragment[0]:02x}", *shown[start : start + len(fragment) - 1])
    ]
    for field in (*found.message, *found.fragments):
        assert field.meaning.isprintable()


@given(st.one_of(st.binary(max_size=200), st.lists(st.binary(max_size=30), max_size=5)))
def test_explain_when_given_garbage_then_only_the_error_tree(data: bytes | list[bytes]) -> None:
    try:
        found = explain(data)
    except RemoteProtocolError:
        return
    assert found.message


@given(st.sampled_from(sorted(TYPE_NUMBERS.values())), st.binary(max_size=120))
def test_explain_when_garbage_follows_a_good_header_then_all_bytes_or_the_error_tree(
    number: int, body: bytes
) -> None:
    try:
        found = explain(bytes((1, number, 1, 0)) + body)
    except MalformedFrame:
        return
    assert sum(field.length for field in found.message) == 4 + len(body)
