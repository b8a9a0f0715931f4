"""What one memory record holds, and the device state kept beside the records.

Contents are keyed by `RecordKey` (kind, index, sub-index), carry the revision they were written
with, and leave a tombstone with the revision that cleared them (DESIGN D21).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from firmware_sim.hardware.battery import BatteryPack
from firmware_sim.hardware.bolt import Bolt
from firmware_sim.hardware.door import Door
from firmware_sim.hardware.rtc import RtcState
from firmware_sim.memory.record_layout import RecordForm
from protocols.doorlock.digest import (
    TOMBSTONE_DIGEST,
    CredentialContent,
    HolidayContent,
    RecordKey,
    UserContent,
    WeekDayContent,
    YearDayContent,
    content_digest,
)
from protocols.doorlock.vocabulary import BatteryLevel, DoorState, RecordKind
from protocols.errors import MalformedFrame
from protocols.wire.layout import U16, U32, Bytes8, Bytes16, Codec, codec, message


@message
class HashedCredentialContent:
    """What a lock that keeps its PINs hashed stores of a credential (DESIGN D21).

    Attributes:
        user_index: Whose.
        pin_hash: Salted hash of the PIN (`firmware_sim.memory.pins`).
        digest: Content digest of the credential with its digits, which a lock has to tell and
            can't work out from the hash.
    """

    user_index: U16
    pin_hash: Bytes16 = dataclasses.field(repr=False)
    digest: Bytes8 = dataclasses.field(repr=False)


# The canonical contents of the digest are what is stored: one description of each (DESIGN D3).
# Only a hashed PIN has a content of its own.
Content: TypeAlias = (
    UserContent
    | CredentialContent
    | HashedCredentialContent
    | YearDayContent
    | WeekDayContent
    | HolidayContent
)

_CODECS: Final[Mapping[tuple[RecordKind, RecordForm], Codec[Any]]] = MappingProxyType(
    {
        (RecordKind.USER, RecordForm.CLEAR): codec(UserContent),
        (RecordKind.CREDENTIAL, RecordForm.CLEAR): codec(CredentialContent),
        (RecordKind.CREDENTIAL, RecordForm.HASHED): codec(HashedCredentialContent),
        (RecordKind.YEAR_DAY_SCHEDULE, RecordForm.CLEAR): codec(YearDayContent),
        (RecordKind.WEEK_DAY_SCHEDULE, RecordForm.CLEAR): codec(WeekDayContent),
        (RecordKind.HOLIDAY_SCHEDULE, RecordForm.CLEAR): codec(HolidayContent),
    }
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the memory, or the tombstone of one.

    Attributes:
        key: Kind, index and sub-index.
        revision: Of the write or the clear that made it; 1 or more.
        content: None for a tombstone.
        digest: Content digest (8 bytes); all zero for a tombstone.
    """

    key: RecordKey
    revision: int
    content: Content | None
    digest: bytes

    @staticmethod
    def of(key: RecordKey, revision: int, content: Content) -> Record:
        """A live record."""
        if isinstance(content, HashedCredentialContent):
            digest = content.digest
        else:
            digest = content_digest(key, _CODECS[key.kind, RecordForm.CLEAR].encode(content))
        return Record(key=key, revision=revision, content=content, digest=digest)

    @staticmethod
    def tombstone(key: RecordKey, revision: int) -> Record:
        """What a clear leaves."""
        return Record(key=key, revision=revision, content=None, digest=TOMBSTONE_DIGEST)

    @staticmethod
    def stored(key: RecordKey, revision: int, form: RecordForm, data: bytes) -> Record:
        """A record from its stored content.

        Raises:
            MalformedFrame: When these bytes are no content of that kind and form.
            KeyError: When there is no such kind, or no such form of it.
        """
        if form is RecordForm.TOMBSTONE:
            if data:
                raise MalformedFrame("a tombstone has no content")
            return Record.tombstone(key, revision)
        return Record.of(key, revision, _CODECS[key.kind, form].decode(data))

    @staticmethod
    def kept(
        key: RecordKey, revision: int, form: RecordForm, data: bytes, digest: bytes
    ) -> Record:
        """A record from its stored content and digest, both known to be right."""
        content = None if form is RecordForm.TOMBSTONE else _CODECS[key.kind, form].decode(data)
        return Record(key=key, revision=revision, content=content, digest=digest)

    @property
    def form(self) -> RecordForm:
        """How the content is kept."""
        if self.content is None:
            return RecordForm.TOMBSTONE
        is_hashed = isinstance(self.content, HashedCredentialContent)
        return RecordForm.HASHED if is_hashed else RecordForm.CLEAR

    @property
    def stored_content(self) -> bytes:
        """Bytes of the content as stored, empty for a tombstone; in clear it holds the PIN."""
        if self.content is None:
            return b""
        return _CODECS[self.key.kind, self.form].encode(self.content)

    def is_same(self, other: Record) -> bool:
        """True when both hold the same content, or are both tombstones."""
        return self.content == other.content


@message
class FirstUse:
    """When the code of an expiring user opened for the first time.

    Attributes:
        credential_index: Slot of the code.
        credential_revision: Of the code that opened: another code begins another life.
        used_s: UTC seconds since 2000, by the lock's own clock.
    """

    credential_index: U16
    credential_revision: U32
    used_s: U32


# Values, so new locks share them.
_NEW_BOLT: Final = Bolt()
_CLOSED_DOOR: Final = Door()
_FRESH_CELLS: Final = BatteryPack()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """Everything persistent that is not a record and not the log.

    Attributes:
        clock: The anchor of the RTC.
        bolt: Position of the bolt and runs of its motor.
        is_powered: False while main power is cut.
        wrong_codes: Wrong codes since the last success or lockout.
        lockouts: Lockouts since the last success: each doubles the next.
        lockout_until_us: End of the lockout on the device's own clock, microseconds since 2000;
            0 = none. It is cleared by the first entry after it.
        forgiven_codes: Wrong codes that codes that opened have forgiven in the present term.
        strict_until_us: End of that term on the device's own clock, microseconds since 2000; 0 =
            none. Until then forgiveness is limited, and lockouts keep their length.
        first_uses: First uses of the codes of expiring users, by slot.
        told_door: What the log says of the door.
        told_battery: What the log says of the battery.
        is_tamper_told: True when the log says that the escutcheon is off.
        is_privacy_told: True when the log says that the lock is in privacy mode.
        log_read_index: First log index that nobody has read yet.
        news_index: One past the last log record that is news to a reader; memory keeps it in step
            with the log.
        highest_s: The highest accepted time, rounded down to an hour, UTC seconds since 2000.
        statement_s: The last accepted statement of time, UTC seconds since 2000; 0 = none.
        door: The door.
        battery: The battery pack.
        is_escutcheon_off: True while the outer plate is off.
        is_privacy_thrown: True while the privacy deadbolt is thrown from inside.
        relock_at_us: True instant at which the bolt is to be thrown again, microseconds since
            2000; 0 = never. One that has passed waits for the door to be closed.
    """

    clock: RtcState
    bolt: Bolt = _NEW_BOLT
    is_powered: bool = True
    wrong_codes: int = 0
    lockouts: int = 0
    lockout_until_us: int = 0
    log_read_index: int = 0
    news_index: int = 0
    highest_s: int = 0  # flash: a clock that went back is known by it
    statement_s: int = 0  # flash: an old statement is known by it
    forgiven_codes: int = 0  # flash
    strict_until_us: int = 0  # flash
    first_uses: tuple[FirstUse, ...] = ()  # flash
    told_door: DoorState = DoorState.DOOR_CLOSED  # flash
    told_battery: BatteryLevel = BatteryLevel.OK  # flash
    is_tamper_told: bool = False  # flash
    is_privacy_told: bool = False  # flash
    door: Door = _CLOSED_DOOR  # hardware
    battery: BatteryPack = _FRESH_CELLS  # hardware
    is_escutcheon_off: bool = False  # hardware
    is_privacy_thrown: bool = False  # hardware
    # Hardware: a timer of the processor, which a power cut stops. A lock that boots unlocked
    # starts it anew, so no flash needs to hold it.
    relock_at_us: int = 0
