from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.digest import (
    TOMBSTONE_DIGEST,
    CredentialContent,
    RecordKey,
    content_digest,
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
from protocols.errors import LocalProtocolError

USER_3 = RecordKey(RecordKind.USER, 3, 0)
PIN_3 = RecordKey(RecordKind.CREDENTIAL, 3, CredentialType.PIN)

keys = st.builds(
    RecordKey, st.sampled_from(RecordKind), st.integers(0, 0xFFFF), st.integers(0, 0xFF)
)
records = st.dictionaries(
    keys, st.tuples(st.integers(0, 2**32 - 1), st.binary(min_size=8, max_size=8)), max_size=20
).map(lambda found: [(key, *rest) for key, rest in found.items()])


def test_record_keys_when_sorted_then_by_kind_then_index_then_sub_index() -> None:
    ordered = [
        RecordKey(RecordKind.USER, 300, 0),
        RecordKey(RecordKind.CREDENTIAL, 1, 1),
        RecordKey(RecordKind.CREDENTIAL, 2, 0),
        RecordKey(RecordKind.CREDENTIAL, 2, 1),
        RecordKey(RecordKind.WEEK_DAY_SCHEDULE, 1, 1),
    ]
    assert all(left < right for left, right in itertools.pairwise(ordered))


def test_contents_when_encoded_then_they_are_the_fields_little_endian() -> None:
    user = user_content(
        user_status=UserStatus.OCCUPIED_DISABLED,
        user_type=UserType.SCHEDULE_RESTRICTED_USER,
        user_name="Zoë",
    )
    assert user.hex() == "0308045a6fc3ab"
    assert credential_content(user_index=258, credential_data=b"12").hex() == "0201023132"
    holiday = holiday_content(start_s=1, end_s=2, operating_mode=OperatingMode.PASSAGE)
    assert holiday.hex() == "010000000200000004"
    assert year_day_content(start_s=1, end_s=0xFFFFFFFF).hex() == "01000000ffffffff"
    assert week_day_content(days_mask=0x7F, start_min=0, end_min=1440).hex() == "7f0000a005"


def test_contents_when_a_value_does_not_fit_then_local_error() -> None:
    with pytest.raises(LocalProtocolError):
        year_day_content(start_s=-1, end_s=5)
    with pytest.raises(LocalProtocolError):
        credential_content(user_index=70_000, credential_data=b"")


def test_content_digest_when_computed_then_it_is_sha256_over_key_and_content() -> None:
    content = credential_content(user_index=3, credential_data=b"8315402")
    by_hand = hashlib.sha256(b"\x02\x03\x00\x01" + b"\x03\x00\x078315402").digest()[:8]
    assert content_digest(PIN_3, content) == by_hand


def test_content_digest_when_anything_differs_then_it_differs() -> None:
    content = credential_content(user_index=3, credential_data=b"8315402")
    others = [
        content_digest(PIN_3, credential_content(user_index=3, credential_data=b"8315403")),
        content_digest(PIN_3, credential_content(user_index=4, credential_data=b"8315402")),
        content_digest(USER_3, content),
        content_digest(RecordKey(RecordKind.CREDENTIAL, 4, CredentialType.PIN), content),
        TOMBSTONE_DIGEST,
    ]
    assert content_digest(PIN_3, content) not in others
    assert len(set(others)) == len(others)


def test_credential_content_when_shown_then_the_pin_is_not() -> None:
    shown = repr(CredentialContent(user_index=3, credential_data=b"8315402"))
    assert "8315402" not in shown


def test_memory_digest_when_empty_then_it_is_the_hash_of_nothing() -> None:
    assert memory_digest([]).hex() == "e3b0c44298fc1c14"


@given(records, st.randoms(use_true_random=False))
def test_memory_digest_when_shuffled_then_the_same(
    found: list[tuple[RecordKey, int, bytes]], randomness: object
) -> None:
    shuffled = list(found)
    assert hasattr(randomness, "shuffle")
    randomness.shuffle(shuffled)
    assert memory_digest(shuffled) == memory_digest(iter(found))


@given(records, st.data())
def test_memory_digest_when_one_record_changes_then_it_differs(
    found: list[tuple[RecordKey, int, bytes]], data: st.DataObject
) -> None:
    before = memory_digest(found)
    assert memory_digest([*found, (RecordKey(RecordKind.USER, 0, 1), 1, bytes(8))]) != before
    if found:
        at = data.draw(st.integers(0, len(found) - 1))
        key, revision, digest = found[at]
        found[at] = (key, revision ^ 1, digest)
        assert memory_digest(found) != before
        found[at] = (key, revision, bytes((digest[0] ^ 1, *digest[1:])))
        assert memory_digest(found) != before
