"""The pool of centrals behind one backend, and its one ear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bumble import hci

from firmware_sim.radio.att_client import ConnectionLost
from firmware_sim.radio.central_device import (
    SLOTS,
    SUPERVISION_TIMEOUT_S,
    Central,
    CentralConnection,
)
from firmware_sim.radio.interface import Sighting
from firmware_sim.radio.link import SimLink

# Largest ATT MTU that a central asks for; what BlueZ asks for.
ATT_MTU: Final = 517


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    is_active: bool
    filters_duplicates: bool


class CentralPool:
    """Some centrals, used as one adapter.

    Connections are made by whichever central has most room; when all are full, whoever came
    first is served first. Centrals are powered on when they are first needed.

    Args:
        link: The air.
        size: How many centrals.
        slots: Connections of each.
        supervision_timeout_s: Seconds of silence after which a connection ends.
        att_mtu: Largest ATT MTU to ask for.
    """

    def __init__(
        self,
        link: SimLink,
        size: int,
        *,
        slots: int = SLOTS,
        supervision_timeout_s: float = SUPERVISION_TIMEOUT_S,
        att_mtu: int = ATT_MTU,
    ) -> None:
        if size < 1 or slots < 1:
            raise ValueError("a pool needs a central, and a central needs a slot")
        self.link = link
        self.att_mtu = att_mtu
        self._centrals = [
            Central(
                link,
                name=f"central-{number}",
                slots=slots,
                supervision_timeout_s=supervision_timeout_s,
            )
            for number in range(size)
        ]
        self._loads = dict.fromkeys(self._centrals, 0)
        self._free = asyncio.Semaphore(size * slots)
        self._wishes: dict[Callable[[Sighting], None], _Wish] = {}
        self._scan: _Wish | None = None
        self._tuning = asyncio.Lock()
        self._centrals[0].on_sighting = self._heard

    def target(self, address: str, sender: object) -> hci.Address:
        """See `Adapter.target`; an unknown address counts as a random one."""
        return sender if isinstance(sender, hci.Address) else self.link.identity(address)

    async def connect(self, target: object) -> CentralConnection:
        """Connect to a device at its next advertisement; waits while every slot is taken.

        Cancellation: the attempt is given up.

        Raises:
            ConnectionLost: When the attempt failed, or every central serves that device.
            HCI_Error: bumble's, when a controller refused.
        """
        address = _address(target)
        await self._free.acquire()
        central: Central | None = None
        try:
            central = await self._ready(address)
            self._loads[central] += 1
            connection = await central.open(address)
        except BaseException:
            self._release(central)
            raise
        connection.on_closed(lambda: self._release(central))
        return connection

    def vanish(self) -> None:
        """Behave like an adapter whose machine died: no goodbye; devices notice by time-out.

        The pool can be used again afterwards; scans have to be started again.
        """
        self._wishes.clear()
        self._scan = None
        for central in self._centrals:
            central.controller.power_off()

    async def forget(self, target: object) -> None:
        """Forget the keys of a device."""
        for central in self._centrals:
            await central.bonds.delete(str(_address(target)))

    async def _ready(self, address: hci.Address) -> Central:
        """A central that is on; between this choice and its use nothing may be awaited."""
        central = self._roomiest(address)
        while not central.powered_on:
            await central.boot()
            # Meanwhile another client may have chosen the same one, for the same device.
            central = self._roomiest(address)
        return central

    def _roomiest(self, address: hci.Address) -> Central:
        able = [central for central in self._centrals if not central.serves(address)]
        if not able:
            raise ConnectionLost(hci.HCI_ErrorCode.CONNECTION_ALREADY_EXISTS_ERROR)
        return min(able, key=self._loads.__getitem__)

    def _release(self, central: Central | None) -> None:
        if central is not None:
            self._loads[central] -= 1
        self._free.release()

    # ------------------------------------------------------------------ scanning

    async def listen(
        self, listener: Callable[[Sighting], None], *, is_active: bool, filters_duplicates: bool
    ) -> None:
        """Call a listener for what is heard from now on.

        One radio serves all listeners: it filters duplicates only while all of them want that,
        and each new one makes it report everything anew.

        Args:
            listener: Called for every sighting.
            is_active: True to ask for scan responses.
            filters_duplicates: True to hear an advertiser once, and when its data change.

        Cancellation: the listener is not called; the others hear what they heard before.
        """
        async with self._tuning:
            self._wishes[listener] = _Wish(
                is_active=is_active, filters_duplicates=filters_duplicates
            )
            try:
                await self._tune(anew=True)
            except BaseException:
                self._wishes.pop(listener, None)
                await self._tune(anew=True)
                raise

    async def stop_listening(self, listener: Callable[[Sighting], None]) -> None:
        """Call a listener no more.

        Cancellation: it is called no more either.
        """
        if self._wishes.pop(listener, None) is None:
            return
        async with self._tuning:
            try:
                await self._tune(anew=False)
            except BaseException:
                # The radio may be between two scans.
                await self._tune(anew=True)
                raise

    async def _tune(self, *, anew: bool) -> None:
        wishes = self._wishes.values()
        wish = None
        if wishes:
            wish = _Wish(
                is_active=any(w.is_active for w in wishes),
                filters_duplicates=all(w.filters_duplicates for w in wishes),
            )
        if wish == self._scan and not anew:
            return
        ear = self._centrals[0]
        await ear.boot()
        if self._scan is not None:
            await ear.stop_scanning()
        self._scan = wish
        if wish is not None:
            await ear.start_scanning(
                active=wish.is_active, filter_duplicates=wish.filters_duplicates
            )

    def _heard(self, sighting: Sighting) -> None:
        for listener in tuple(self._wishes):
            try:
                listener(sighting)
            except Exception as error:  # noqa: BLE001 - one listener's defect is not the others'.
                context = {"message": "a detection callback failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


def _address(target: object) -> hci.Address:
    if not isinstance(target, hci.Address):
        raise TypeError("this adapter's targets are addresses: see `CentralPool.target`")
    return target
