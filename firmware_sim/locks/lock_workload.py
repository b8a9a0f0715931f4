"""What a gateway, people and time do to a lock, from a seed: for sweeps of power cuts.

Everything goes through the firmware, as on a bench: codes come, are used, are mistyped and go;
windows, holidays and the clock are set; the log is read; doors, plates and batteries are moved.
How many people there are, and how often which of it happens, differs from seed to seed. Before
it begins the lock has got old (`old_flash`), so that a few steps show what it meets in months.
"""

from __future__ import annotations

import dataclasses
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from firmware_sim.locks.firmware import LockFirmware
from firmware_sim.locks.old_flash import grow_old
from firmware_sim.locks.programming import pin_key, user_key
from firmware_sim.memory.flash_map import FlashArea
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.held_words import record_name
from protocols.doorlock.constraints import CodeRequest, request_violations
from protocols.doorlock.digest import RecordKey
from protocols.doorlock.schedule import DAY_MIN
from protocols.doorlock.vocabulary import (
    CredentialType,
    DaysMask,
    OperatingMode,
    RecordKind,
    UserStatus,
    UserType,
)
from protocols.profiles.profile import Profile
from protocols.strike import messages as m

# 2025-07-10T12:00:00Z, seconds since 2000: when all of this begins.
EPOCH_S: Final = 805_464_000
_HOUR_S: Final = 3_600
_DAY_S: Final = 24 * _HOUR_S
# Seconds from one step to the next: most come in a row, lockouts and terms end in between.
_PAUSES_S: Final = (5, 5, 5, 40, 600, 2 * _HOUR_S, _DAY_S)
# More people would show nothing that these do not, and every image has all of them in it.
_PEOPLE_MAX: Final = 40
# Bytes of flash that one of them takes: user, code and a schedule, with their entries.
_PERSON_BYTES: Final = 128
# Share of the room that people take: from, to.
_FULL: Final = (0.3, 0.9)
# Tries for digits that the brand accepts and nobody has.
_TRIES: Final = 100
_NAMES: Final = ("", "Ann", "Jane Doe", "0123456789")


@dataclasses.dataclass(frozen=True, slots=True)
class Deed:
    """One step of a workload.

    Attributes:
        what: In plain words, without digits of codes.
        do: Does it; it returns when the lock has answered.
    """

    what: str
    do: Callable[[], object]


class LockWorkload:
    """The life of one lock.

    Args:
        profile: The facts of its kind.
        firmware: What runs on it.
        memory: What that remembers.
        stream: Where all choices come from.
    """

    def __init__(
        self,
        profile: Profile,
        firmware: LockFirmware,
        memory: FlashMemory,
        stream: random.Random,
    ) -> None:
        self._profile = profile
        self._firmware = firmware
        self._memory = memory
        self._stream = stream
        self._now = 0.0
        self._revision = 0
        self._codes: dict[int, str] = {}
        self._slots = self._some_slots()
        kinds = self._kinds()
        self._kinds_drawn = tuple(kinds)
        self._weights = tuple(weight * stream.uniform(0.2, 1.0) for weight in kinds.values())

    def begin(self) -> None:
        """Give some people their codes, and let the lock get old."""
        share = self._stream.uniform(0.0, 1.0)
        for slot in self._slots:
            if self._stream.random() < share or slot == self._slots[0]:
                for deed in self._program(slot):
                    deed.do()
        grow_old(self._memory, self._stream)
        self._revision = max((record.revision for record in self._memory.records()), default=0)

    def steps(self, count: int) -> Iterator[Deed]:
        """So many steps; each must be done before the next one is asked for."""
        ahead: list[Deed] = []
        for _ in range(count):
            while not ahead:
                [kind] = self._stream.choices(self._kinds_drawn, self._weights)
                ahead = kind()
            self._now += self._stream.choice(_PAUSES_S)
            yield ahead.pop(0)

    def _kinds(self) -> dict[Callable[[], list[Deed]], float]:
        """What happens, and how often compared with the rest."""
        profile = self._profile
        kinds: dict[Callable[[], list[Deed]], float] = {
            self._set_clock: 1.0,
            self._read_log: 1.0,
            self._move_bolt: 0.5,
            self._handle_parts: 0.5,
            self._change_batteries: 0.3,
        }
        if profile.has_keypad:
            kinds |= {
                self._program: 2.0,
                self._revoke: 1.5,
                self._type_code: 3.0,
                self._mistype: 1.0,
            }
        if profile.holiday_count:
            kinds[self._set_holiday] = 0.5
        return kinds

    # --- programming ------------------------------------------------------------------------

    def _program(self, slot: int | None = None) -> list[Deed]:
        """Somebody gets a code, as a gateway writes it: user, schedules, credential."""
        slot = self._stream.choice(self._slots) if slot is None else slot
        revision, stream = self._next_revision(), self._stream
        user_type = stream.choice(self._profile.user_types)
        self._codes[slot] = code = self._new_code(slot)
        user = m.SetUser(
            user_index=slot,
            revision=revision,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=user_type,
            user_name=stream.choice(_NAMES)[: self._profile.user_name_bytes_max],
        )
        credential = m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=revision,
            user_index=slot,
            credential_data=code.encode(),
        )
        return [
            self._asked("set", user_key(slot), user),
            *self._schedules(slot, revision, user_type),
            self._asked("set", pin_key(slot), credential),
        ]

    def _schedules(self, slot: int, revision: int, user_type: UserType) -> Iterator[Deed]:
        profile, stream = self._profile, self._stream
        is_both = user_type is UserType.SCHEDULE_RESTRICTED_USER
        if profile.year_day_per_user and (is_both or user_type is UserType.YEAR_DAY_SCHEDULE_USER):
            step_s = profile.time_granularity_s
            start_s = (EPOCH_S + stream.randrange(30 * _DAY_S)) // step_s * step_s
            index = stream.randint(1, profile.year_day_per_user)
            yield self._asked(
                "set",
                RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, index),
                m.SetYearDaySchedule(
                    year_day_index=index,
                    user_index=slot,
                    revision=revision,
                    start_s=start_s,
                    end_s=start_s + stream.randint(1, 9) * max(step_s, _DAY_S),
                ),
            )
        if profile.week_day_per_user and (is_both or user_type is UserType.WEEK_DAY_SCHEDULE_USER):
            index = stream.randint(1, profile.week_day_per_user)
            yield self._asked(
                "set",
                RecordKey(RecordKind.WEEK_DAY_SCHEDULE, slot, index),
                m.SetWeekDaySchedule(
                    week_day_index=index,
                    user_index=slot,
                    revision=revision,
                    days_mask=stream.randint(1, DaysMask.ALL),
                    start_min=stream.randrange(DAY_MIN // 2),
                    end_min=stream.randint(DAY_MIN // 2, DAY_MIN),
                ),
            )

    def _revoke(self) -> list[Deed]:
        slot = self._stream.choice(self._slots)
        clear = m.ClearCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=self._next_revision(),
        )
        return [self._asked("clear", pin_key(slot), clear)]

    def _set_holiday(self) -> list[Deed]:
        index, revision = self._stream.randint(1, self._profile.holiday_count), self._revision + 1
        self._revision = revision
        key = RecordKey(RecordKind.HOLIDAY_SCHEDULE, index, 0)
        if self._memory.record(key) is not None and self._stream.random() < 1 / 2:
            clear = m.ClearHolidaySchedule(holiday_index=index, revision=revision)
            return [self._asked("clear", key, clear)]
        start_s = EPOCH_S + self._stream.randrange(90) * _DAY_S
        holiday = m.SetHolidaySchedule(
            holiday_index=index,
            revision=revision,
            local_start_s=start_s,
            local_end_s=start_s + _DAY_S,
            operating_mode=self._stream.choice((OperatingMode.NORMAL, OperatingMode.PASSAGE)),
        )
        return [self._asked("set", key, holiday)]

    def _set_clock(self) -> list[Deed]:
        """A statement of time: mostly right, at times some minutes off or with another offset."""
        off_s = self._stream.choice((0, 0, -90, 300))
        offset_min = self._stream.choice((0, 0, 60, -300))

        def state_time() -> None:
            utc_s = EPOCH_S + int(self._now) + off_s
            self._ask(m.SetTime(utc_s=utc_s, utc_offset_min=offset_min))

        return [Deed("set the clock", state_time)]

    def _read_log(self) -> list[Deed]:
        def read_to_the_end() -> None:
            index = self._memory.state.log_read_index
            while True:
                page = self._ask(m.ReadLog(from_index=index))
                index = page.records[-1].index + 1 if page.records else page.next_index
                if index >= page.next_index:
                    return

        return [Deed("read the log", read_to_the_end)]

    # --- at the door ------------------------------------------------------------------------

    def _type_code(self) -> list[Deed]:
        slot = self._stream.choice(list(self._codes))
        return [Deed(f"type the code of slot {slot}", self._typed(self._codes[slot]))]

    def _mistype(self) -> list[Deed]:
        """Wrong codes, at times enough in a row for a lockout."""
        limit = self._profile.lockout.wrong_code_limit
        count = self._stream.choice((1, 1, 2, limit + 1))
        return [Deed("type a wrong code", self._typed(self._new_code(0))) for _ in range(count)]

    def _move_bolt(self) -> list[Deed]:
        what, message = self._stream.choice(
            (("throw the bolt", m.LockDoor()), ("withdraw the bolt", m.UnlockDoor()))
        )
        return [Deed(what, functools.partial(self._ask, message))]

    def _handle_parts(self) -> list[Deed]:
        hardware = self._firmware.hardware
        if self._stream.random() < 1 / 2:
            return [
                Deed("open the door", lambda: hardware.open_door(self._now)),
                Deed("close the door", lambda: hardware.close_door(self._now)),
            ]
        return [
            Deed("take the plate off", lambda: hardware.remove_escutcheon(True, self._now)),
            Deed("put the plate back", lambda: hardware.remove_escutcheon(False, self._now)),
        ]

    def _change_batteries(self) -> list[Deed]:
        def change() -> None:
            self._firmware.power(False, self._now)
            self._firmware.power(True, self._now + 1.0)

        return [Deed("change the batteries", change)]

    # --- inside -----------------------------------------------------------------------------

    def _some_slots(self) -> tuple[int, ...]:
        """The slots that people use: as many as there is room for, anywhere in the lock."""
        flash_map = self._memory.flash_map
        room = flash_map.size(FlashArea.NVS) - flash_map.sector_bytes
        most = int(room * self._stream.uniform(*_FULL)) // _PERSON_BYTES
        count = min(max(1, most), _PEOPLE_MAX, self._profile.pin_slot_count)
        return tuple(
            sorted(self._stream.sample(range(1, self._profile.pin_slot_count + 1), count))
        )

    def _new_code(self, slot: int) -> str:
        """Digits that the lock takes, and that nobody has."""
        profile, stream = self._profile, self._stream
        others = {code for other, code in self._codes.items() if other != slot}
        code = ""
        for _ in range(_TRIES):
            code = "".join(stream.choices("0123456789", k=stream.choice(profile.code_lengths)))
            request = CodeRequest(
                code=code, other_codes=others, is_same_length=profile.same_length
            )
            rules = (profile.code_lengths, profile.code_constraints)
            if code not in others and not request_violations(request, *rules):
                break
        return code

    def _asked(self, verb: str, key: RecordKey, message: Any) -> Deed:
        return Deed(f"{verb} {record_name(key)}", functools.partial(self._ask, message))

    def _ask(self, message: Any) -> Any:
        return self._firmware.handle(message, self._now)

    def _typed(self, code: str) -> Callable[[], object]:
        digits = code + ("#" if self._profile.variable_code_length else "")
        return lambda: self._firmware.enter(digits, self._now)

    def _next_revision(self) -> int:
        self._revision += 1
        return self._revision
