"""The adapter of the light link: what bleak's client and scanner are bound to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firmware_sim.radio.advertisement import name_response
from firmware_sim.radio.att_client import ConnectionLost
from firmware_sim.radio.central import ATT_MTU
from firmware_sim.radio.central_device import SLOTS, SUPERVISION_TIMEOUT_S
from firmware_sim.radio.interface import Sighting
from firmware_sim.radio.light.advertised import advertised_data
from firmware_sim.radio.light.air import Attempt, LightAir, Scan
from firmware_sim.radio.light.connection import LightConnection
from firmware_sim.radio.light.frames import POWER_OFF, UNKNOWN_CONNECTION
from firmware_sim.radio.light.peripheral import LightPeripheral

_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    is_active: bool
    filters_duplicates: bool


class LightAdapter:
    """Some controllers, used as one adapter.

    When every slot is taken, whoever came first is served first.

    Args:
        air: The air.
        size: How many controllers.
        slots: Connections of each.
        supervision_timeout_s: Seconds of silence after which a connection ends.
        att_mtu: Largest ATT MTU to ask for.

    Attributes:
        air: As given.
        att_mtu: As given.
        address: Its own, "AA:BB:CC:DD:EE:FF".
        bonds: The devices whose keys it has.
        scan: The scan in progress.
    """

    def __init__(
        self,
        air: LightAir,
        size: int,
        *,
        slots: int = SLOTS,
        supervision_timeout_s: float = SUPERVISION_TIMEOUT_S,
        att_mtu: int = ATT_MTU,
    ) -> None:
        if size < 1 or slots < 1:
            raise ValueError("an adapter needs a controller, and a controller needs a slot")
        self.air = air
        self.att_mtu = att_mtu
        self.bonds: dict[str, None] = {}
        self.address = air.adapter_address()
        self.scan: Scan | None = None
        self._supervision_timeout_s = supervision_timeout_s
        self._free = asyncio.Semaphore(size * slots)
        self._wishes: dict[Callable[[Sighting], None], _Wish] = {}
        self._attempts: dict[Attempt, str] = {}
        self._connections: dict[LightConnection, None] = {}

    # ------------------------------------------------------------------ connecting

    def target(self, address: str, sender: object) -> str:
        """See `Adapter.target`."""
        del sender  # The address is all there is to know.
        known = address.upper()
        if not _ADDRESS.match(known):
            raise ValueError("that is no Bluetooth address")
        return known

    async def connect(self, target: object) -> LightConnection:
        """See `Adapter.connect`.

        Cancellation: the attempt is given up; a connection that came about meanwhile is ended.

        Raises:
            ConnectionLost: When the attempt failed.
        """
        await self._free.acquire()
        try:
            connection = await self._open(str(target))
        except BaseException:
            self._free.release()
            raise
        self._connections[connection] = None
        connection.on_closed(lambda: self._release(connection))
        return connection

    async def forget(self, target: object) -> None:
        """Forget the keys of a device."""
        self.bonds.pop(str(target), None)

    def vanish(self) -> None:
        """See `Adapter.vanish`; it can be used again afterwards, scans have to start again."""
        self._wishes.clear()
        self._tune()
        for attempt, address in tuple(self._attempts.items()):
            self.air.attempt_ended(address, attempt)
            if attempt.made.cancelled():
                continue
            if not attempt.made.done():
                attempt.made.set_exception(ConnectionLost(UNKNOWN_CONNECTION))
            elif attempt.made.exception() is None:
                _abandon(attempt.made.result())
        for connection in tuple(self._connections):
            _abandon(connection)

    async def _open(self, address: str) -> LightConnection:
        attempt = Attempt(
            adapter=self,
            supervision_timeout_s=self._supervision_timeout_s,
            made=asyncio.get_running_loop().create_future(),
        )
        self._attempts[attempt] = address
        self.air.attempt_started(address, attempt)
        made = attempt.made
        try:
            return await made
        except asyncio.CancelledError:
            if made.done() and not made.cancelled() and made.exception() is None:
                made.result().terminate()
            raise
        finally:
            self._attempts.pop(attempt, None)
            self.air.attempt_ended(address, attempt)

    def _release(self, connection: LightConnection) -> None:
        self._connections.pop(connection, None)
        self._free.release()

    # ------------------------------------------------------------------ scanning

    async def listen(
        self, listener: Callable[[Sighting], None], *, is_active: bool, filters_duplicates: bool
    ) -> None:
        """See `Adapter.listen`; each new listener makes it report everything anew.

        Cancellation: there is nothing to cancel; it listens at once.
        """
        self._wishes[listener] = _Wish(is_active=is_active, filters_duplicates=filters_duplicates)
        self._tune()

    async def stop_listening(self, listener: Callable[[Sighting], None]) -> None:
        """See `Adapter.stop_listening`.

        Cancellation: there is nothing to cancel; it stops at once.
        """
        if self._wishes.pop(listener, None) is not None:
            self._tune(anew=False)

    def _tune(self, *, anew: bool = True) -> None:
        """Scan as all listeners together want it."""
        if not self._wishes:
            self.scan = None
            self.air.scan_stopped(self)
            return
        wishes = self._wishes.values()
        is_active = any(wish.is_active for wish in wishes)
        filters_duplicates = all(wish.filters_duplicates for wish in wishes)
        scan = self.scan
        if (
            anew
            or scan is None
            or (scan.is_active, scan.filters_duplicates) != (is_active, filters_duplicates)
        ):
            self.scan = Scan(
                is_active=is_active,
                filters_duplicates=filters_duplicates,
                address=self.address,
                report=self._heard,
            )
            self.air.scan_started(self)

    def _heard(self, lock: LightPeripheral, rssi_dbm: int) -> None:
        is_active = self.scan is not None and self.scan.is_active
        sighting = Sighting(
            address=lock.address,
            sender=lock.address,
            data=advertised_data(lock.manufacturer_data),
            scan_response=name_response(lock.name) if is_active else None,
            rssi_dbm=rssi_dbm,
            absences=self.air.absences(lock),
        )
        for listener in tuple(self._wishes):
            try:
                listener(sighting)
            except Exception as error:  # noqa: BLE001 - one listener's defect is not the others'.
                context = {"message": "a detection callback failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


def _abandon(connection: LightConnection) -> None:
    """The adapter is gone: nobody tells the lock."""
    connection.air.abandon(connection)
    connection.lose(POWER_OFF)
