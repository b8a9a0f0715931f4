"""What several suites do on a bench, in one line each."""

from __future__ import annotations

from typing import Any

from firmware_sim.memory.lock_image import open_lock_image
from firmware_sim.memory.pins import holders_of
from hil_tests.sim_bench import SimBench


def device_id(bench: SimBench, name: str) -> str:
    """The id in the API of a device of the bench."""
    return bench.bench.device(name).spec.device_id


async def create_code(bench: SimBench, device: str, **parameters: Any) -> dict[str, Any]:
    """Create an access code on one device."""
    reply = await bench.call(
        "/access_codes/create", device_id=device_id(bench, device), **parameters
    )
    return dict(reply["access_code"])


async def get_code(bench: SimBench, code: dict[str, Any]) -> dict[str, Any]:
    """An access code as the API shows it now."""
    reply = await bench.call("/access_codes/get", access_code_id=code["access_code_id"])
    return dict(reply["access_code"])


async def list_codes(bench: SimBench, device: str) -> list[dict[str, Any]]:
    """The access codes of one device."""
    reply = await bench.call("/access_codes/list", device_id=device_id(bench, device))
    return list(reply["access_codes"])


async def grant_pin(bench: SimBench, device: str, *, starts_at: str, ends_at: str | None) -> str:
    """Grant somebody a window on one device by a code of the vendor's making; returns the PIN."""
    reply = await bench.call(
        "/access_grants/create",
        user_identity={"full_name": "Jane Doe"},
        device_ids=[device_id(bench, device)],
        requested_access_methods=[{"mode": "code"}],
        starts_at=starts_at,
        ends_at=ends_at,
    )
    grant_id = reply["access_grant"]["access_grant_id"]
    methods = await bench.call("/access_methods/list", access_grant_id=grant_id)
    return str(methods["access_methods"][0]["code"])


def submitted(bench: SimBench, device: str, code: str) -> str:
    """The keys that enter a code: locks with several code lengths want to be told its end."""
    is_variable = bench.bench.device(device).spec.profile.variable_code_length
    return code + "#" if is_variable else code


async def enter(bench: SimBench, device: str, code: str) -> str:
    """Enter a code at a keypad; returns what the lock made of it."""
    outcome = await bench.press(device, submitted(bench, device, code))
    return str(outcome["reason"])


async def error_codes(bench: SimBench, code: dict[str, Any]) -> list[str]:
    """The errors of an access code."""
    return [error["error_code"] for error in (await get_code(bench, code))["errors"]]


def slot_of(bench: SimBench, device: str, code: str) -> dict[str, Any] | None:
    """The slot of a device that holds a code, as the device shows it; None when none does."""
    slots = bench.bench.memory_view(device)["slots"]
    found = next((dict(slot) for slot in slots if slot["code"] == code), None)
    if found is None and any(slot["is_code_hashed"] for slot in slots):
        # Only who knows the code can find it, in an image of the flash.
        memory = open_lock_image(bench.bench.flash(device, None))
        holder = next(holders_of(memory, code.encode()), None)
        if holder is not None:
            found = next(dict(slot) for slot in slots if slot["slot"] == holder.key.index)
    return found
