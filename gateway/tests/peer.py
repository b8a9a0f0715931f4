"""A scripted lock for gateway tests: the other role of the session, with memory, clock and log."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.access.sessions import DueDevice
from gateway.drivers.interface import Driver
from gateway.drivers.strike import StrikeDriver
from gateway.errors import ConnectFailed
from gateway.links.inbox import Inbox
from gateway.ports import Clock
from gateway.reconcile.routes import OnEvent, Route
from protocols.doorlock.digest import (
    TOMBSTONE_DIGEST,
    RecordKey,
    content_digest,
    credential_content,
    memory_digest,
    user_content,
    year_day_content,
)
from protocols.doorlock.vocabulary import (
    ClockQuality,
    CredentialType,
    DoorState,
    LockOperationType,
    LockState,
    LogEvent,
    OperationSource,
    RecordKind,
    Status,
    UserStatus,
)
from protocols.doorlock.window import EPOCH_2000_MS
from protocols.strike import messages as m
from protocols.strike.provider import PlaintextProvider
from protocols.strike.session import FrameRefused, RequestReceived, Role, Session

OCCUPIED_PAGE = 10
LOG_PAGE = 8


class Fault(enum.Enum):
    """What goes wrong with one request."""

    LOSE_REQUEST = enum.auto()  # it never arrives
    LOSE_REPLY = enum.auto()  # it is done, nobody is told
    DROP_BEFORE = enum.auto()  # the link breaks before it is done
    DROP_AFTER = enum.auto()  # the link breaks after it was done


FaultPlan = Callable[[int, object], Fault | Status | None]


@dataclass
class PeerLock:
    """A lock's firmware as the protocol shows it; slot N is user N and PIN N."""

    clock: Clock
    profile_id: str = "generic-native"
    slot_count: int = 10
    clock_error_ms: int = 0
    clock_quality: ClockQuality = ClockQuality.TRUSTED
    utc_offset_min: int = 60
    can_unlock: bool = True
    latency_s: float = 0.02
    is_reachable: bool = True
    connect_s: float = 0.05
    mtu: int = 247
    fault: FaultPlan | None = None
    # key -> revision, digest, message (None = tombstone)
    records: dict[RecordKey, tuple[int, bytes, Any]] = field(default_factory=dict)
    log: list[m.LogRecord] = field(default_factory=list)
    log_end: int | None = None  # what the lock says where it is not what the log holds
    lock_state: LockState = LockState.LOCKED
    requests: list[object] = field(default_factory=list)
    changes: list[object] = field(default_factory=list)  # those that changed something
    session_count: int = 0
    connected_count: int = 0
    connect_times_s: list[float] = field(default_factory=list)
    session: Session | None = None
    inbox: Inbox | None = None

    # --- what a test looks at -------------------------------------------------------------------

    def pins(self) -> dict[int, str]:
        """Slot to PIN."""
        return {
            key.index: message.credential_data.decode()
            for key, (_, _, message) in sorted(self.records.items())
            if key.kind is RecordKind.CREDENTIAL and message is not None
        }

    def user(self, slot: int) -> m.SetUser | None:
        found = self.records.get(RecordKey(RecordKind.USER, slot, 0))
        return None if found is None else found[2]

    def window(self, slot: int) -> tuple[int, int] | None:
        """Start and end of a slot's schedule, milliseconds since 1970."""
        found = self.records.get(RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, 1))
        if found is None or found[2] is None:
            return None
        return (
            EPOCH_2000_MS + found[2].start_s * 1000,
            EPOCH_2000_MS + found[2].end_s * 1000,
        )

    def opens(self, code: str) -> bool:
        """Whether a PIN would open now, by the lock's own clock."""
        for slot, pin in self.pins().items():
            user = self.user(slot)
            if pin != code or user is None or user.user_status is not UserStatus.OCCUPIED_ENABLED:
                continue
            window = self.window(slot)
            if user.user_type == 0 or (
                window is not None and window[0] <= self.now_ms() < window[1]
            ):
                return True
        return False

    def now_ms(self) -> int:
        return self.clock.now_ms() + self.clock_error_ms

    # --- what happens at the door ---------------------------------------------------------------

    def add_log(self, slot: int = 0, event: LogEvent = LogEvent.LOCK_OPERATION) -> None:
        self.log.append(
            m.LogRecord(
                index=len(self.log),
                utc_s=(self.now_ms() - EPOCH_2000_MS) // 1000,
                event=event,
                source=OperationSource.KEYPAD,
                detail=int(LockOperationType.UNLOCK),
                clock_quality=self.clock_quality,
                user_index=slot,
                credential_index=slot,
                chain=bytes(4),
            )
        )

    def report(self, message: object) -> None:
        """Send an event by itself, if somebody is connected."""
        assert self.session is not None
        assert self.inbox is not None
        for value in self.session.send(message, 0.0):
            self.inbox.put(value)

    # --- the firmware ---------------------------------------------------------------------------

    def handle(self, message: Any) -> object:
        handler = HANDLERS.get(type(message))
        if handler is None:
            return m.StatusReply(status=Status.UNSUPPORTED_COMMAND)
        return handler(self, message)

    def digest(self) -> bytes:
        return memory_digest(
            (key, revision, digest) for key, (revision, digest, _) in self.records.items()
        )

    def _info(self, _: object) -> m.Info:
        return m.Info(
            protocol_version=1,
            profile_version=1,
            pin_slot_count=self.slot_count,
            user_count=self.slot_count,
            year_day_per_user=1,
            week_day_per_user=0,
            log_capacity=100,
            features=0,
            message_size_max=1024,
            profile_id=self.profile_id,
            serial_number="SN1",
            firmware_version="1.0",
        )

    def _status(self, _: object) -> m.DeviceStatus:
        return m.DeviceStatus(
            lock_state=self.lock_state,
            door_state=DoorState.DOOR_CLOSED,
            battery_mv=5800,
            utc_s=(self.now_ms() - EPOCH_2000_MS) // 1000,
            utc_offset_min=self.utc_offset_min,
            clock_quality=self.clock_quality,
            log_next_index=self._log_end(),
            memory_digest=self.digest(),
        )

    def _write(self, message: Any) -> m.StatusReply:
        key, content, slot = _content(message)
        if not 1 <= slot <= self.slot_count:
            return m.StatusReply(status=Status.INVALID_FIELD)
        digest = content_digest(key, content)
        held = self.records.get(key)
        if held is not None and held[0] >= message.revision:
            is_same = held[:2] == (message.revision, digest)
            status = Status.SUCCESS if is_same else Status.DATA_VERSION_MISMATCH
            return m.StatusReply(status=status, revision=held[0])
        if isinstance(message, m.SetCredential) and any(
            other != slot and pin.encode() == message.credential_data
            for other, pin in self.pins().items()
        ):
            return m.StatusReply(status=Status.DUPLICATE)
        if not isinstance(message, m.SetUser) and self.user(slot) is None:
            return m.StatusReply(status=Status.INVALID_FIELD)
        self.records[key] = (message.revision, digest, message)
        self.changes.append(message)
        return m.StatusReply(status=Status.SUCCESS, revision=message.revision)

    def _clear(self, message: m.ClearCredential) -> m.StatusReply:
        slot = message.credential_index
        keys = (
            RecordKey(RecordKind.USER, slot, 0),
            RecordKey(RecordKind.CREDENTIAL, slot, CredentialType.PIN),
            RecordKey(RecordKind.YEAR_DAY_SCHEDULE, slot, 1),
        )
        newest = max((self.records[key][0] for key in keys if key in self.records), default=0)
        is_live = any(key in self.records and self.records[key][2] is not None for key in keys)
        if newest > message.revision or (newest == message.revision and is_live):
            return m.StatusReply(status=Status.DATA_VERSION_MISMATCH, revision=newest)
        if newest < message.revision:
            for key in keys:
                if key in self.records or key.kind is RecordKind.CREDENTIAL:
                    self.records[key] = (message.revision, TOMBSTONE_DIGEST, None)
            self.changes.append(message)
        return m.StatusReply(status=Status.SUCCESS, revision=message.revision)

    def _list(self, message: m.ListOccupied) -> m.OccupiedList:
        after = (int(message.after_kind), message.after_index, message.after_sub_index)
        rest = [
            (key, record)
            for key, record in sorted(self.records.items())
            if (int(key.kind), key.index, key.sub_index) > after
        ]
        return m.OccupiedList(
            has_more=int(len(rest) > OCCUPIED_PAGE),
            records=tuple(
                m.OccupiedRecord(
                    kind=key.kind,
                    index=key.index,
                    sub_index=key.sub_index,
                    revision=revision,
                    digest=digest,
                )
                for key, (revision, digest, _) in rest[:OCCUPIED_PAGE]
            ),
        )

    def _log_end(self) -> int:
        if self.log_end is not None:
            return self.log_end
        return max((record.index for record in self.log), default=-1) + 1

    def _log_page(self, message: m.ReadLog) -> m.LogPage:
        oldest = self.log[0].index if self.log else 0
        found = [record for record in self.log if record.index >= message.from_index]
        return m.LogPage(
            oldest_index=oldest, next_index=self._log_end(), records=tuple(found[:LOG_PAGE])
        )

    def _set_time(self, message: m.SetTime) -> m.StatusReply:
        self.clock_error_ms = EPOCH_2000_MS + message.utc_s * 1000 - self.clock.now_ms()
        self.clock_quality = ClockQuality.TRUSTED
        self.utc_offset_min = message.utc_offset_min
        return m.StatusReply(status=Status.SUCCESS)

    def _operate(self, message: object) -> m.StatusReply:
        is_unlock = isinstance(message, m.UnlockDoor)
        if is_unlock and not self.can_unlock:
            return m.StatusReply(status=Status.UNSUPPORTED_ACCESS)
        self.lock_state = LockState.UNLOCKED if is_unlock else LockState.LOCKED
        self.changes.append(message)
        self.add_log()
        return m.StatusReply(status=Status.SUCCESS)


HANDLERS: dict[type, Callable[[PeerLock, Any], object]] = {
    m.GetInfo: PeerLock._info,
    m.GetStatus: PeerLock._status,
    m.SetTime: PeerLock._set_time,
    m.SetUser: PeerLock._write,
    m.SetYearDaySchedule: PeerLock._write,
    m.SetCredential: PeerLock._write,
    m.ClearCredential: PeerLock._clear,
    m.ListOccupied: PeerLock._list,
    m.ReadLog: PeerLock._log_page,
    m.LockDoor: PeerLock._operate,
    m.UnlockDoor: PeerLock._operate,
}


class PeerLink:
    """A link that ends in a lock: values go through both sessions, with latency."""

    def __init__(self, lock: PeerLock) -> None:
        self._lock = lock
        self._inbox = Inbox()
        self._session = Session(Role.RESPONDER, PlaintextProvider(), lock.mtu)
        lock.session, lock.inbox = self._session, self._inbox

    @property
    def mtu(self) -> int:
        return self._lock.mtu

    @property
    def is_closed(self) -> bool:
        return self._inbox.is_closed

    async def send(self, value: bytes) -> None:
        self._inbox.check_open()
        await asyncio.sleep(self._lock.latency_s)
        now = asyncio.get_running_loop().time()
        for event in self._session.receive(value, now):
            if isinstance(event, RequestReceived):
                self._answer(event, now)
            elif isinstance(event, FrameRefused) and event.transaction is not None:
                assert event.answer is not None
                self._reply(m.StatusReply(status=event.answer), event.transaction, now)

    async def receive(self) -> bytes:
        value = await self._inbox.get()
        await asyncio.sleep(self._lock.latency_s)
        return value

    async def aclose(self) -> None:
        self._inbox.close("closed")

    def _answer(self, event: RequestReceived, now: float) -> None:
        lock = self._lock
        fault = None if lock.fault is None else lock.fault(len(lock.requests), event.message)
        lock.requests.append(event.message)
        if fault is Fault.DROP_BEFORE:
            self._inbox.close("the link broke")
        if fault in {Fault.DROP_BEFORE, Fault.LOSE_REQUEST}:
            return
        if isinstance(fault, Status):
            self._reply(m.StatusReply(status=fault), event.transaction, now)
            return
        reply = lock.handle(event.message)
        if fault is Fault.DROP_AFTER:
            self._inbox.close("the link broke")
        elif fault is not Fault.LOSE_REPLY:
            self._reply(reply, event.transaction, now)

    def _reply(self, message: object, transaction: int, now: float) -> None:
        for value in self._session.send(message, now, in_reply_to=transaction):
            self._inbox.put(value)


class PeerRoute:
    """A way to a scripted lock, with a driver on it."""

    def __init__(self, lock: PeerLock) -> None:
        self._lock = lock
        self.name = "peer"

    @contextlib.asynccontextmanager
    async def open(self, on_event: OnEvent) -> AsyncIterator[Driver]:
        lock = self._lock
        lock.session_count += 1
        lock.connect_times_s.append(asyncio.get_running_loop().time())
        await asyncio.sleep(lock.connect_s if lock.is_reachable else 10.0)
        if not lock.is_reachable:
            raise ConnectFailed("out of reach")
        link = PeerLink(lock)
        lock.connected_count += 1
        try:
            yield StrikeDriver(link, clock=lock.clock, on_event=on_event)
        finally:
            await link.aclose()


@dataclass
class PeerRoutes:
    """Every device is a scripted lock."""

    locks: dict[str, PeerLock]

    def of(self, device: DueDevice) -> Sequence[Route]:
        return (PeerRoute(self.locks[device.device_id]),)


def _content(message: Any) -> tuple[RecordKey, bytes, int]:
    if isinstance(message, m.SetUser):
        content = user_content(
            user_status=message.user_status,
            user_type=message.user_type,
            user_name=message.user_name,
        )
        return RecordKey(RecordKind.USER, message.user_index, 0), content, message.user_index
    if isinstance(message, m.SetYearDaySchedule):
        content = year_day_content(start_s=message.start_s, end_s=message.end_s)
        key = RecordKey(RecordKind.YEAR_DAY_SCHEDULE, message.user_index, message.year_day_index)
        return key, content, message.user_index
    content = credential_content(
        user_index=message.user_index, credential_data=message.credential_data
    )
    slot = message.credential_index
    return RecordKey(RecordKind.CREDENTIAL, slot, message.credential_type), content, slot
