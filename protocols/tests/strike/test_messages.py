from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedFrame
from protocols.strike import messages as module
from protocols.strike import schedules
from protocols.strike.messages import (
    EVENTS,
    MESSAGES,
    REPLIES,
    REPLY,
    REQUESTS,
    TYPE_NUMBERS,
    SetCredential,
)
from protocols.wire.layout import Tlv, codec, fields_of

BY_NAME = sorted(MESSAGES.values(), key=lambda kind: str(kind.__name__))


def test_registry_when_walked_then_every_number_lies_in_its_range() -> None:
    assert all(0x01 <= number < 0x40 for number in REQUESTS)
    assert all(0x40 <= number < 0x60 for number in EVENTS)
    assert all(number == REPLY or number & ~REPLY in REQUESTS for number in REPLIES)


def test_registry_when_walked_then_every_message_is_in_it_once() -> None:
    declared = {
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and item.__module__ in {module.__name__, schedules.__name__}
        and hasattr(item, "extensions")
    }
    assert declared == set(MESSAGES.values())
    assert len(TYPE_NUMBERS) == len(MESSAGES) == len(REQUESTS) + len(EVENTS) + len(REPLIES)


@pytest.mark.parametrize("kind", BY_NAME)
def test_message_when_declared_then_it_ends_with_skippable_extensions(kind: type[Any]) -> None:
    last = fields_of(kind)[-1]
    assert (last.name, last.word) == ("extensions", "Tlv records to the end")


def test_message_when_a_newer_peer_adds_a_field_then_an_older_one_still_reads_it() -> None:
    kind = MESSAGES[0x02]
    body = codec(kind).encode(kind()) + bytes.fromhex("7f03010203")
    assert codec(kind).decode(body).extensions == (Tlv(tag=0x7F, value=b"\x01\x02\x03"),)


def test_set_credential_when_shown_then_its_pin_is_not() -> None:
    body = bytes.fromhex("01 0300 01000000 0300 07 38333135343032")
    message = codec(SetCredential).decode(body)
    assert message.credential_data == b"8315402"
    assert "8315402" not in repr(message)


@given(data=st.data())
def test_message_when_encoded_then_it_decodes_to_itself(
    data: st.DataObject, messages: Any
) -> None:
    message = data.draw(messages.any_message)
    assert codec(type(message)).decode(codec(type(message)).encode(message)) == message


@given(st.sampled_from(BY_NAME), st.binary(max_size=80))
def test_message_when_any_bytes_are_decoded_then_they_encode_to_themselves_or_are_refused(
    kind: type[Any], body: bytes
) -> None:
    try:
        message = codec(kind).decode(body)
    except MalformedFrame:
        return
    assert codec(kind).encode(message) == body
