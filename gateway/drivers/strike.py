"""The strike protocol on a link: one request after the other, with deadlines and repeats.

Every request of this protocol may be sent again: writes carry a revision, so the same again is a
success that changes nothing, and reads change nothing. The one exception is a remote unlock: the
door may have been locked again in between, so it is asked for once.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.drivers.strike_messages import message_of
from gateway.errors import DeviceTimeout, LinkClosed, RequestRefused
from gateway.links.interface import Link
from gateway.plan.operations import Operation
from gateway.ports import Clock
from protocols.doorlock.vocabulary import RecordKind, Status
from protocols.doorlock.window import EPOCH_2000_MS, SECOND_MS
from protocols.strike.messages import (
    DeviceStatus,
    GetInfo,
    GetStatus,
    Info,
    ListOccupied,
    LockDoor,
    LogPage,
    OccupiedList,
    OccupiedRecord,
    ReadLog,
    SetTime,
    StatusReply,
    UnlockDoor,
)
from protocols.strike.provider import PlaintextProvider, SessionProvider
from protocols.strike.session import (
    Event,
    EventReceived,
    FrameRefused,
    ReplyReceived,
    RequestTimedOut,
    Role,
    Session,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Wait for one reply. The official SDKs give up on an unlock after 5 s, connecting included; a lock
# that needs longer for a write (10 s is known) is asked again and then answers at once.
REQUEST_TIMEOUT_S: Final = 4.0
# Times that a request is sent: a reply that is lost twice in a row means the connection is bad.
ATTEMPTS: Final = 3
# Refused frames of one connection after which it is closed: noise is rare, a broken peer is not.
REFUSED_LIMIT: Final = 64
# Refused frames of one connection that get a line in the log each.
REFUSED_LOGGED: Final = 4
# Records of a memory: 1000 slots of the largest profile known, three records each, and room.
OCCUPIED_LIMIT: Final = 4096


class StrikeDriver:
    """A conversation with one strike device, for as long as its link lives.

    Args:
        link: An open link; the caller closes it.
        clock: Tells UTC, for `set_time`.
        on_event: Gets every event message that the device sends by itself.
        provider: Seals and opens frames; protects nothing by default (see `warn_of`).
        request_timeout_s: Wait for one reply, seconds.
        attempts: Times that a request is sent.
    """

    def __init__(
        self,
        link: Link,
        *,
        clock: Clock,
        on_event: Callable[[object], None],
        provider: SessionProvider | None = None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._link = link
        self._clock = clock
        self._on_event = on_event
        self._request_timeout_s = request_timeout_s
        self._attempts = attempts
        self._loop = asyncio.get_running_loop()
        self._session = Session(
            Role.INITIATOR,
            provider or PlaintextProvider(),
            link.mtu,
            request_timeout_s=request_timeout_s,
        )

    @property
    def refused_count(self) -> int:
        """See `Driver.refused_count`."""
        return self._session.refused_count

    async def info(self) -> Info:
        """See `Driver.info`."""
        return await self._ask(GetInfo, Info)

    async def status(self) -> DeviceStatus:
        """See `Driver.status`."""
        return await self._ask(GetStatus, DeviceStatus)

    async def set_time(self, *, utc_offset_min: int) -> None:
        """See `Driver.set_time`.

        The protocol counts whole seconds, so the request leaves at the beginning of one; and a
        repeat tells the time at which it is sent.
        """

        def now() -> SetTime:
            # To the nearest second: the wait above may end a fraction of a millisecond early.
            utc_s = (self._clock.now_ms() - EPOCH_2000_MS + SECOND_MS // 2) // SECOND_MS
            return SetTime(utc_s=utc_s, utc_offset_min=utc_offset_min)

        await asyncio.sleep(-self._clock.now_ms() % SECOND_MS / SECOND_MS)
        await self._command(now)

    async def apply(self, operation: Operation) -> None:
        """See `Driver.apply`."""
        await self._command(lambda: message_of(operation))

    async def list_occupied(self) -> tuple[OccupiedRecord, ...]:
        """See `Driver.list_occupied`."""
        records: list[OccupiedRecord] = []
        last = (0, 0, 0)
        has_more = True
        while has_more:
            page = await self._ask(functools.partial(_list_after, last), OccupiedList)
            for record in page.records:
                key = (int(record.kind), record.index, record.sub_index)
                if key <= last or len(records) >= OCCUPIED_LIMIT:
                    raise LinkClosed("the device lists its memory without an order or an end")
                records.append(record)
                last = key
            has_more = bool(page.has_more and page.records)
        return tuple(records)

    async def read_log(self, from_index: int) -> LogPage:
        """See `Driver.read_log`."""
        return await self._ask(lambda: ReadLog(from_index=from_index), LogPage)

    async def lock(self) -> None:
        """See `Driver.lock`."""
        await self._command(LockDoor)

    async def unlock(self) -> None:
        """See `Driver.unlock`; sent once."""
        await self._command(UnlockDoor, attempts=1)

    async def _command(self, make: Callable[[], object], *, attempts: int | None = None) -> None:
        """A request that is answered by a status only."""
        await self._ask(make, StatusReply, attempts=attempts)

    async def _ask(
        self, make: Callable[[], object], kind: type[T], *, attempts: int | None = None
    ) -> T:
        """Send a request until it is answered.

        Args:
            make: Makes the request, anew for each attempt.
            kind: What a successful answer looks like.
            attempts: Times that it is sent at most; the driver's own number when None.

        Raises:
            DeviceTimeout: When no attempt was answered.
            LinkClosed: When the connection ended.
            RequestRefused: When the answer is no.
        """
        attempts = attempts or self._attempts
        name = ""
        for _ in range(attempts):
            request = make()
            name = type(request).__name__
            reply = await self._exchange(request)
            if isinstance(reply, StatusReply) and reply.status is not Status.SUCCESS:
                raise RequestRefused(operation=name, status=reply.status, revision=reply.revision)
            if isinstance(reply, kind):
                return reply
            if reply is not None:
                # A bare "success" where data were asked for.
                raise RequestRefused(operation=name, status=Status.FAILURE)
        raise DeviceTimeout(operation=name, limit_s=self._request_timeout_s * attempts)

    async def _exchange(self, request: object) -> Any:
        """Send a request once and wait: the reply, or None when none came in time."""
        self._session.set_mtu(self._link.mtu)
        for value in self._session.send(request, self._loop.time()):
            await self._link.send(value)
        transaction = self._session.last_transaction
        is_over = False
        reply = None
        while not is_over:
            for event in await self._next_events():
                match event:
                    case ReplyReceived(transaction=number) if number == transaction:
                        reply, is_over = event.message, True
                    case RequestTimedOut(transaction=number) if number == transaction:
                        is_over = True
                    case _:
                        self._note(event)
        return reply

    async def _next_events(self) -> list[Event]:
        """What the next value or the next deadline brings, whichever comes first."""
        try:
            async with asyncio.timeout_at(self._session.next_deadline):
                value = await self._link.receive()
        except TimeoutError:
            return self._session.tick(self._loop.time())
        return self._session.receive(value, self._loop.time())

    def _note(self, event: Event) -> None:
        """Pass on what the device reports; count what can't be understood.

        Raises:
            LinkClosed: When that was too much.
        """
        if isinstance(event, EventReceived):
            self._on_event(event.message)
        if not isinstance(event, FrameRefused):
            return
        if self.refused_count <= REFUSED_LOGGED:
            # The reason is a sentence of ours: nothing that the peer chose gets into the log.
            logger.warning("refused %d bytes from a device: %s", event.length, event.reason)
        if self.refused_count >= REFUSED_LIMIT:
            raise LinkClosed(
                f"the device sent {self.refused_count} frames that nobody understands"
            )


def _list_after(last: tuple[int, int, int]) -> ListOccupied:
    kind, index, sub_index = last
    return ListOccupied(after_kind=RecordKind(kind), after_index=index, after_sub_index=sub_index)


def warn_of(provider: SessionProvider) -> None:
    """Say once, at the start, that sessions are not protected, where they are not."""
    if provider.warning is not None:
        logger.warning("%s", provider.warning)
