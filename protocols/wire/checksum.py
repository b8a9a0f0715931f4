"""The checksums that the formats use, each with its parameters, check value and source.

The check value of a CRC is what it gives for the ASCII digits "123456789".
"""

from __future__ import annotations

import binascii
from typing import Final

# CRC-16/IBM-3740 starts with all bits set.
_IBM_3740_START: Final = 0xFFFF

# What `crc32_le` of ESP's ROM and binascii both invert before the first bit.
_ESP_32_START: Final = 0xFFFFFFFF

# x^8 + x^2 + x + 1, without its highest term.
_CCITT_8: Final = 0x07


def _crc8_steps() -> tuple[int, ...]:
    """What eight shifts make of each register value."""
    steps = []
    for start in range(256):
        register = start
        for _ in range(8):
            register = (register << 1) ^ (_CCITT_8 if register & 0x80 else 0)
            register &= 0xFF
        steps.append(register)
    return tuple(steps)


_CRC8_STEPS: Final = _crc8_steps()


def crc8_ccitt(data: bytes) -> int:
    """CRC-8 with the CCITT polynomial, as Zephyr's NVS starts it; check value 0xFB.

    Polynomial 0x07, start 0xFF, not reflected, no final XOR.

    Source: Zephyr's `crc8_ccitt`, called with 0xFF by `nvs.c`.
    """
    register = 0xFF
    for byte in data:
        register = _CRC8_STEPS[register ^ byte]
    return register


def crc16_ibm3740(data: bytes) -> int:
    """CRC-16/IBM-3740, also called CCITT-FALSE; check value 0x29B1.

    Polynomial 0x1021, start 0xFFFF, not reflected, no final XOR.

    Source: the catalogue of parametrised CRC algorithms (reveng), entry CRC-16/IBM-3740.
    """
    return binascii.crc_hqx(data, _IBM_3740_START)


def crc32_ieee(data: bytes) -> int:
    """CRC-32 of IEEE 802.3, also called CRC-32/ISO-HDLC; check value 0xCBF43926.

    Polynomial 0x04C11DB7, start and final XOR 0xFFFFFFFF, reflected.

    Source: IEEE 802.3 3.2.9; the catalogue of parametrised CRC algorithms (reveng), entry
    CRC-32/ISO-HDLC.
    """
    return binascii.crc32(data)


def crc32_esp(data: bytes) -> int:
    """CRC-32 as ESP-IDF's NVS counts it; check value 0xD202D277.

    As `crc32_ieee`, but the register starts at 0. ESP-IDF passes 0xFFFFFFFF to a function that
    inverts it.

    Source: ESP-IDF's `nvs_page.cpp`, `crc32_le(0xffffffff, ...)`.
    """
    return binascii.crc32(data, _ESP_32_START)
