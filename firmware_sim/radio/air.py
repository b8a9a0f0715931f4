"""One connection over the air: frames in order, connection events, loss, range, supervision.

Theory of operation. A connection has two ends. While both are in range a frame goes out at once
(or at the next connection event, if the link's faults ask for an interval) and arrives in order.
When an end leaves the range nothing arrives: frames are kept, since the link layer repeats them
until they are acknowledged, and the supervision timeout runs. Back in range before it expires,
everything kept is delivered; otherwise both ends learn of a connection timeout (0x08).

While a connection is idle and in range there is no timer: its empty packets are taken as heard.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from bumble import hci, ll

from firmware_sim.radio.faults import NO_FAULTS, LinkFaults


@dataclass(frozen=True, slots=True)
class Farewell:
    """Tells the other end that the connection is over.

    Attributes:
        reason: HCI error code.
    """

    reason: int


# A data frame, or what the two link layers tell one another.
Frame: TypeAlias = bytes | ll.ControlPdu | Farewell | object

# Shortest connection interval; a lost frame is sent again after it where no interval is asked
# for. Source: Bluetooth Core 5.4, Vol 6 Part B, 4.5.1 (7.5 ms).
RETRANSMISSION_S: Final = 0.0075


class AirEnd(Protocol):
    """One end of a connection, as the air sees it."""

    @property
    def in_range(self) -> bool:
        """True while this end's device can be heard."""

    @property
    def faults(self) -> LinkFaults | None:
        """Faults of this end's device; None leaves them to the link."""

    def note_loss(self, knob: str, times: int) -> None:
        """Note that a fault of this end's device held a frame up, or lost it.

        Args:
            knob: Name in the device's fault plan.
            times: How often in a row.
        """

    def receive(self, frame: Frame) -> None:
        """Take a frame that arrived."""

    def lost(self, reason: int) -> None:
        """The connection is over.

        Args:
            reason: HCI error code.
        """


class AirLink:
    """A connection between two ends.

    Args:
        faults: Tells the faults of the whole link.
        stream: Tells the random stream of this connection; asked only when chance plays a part.
        supervision_timeout_s: Seconds without a packet after which both ends give up.
    """

    def __init__(
        self,
        *,
        faults: Callable[[], LinkFaults],
        stream: Callable[[], random.Random],
        supervision_timeout_s: float,
    ) -> None:
        self.supervision_timeout_s = supervision_timeout_s
        self._link_faults = faults
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._anchor_s = self._loop.time()
        self._central: AirEnd | None = None
        self._peripheral: AirEnd | None = None
        self._in_flight: deque[tuple[float, AirEnd, Frame]] = deque()
        self._held: deque[tuple[AirEnd, Frame]] = deque()
        self._landing: asyncio.TimerHandle | None = None
        self._supervision: asyncio.TimerHandle | None = None

    def join(self, *, central: AirEnd, peripheral: AirEnd) -> None:
        """Put the two ends in place."""
        self._central = central
        self._peripheral = peripheral

    def send(self, sender: AirEnd, frame: Frame) -> None:
        """Send a frame to the other end; frames of a closed connection vanish."""
        receiver = self._peripheral if sender is self._central else self._central
        if receiver is None:
            return
        if self._supervision is not None:
            self._held.append((receiver, frame))
            return
        faults = sender.faults or receiver.faults or self._link_faults()
        if faults is NO_FAULTS and self._landing is None:
            self._in_flight.append((self._loop.time(), receiver, frame))
            self._loop.call_soon(self._land)
        else:
            self._delay(faults, sender, receiver, frame)

    def terminate(self, end: AirEnd, reason: int) -> None:
        """Tell the other end to disconnect; both are over when it has heard so.

        Args:
            end: Who ends the connection.
            reason: HCI error code for the other end.
        """
        self.send(end, Farewell(reason))

    def abandon(self, end: AirEnd) -> None:
        """An end lost its power: it neither hears nor learns anything; the other one times out."""
        if end is self._central:
            self._central = None
        elif end is self._peripheral:
            self._peripheral = None
        if self._central is None and self._peripheral is None:
            self._close()
        else:
            self._fall_silent()

    def range_changed(self) -> None:
        """An end came into range or left it."""
        ends = (self._central, self._peripheral)
        if all(end is not None and end.in_range for end in ends):
            self._be_heard()
        elif ends != (None, None):
            self._fall_silent()

    # ------------------------------------------------------------------ the way of a frame

    def _delay(self, faults: LinkFaults, sender: AirEnd, receiver: AirEnd, frame: Frame) -> None:
        now = self._loop.time()
        interval_s = faults.connection_interval_s
        if faults.drop and isinstance(frame, bytes) and self._stream().random() < faults.drop:
            _note(sender, receiver, "ble_drop", 1)
            return
        at = now
        if interval_s:
            passed = math.floor((now - self._anchor_s) / interval_s + 1e-9)
            at = self._anchor_s + (passed + 1) * interval_s
        if faults.loss:
            again_s = interval_s or RETRANSMISSION_S
            times = 0
            while self._stream().random() < faults.loss:
                at += again_s
                times += 1
                if at - now > self.supervision_timeout_s:
                    _note(sender, receiver, "ble_loss", times)
                    self._fall_silent()
                    self._held.append((receiver, frame))
                    return
            if times:
                _note(sender, receiver, "ble_loss", times)
        if self._in_flight:
            # Never overtakes what went out before.
            at = max(at, self._in_flight[-1][0])
        self._in_flight.append((at, receiver, frame))
        if self._landing is None:
            self._landing = self._loop.call_at(at, self._land)

    def _land(self) -> None:
        self._stop_landing()
        now = self._loop.time()
        # Only what is here now: an answer given meanwhile takes its own turn of the loop.
        for _ in range(len(self._in_flight)):
            if not self._in_flight or self._in_flight[0][0] > now:
                break
            _, receiver, frame = self._in_flight.popleft()
            self._arrive(receiver, frame)
        if self._in_flight and self._in_flight[0][0] > now and self._landing is None:
            self._landing = self._loop.call_at(self._in_flight[0][0], self._land)

    def _arrive(self, receiver: AirEnd, frame: Frame) -> None:
        if receiver is not self._central and receiver is not self._peripheral:
            return  # The receiver lost its power.
        if isinstance(frame, Farewell):
            sender = self._peripheral if receiver is self._central else self._central
            self._close()
            receiver.lost(frame.reason)
            if sender is not None:
                sender.lost(hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR)
        else:
            receiver.receive(frame)

    # ------------------------------------------------------------------ supervision

    def _fall_silent(self) -> None:
        if self._supervision is not None:
            return
        self._supervision = self._loop.call_later(self.supervision_timeout_s, self._expire)
        self._held.extend((receiver, frame) for _, receiver, frame in self._in_flight)
        self._in_flight.clear()
        self._stop_landing()

    def _be_heard(self) -> None:
        if self._supervision is None:
            return
        self._supervision.cancel()
        self._supervision = None
        now = self._loop.time()
        self._in_flight.extend((now, receiver, frame) for receiver, frame in self._held)
        self._held.clear()
        self._loop.call_soon(self._land)

    def _expire(self) -> None:
        ends = [end for end in (self._central, self._peripheral) if end is not None]
        self._close()
        for end in ends:
            end.lost(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _close(self) -> None:
        self._central = self._peripheral = None
        self._stop_landing()
        if self._supervision is not None:
            self._supervision.cancel()
            self._supervision = None
        self._in_flight.clear()
        self._held.clear()

    def _stop_landing(self) -> None:
        if self._landing is not None:
            self._landing.cancel()
            self._landing = None


def _note(sender: AirEnd, receiver: AirEnd, knob: str, times: int) -> None:
    for end in (sender, receiver):
        end.note_loss(knob, times)
