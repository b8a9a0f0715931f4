"""Enums for the wire: an unknown value is kept, compared and sent on, never an exception."""

from __future__ import annotations

import enum
from typing import Self


class OpenIntEnum(enum.IntEnum):
    """An IntEnum that answers an unknown number with a nameless pseudo-member.

    A peer with a newer revision of a standard sends values that we do not know yet. Such a value
    keeps its number, so it can be logged and encoded again, and equals only itself.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or value < 0:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value:#04x}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """True for a value that the declaration names."""
        return self._name_ in type(self)._member_map_
