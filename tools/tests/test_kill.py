"""kill -9 of a running bench at seeded moments: nothing promised is lost, nothing done twice.

The moment is a size of the state folder, so it falls between any two writes of the store or of a
device, and no clock is involved. What the API answered before the kill is the promise.
`strikeplate up` itself is started for the first moment, a fork of it for the many others.
"""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from hil_tests.bench_state import RAM_DISK
from tools.bench_client import BenchClient
from tools.running_bench import start_bench, stop_bench, wait_until_ready
from tools.tests.forked_bench import forked_bench

DEVICES = ("gym", "storage", "bike-room")
OPTIONS = ("--now", "2025-07-10T12:00:00Z", "--speed", "0", "--port", "0")
# Enough requests that the largest growth below is reached long before the last one.
REQUESTS = 60
# Bytes that a third of such a workload writes, two dozen commits: the moments are spread over it.
# The store's write-ahead log grows by as much before it begins to be written over.
GROWTH_MAX = 3_000_000


class Process(Protocol):
    """A bench's process."""

    def kill(self) -> None:
        """Send SIGKILL."""


# Runs a bench on a state folder, with options; gives its process and its URL.
Start = Callable[[Path, Sequence[str]], AbstractContextManager[tuple[Process, str]]]


@contextlib.contextmanager
def fresh_bench(state: Path, options: Sequence[str]) -> Iterator[tuple[Process, str]]:
    """Run `strikeplate up` for the length of the context."""
    process = start_bench(state, options)
    try:
        yield process, wait_until_ready(process, state)
    finally:
        stop_bench(process)


def key_of(state: Path) -> str:
    return (state / "api-key").read_text(encoding="utf-8").strip()


class Workload(threading.Thread):
    """Creates, renames and deletes codes, one request at a time, and notes what was answered."""

    def __init__(self, url: str, key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._lots = random.Random(seed)
        self._http = httpx.Client(
            base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60
        )
        self.created: dict[str, tuple[str, str]] = {}
        self.deleted: set[str] = set()
        self.in_doubt: set[str] = set()
        self.answers = 0
        # Creations that were asked for, answered or not, by device.
        self.asked: Counter[str] = Counter()

    def run(self) -> None:
        try:
            listed = self._http.post("/devices/list", json={}).json()["devices"]
            ids = {device["properties"]["name"]: device["device_id"] for device in listed}
            for number in range(REQUESTS):
                self._step(ids, number)
                self.answers += 1
        except httpx.HTTPError:
            return  # The bench was killed: what was not answered was not promised.

    def _step(self, ids: dict[str, str], number: int) -> None:
        held = sorted(set(self.created) - self.deleted - self.in_doubt)
        if held and self._lots.random() < 0.3:
            code_id = self._lots.choice(held)
            self.in_doubt.add(code_id)
            reply = self._http.post("/access_codes/delete", json={"access_code_id": code_id})
            assert reply.status_code == 200, reply.text
            self.in_doubt.discard(code_id)
            self.deleted.add(code_id)
            return
        name = self._lots.choice(DEVICES)
        code = f"{300_000 + 137 * number}"
        self.asked[name] += 1
        reply = self._http.post(
            "/access_codes/create", json={"device_id": ids[name], "code": code}
        )
        assert reply.status_code == 200, reply.text
        self.created[reply.json()["access_code"]["access_code_id"]] = (name, code)


def sizes(state: Path) -> int:
    return sum(path.stat().st_size for path in files(state))


def files(state: Path) -> Iterator[Path]:
    yield from state.glob("gateway.db*")
    yield from (state / "devices").iterdir()


def kill_once(start: Start, state: Path, seed: int) -> Workload:
    """Run the workload and kill the bench once its state has grown enough."""
    with start(state, [*OPTIONS, "--seed", str(seed)]) as (process, url):
        limit = sizes(state) + random.Random(seed).randrange(1, GROWTH_MAX)
        workload = Workload(url, key_of(state), seed)
        workload.start()
        while workload.is_alive():
            try:
                if sizes(state) >= limit:
                    break
            except FileNotFoundError:
                continue  # A file was replaced while we looked.
        process.kill()
    workload.join(timeout=60)
    assert not workload.is_alive()
    assert workload.answers < REQUESTS, "the bench was not killed in the middle of it"
    return workload


def check(start: Start, state: Path, workload: Workload) -> None:
    """Start again on the same state and compare with what was promised."""
    told = json.loads((state / "clock.json").read_text(encoding="utf-8"))["now_ms"]
    with (
        start(state, ["--speed", "0", "--port", "0"]) as (_, url),
        BenchClient(url, key_of(state)) as bench,
    ):
        report = bench.post("/bench/clock/advance", {"seconds": 1800, "settle": True})
        assert report["unfinished"] == []
        for name in DEVICES:
            memory = bench.get(f"/bench/devices/{name}/memory")
            held = [slot for slot in memory["slots"] if slot["code"] is not None]
            codes = [slot["code"] for slot in held]
            assert len(set(codes)) == len(codes), "one PIN in two slots"
            for code_id, (device, code) in workload.created.items():
                if device != name or code_id in workload.in_doubt:
                    continue
                if code_id in workload.deleted:
                    assert code not in codes, "a deleted code is still in the lock"
                else:
                    assert code in codes, "a promised code is not in the lock"
            # A code without a window that is never changed is one content of its slot. A content
            # takes three revisions, is written under the first and cleared under the second
            # (`gateway.plan.operations`); so many contents there were, and no code had two.
            cleared = [each for each in memory["tombstones"] if each["kind"] == "credential"]
            assert all(slot["revision"] % 3 == 1 for slot in held), "a code was written again"
            contents = sum(each["revision"] // 3 + 1 for each in (*held, *cleared))
            assert contents <= workload.asked[name], "a code was programmed twice"
        listed = bench.post("/access_codes/list", {"device_id": device_id(bench, DEVICES[0])})
        promised = {
            code_id
            for code_id, (device, _) in workload.created.items()
            if device == DEVICES[0] and code_id not in workload.deleted | workload.in_doubt
        }
        assert promised <= {code["access_code_id"] for code in listed["access_codes"]}
    after = json.loads((state / "clock.json").read_text(encoding="utf-8"))["now_ms"]
    assert after >= told, "bench time went back"


def device_id(bench: BenchClient, name: str) -> str:
    devices = bench.get("/bench/devices")["devices"]
    return str(next(device["device_id"] for device in devices if device["name"] == name))


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder, on a RAM disk where there is one: a process ends here, not the machine."""
    with tempfile.TemporaryDirectory(dir=RAM_DISK) as folder:
        yield Path(folder) / "state"


@pytest.mark.parametrize("seed", range(3))
def test_kill_at_a_seeded_moment_loses_nothing_that_was_promised(seed: int, state: Path) -> None:
    start = fresh_bench if seed == 0 else forked_bench
    check(start, state, kill_once(start, state, seed))


@pytest.mark.real_servers
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3, 50))
def test_kill_at_further_seeded_moments_loses_nothing_that_was_promised(
    seed: int, state: Path
) -> None:
    check(forked_bench, state, kill_once(forked_bench, state, seed))
