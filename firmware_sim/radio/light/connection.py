"""An adapter's end of one light connection."""

from __future__ import annotations

import asyncio
from typing import Protocol

from firmware_sim.radio.air import AirLink, Frame
from firmware_sim.radio.att_client import ConnectionLost, PairingRefused
from firmware_sim.radio.discovery import ServiceRecord
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.light.frames import REMOTE_USER_ENDED, SUCCESS, Encrypt, Encrypted
from firmware_sim.radio.light.peripheral import LightPeripheral
from firmware_sim.radio.light.table import services
from firmware_sim.radio.open_connection import OpenConnection


class Holder(Protocol):
    """What a connection asks of its adapter.

    Attributes:
        bonds: The devices whose keys it has.
    """

    bonds: dict[str, None]


class LightConnection(OpenConnection):
    """The central's end of a connection.

    Args:
        adapter: Whose connection it is.
        lock: Who is at the other end.
        air: The way there.
        is_plain: Tells whether the air itself is without faults.

    Attributes:
        air: As given.
    """

    def __init__(
        self, adapter: Holder, lock: LightPeripheral, air: AirLink, *, is_plain: bool
    ) -> None:
        super().__init__()
        self.air = air
        self._adapter = adapter
        self._lock = lock
        self._is_plain = is_plain
        self._is_encrypted = False
        self._answer: asyncio.Future[int] | None = None

    @property
    def known_services(self) -> tuple[ServiceRecord, ...] | None:
        """The table that all locks have, while nothing may go wrong with asking for it."""
        lock = self._lock
        has_faults = lock.radio_faults is not None or lock.faults is not None
        is_there = self.is_open and lock.is_in_range and lock.is_powered
        return services() if is_there and self._is_plain and not has_faults else None

    async def pair(self) -> None:
        """See `Connection.pair`.

        Cancellation: the answer is dropped; the connection may be encrypted.
        """
        if self._is_encrypted:
            return
        if self._answer is None:
            self._answer = asyncio.get_running_loop().create_future()
            is_bonded = self._lock.address in self._adapter.bonds
            self.air.send(self, Encrypt(self._adapter, is_bonded))
        code = await asyncio.shield(self._answer)
        if code != SUCCESS:
            raise PairingRefused(code)

    def lose(self, reason: int) -> None:
        """See `OpenConnection.lose`."""
        super().lose(reason)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionLost(reason))
            # Whoever waited may have been cancelled meanwhile.
            self._answer.exception()

    def _send(self, pdu: bytes) -> None:
        self.air.send(self, pdu)

    def terminate(self) -> None:
        """Have the lock told that it is over."""
        self.air.terminate(self, REMOTE_USER_ENDED)

    def _terminate(self) -> None:
        self.terminate()

    # ------------------------------------------------------------------ the air's end

    @property
    def in_range(self) -> bool:
        """An adapter is where its locks are."""
        return True

    @property
    def faults(self) -> LinkFaults | None:
        """None: an adapter has no faults of its own."""
        return None

    def note_loss(self, knob: str, times: int) -> None:
        """Note nothing: the lock does."""

    def receive(self, frame: Frame) -> None:
        """See `AirEnd.receive`."""
        if isinstance(frame, bytes):
            self.att.receive(frame)
        elif isinstance(frame, Encrypted) and self._answer is not None:
            answer, self._answer = self._answer, None
            self._is_encrypted = frame.code == SUCCESS
            if self._is_encrypted:
                self._adapter.bonds[self._lock.address] = None
            answer.set_result(frame.code)

    def lost(self, reason: int) -> None:
        """See `AirEnd.lost`."""
        self.lose(reason)
