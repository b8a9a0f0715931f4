"""The news scanner, on a backend without a radio."""

from __future__ import annotations

import asyncio

import pytest
from bleak.exc import BleakError

from gateway.links.ble import BleCentral
from gateway.links.watch import RESTART_S, NewsWatch, Sighting
from gateway.tests.links.loopback import Air
from protocols.strike.gatt import Advertisement

ADDRESS = "F0:00:00:00:00:01"
QUIET = Advertisement(has_news=False, profile_hint=1, log_next_low=4).encode()
NEWS = Advertisement(has_news=True, profile_hint=1, log_next_low=5).encode()


async def listen(air: Air, seconds: float, *steps: tuple[str, bytes | None]) -> list[Sighting]:
    heard: list[Sighting] = []
    watch = NewsWatch(BleCentral(air), heard.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        await asyncio.sleep(0)
        for address, data in steps:
            air.advertise(address, data)
        await asyncio.sleep(seconds)
        task.cancel()
    assert not air.scanners
    return heard


async def test_run_tells_news_and_what_changed() -> None:
    heard = await listen(
        Air(), 1, (ADDRESS.lower(), QUIET), (ADDRESS, NEWS), (ADDRESS, NEWS), (ADDRESS, QUIET)
    )
    assert heard == [
        Sighting(address=ADDRESS, has_news=False, log_next_low=4, is_changed=True),
        Sighting(address=ADDRESS, has_news=True, log_next_low=5, is_changed=True),
        Sighting(address=ADDRESS, has_news=True, log_next_low=5, is_changed=False),
        Sighting(address=ADDRESS, has_news=False, log_next_low=4, is_changed=True),
    ]


async def test_run_ignores_what_is_no_strike_advertisement() -> None:
    heard: list[Sighting] = []
    air = Air()
    watch = NewsWatch(BleCentral(air), heard.append)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        await asyncio.sleep(0)
        air.advertise(ADDRESS, None)
        air.advertise(ADDRESS, b"\x01")
        air.advertise(ADDRESS, b"\x09" + QUIET[1:])
        air.advertise(ADDRESS, NEWS, uuids=("0000180f-0000-1000-8000-00805f9b34fb",))
        task.cancel()
    assert heard == []
    assert watch.refused_count == 2


async def test_run_without_a_radio_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    air = Air(scan_error=BleakError("No Bluetooth adapters found."))
    await listen(air, 3 * RESTART_S + 1)
    assert air.scan_count == 4
    assert (
        "no advertisements for now: can't listen for advertisements: No Bluetooth" in caplog.text
    )


async def test_run_cancelled_ends_even_if_the_stack_fails_to_stop() -> None:
    air = Air(stop_error=BleakError("gone"))
    async with asyncio.timeout(5):
        await listen(air, 1, (ADDRESS, NEWS))
