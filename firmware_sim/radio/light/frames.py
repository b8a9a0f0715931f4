"""What the two ends of a light connection tell one another beside the attribute protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# HCI error codes. Source: Bluetooth Core 5.4, Vol 1 Part F, 1.3.
SUCCESS: Final = 0x00
UNKNOWN_CONNECTION: Final = 0x02
KEYS_MISSING: Final = 0x06
REMOTE_USER_ENDED: Final = 0x13
POWER_OFF: Final = 0x15


@dataclass(frozen=True, slots=True)
class Encrypt:
    """The central wants an encrypted connection.

    Attributes:
        central: Whose keys they are.
        is_bonded: True when it has keys of an earlier pairing; else it pairs anew.
    """

    central: object
    is_bonded: bool


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The device's answer.

    Attributes:
        code: HCI error code; zero means that the connection is encrypted.
    """

    code: int
