"""The checksums that the formats use, each with its parameters, check value and source.

The check value of a CRC is what it gives for the ASCII digits "123456789".
"""

from __future__ import annotations

import binascii
from typing import Final

# CRC-16/IBM-3740 starts with all bits set.
_IBM_3740_START: Final = 0xFFFF


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
