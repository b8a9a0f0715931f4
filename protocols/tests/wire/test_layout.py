from __future__ import annotations

import traceback
from typing import Any

import pytest

from protocols.doorlock.vocabulary import CredentialType, RecordKind
from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.strike.messages import (
    OccupiedList,
    OccupiedRecord,
    SetCredential,
    SetTime,
    SetUser,
)
from protocols.wire.layout import Tlv, codec

PIN = "4938201"


def credential(data: Any) -> SetCredential:
    return SetCredential(
        credential_type=CredentialType.PIN,
        credential_index=7,
        revision=3,
        user_index=7,
        credential_data=data,
    )


def test_codec_when_asked_again_is_the_same() -> None:
    assert codec(SetUser) is codec(SetUser)


def test_encode_of_a_known_message_gives_known_bytes() -> None:
    message = credential(PIN.encode())
    wire = bytes.fromhex("01 0700 03000000 0700 07 34393338323031")
    assert codec(SetCredential).encode(message) == wire
    assert codec(SetCredential).decode(wire) == message


def test_extensions_of_unknown_tags_are_kept() -> None:
    wire = bytes.fromhex("00000000 c4ff 05 02 abcd 9f 00")
    value = codec(SetTime).decode(wire)
    assert value.utc_offset_min == -60
    assert value.extensions == (Tlv(tag=5, value=b"\xab\xcd"), Tlv(tag=0x9F, value=b""))
    assert codec(SetTime).encode(value) == wire


@pytest.mark.parametrize(
    ("wire", "place", "offset"),
    [
        ("0700 0300", "StreamError in revision", 4),
        ("0700 03000000 01 01 05 4a616e", "StreamError in user_name", 12),
        ("0700 03000000 01 01 02 c328", "StringError", None),
        ("0700 03000000 01 01 00 01", "TerminatedError", 9),
        ("0700 03000000 01 01 00 01 02 03", "TerminatedError", 9),
    ],
)
def test_decode_when_bytes_are_wrong_says_what_and_where(
    wire: str, place: str, offset: int | None
) -> None:
    data = bytes.fromhex(wire)
    with pytest.raises(MalformedFrame) as caught:
        codec(SetUser).decode(data)
    assert caught.value.reason == f"not a SetUser: {place}"
    assert caught.value.offset == offset
    assert caught.value.raw_length == len(data)


def test_decode_when_a_listed_record_is_cut_names_its_field() -> None:
    with pytest.raises(MalformedFrame, match=r"StreamError in records\.items\.revision at byte 8"):
        codec(OccupiedList).decode(bytes.fromhex("00 01 01 0100 00 0300"))


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"digest": b"short"}, "StreamError in records.items.digest"),
        ({"index": 65536}, "FormatFieldError in records.items.index"),
        ({"kind": "USER"}, "FormatFieldError in records.items.kind"),
    ],
)
def test_encode_when_a_value_does_not_fit_names_its_field(
    record: dict[str, Any], place: str
) -> None:
    right = {"kind": RecordKind.USER, "index": 1, "sub_index": 0, "revision": 1}
    wrong = OccupiedRecord(**{**right, "digest": bytes(8), **record})
    with pytest.raises(LocalProtocolError) as caught:
        codec(OccupiedList).encode(OccupiedList(has_more=0, records=(wrong,)))
    assert str(caught.value) == f"a OccupiedList does not fit its layout: {place}"


def test_encode_when_value_is_of_another_class_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="TypeError"):
        codec(SetUser).encode(credential(b""))  # type: ignore[arg-type] # a wrong value on purpose


@pytest.mark.parametrize("data", [PIN, memoryview(PIN.encode()), [PIN], PIN.encode() * 40])
def test_encode_error_never_shows_the_credential(data: Any) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        codec(SetCredential).encode(credential(data))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert PIN not in "".join(traceback.format_exception(caught.value))


def test_decode_error_never_shows_the_credential() -> None:
    wire = codec(SetCredential).encode(credential(PIN.encode()))
    with pytest.raises(MalformedFrame) as caught:
        codec(SetCredential).decode(wire[:-1])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert PIN[:-1] not in "".join(traceback.format_exception(caught.value))
    assert PIN not in repr(codec(SetCredential).decode(wire))
