"""Tags of the optional fields that a message's `extensions` may carry."""

from __future__ import annotations

import enum


class CredentialStatusTag(enum.IntEnum):
    """Optional fields of `CredentialStatus`.

    CREDENTIAL_DATA is there where a lock of that kind reads codes back: the digits, as many mask
    characters as the code has digits, or nothing where it says only that there is one. A lock
    whose codes are write-only leaves it out. The slot is occupied in all these cases.
    """

    CREDENTIAL_DATA = 0x01
