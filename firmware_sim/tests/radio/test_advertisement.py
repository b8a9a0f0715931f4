from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import ValueTooLong
from firmware_sim.radio.advertisement import (
    AdvertisedData,
    lock_advertisement,
    name_response,
    uuid_text,
)

UUID = "6d1f0001-8e3a-4b57-9c42-d05b7e91a3c6"


def parsed(*parts: bytes) -> AdvertisedData:
    data = AdvertisedData()
    for part in parts:
        data.add(part)
    return data


def test_lock_advertisement_when_full_then_it_is_31_octets_and_reads_back() -> None:
    data = lock_advertisement(UUID, 0xFFFF, bytes(range(6)))
    assert len(data) == 31
    found = parsed(data, name_response("Front door"))
    assert found.service_uuids == [UUID]
    assert found.manufacturer_data == {0xFFFF: bytes(range(6))}
    assert found.name == "Front door"
    assert found.structures[0] == (0x01, b"\x06")


def test_lock_advertisement_when_too_long_then_it_is_refused() -> None:
    with pytest.raises(ValueTooLong) as error:
        lock_advertisement(UUID, 0xFFFF, bytes(7))
    assert (error.value.length, error.value.length_max) == (32, 31)


@pytest.mark.parametrize(
    ("name", "told"),
    [("n" * 29, "n" * 29), ("n" * 30, "n" * 29), ("ö" * 15, "ö" * 14), ("", "")],
)
def test_name_when_long_then_it_is_cut_between_characters(name: str, told: str) -> None:
    response = name_response(name)
    assert len(response) <= 31
    assert parsed(response).name == told


def test_facts_when_of_every_kind_then_all_are_found() -> None:
    found = parsed(
        bytes([3, 0x02, 0x0F, 0x18]),
        bytes([5, 0x05]) + b"\x0a\x18\x00\x00",
        bytes([5, 0x16, 0x0F, 0x18]) + b"\x63\x64",
        bytes([17, 0x21]) + bytes(range(16)),
        bytes([2, 0x0A, 0xF4]),
        bytes([2, 0x08]) + b"s",
        bytes([3, 0x03, 0x0F, 0x18]),
    )
    assert found.service_uuids == [uuid_text(b"\x0f\x18"), uuid_text(b"\x0a\x18\x00\x00")]
    assert found.service_data == {
        "0000180f-0000-1000-8000-00805f9b34fb": b"\x63\x64",
        "0f0e0d0c-0b0a-0908-0706-050403020100": b"",
    }
    assert found.tx_power_dbm == -12
    assert found.name == "s"


def test_names_when_a_short_and_a_whole_one_come_then_the_whole_one_counts() -> None:
    assert parsed(b"\x02\x09w", b"\x02\x08s").name == "w"
    assert parsed(b"\x02\x08s", b"\x02\x09w").name == "w"


@given(st.binary(max_size=40))
def test_data_when_malformed_then_nothing_is_raised(data: bytes) -> None:
    found = parsed(data)
    assert sum(len(value) + 2 for _, value in found.structures) <= len(data)
