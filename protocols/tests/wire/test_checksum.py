from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.wire.checksum import crc8_ccitt, crc16_ibm3740, crc32_esp, crc32_ieee

CHECK = b"123456789"


def bitwise_crc8(data: bytes) -> int:
    """The definition, bit by bit."""
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register << 1) ^ (0x07 if register & 0x80 else 0)
        register &= 0xFF
    return register


def bitwise_crc16(data: bytes) -> int:
    """The definition, bit by bit."""
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1) ^ (0x1021 if register & 0x8000 else 0)
        register &= 0xFFFF
    return register


def bitwise_crc32(data: bytes, start: int = 0xFFFFFFFF) -> int:
    """The definition, bit by bit, reflected."""
    register = start
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_checksums_give_their_check_values() -> None:
    assert crc8_ccitt(CHECK) == 0xFB
    assert crc16_ibm3740(CHECK) == 0x29B1
    assert crc32_ieee(CHECK) == 0xCBF43926
    assert crc32_esp(CHECK) == 0xD202D277


def test_checksums_of_nothing() -> None:
    assert crc8_ccitt(b"") == 0xFF
    assert crc16_ibm3740(b"") == 0xFFFF
    assert crc32_ieee(b"") == 0
    assert crc32_esp(b"") == 0xFFFFFFFF


@given(st.binary(max_size=64))
def test_checksums_agree_with_their_definition(data: bytes) -> None:
    assert crc8_ccitt(data) == bitwise_crc8(data)
    assert crc16_ibm3740(data) == bitwise_crc16(data)
    assert crc32_ieee(data) == bitwise_crc32(data)
    assert crc32_esp(data) == bitwise_crc32(data, start=0)


@pytest.mark.parametrize("position", range(8 * len(CHECK)))
def test_checksums_see_any_single_bit(position: int) -> None:
    damaged = bytearray(CHECK)
    damaged[position // 8] ^= 1 << position % 8
    assert crc8_ccitt(bytes(damaged)) != 0xFB
    assert crc16_ibm3740(bytes(damaged)) != 0x29B1
    assert crc32_ieee(bytes(damaged)) != 0xCBF43926
    assert crc32_esp(bytes(damaged)) != 0xD202D277
