"""The demo's flow through an official Python SDK, unmodified; runs in an environment of its own.

Usage: python flow.py URL API_KEY. Prints one JSON line; an assertion ends it.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import seam as seam_package
from seam import Seam

DEVICE_ID = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
url, api_key = sys.argv[1:3]


def bench(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - the bench of this test.
        url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {api_key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=600) as reply:  # noqa: S310 - the same.
        return dict(json.load(reply))


def advance(to: str, *, settle: bool = False) -> dict[str, Any]:
    return bench("POST", "/bench/clock/advance", {"to": to, "settle": settle})


def press(digits: str) -> dict[str, Any]:
    return bench("POST", f"/bench/devices/{DEVICE_ID}/keypad", {"digits": digits})


def refused(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except Exception as error:  # noqa: BLE001 - each SDK generation raises its own class.
        return str(getattr(error, "code", type(error).__name__))
    raise AssertionError(f"{call} was not refused")


seam = Seam(api_key=api_key, endpoint=url)
devices = seam.devices.list()
assert any(device.device_id == DEVICE_ID for device in devices)
grant = seam.access_grants.create(
    user_identity={"full_name": "Jane Doe", "email_address": "jane@example.com"},
    device_ids=[DEVICE_ID],
    requested_access_methods=[{"mode": "code"}],
    starts_at="2025-07-13T15:00:00.000Z",
    ends_at="2025-07-16T11:00:00.000Z",
)
[method] = seam.access_methods.list(access_grant_id=grant.access_grant_id)
code = str(method.code)
assert len(code) == 7, "latch-m makes 7-digit codes"

advance("2025-07-10T15:00:00Z", settle=True)
memory = bench("GET", f"/bench/devices/{DEVICE_ID}/memory")
assert [slot["code"] for slot in memory["slots"] if slot["code"] is not None] == [code]
assert seam.access_methods.get(access_method_id=method.access_method_id).is_issued
[scheduled] = seam.access_codes.list(device_id=DEVICE_ID)
assert scheduled.status == "unset"

advance("2025-07-13T14:59:59Z")
assert press(code)["reason"] == "outside_schedule"
advance("2025-07-13T15:00:00Z")
assert press(code)["opened"] is True
assert seam.access_codes.get(access_code_id=scheduled.access_code_id).status == "set"

bench("POST", "/bench/gateway", {"on": False})
advance("2025-07-16T10:59:59Z")
assert press(code)["opened"] is True
advance("2025-07-16T11:00:00Z")
assert press(code)["reason"] == "outside_schedule"
bench("POST", "/bench/gateway", {"on": True})
assert bench("POST", "/bench/clock/advance", {"seconds": 60, "settle": True})["unfinished"] == []

events = [event.event_type for event in seam.events.list(since="2025-07-10T00:00:00.000Z")]
for expected in (
    "access_grant.created",
    "access_method.created",
    "access_code.created",
    "access_code.scheduled_on_device",
    "access_method.issued",
    "access_grant.access_granted_to_all_doors",
    "access_code.set_on_device",
    "lock.unlocked",
):
    assert expected in events, (expected, events)
gone = refused(seam.access_codes.get, access_code_id=scheduled.access_code_id)
assert gone == "access_code_not_found", gone

remote = next(device for device in devices if device.can_remotely_unlock)
assert seam.locks.unlock_door(device_id=remote.device_id).status == "success"

ongoing = seam.access_codes.create(device_id=remote.device_id, name="Cleaner")
seam.access_codes.update(access_code_id=ongoing.access_code_id, name="Cleaning team")
assert seam.access_codes.get(access_code_id=ongoing.access_code_id).name == "Cleaning team"
seam.access_codes.delete(access_code_id=ongoing.access_code_id)
refused(seam.access_codes.get, access_code_id=ongoing.access_code_id)
seam.access_grants.delete(access_grant_id=grant.access_grant_id)
refused(seam.access_grants.get, access_grant_id=grant.access_grant_id)

version = getattr(seam_package, "__version__", None)
sys.stdout.write(json.dumps({"ok": True, "events": len(events), "version": version}) + "\n")
