from __future__ import annotations

import asyncio
from typing import Any

import bleak
import pytest

from protocols.strike.gatt import COMPANY_ID, SERVICE_UUID

GAP_UUID = "00001800-0000-1000-8000-00805f9b34fb"


async def find(radio: Any, seconds: float = 2.0, **details: Any) -> dict[str, Any]:
    return await bleak.BleakScanner.discover(
        seconds, return_adv=True, backend=radio.backend.scanner, **details
    )


async def test_scan_when_filtered_by_service_then_only_those_are_told(radio: Any) -> None:
    lock = await radio.lock()
    assert list(await find(radio, service_uuids=[SERVICE_UUID])) == [lock.address]
    assert list(await find(radio, service_uuids=[GAP_UUID])) == []
    assert list(await find(radio, bluez={"filters": {"UUIDs": [SERVICE_UUID]}})) == [lock.address]


async def test_scan_when_filtered_by_strength_or_pattern_then_only_those_are_told(
    radio: Any,
) -> None:
    near = await radio.lock()
    far = await radio.lock()
    radio.link.rssi_dbm = lambda sender, _receiver: -40 if sender == near.address else -90
    assert list(await find(radio, bluez={"filters": {"RSSI": -60}})) == [near.address]
    assert list(await find(radio, bluez={"filters": {"Pattern": "lock 1"}})) == [far.address]
    assert len(await find(radio, bluez={"filters": {"Pattern": "F0:00"}})) == 2
    found = await find(radio)
    assert found[far.address][1].rssi == -90


async def test_scan_when_passive_then_names_stay_unknown_and_patterns_count(radio: Any) -> None:
    lock = await radio.lock(manufacturer_data=b"\x01\x02")
    [(device, advertisement)] = (await find(radio, scanning_mode="passive")).values()
    assert device.name is None
    assert advertisement.manufacturer_data == {COMPANY_ID: b"\x01\x02"}
    wanted = {"or_patterns": [(2, 0xFF, b"\x01\x02")]}
    other = {"or_patterns": [(0, 0xFF, b"\x01\x02")]}
    assert list(await find(radio, scanning_mode="passive", bluez=wanted)) == [lock.address]
    assert list(await find(radio, scanning_mode="passive", bluez=other)) == []


async def test_scan_when_an_active_and_a_passive_one_run_then_each_gets_its_own(
    radio: Any,
) -> None:
    lock = await radio.lock()
    names: dict[str, list[str | None]] = {"active": [], "passive": []}
    async with radio.scanner(lambda d, _a: names["passive"].append(d.name), None, "passive"):
        await asyncio.sleep(2.0)
        async with radio.scanner(lambda d, _a: names["active"].append(d.name)):
            await asyncio.sleep(2.0)
        await asyncio.sleep(2.0)
    assert names == {"active": [lock.name], "passive": [None]}


async def test_scanner_when_stopped_twice_then_nothing_happens(radio: Any) -> None:
    scanner = radio.scanner()
    await scanner.stop()
    await scanner.start()
    await scanner.stop()
    await scanner.stop()


async def test_scan_when_the_callback_of_another_fails_then_this_one_hears_all_the_same(
    radio: Any,
) -> None:
    locks = [await radio.lock() for _ in range(3)]
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: failures.append(context["exception"])
    )

    def fail(_device: object, _advertisement: object) -> None:
        raise LookupError("a defect of the program")

    heard: list[str] = []
    async with radio.scanner(fail), radio.scanner(lambda device, _a: heard.append(device.address)):
        await asyncio.sleep(3.0)
    assert sorted(heard) == [lock.address for lock in locks]
    assert [type(failure) for failure in failures] == [LookupError] * len(locks)


@pytest.mark.parametrize("turns", range(1, 16, 2))
@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_scan_when_starting_or_stopping_is_cancelled_then_it_is_over_and_others_go_on(
    radio: Any, verb: str, turns: int
) -> None:
    lock = await radio.lock()
    given_up: list[bytes] = []
    heard: list[bytes] = []
    scanner = radio.scanner(lambda _d, a: given_up.append(a.manufacturer_data[COMPANY_ID]))

    async def cancel() -> None:
        if verb == "stop":
            await scanner.start()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(getattr(scanner, verb)(), name=verb)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
        if not task.cancelled():
            await scanner.stop()

    await cancel()
    assert radio.scan is None
    async with radio.scanner(lambda _d, a: heard.append(a.manufacturer_data[COMPANY_ID])):
        await cancel()
        given_up.clear()
        await asyncio.sleep(2.0)
        lock.set_advertisement(b"new")
        await asyncio.sleep(2.0)
    assert heard[-1] == b"new"
    assert given_up == []
    assert radio.scan is None
