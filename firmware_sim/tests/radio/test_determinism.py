from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCENARIO = """
import asyncio, json
from bleak import BleakClient, BleakScanner
from firmware_sim.kernel.loop import SimLoop
from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.backend import bleak_backend
from firmware_sim.radio.central import CentralPool
from firmware_sim.radio.faults import LinkFaults
from firmware_sim.radio.link import SimLink
from firmware_sim.radio.peripheral import LockPeripheral
from protocols.strike.gatt import COMMAND_UUID, EVENT_UUID

log = []

class Endpoint:
    def __init__(self, name):
        self.name = name
    def note(self, *what):
        log.append([asyncio.get_running_loop().time(), self.name, *what])
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
            log.append([asyncio.get_running_loop().time(), lock.address, await values.get()])
        log.append([c.properties for s in client.services for c in s.characteristics])

async def main():
    link = SimLink(Streams(11), faults=LinkFaults(connection_interval_s=0.03, loss=0.1))
    backend = bleak_backend(CentralPool(link, 3, slots=4))
    locks = []
    for number in range(30):
        name = f"lock-{number}"
        address = f"F0:00:00:00:01:{number:02X}"
        lock = LockPeripheral(link, address=address, name=name, endpoint=Endpoint(name))
        await lock.power_on()
        locks.append(lock)
    heard = lambda d, a: log.append([asyncio.get_running_loop().time(), d.address, a.rssi])
    async with BleakScanner(heard, backend=backend.scanner):
        async with asyncio.TaskGroup() as tasks:
            for number, lock in enumerate(locks):
                tasks.create_task(visit(backend, lock, number % 7 == 0), name=lock.name)
        await asyncio.sleep(3)
    for lock in locks:
        keys = await lock._device.keystore.get_all()
        log.append([(name, str(k.to_dict())) for name, k in keys])

with asyncio.Runner(loop_factory=SimLoop) as runner:
    runner.run(main())
print(json.dumps(log))
"""


def run(hash_seed: str) -> str:
    root = Path(__file__).parents[3]
    environment = dict(os.environ, PYTHONHASHSEED=hash_seed, PYTHONPATH=str(root))
    done = subprocess.run(  # noqa: S603 - the scenario above, in a process of its own.
        [sys.executable, "-c", SCENARIO],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_log_when_processes_and_hash_seeds_differ_then_it_is_the_same() -> None:
    first, second = run("1"), run("2")
    assert first == second
    log = json.loads(first)
    assert sum(1 for entry in log if entry[1:3] == ["lock-3", "received"]) == 5
