"""`strikeplate demo`: one grant, one door, told with times.

Runs a bench in a fresh temporary state at speed 0 and drives it with the official Seam SDK for
Python, unmodified: a guest is granted access, the lock holds the PIN 72 hours ahead, refuses a
second early, opens on time, and closes by itself while the gateway is off.
"""

from __future__ import annotations

import argparse
import datetime as dt
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from seam import Seam, SeamError

from tools import arguments as readers
from tools.advancing import advance
from tools.bench_client import BenchClient
from tools.errors import DemoFailed
from tools.output import Output
from tools.running_bench import running_bench

# The example of the product's first users, word for word.
NOW = "2025-07-10T12:00:00Z"
MIDNIGHT = "2025-07-10T00:00:00.000Z"
STARTS_AT = "2025-07-13T15:00:00.000Z"
ENDS_AT = "2025-07-16T11:00:00.000Z"
DEVICE_ID = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
GUEST = {"full_name": "Jane Doe", "email_address": "jane@example.com"}
NATIVE_LEAD_H = 72
SECOND = dt.timedelta(seconds=1)


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument(
        "--seed", type=readers.seed, default=1, help="seed of the run (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Run the demonstration.

    Raises:
        DemoFailed: At the first thing that is not as it must be.
    """
    # Told to end, it takes its bench and its folder along.
    signal.signal(signal.SIGTERM, _leave)
    output.working("starting a bench")
    with tempfile.TemporaryDirectory(prefix="strikeplate-demo-") as folder:
        options = ["--now", NOW, "--speed", "0", "--seed", str(arguments.seed), "--port", "0"]
        with (
            running_bench(Path(folder) / "state", options) as (url, api_key),
            BenchClient(url, api_key) as bench,
        ):
            try:
                # The bench is on this machine: a proxy of the environment is not asked.
                with Seam(
                    api_key=api_key, endpoint=url, httpx_options={"trust_env": False}
                ) as seam:
                    Demo(seam, bench, output).play()
            except (SeamError, httpx.HTTPError) as error:
                raise DemoFailed(f"the demonstration failed: the SDK says: {error}") from error
    return 0


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


class Demo:
    """The story, act by act."""

    def __init__(self, seam: Seam, bench: BenchClient, output: Output) -> None:
        self._seam = seam
        self._bench = bench
        self._output = output

    def play(self) -> None:
        """All acts in order."""
        grant_id, code = self._grant()
        code_id = self._preload(code)
        self._open_on_time(code)
        self._close_without_gateway(code)
        self._fetch_log(grant_id, code_id)
        self._output.result(
            {"ok": True, "access_grant_id": grant_id},
            "\nThe lock did the rest by itself. Nothing above was scripted or mocked.",
        )

    def _grant(self) -> tuple[str, str]:
        self._narrate("Jane Doe is granted access through the official Seam SDK.")
        grant = self._seam.access_grants.create(
            user_identity=GUEST,
            device_ids=[DEVICE_ID],
            requested_access_methods=[{"mode": "code"}],
            starts_at=STARTS_AT,
            ends_at=ENDS_AT,
        )
        methods = self._seam.access_methods.list(access_grant_id=grant.access_grant_id)
        self._require(len(methods) == 1, "the grant has one access method")
        [method] = methods
        self._detail(f"window    {STARTS_AT} to {ENDS_AT}")
        self._detail(f"PIN       {method.code}")
        self._expect(not self._slots(), "nothing is in the lock's memory yet")
        return grant.access_grant_id, str(method.code)

    def _preload(self, code: str) -> str:
        preload_at = parse(STARTS_AT) - dt.timedelta(hours=NATIVE_LEAD_H)
        self._advance(preload_at, settle=True)
        self._narrate(f"{NATIVE_LEAD_H} hours before the start, the gateway visits the lock.")
        slots = self._slots()
        self._expect(
            [slot["code"] for slot in slots] == [code],
            f"the lock holds the PIN in slot {slots[0]['slot'] if slots else '?'} of its memory",
        )
        access_codes = self._seam.access_codes.list(device_id=DEVICE_ID)
        self._require(len(access_codes) == 1, "the lock has one access code")
        [access_code] = access_codes
        self._expect(
            access_code.status == "unset" and bool(access_code.is_scheduled_on_device),
            "the API says: scheduled on the device, not yet live",
        )
        return str(access_code.access_code_id)

    def _open_on_time(self, code: str) -> None:
        self._advance(parse(STARTS_AT) - SECOND)
        self._narrate("One second early, Jane is at the door.")
        self._press(code, opened=False, reason="outside_schedule")
        self._advance(parse(STARTS_AT))
        self._narrate("The window starts.")
        self._press(code, opened=True, reason="opened")

    def _close_without_gateway(self, code: str) -> None:
        self._bench.post("/bench/gateway", {"on": False})
        self._narrate("The gateway is switched off.")
        self._advance(parse(ENDS_AT) - SECOND)
        self._narrate("The last second of the stay; the gateway is still off.")
        self._press(code, opened=True, reason="opened")
        self._advance(parse(ENDS_AT))
        self._narrate("The stay is over.")
        self._press(code, opened=False, reason="outside_schedule")

    def _fetch_log(self, grant_id: str, code_id: str) -> None:
        self._bench.post("/bench/gateway", {"on": True})
        reply = advance(self._bench, {"seconds": 60, "settle": True}, self._output)
        self._narrate("The gateway is back and has read the lock's own log.")
        self._expect(not reply["unfinished"], "nothing is left to do on any device")
        events = self._seam.events.list(since=MIDNIGHT, limit=500)
        # Locks that were met and are on line: five lines that say nothing about Jane.
        told = [event for event in events if not event.event_type.startswith("device.")]
        for event in told:
            self._detail(f"{event.occurred_at}  {event.event_type}")
        opened = [
            event.occurred_at
            for event in told
            if event.event_type == "lock.unlocked" and event.access_code_id == code_id
        ]
        self._expect(len(opened) == 2, "both openings are attributed to Jane's code")  # noqa: PLR2004 - the two that were pressed above.
        self._expect(
            any(
                event.event_type == "access_grant.access_granted_to_all_doors"
                and event.access_grant_id == grant_id
                for event in told
            ),
            "the grant was confirmed by every door",
        )

    def _press(self, code: str, *, opened: bool, reason: str) -> None:
        reply = self._bench.post(f"/bench/devices/{DEVICE_ID}/keypad", {"digits": code})
        self._expect(
            reply["opened"] is opened and reply["reason"] == reason,
            f"keypad {code} -> {reply['reason']}",
        )

    def _slots(self) -> list[dict[str, Any]]:
        memory = self._bench.get(f"/bench/devices/{DEVICE_ID}/memory")
        return [slot for slot in memory["slots"] if slot["code"] is not None]

    def _advance(self, to: dt.datetime, *, settle: bool = False) -> None:
        target = {"to": to.isoformat().replace("+00:00", "Z"), "settle": settle}
        advance(self._bench, target, self._output)

    def _narrate(self, text: str) -> None:
        self._output.say(f"\n{self._bench.get('/bench/clock')['now']}  {text}")

    def _detail(self, text: str) -> None:
        self._output.say(f"    {text}")

    def _expect(self, holds: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence.
        self._require(holds, text)
        self._output.say(f"    ok  {text}")

    def _require(self, holds: bool, text: str) -> None:  # noqa: FBT001 - reads as a sentence.
        if not holds:
            raise DemoFailed(f"the demonstration failed: it is not true that {text}")


parse: Callable[[str], dt.datetime] = dt.datetime.fromisoformat
