"""What digests are made of is what the protocol sends (DESIGN D21)."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.digest import (
    RecordKey,
    credential_content,
    holiday_content,
    memory_digest,
    user_content,
    week_day_content,
    year_day_content,
)
from protocols.doorlock.vocabulary import (
    CredentialType,
    OperatingMode,
    RecordKind,
    UserStatus,
    UserType,
)
from protocols.strike.messages import (
    SetCredential,
    SetHolidaySchedule,
    SetUser,
    SetWeekDaySchedule,
    SetYearDaySchedule,
)
from protocols.strike.records import OccupiedRecord
from protocols.wire.layout import codec

keys = st.builds(
    RecordKey, st.sampled_from(RecordKind), st.integers(0, 0xFFFF), st.integers(0, 0xFF)
)


@given(
    st.dictionaries(keys, st.tuples(st.integers(0, 2**32 - 1), st.binary(min_size=8, max_size=8)))
)
def test_memory_digest_when_any_memory_then_it_hashes_the_occupied_records_in_key_order(
    memory: dict[RecordKey, tuple[int, bytes]],
) -> None:
    listed = b"".join(
        codec(OccupiedRecord).encode(
            OccupiedRecord(
                kind=key.kind,
                index=key.index,
                sub_index=key.sub_index,
                revision=memory[key][0],
                digest=memory[key][1],
            )
        )
        for key in sorted(memory)
    )
    assert len(listed) == 16 * len(memory)
    whole = memory_digest((key, *rest) for key, rest in memory.items())
    assert whole == hashlib.sha256(listed).digest()[:8]


def test_contents_when_compared_with_their_messages_then_only_key_and_revision_are_left_out() -> (
    None
):
    user = SetUser(
        user_index=3,
        revision=7,
        user_status=UserStatus.OCCUPIED_ENABLED,
        user_type=UserType.YEAR_DAY_SCHEDULE_USER,
        user_name="Jane Doe",
    )
    assert codec(SetUser).encode(user)[6:] == user_content(
        user_status=user.user_status, user_type=user.user_type, user_name=user.user_name
    )
    credential = SetCredential(
        credential_type=CredentialType.PIN,
        credential_index=3,
        revision=7,
        user_index=3,
        credential_data=b"8315402",
    )
    assert codec(SetCredential).encode(credential)[7:] == credential_content(
        user_index=3, credential_data=b"8315402"
    )
    year_day = SetYearDaySchedule(
        year_day_index=1, user_index=3, revision=7, start_s=100, end_s=200
    )
    assert codec(SetYearDaySchedule).encode(year_day)[7:] == year_day_content(
        start_s=100, end_s=200
    )
    week_day = SetWeekDaySchedule(
        week_day_index=1, user_index=3, revision=7, days_mask=0x3E, start_min=480, end_min=1080
    )
    assert codec(SetWeekDaySchedule).encode(week_day)[7:] == week_day_content(
        days_mask=0x3E, start_min=480, end_min=1080
    )
    holiday = SetHolidaySchedule(
        holiday_index=3,
        revision=7,
        local_start_s=100,
        local_end_s=200,
        operating_mode=OperatingMode.VACATION,
    )
    assert codec(SetHolidaySchedule).encode(holiday)[5:] == holiday_content(
        start_s=100, end_s=200, operating_mode=OperatingMode.VACATION
    )
