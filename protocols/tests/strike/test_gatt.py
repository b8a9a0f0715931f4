from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, MalformedFrame
from protocols.strike import gatt
from protocols.strike.gatt import Advertisement, profile_hint


def test_uuids_when_compared_then_they_are_three_of_one_family() -> None:
    uuids = [gatt.SERVICE_UUID, gatt.COMMAND_UUID, gatt.EVENT_UUID]
    assert len(set(uuids)) == 3
    assert len({item[:4] + item[8:] for item in uuids}) == 1
    # Lower case and version 4, as bleak compares them.
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", item) for item in uuids)
    assert all(item[14] == "4" and item[19] in "89ab" for item in uuids)


@given(
    st.builds(
        Advertisement,
        has_news=st.booleans(),
        profile_hint=st.integers(0, 0xFFFF),
        log_next_low=st.integers(0, 0xFFFF),
    )
)
def test_advertisement_when_encoded_then_it_decodes_to_itself(sent: Advertisement) -> None:
    assert Advertisement.decode(sent.encode()) == sent


def test_advertisement_when_encoded_then_the_31_octets_are_full() -> None:
    data = Advertisement(has_news=True, profile_hint=0x0201, log_next_low=0x1_0304).encode()
    assert data.hex(" ") == "01 01 01 02 04 03"
    # Flags, complete list of 128-bit UUIDs, manufacturer data: length and type each.
    assert (2 + 1) + (2 + 16) + (2 + 2 + len(data)) == 31


def test_advertisement_when_a_newer_lock_sets_more_flags_then_they_are_ignored() -> None:
    assert not Advertisement.decode(bytes.fromhex("01fe00000000")).has_news


@pytest.mark.parametrize("text", ["", "01", "0101010204", "01010102040300", "020101020403"])
def test_advertisement_when_not_ours_then_refused(text: str) -> None:
    with pytest.raises(MalformedFrame):
        Advertisement.decode(bytes.fromhex(text))


def test_advertisement_when_a_value_does_not_fit_then_local_error() -> None:
    with pytest.raises(LocalProtocolError):
        Advertisement(has_news=False, profile_hint=65_536, log_next_low=0).encode()


def test_profile_hint_when_profiles_differ_then_it_differs() -> None:
    hints = {profile_hint(name) for name in ("latch-m", "generic-native", "generic-jit")}
    assert len(hints) == 3
    assert all(0 <= hint <= 0xFFFF for hint in hints)
    # The first two bytes of SHA-256("latch-m"), little-endian.
    assert profile_hint("abc") == int.from_bytes(bytes.fromhex("ba78"), "little")
