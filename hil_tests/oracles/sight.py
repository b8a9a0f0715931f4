"""What a judge sees of a lock at one moment: what it holds, its parts, and what kind it is.

A lock that keeps its PINs hashed shows none. It does tell the content digest of each slot, to
whoever lists its memory, so who knows a code knows the slot: the digest is laid out here once
more, by hand, from the protocol's reference page.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import struct
from collections.abc import Mapping

from firmware_sim.locks.lock_hardware import HardwareView
from firmware_sim.memory.view import MemoryView, SlotView
from hil_tests.bench import Bench
from protocols.doorlock.vocabulary import RecordKind
from protocols.profiles.parser import Profile

# Kind, index and sub index of a record's key: a credential is kind 2, a PIN sub index 1.
_KEY = struct.Struct("<BHB")
_PIN_KEY = (2, 1)
# User and length, before the digits.
_CONTENT = struct.Struct("<HB")
_DIGEST_BYTES = 8


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look at a lock.

    Attributes:
        memory: What it holds; without its log.
        hardware: What is so at its parts.
        digests: The content digest of each PIN slot, 8 bytes, as ListOccupied tells it.
        profile: The facts of its kind.
        is_running: False while it has no power, hangs or boots.
    """

    memory: MemoryView
    hardware: HardwareView
    digests: Mapping[int, bytes]
    profile: Profile
    is_running: bool

    @property
    def shown(self) -> dt.datetime:
        """What its clock shows, to the second."""
        return at(self.memory.clock.now)

    def holder(self, code: str) -> SlotView | None:
        """The slot that holds a code; None when none does."""
        for slot in self.memory.slots:
            if slot.code == code or (slot.is_code_hashed and self._is_hash_of(slot, code)):
                return slot
        return None

    def _is_hash_of(self, slot: SlotView, code: str) -> bool:
        # Without its user, which no request can leave behind, the digest can't be worked out.
        return slot.user is not None and self.digests[slot.slot] == pin_digest(
            slot.slot, slot.user.index, code
        )


def look_at(bench: Bench, device: str) -> Sight:
    """Look at a device of a bench.

    Raises:
        UnknownDevice: When there is no such device.
    """
    subject, now = bench.device(device), bench.world.now
    firmware = subject.firmware
    return Sight(
        memory=firmware.view(now, log_tail=0),
        hardware=firmware.hardware.view(now),
        digests={
            record.key.index: record.digest
            for record in firmware.memory.live(RecordKind.CREDENTIAL)
        },
        profile=subject.spec.profile,
        is_running=firmware.is_running,
    )


def pin_digest(slot: int, user_index: int, code: str) -> bytes:
    """The content digest of a PIN in a slot, 8 bytes."""
    kind, sub_index = _PIN_KEY
    digits = code.encode()
    content = _CONTENT.pack(user_index, len(digits)) + digits
    whole = _KEY.pack(kind, slot, sub_index) + content
    return hashlib.sha256(whole).digest()[:_DIGEST_BYTES]


def at(instant: str) -> dt.datetime:
    """An instant of a view or of the API."""
    return dt.datetime.fromisoformat(instant)
