"""A lock behind its GATT service: the strike session on one side, the firmware on the other.

One session a connection. Requests are answered in the order in which they came, each before the
next is looked at; what happens while one is answered is told after its reply. Bytes that mean
nothing are counted and noted, and the connection goes on. A lock whose flash is slow answers a
request that changed its memory later, and everything behind it waits.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable

from firmware_sim.errors import DevicePoweredOff, ProcessorDown
from firmware_sim.locks.core import LockEvent
from firmware_sim.locks.firmware import LockFirmware
from protocols.strike.events import FrameRefused, RequestReceived
from protocols.strike.messages import StatusReply
from protocols.strike.provider import PlaintextProvider, SessionProvider
from protocols.strike.session import Session
from protocols.strike.transaction import Role


@dataclasses.dataclass(slots=True, eq=False)
class _Connection:
    """One central that is connected.

    Attributes:
        session: What was said so far.
        notify: Sends to the central.
        held_back: Events that happened while a request is answered; None while none is.
        waiting: Requests that came while one is answered.
    """

    session: Session
    notify: Callable[[bytes], None]
    held_back: list[LockEvent] | None = None
    waiting: deque[RequestReceived] = dataclasses.field(default_factory=deque)


class StrikeEndpoint:
    """Joins a firmware to connections, one at a time (a `GattEndpoint` of the radio).

    Args:
        firmware: The lock; its events go to whoever is connected.
        now: Tells loop seconds.
        later: Calls back after so many seconds, for a lock whose flash is slow.
        provider: Makes the protection of one connection.

    Attributes:
        connection_count: Connections so far.
        refused_count: Frames and fragments refused so far, over all connections.
    """

    __slots__ = (
        "_connection",
        "_firmware",
        "_later",
        "_now",
        "_provider",
        "connection_count",
        "refused_count",
    )

    def __init__(
        self,
        firmware: LockFirmware,
        *,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object] | None = None,
        provider: Callable[[], SessionProvider] = PlaintextProvider,
    ) -> None:
        self.connection_count = 0
        self.refused_count = 0
        self._firmware = firmware
        self._now = now
        self._later = later
        self._provider = provider
        self._connection: _Connection | None = None

    def connected(self, att_mtu: int, notify: Callable[[bytes], None]) -> None:
        """A central connected: a new session begins."""
        self.connection_count += 1
        session = Session(Role.RESPONDER, self._provider(), att_mtu)
        self._connection = _Connection(session, notify)
        # Only now: a lock that nobody is connected to has nobody to tell.
        self._firmware.on_event(self._event)

    def mtu_changed(self, att_mtu: int) -> None:
        """Both sides agreed on another ATT MTU."""
        if self._connection is not None:
            self._connection.session.set_mtu(att_mtu)

    def received(self, value: bytes) -> None:
        """The central wrote a value.

        Raises:
            StateFileError: When what it asked for could not be persisted; it gets no reply.
        """
        connection = self._connection
        if connection is None:
            return
        if not self._firmware.is_running:
            return
        for event in connection.session.receive(value, self._now()):
            if isinstance(event, RequestReceived):
                connection.waiting.append(event)
                self._answer_waiting(connection)
            elif isinstance(event, FrameRefused):
                self._refuse(connection, event)

    def disconnected(self) -> None:
        """The connection is over; what was unfinished is forgotten."""
        self._connection = None
        self._firmware.on_event(None)

    def _answer_waiting(self, connection: _Connection) -> None:
        """Answer what waits, in order, up to one whose change takes its time."""
        waiting = connection.waiting
        while waiting and connection.held_back is None and connection is self._connection:
            self._answer(connection, waiting.popleft())

    def _answer(self, connection: _Connection, request: RequestReceived) -> None:
        held_back = connection.held_back = []
        try:
            reply = self._firmware.handle(request.message, self._now())
        except (DevicePoweredOff, ProcessorDown):
            # Whoever asked waits in vain; what was written by then is written.
            connection.held_back = None
            return
        except BaseException:
            connection.held_back = None
            raise

        def send() -> None:
            # The connection that asked may be gone by now, and another one there.
            if connection is self._connection and self._firmware.is_running:
                connection.held_back = None
                self._send(connection, reply, in_reply_to=request.transaction)
                for event in held_back:
                    self._event(event)

        def send_late() -> None:
            send()
            self._answer_waiting(connection)

        if self._firmware.busy_s and self._later is not None:
            self._later(self._firmware.busy_s, send_late)
        else:
            send()

    def _refuse(self, connection: _Connection, refused: FrameRefused) -> None:
        self.refused_count += 1
        self._firmware.trace.record("frame_refused", reason=refused.reason, length=refused.length)
        if refused.answer is not None:
            reply = StatusReply(status=refused.answer)
            self._send(connection, reply, in_reply_to=refused.transaction)

    def _event(self, event: LockEvent) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.held_back is not None:
            connection.held_back.append(event)
        else:
            self._send(connection, event)

    def _send(
        self, connection: _Connection, message: object, *, in_reply_to: int | None = None
    ) -> None:
        for fragment in connection.session.send(message, self._now(), in_reply_to=in_reply_to):
            connection.notify(fragment)
