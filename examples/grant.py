"""Grants a guest access on a running bench and opens the door with the PIN.

Usage: python examples/grant.py, beside the state folder of `strikeplate up --speed 0`.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import httpx
from seam import Seam

STATE = Path(".strikeplate")
url = json.loads((STATE / "up.json").read_text())["url"]
api_key = (STATE / "api-key").read_text().strip()
seam = Seam(api_key=api_key, endpoint=url)
# An advance may take longer than httpx waits by itself.
bench = httpx.Client(
    base_url=url, headers={"authorization": f"Bearer {api_key}"}, timeout=httpx.Timeout(600)
)


def bench_post(path: str, body: dict[str, object]) -> dict[str, object]:
    """POST to a bench route; ends the script when the bench refuses."""
    return dict(bench.post(path, json=body).raise_for_status().json())


# A stay that begins in a day of bench time. Locks count whole seconds.
now = dt.datetime.fromisoformat(bench.get("/bench/clock").json()["now"]).replace(microsecond=0)
starts_at, ends_at = now + dt.timedelta(days=1), now + dt.timedelta(days=4)
lock = next(device for device in seam.locks.list() if device.display_name == "Gym")
grant = seam.access_grants.create(
    user_identity={"full_name": "John Smith"},
    device_ids=[lock.device_id],
    requested_access_methods=[{"mode": "code"}],
    starts_at=starts_at.isoformat(),
    ends_at=ends_at.isoformat(),
)
[method] = seam.access_methods.list(access_grant_id=grant.access_grant_id)
print(f"{grant.display_name}: issued {method.is_issued}, {len(str(method.code))} digits")

for instant in (starts_at - dt.timedelta(seconds=1), starts_at, ends_at):
    bench_post("/bench/clock/advance", {"to": instant.isoformat()})
    outcome = bench_post("/bench/devices/gym/keypad", {"digits": f"{method.code}#"})
    print(instant.strftime("%d %b %H:%M:%S"), outcome["reason"])
