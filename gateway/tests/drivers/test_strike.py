"""The strike driver against the other role of the same session machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.drivers.interface import Driver
from gateway.drivers.strike import (
    ATTEMPTS,
    OCCUPIED_LIMIT,
    REFUSED_LIMIT,
    REFUSED_LOGGED,
    REQUEST_TIMEOUT_S,
    StrikeDriver,
    warn_of,
)
from gateway.errors import DeviceTimeout, LinkClosed, RequestRefused
from gateway.links.memory import MemoryLink, memory_pair
from gateway.plan.operations import (
    ClearCredential,
    EnableUser,
    Operation,
    WriteCredential,
    WriteUser,
    WriteYearDay,
)
from gateway.tests.peer import Fault, PeerLink, PeerLock
from protocols.doorlock.vocabulary import (
    CredentialType,
    LockOperationType,
    OperationSource,
    RecordKind,
    Status,
    UserStatus,
    UserType,
)
from protocols.strike import messages as m
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import RequestReceived, Role, Session

START_MS = 1_752_148_800_000  # 2025-07-10T12:00:00Z


class LoopClock:
    """UTC by the loop's time."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.start_ms = start_ms

    def now_ms(self) -> int:
        return self.start_ms + round(asyncio.get_running_loop().time() * 1000)


def talk(lock: PeerLock, events: list[object] | None = None) -> StrikeDriver:
    heard = [] if events is None else events
    return StrikeDriver(PeerLink(lock), clock=lock.clock, on_event=heard.append)


OPERATIONS: list[tuple[Operation, object]] = [
    (
        WriteUser(
            slot=3,
            revision=7,
            user_type=UserType.YEAR_DAY_SCHEDULE_USER,
            is_enabled=True,
            user_name="Jane",
        ),
        m.SetUser(
            user_index=3,
            revision=7,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.YEAR_DAY_SCHEDULE_USER,
            user_name="Jane",
        ),
    ),
    (
        WriteUser(
            slot=3,
            revision=7,
            user_type=UserType.UNRESTRICTED_USER,
            is_enabled=False,
            user_name="",
        ),
        m.SetUser(
            user_index=3,
            revision=7,
            user_status=UserStatus.OCCUPIED_DISABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="",
        ),
    ),
    (
        EnableUser(slot=3, revision=8, user_type=UserType.UNRESTRICTED_USER, user_name="Jane"),
        m.SetUser(
            user_index=3,
            revision=8,
            user_status=UserStatus.OCCUPIED_ENABLED,
            user_type=UserType.UNRESTRICTED_USER,
            user_name="Jane",
        ),
    ),
    (
        WriteYearDay(slot=3, revision=7, start_s=100, end_s=200),
        m.SetYearDaySchedule(year_day_index=1, user_index=3, revision=7, start_s=100, end_s=200),
    ),
    (
        WriteCredential(slot=3, revision=7, code="1234567"),
        m.SetCredential(
            credential_type=CredentialType.PIN,
            credential_index=3,
            revision=7,
            user_index=3,
            credential_data=b"1234567",
        ),
    ),
    (
        ClearCredential(slot=3, revision=9),
        m.ClearCredential(credential_type=CredentialType.PIN, credential_index=3, revision=9),
    ),
]


@pytest.mark.parametrize(("operation", "message"), OPERATIONS)
async def test_apply_sends_the_message_of_each_operation(
    operation: Operation, message: object
) -> None:
    lock = PeerLock(LoopClock(), fault=lambda *_: Status.SUCCESS)
    await talk(lock).apply(operation)
    assert lock.requests == [message]


async def test_info_status_lock_unlock_are_answered() -> None:
    lock = PeerLock(LoopClock())
    driver: Driver = talk(lock)
    assert (await driver.info()).serial_number == "SN1"
    assert (await driver.status()).battery_mv == 5800
    await driver.unlock()
    await driver.lock()
    assert [type(request) for request in lock.requests] == [
        m.GetInfo,
        m.GetStatus,
        m.UnlockDoor,
        m.LockDoor,
    ]
    assert driver.refused_count == 0


@pytest.mark.parametrize("fraction_ms", [0, 1, 400, 999])
async def test_set_time_leaves_at_a_whole_second(fraction_ms: int) -> None:
    lock = PeerLock(LoopClock(START_MS + fraction_ms), clock_error_ms=-90_000, latency_s=0.02)
    await talk(lock).set_time(utc_offset_min=120)
    assert isinstance(lock.requests[0], m.SetTime)
    assert lock.requests[0].utc_offset_min == 120
    # Off by the radio's latency only.
    assert lock.clock_error_ms == -20


async def test_set_time_that_is_repeated_tells_the_new_time() -> None:
    lock = PeerLock(
        LoopClock(),
        clock_error_ms=-90_000,
        fault=lambda number, _: Fault.LOSE_REQUEST if number == 0 else None,
    )
    await talk(lock).set_time(utc_offset_min=0)
    assert len(lock.requests) == 2
    assert abs(lock.clock_error_ms) < 600


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_REPLY])
async def test_request_that_is_lost_twice_is_asked_a_third_time(fault: Fault) -> None:
    lock = PeerLock(LoopClock(), fault=lambda number, _: fault if number < 2 else None)
    assert (await talk(lock).status()).battery_mv == 5800
    assert len(lock.requests) == 3


async def test_request_without_any_answer_is_a_timeout_at_its_deadline() -> None:
    lock = PeerLock(LoopClock(), fault=lambda *_: Fault.LOSE_REQUEST)
    loop = asyncio.get_running_loop()
    with pytest.raises(DeviceTimeout, match="no answer to GetStatus within 12 s") as caught:
        await talk(lock).status()
    assert caught.value.operation == "GetStatus"
    assert len(lock.requests) == ATTEMPTS
    assert loop.time() == pytest.approx(ATTEMPTS * REQUEST_TIMEOUT_S)


async def test_unlock_without_an_answer_is_never_repeated() -> None:
    lock = PeerLock(LoopClock(), fault=lambda *_: Fault.LOSE_REPLY)
    loop = asyncio.get_running_loop()
    with pytest.raises(DeviceTimeout):
        await talk(lock).unlock()
    assert len(lock.requests) == 1
    assert loop.time() < 5.0  # The SDK still waits.


async def test_write_whose_reply_is_lost_changes_the_device_once() -> None:
    lock = PeerLock(LoopClock(), fault=lambda number, _: Fault.LOSE_REPLY if number == 0 else None)
    await talk(lock).apply(OPERATIONS[0][0])
    assert len(lock.requests) == 2
    assert len(lock.changes) == 1


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.SUCCESS])
async def test_request_refused_carries_the_status(status: Status) -> None:
    lock = PeerLock(LoopClock(), fault=lambda *_: status)
    with pytest.raises(RequestRefused) as caught:
        await talk(lock).apply(OPERATIONS[4][0])
    assert caught.value.status is status
    assert caught.value.operation == "SetCredential"
    assert "1234567" not in str(caught.value)
    assert len(lock.requests) == 1


async def test_request_refused_for_its_revision_tells_the_one_held() -> None:
    lock = PeerLock(LoopClock())
    driver = talk(lock)
    await driver.apply(OPERATIONS[2][0])
    with pytest.raises(RequestRefused) as caught:
        await driver.apply(OPERATIONS[0][0])
    assert caught.value.status is Status.DATA_VERSION_MISMATCH
    assert caught.value.revision == 8


async def test_success_without_data_counts_as_refused() -> None:
    lock = PeerLock(LoopClock(), fault=lambda *_: Status.SUCCESS)
    with pytest.raises(RequestRefused, match="GetInfo refused: FAILURE"):
        await talk(lock).info()


async def test_list_occupied_joins_pages_in_order() -> None:
    lock = PeerLock(LoopClock(), slot_count=40)
    driver = talk(lock)
    for slot in range(1, 13):
        await driver.apply(
            WriteUser(
                slot=slot,
                revision=1,
                user_type=UserType.UNRESTRICTED_USER,
                is_enabled=True,
                user_name="",
            )
        )
        await driver.apply(WriteCredential(slot=slot, revision=1, code=f"{slot:04}"))
    records = await driver.list_occupied()
    assert len(records) == 24
    keys = [(record.kind, record.index, record.sub_index) for record in records]
    assert keys == sorted(keys)


async def test_list_occupied_of_an_empty_memory_is_empty() -> None:
    assert await talk(PeerLock(LoopClock())).list_occupied() == ()


async def test_list_occupied_without_an_order_closes_the_conversation() -> None:
    record = m.OccupiedRecord(
        kind=RecordKind.USER,
        index=1,
        sub_index=0,
        revision=1,
        digest=bytes(8),
    )

    class Confused(PeerLock):
        def handle(self, message: object) -> object:
            assert isinstance(message, m.ListOccupied)
            return m.OccupiedList(has_more=1, records=(record,))

    with pytest.raises(LinkClosed, match="without an order or an end"):
        await talk(Confused(LoopClock())).list_occupied()


async def test_list_occupied_without_an_end_closes_the_conversation() -> None:
    class Endless(PeerLock):
        def handle(self, message: object) -> object:
            assert isinstance(message, m.ListOccupied)
            first = message.after_index + 1
            records = tuple(
                m.OccupiedRecord(
                    kind=RecordKind.USER,
                    index=index,
                    sub_index=0,
                    revision=1,
                    digest=bytes(8),
                )
                for index in range(first, first + 60)
            )
            return m.OccupiedList(has_more=1, records=records)

    lock = Endless(LoopClock(), latency_s=0)
    with pytest.raises(LinkClosed, match="without an order or an end"):
        await talk(lock).list_occupied()
    assert len(lock.requests) == OCCUPIED_LIMIT // 60 + 1


async def test_read_log_pages() -> None:
    lock = PeerLock(LoopClock())
    for _ in range(20):
        lock.add_log()
    page = await talk(lock).read_log(5)
    assert [record.index for record in page.records] == list(range(5, 13))
    assert (page.oldest_index, page.next_index) == (0, 20)


async def test_events_between_and_before_replies_reach_the_callback() -> None:
    events: list[object] = []
    lock = PeerLock(LoopClock())
    driver = talk(lock, events)
    event = m.LockOperation(
        log_index=4,
        utc_s=1,
        operation=LockOperationType.UNLOCK,
        source=OperationSource.KEYPAD,
        user_index=1,
        credential_index=1,
    )
    lock.report(event)
    await driver.status()
    lock.report(event)
    await driver.status()
    assert events == [event, event]


async def test_link_that_closes_ends_the_request() -> None:
    for fault in (Fault.DROP_BEFORE, Fault.DROP_AFTER):
        lock = PeerLock(LoopClock(), fault=lambda *_, fault=fault: fault)
        with pytest.raises(LinkClosed, match="the link broke"):
            await talk(lock).status()


@pytest.mark.parametrize("mtu", [23, 24, 64, 247, 517])
async def test_requests_fit_any_mtu(mtu: int) -> None:
    lock = PeerLock(LoopClock(), mtu=mtu)
    for _ in range(8):
        lock.add_log()
    driver = talk(lock)
    await driver.apply(OPERATIONS[0][0])
    assert len((await driver.read_log(0)).records) == 8


@contextlib.asynccontextmanager
async def noisy_peer(noise: list[bytes]) -> AsyncIterator[MemoryLink]:
    """A lock that sends rubbish before each reply."""
    near, far = memory_pair(limit=10_000)
    session = Session(Role.RESPONDER, PlaintextProvider(), far.mtu)
    lock = PeerLock(LoopClock())

    async def serve() -> None:
        with contextlib.suppress(LinkClosed):
            while True:
                for event in session.receive(await far.receive(), 0.0):
                    assert isinstance(event, RequestReceived)
                    for value in noise:
                        await far.send(value)
                    reply = lock.handle(event.message)
                    for value in session.send(reply, 0.0, in_reply_to=event.transaction):
                        await far.send(value)

    tasks = asyncio.TaskGroup()
    await tasks.__aenter__()
    tasks.create_task(serve())
    try:
        yield near
    finally:
        await near.aclose()
        await tasks.__aexit__(None, None, None)


async def test_malformed_frames_are_counted_and_the_conversation_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    noise = [b"", b"\x00", b"\x3fjunk", b"\x00" * 200]
    async with noisy_peer(noise) as link:
        driver = StrikeDriver(link, clock=LoopClock(), on_event=lambda _: None)
        for _ in range(3):
            assert (await driver.status()).battery_mv == 5800
    assert driver.refused_count >= 3
    lines = [record.getMessage() for record in caplog.records]
    assert 0 < len(lines) <= REFUSED_LOGGED
    assert all(len(line) < 120 for line in lines)


async def test_too_many_malformed_frames_close_the_conversation() -> None:
    async with noisy_peer([b"\x00"] * REFUSED_LIMIT) as link:
        driver = StrikeDriver(link, clock=LoopClock(), on_event=lambda _: None)
        with pytest.raises(LinkClosed, match="frames that nobody understands"):
            await driver.status()


def test_warn_of_plaintext_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    warn_of(PlaintextProvider())
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "plaintext" in caplog.text


def test_warn_of_a_provider_without_a_warning_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    class Sealed(PlaintextProvider):
        warning = None  # type: ignore[assignment,misc] # A provider that protects.

    warn_of(Sealed())
    assert not caplog.records
