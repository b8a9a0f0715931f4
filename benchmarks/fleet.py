"""Fleet benchmark: many locks on the virtual radio, each with a grant and a status contact a day.

Everything is real but the air: HTTP requests through the API, the store, the planner, bleak, the
bumble link, GATT, the lock firmware. Time is virtual. Each size runs in a process of its own;
sizes are interleaved, and the small fleet runs long enough to be measured.

Bounds: a thousand locks for a virtual week within 10 minutes, and wall time a session at a
thousand locks at most twice that at ten; every grant confirmed by its lock, and the two sessions a
day that the bounds are about really held. Exit code 1 when one is missed. Wall time counts;
processor time stands beside it, because a machine with other work to do stretches only the first.

Run: ``python benchmarks/fleet.py [--locks 1000] [--days 7] [--radio sim|light]``; some minutes.
With ``--only`` the one size runs alone; ``--profile FILE`` writes what cProfile saw of its days.
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from firmware_sim.kernel.run import Simulation, run_sim
from firmware_sim.radio.open_radio import RadioKind
from gateway.plan.policy import Policy
from gateway.ports import DirectEdge
from hil_tests.bench import Bench, BenchSetting
from hil_tests.bench_file import BenchDevice, BenchFile, BenchTable, completed
from hil_tests.bench_gate import BenchGate
from hil_tests.bench_instants import instant

# Bounds of the issue that this benchmark answers.
WALL_S_MAX: Final = 600.0
SESSION_RATIO_MAX: Final = 2.0

SMALL: Final = 10
# The small fleet runs this many times longer, so that it has a comparable number of sessions.
SMALL_DAYS_FACTOR: Final = 10
HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
HOUR_MS: Final = 3_600_000
# A session for the day's grant, and a status contact half a day later.
SESSIONS_A_DAY: Final = 2
EPOCH_MS: Final = 1_783_684_800_000  # 2026-07-10T12:00:00Z
API_KEY: Final = "seam_test_fleet"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run showed.

    Attributes:
        locks: How many locks.
        days: How many virtual days.
        wall_s: Wall time of these days, seconds.
        cpu_s: Processor time of these days, seconds.
        sessions: Connections that the locks had.
        confirmed: Grants that were confirmed by their locks, of one a lock and day.
        lock_bytes: Memory that one lock took, its share of the gateway included, at the start.
        lock_bytes_after: The same at the end: history of so many days included.
    """

    locks: int
    days: int
    wall_s: float
    cpu_s: float
    sessions: int
    confirmed: int
    lock_bytes: int
    lock_bytes_after: int

    @property
    def session_wall_ms(self) -> float:
        """Wall time of one session, with its share of everything else."""
        return 1000 * self.wall_s / self.sessions

    @property
    def session_cpu_ms(self) -> float:
        """Processor time of one session, likewise."""
        return 1000 * self.cpu_s / self.sessions

    @property
    def is_complete(self) -> bool:
        """Whether everything that was to happen did."""
        wanted = self.locks * self.days
        return self.confirmed == wanted and self.sessions >= SESSIONS_A_DAY * wanted

    def __str__(self) -> str:
        """One line of the report."""
        return (
            f"{self.locks:5d} locks, {self.days:3d} days: {self.wall_s:6.1f} s wall, "
            f"{self.cpu_s:6.1f} s CPU, {self.sessions:6d} sessions, "
            f"{self.session_wall_ms:5.2f} ms wall and {self.session_cpu_ms:5.2f} ms CPU each, "
            f"{self.confirmed:5d} of {self.locks * self.days:5d} grants confirmed, "
            f"{self.lock_bytes:7d} bytes a lock, {self.lock_bytes_after:7d} at the end"
        )


def main() -> int:
    """Run the sizes and judge."""
    arguments = _arguments()
    if arguments.only:
        figures = _measure(arguments)
        print(json.dumps(dataclasses.asdict(figures)) if arguments.as_json else figures)
        return int(not figures.is_complete)
    rounds = []
    for days, locks in (
        (arguments.days * SMALL_DAYS_FACTOR, SMALL),
        (arguments.days, arguments.locks),
        (arguments.days * SMALL_DAYS_FACTOR, SMALL),
    ):
        rounds.append(_child(locks, days, arguments.radio))
        print(rounds[-1], flush=True)
    small, large = [rounds[0], rounds[2]], rounds[1]
    ratio = large.session_wall_ms / statistics.median(each.session_wall_ms for each in small)
    cpu_ratio = large.session_cpu_ms / statistics.median(each.session_cpu_ms for each in small)
    print(
        f"a session at {large.locks} locks against {SMALL} locks: {ratio:.2f} of the wall time "
        f"(at most {SESSION_RATIO_MAX:g}), {cpu_ratio:.2f} of the CPU time"
    )
    print(
        f"{large.locks} locks for {large.days} days: {large.wall_s:.0f} s "
        f"(at most {WALL_S_MAX:.0f}), {large.lock_bytes} bytes a lock"
    )
    is_complete = all(each.is_complete for each in rounds)
    print(f"every grant confirmed, every contact made: {'yes' if is_complete else 'NO'}")
    return int(ratio > SESSION_RATIO_MAX or large.wall_s > WALL_S_MAX or not is_complete)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Simulate a fleet for a virtual week.")
    parser.add_argument("--locks", type=int, default=1000)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--radio", choices=tuple(RadioKind), default=RadioKind.SIM)
    parser.add_argument("--only", action="store_true", help="this size alone, nothing judged")
    parser.add_argument("--as-json", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--profile", type=Path, metavar="FILE", help="with --only: cProfile")
    return parser.parse_args()


def _child(locks: int, days: int, radio: str) -> Figures:
    result = subprocess.run(  # noqa: S603 - this script.
        [
            sys.executable,
            __file__,
            "--only",
            "--as-json",
            f"--locks={locks}",
            f"--days={days}",
            f"--radio={radio}",
        ],
        check=False,  # It says by its exit code what its figures say too.
        stdout=subprocess.PIPE,
        text=True,
    )
    return Figures(**json.loads(result.stdout))


def _measure(arguments: argparse.Namespace) -> Figures:
    async def fleet(simulation: Simulation) -> Figures:
        return await _fleet(arguments, simulation)

    figures = run_sim(fleet, seed=1, epoch_ms=EPOCH_MS).value
    assert figures is not None
    return figures


async def _fleet(arguments: argparse.Namespace, simulation: Simulation) -> Figures:
    """Build the bench, live through the days, count."""
    file = _file(arguments.locks, RadioKind(arguments.radio))
    setting = BenchSetting(
        loop=simulation.loop,
        seed=1,
        trace=simulation.trace,
        clock=simulation.clock,
        edge=DirectEdge(),
        api_key=API_KEY,
        store_url="sqlite://",
    )
    before = _rss_bytes()
    async with Bench(file, setting) as bench:
        transport = httpx.ASGITransport(app=BenchGate(bench, [API_KEY]))
        headers = {"authorization": f"Bearer {API_KEY}"}
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://bench",
            headers=headers,
            timeout=None,  # noqa: S113 - in process, on virtual time
        ) as http:
            grown = _rss_bytes() - before
            sessions_before = _connections(bench)
            profile = cProfile.Profile() if arguments.profile else None
            if profile is not None:
                profile.enable()
            wall_s, cpu_s = time.perf_counter(), time.process_time()
            started_s = simulation.loop.time()
            for day in range(arguments.days):
                await _day(http, simulation, file, started_s, day)
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
            if profile is not None:
                profile.disable()
                profile.dump_stats(arguments.profile)
            sessions = _connections(bench) - sessions_before
            confirmed = await _confirmed(http, arguments.locks * arguments.days)
            grown_after = _rss_bytes() - before
    return Figures(
        locks=arguments.locks,
        days=arguments.days,
        wall_s=wall_s,
        cpu_s=cpu_s,
        sessions=sessions,
        confirmed=confirmed,
        lock_bytes=grown // arguments.locks,
        lock_bytes_after=grown_after // arguments.locks,
    )


async def _day(
    http: httpx.AsyncClient, simulation: Simulation, file: BenchFile, started_s: float, day: int
) -> None:
    """One grant a lock, spread over the day."""
    loop, clock = simulation.loop, simulation.clock
    for number, device in enumerate(file.devices):
        target_s = started_s + day * DAY_S + (number + 1) * DAY_S / (len(file.devices) + 1)
        await loop.run_to(target_s)
        starts_at_ms = clock.now_ms() + 4 * HOUR_MS
        reply = await http.post(
            "/access_grants/create",
            json={
                "user_identity": {"full_name": f"Guest {number} of day {day}"},
                "device_ids": [device.device_id],
                "requested_access_methods": [{"mode": "code"}],
                "starts_at": instant(starts_at_ms),
                "ends_at": instant(starts_at_ms + 12 * HOUR_MS),
            },
        )
        assert reply.status_code == 200, reply.text
    await loop.run_to(started_s + (day + 1) * DAY_S)


async def _confirmed(http: httpx.AsyncClient, expected: int) -> int:
    """How many grants were confirmed by their doors."""
    seen: set[str] = set()
    page: list[dict[str, Any]] = []
    offset = 0
    while page or not offset:
        reply = await http.post(
            "/events/list",
            json={
                "event_type": "access_grant.access_granted_to_all_doors",
                "since": "2000-01-01T00:00:00Z",
                "limit": min(1000, expected + 1),
                "unstable_offset": offset,
            },
        )
        page = reply.json()["events"]
        seen.update(event["access_grant_id"] for event in page)
        offset += len(page)
        if not page:
            break
    return len(seen)


def _file(count: int, radio: RadioKind) -> BenchFile:
    devices = tuple(
        completed(
            "fleet",
            BenchDevice(
                name=f"lock-{number:06d}",
                profile="latch-m" if number % 2 else "generic-native",
                address=f"C0:00:00:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}",
            ),
        )
        for number in range(count)
    )
    # A device is contacted so long after its last session, whatever that was for: half a day after
    # the day's grant, and then the next day's grant comes first.
    policy = dataclasses.replace(Policy(), status_contact_s=DAY_S // SESSIONS_A_DAY)
    return BenchFile(bench=BenchTable(name="fleet", radio=radio), policy=policy, devices=devices)


def _connections(bench: Bench) -> int:
    return sum(device.endpoint.connection_count for device in bench.world.devices)


def _rss_bytes() -> int:
    """Memory that this process holds now, garbage apart."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
