from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.radio.open_radio import RadioKind

SCENARIO = """
import asyncio, contextlib, json, sys
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.backend import bleak_backend
from firmware_sim.faults.plan import FaultPlan
from firmware_sim.radio.interface import PeripheralSettings
from firmware_sim.radio.open_radio import RadioKind, open_radio
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID

log = []

class Endpoint:
    def __init__(self, name):
        self.name = name
    def note(self, *what):
        log.append([asyncio.get_running_loop().time(), self.name, *what])
    def record(self, kind, **data):
        self.note(kind, data)
    def connected(self, att_mtu, notify):
        self.notify = notify
        self.note("connected", att_mtu)
    def mtu_changed(self, att_mtu):
        self.note("mtu", att_mtu)
    def received(self, value):
        self.note("received", value.hex())
        self.notify(value[::-1])
    def disconnected(self):
        self.note("disconnected")

async def visit(backend, lock, pair):
    async with BleakClient(lock.address, backend=backend.client, pair=pair) as client:
        values = asyncio.Queue()
        await client.start_notify(EVENT_UUID, lambda c, v: values.put_nowait(v.hex()))
        for number in range(5):
            await client.write_gatt_char(COMMAND_UUID, bytes([number, 7]), response=False)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    value = await values.get()
                    log.append([asyncio.get_running_loop().time(), lock.address, value])
        log.append([c.properties for s in client.services for c in s.characteristics])

async def try_visit(backend, lock, pair):
    try:
        await visit(backend, lock, pair)
    except BleakError as error:
        log.append([asyncio.get_running_loop().time(), lock.address, str(error)])

async def main():
    streams = Streams(11)
    radio = open_radio(RadioKind(sys.argv[1]), streams)
    backend = bleak_backend(radio.adapter(1))
    settings = PeripheralSettings(
        is_public=False, advertising_interval_ms=1000.0, att_mtu_max=247
    )
    plan = FaultPlan(
        ble_connection_interval_s=0.03,
        ble_loss=0.1,
        ble_notification_loss=0.1,
        ble_notification_duplicate=0.1,
        ble_corrupt=0.1,
        ble_advertisement_loss=0.2,
        ble_disconnect=0.01,
    )
    locks = []
    for number in range(30):
        name = f"lock-{number}"
        address = f"F0:00:00:00:01:{number:02X}"
        endpoint = Endpoint(name)
        lock = radio.peripheral(
            address=address,
            name=name,
            endpoint=endpoint,
            manufacturer_data=b"",
            settings=settings,
        )
        lock.fault_trace = endpoint
        lock.set_faults(plan)
        await lock.power_on()
        locks.append(lock)
    heard = lambda d, a: log.append([asyncio.get_running_loop().time(), d.address, a.rssi])
    async with BleakScanner(heard, backend=backend.scanner):
        async with asyncio.TaskGroup() as tasks:
            for number, lock in enumerate(locks):
                tasks.create_task(try_visit(backend, lock, number % 7 == 0), name=lock.name)
        await asyncio.sleep(3)
    for lock in locks if radio.__class__.__name__ == "SimRadio" else ():
        keys = await lock._device.keystore.get_all()
        log.append([(name, str(k.to_dict())) for name, k in keys])

with asyncio.Runner(loop_factory=SimLoop) as runner:
    runner.run(main())
print(json.dumps(log))
"""


def run(radio: RadioKind, hash_seed: str) -> str:
    root = Path(__file__).parents[3]
    environment = dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONPATH=str(root))
    done = subprocess.run(  # noqa: S603 - the scenario above, in a process of its own.
        [sys.executable, "-c", SCENARIO, radio],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("radio", list(RadioKind))
def test_log_when_processes_and_hash_seeds_differ_then_it_is_the_same(radio: RadioKind) -> None:
    first, second = run(radio, "1"), run(radio, "2")
    assert first == second
    log = json.loads(first)
    assert sum(1 for entry in log if entry[2:3] == ["received"]) > 100
    knobs = {entry[3]["knob"] for entry in log if entry[2:3] == ["fault"]}
    assert len(knobs) == 6
