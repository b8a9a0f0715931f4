"""PINs in clear and as salted hashes: found alike, and of a hash nothing can be read."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from firmware_sim.flash.power_cut import power_cut_sweep
from firmware_sim.memory.flash_file import new_memory
from firmware_sim.memory.flash_map import FlashArea, FlashMap
from firmware_sim.memory.flash_memory import FlashMemory
from firmware_sim.memory.interface import Change
from firmware_sim.memory.lock_promise import Step, record_lock
from firmware_sim.memory.pins import (
    clear_pin,
    credential_record,
    holders_of,
    owner_of,
    pin_hash,
)
from firmware_sim.memory.record_layout import (
    RECORD_BYTES_MAX,
    RECORD_HEAD_BYTES,
    RecordForm,
    decode_record,
    encode_record,
)
from firmware_sim.memory.records import HashedCredentialContent, Record
from firmware_sim.tests.memory.samples import FRESH, SMALL, entries, factory, pin, user, write
from protocols.doorlock.digest import CredentialContent
from protocols.errors import MalformedFrame
from protocols.profiles.vocabulary import PinStorage

SALT = bytes(range(16))
CODE = b"8315402"
TIGHT = FlashMap(nvs_bytes=4_096, audit_bytes=2_048, meta_bytes=1_024, sector_bytes=1_024)


def lock(flash_map: FlashMap = SMALL) -> FlashMemory:
    return new_memory(factory(flash_map), FRESH)


def hashed(memory: FlashMemory, slot: int, code: bytes = CODE, revision: int = 1) -> Record:
    content = CredentialContent(user_index=slot, credential_data=code)
    return credential_record(memory, PinStorage.HASHED, pin(slot).key, revision, content)


def test_hash_is_hmac_sha_256_under_the_salt_of_the_lock() -> None:
    expected = hmac.new(SALT, b"strikeplate PIN\x00" + CODE, hashlib.sha256).digest()[:16]
    assert pin_hash(SALT, CODE) == expected
    assert pin_hash(bytes(16), CODE) != expected
    assert lock().salt == SALT


@pytest.mark.parametrize("storage", list(PinStorage))
def test_digest_of_a_credential_is_the_same_however_it_is_kept(storage: PinStorage) -> None:
    memory = lock()
    content = CredentialContent(user_index=3, credential_data=CODE)
    record = credential_record(memory, storage, pin(3).key, 7, content)
    assert record.digest == pin(3, CODE).digest
    write(memory, record)
    again = FlashMemory(memory.flash, SMALL, FRESH, log_capacity=40)
    assert again.record(record.key) == record
    assert again.digest() == memory.digest()
    assert (CODE in memory.flash.image()) is (storage is PinStorage.CLEAR)


def test_hashed_record_fits_and_shows_no_digits() -> None:
    record = hashed(lock(), 1)
    data = encode_record(record.key, record.revision, record.form, record.stored_content)
    assert len(data) == RECORD_HEAD_BYTES + 26 <= RECORD_BYTES_MAX
    assert decode_record(data).form is RecordForm.HASHED
    assert CODE not in data
    assert isinstance(record.content, HashedCredentialContent)
    assert record.content.pin_hash.hex() not in repr(record)
    assert repr(record.content.pin_hash) not in repr(record)


def test_holders_are_found_in_either_form_lowest_slot_first() -> None:
    memory = lock()
    write(memory, pin(5, CODE), user(1))
    write(memory, hashed(memory, 2), hashed(memory, 3, b"1111111"))
    found = list(holders_of(memory, CODE))
    assert [record.key.index for record in found] == [2, 5]
    assert [owner_of(record) for record in found] == [2, 5]
    assert [clear_pin(record) for record in found] == [None, CODE]
    assert not list(holders_of(memory, CODE[:-1]))
    assert owner_of(None) is None
    assert owner_of(user(1)) is None
    assert clear_pin(user(1)) is None


def test_same_pin_of_two_locks_has_two_hashes() -> None:
    assert pin_hash(SALT, CODE) != pin_hash(SALT[::-1], CODE)


def test_salt_is_that_of_the_image_that_was_loaded() -> None:
    memory = lock()
    write(memory, hashed(memory, 1))
    offset = SMALL.offset(FlashArea.META)
    blank = b"\xff" * SMALL.size(FlashArea.META)
    factory_bytes = memory.flash.read(offset, len(blank))
    memory.load(offset, blank)
    # Without its salt a lock can't know its own PINs any more.
    assert memory.salt == b""
    assert not list(holders_of(memory, CODE))
    memory.load(offset, factory_bytes)
    assert [record.key.index for record in holders_of(memory, CODE)] == [1]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (RecordForm.TOMBSTONE, b"1"),
        (RecordForm.CLEAR, b""),
        (RecordForm.HASHED, b"\x01\x00" + bytes(23)),
    ],
)
def test_content_that_is_none_of_its_form_is_refused(form: RecordForm, content: bytes) -> None:
    with pytest.raises(MalformedFrame):
        Record.stored(pin(1).key, 1, form, content)


def test_form_that_nobody_knows_is_a_damaged_record() -> None:
    with pytest.raises(KeyError):
        Record.stored(pin(1).key, 1, RecordForm(9), b"\x01")
    with pytest.raises(KeyError):
        Record.stored(user(1).key, 1, RecordForm.HASHED, bytes(26))


def day(turns: int) -> list[Step]:
    """Codes come, change and go on a lock that keeps hashes."""
    steps: list[Step] = []
    for turn in range(1, turns + 1):
        slot, code = turn % 4 + 1, b"%07d" % turn

        def give(memory: FlashMemory, slot: int = slot, code: bytes = code, n: int = turn) -> None:
            records = (user(slot, 2 * n), hashed(memory, slot, code, 2 * n))
            memory.commit(Change(records=records))

        def take(memory: FlashMemory, slot: int = slot, n: int = turn) -> None:
            keys = (pin(slot).key, user(slot).key)
            gone = tuple(Record.tombstone(key, 2 * n + 1) for key in keys)
            memory.commit(Change(records=gone, log=entries(memory, 1)))

        steps += [give, take]
    return steps


@pytest.mark.real_servers  # As the sweep of every lock, which every run makes.
def test_no_cut_breaks_a_promise_of_a_lock_that_keeps_hashes() -> None:
    memory = lock(TIGHT)
    recording, promise = record_lock(memory, day(14))
    report = power_cut_sweep(recording, promise.mount, promise.check)
    assert report.findings == ()
    assert report.image_count > 1_000
    assert sum(memory.flash.erase_counts) > 1
