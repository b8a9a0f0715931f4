"""A memory that is not what the gateway left there: who changed it, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from gateway.store.tables import slot_revision
from gateway.tests.peer import PeerLock
from gateway.tests.reconcile.rig import DAY_S, HOUR_S, make_rig
from protocols.doorlock.digest import TOMBSTONE_DIGEST, RecordKey
from protocols.doorlock.vocabulary import (
    CredentialType,
    RecordKind,
    Status,
    UserStatus,
)
from protocols.strike import messages as m


def add_by_hand(lock: PeerLock, slot: int, pin: str) -> None:
    """Somebody stores a code at the lock itself."""
    for message in (
        m.SetUser(
            user_index=slot,
            revision=1,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=0,  # type: ignore[arg-type] # Unrestricted.
            user_name="owner",
        ),
        m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=slot,
            revision=1,
            user_index=slot,
            credential_data=pin.encode(),
        ),
    ):
        assert lock.handle(message) == m.StatusReply(status=Status.SUCCESS, revision=1)


def remove_by_hand(lock: PeerLock, slot: int) -> None:
    """Somebody removes a code at the lock itself."""
    clear = m.ClearCredential(
        credential_type=CredentialType.PIN, credential_index=slot, revision=2
    )
    assert lock.handle(clear) == m.StatusReply(status=Status.SUCCESS, revision=2)


async def test_duplicate_of_an_unmanaged_code_is_told() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        add_by_hand(lock, 7, "123456")
        code_id = await rig.add_code()
        await asyncio.sleep(2)
        told = [error["error_code"] for error in (await rig.code(code_id)).errors]
        assert told == ["duplicate_code_on_device"]
        assert lock.pins() == {7: "123456"}  # What we did not write is left alone.
        assert (await rig.device()).reported["foreign_slots"] == [7]
        warnings = [warning["warning_code"] for warning in (await rig.device()).warnings]
        assert warnings == ["third_party_integration_detected"]


async def test_slot_of_an_unmanaged_code_is_left_alone_until_it_is_free() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        add_by_hand(lock, 1, "987654")
        await rig.add_code(code="123456")
        await rig.settle()
        assert lock.pins() == {1: "987654", 2: "123456"}
        remove_by_hand(lock, 1)
        await rig.add_code(code="234567")
        await rig.settle()
        assert lock.pins() == {1: "234567", 2: "123456"}
        assert (await rig.device()).reported["foreign_slots"] == []


async def test_higher_revision_on_the_device_is_continued(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        key = RecordKey(RecordKind.CREDENTIAL, 1, CredentialType.PIN)
        lock.records[key] = (40, TOMBSTONE_DIGEST, None)
        await rig.add_code()
        await rig.settle()
        assert lock.pins() == {1: "123456"}
        assert lock.records[key][0] > 40
        assert "higher revisions in [1]" in caplog.text
        rows = await rig.rows(slot_revision)
        assert [row.revision > 40 for row in rows if row.slot == 1] == [True]


async def test_higher_revision_that_shows_only_at_the_write_is_continued_at_once() -> None:
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        key = RecordKey(RecordKind.USER, 1, 0)

        def meddle(_: int, message: object) -> None:
            """Another gateway writes while we are connected."""
            if isinstance(message, m.SetUser) and message.user_index == 1 and lock.fault:
                lock.records[key] = (50, TOMBSTONE_DIGEST, None)
                lock.fault = None

        lock.fault = meddle
        ids = [await rig.add_code(code=code) for code in ("111111", "222222")]
        async with rig.running():
            await rig.settle()
            assert lock.session_count == 1
            assert sorted(lock.pins()) == [1, 2]
            assert lock.records[key][0] > 50
            for code_id in ids:
                code = await rig.code(code_id)
                assert (code.status, code.errors) == ("set", [])
            # The other code was written once.
            assert sum(isinstance(change, m.SetCredential) for change in lock.changes) == 2


@pytest.mark.parametrize("above", [0, 1])
async def test_revision_that_somebody_else_used_is_passed_over_at_once(above: int) -> None:
    """What was changed at the lock itself took a revision that was issued to the slot."""
    async with make_rig() as rig:
        lock = rig.locks["d-0"]
        key = RecordKey(RecordKind.CREDENTIAL, 1, CredentialType.PIN)

        def meddle(_: int, message: object) -> None:
            if isinstance(message, m.SetUser):
                lock.records[key] = (message.revision + above, TOMBSTONE_DIGEST, None)
                lock.fault = None

        lock.fault = meddle
        code_id = await rig.add_code()
        async with rig.running():
            await rig.settle()
            assert lock.session_count == 1
            assert lock.pins() == {1: "123456"}
            code = await rig.code(code_id)
            assert (code.status, code.errors) == ("set", [])


async def test_code_whose_clear_has_a_revision_that_somebody_else_used_is_cleared_at_once() -> (
    None
):
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        code_id = await rig.add_code()
        await rig.settle()
        key = RecordKey(RecordKind.CREDENTIAL, 1, CredentialType.PIN)

        def meddle(_: int, message: object) -> None:
            if isinstance(message, m.ClearCredential):
                _, digest, content = lock.records[key]
                lock.records[key] = (message.revision, digest, content)
                lock.fault = None

        lock.fault = meddle
        await rig.delete_code(code_id)
        await rig.settle()
        assert lock.pins() == {}


async def test_revision_that_is_always_higher_is_a_failure_and_no_endless_session() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.settle()
        lock.fault = lambda _, message: (
            Status.DATA_VERSION_MISMATCH if isinstance(message, m.SetUser) else None
        )
        code_id = await rig.add_code()
        await asyncio.sleep(1)
        assert lock.session_count == 2
        assert sum(isinstance(request, m.SetUser) for request in lock.requests) == 2
        code = await rig.code(code_id)
        assert [each["warning_code"] for each in code.warnings] == ["delay_in_setting_on_device"]


async def test_restored_older_store_continues_from_the_devices_revision() -> None:
    """The memory has seen a life of the gateway that the store has forgotten."""
    async with make_rig() as first, first.running():
        for code in ("111111", "222222"):
            code_id = await first.add_code(code=code)
            await first.settle()
            await first.delete_code(code_id)
            await first.settle()
        await first.add_code(code="333333")
        await first.settle()
        old = first.locks["d-0"]
    async with make_rig() as rig, rig.running():
        rig.locks["d-0"].records = old.records
        await rig.add_code(code="444444")
        await rig.settle()
        assert "444444" in rig.locks["d-0"].pins().values()


async def test_memory_that_was_lost_is_written_again(caplog: pytest.LogCaptureFixture) -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.add_code()
        await rig.add_code(code="654321")
        await rig.settle()
        lock.records.clear()
        await asyncio.sleep(7 * HOUR_S)
        assert sorted(lock.pins().values()) == ["123456", "654321"]
        assert "missing in slots [1, 2]" in caplog.text


async def test_memory_is_listed_only_when_its_digest_is_another() -> None:
    async with make_rig() as rig, rig.running():
        lock = rig.locks["d-0"]
        await rig.add_code()
        await rig.settle()
        lists = sum(isinstance(request, m.ListOccupied) for request in lock.requests)
        await asyncio.sleep(3 * DAY_S)
        again = sum(isinstance(request, m.ListOccupied) for request in lock.requests)
        assert again == lists
        idle = lock.requests[-1:]
        assert [type(request) for request in idle] == [m.GetStatus]
