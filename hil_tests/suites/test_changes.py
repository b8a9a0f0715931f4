"""Codes that are changed or deleted, before a lock holds them and after."""

from __future__ import annotations

from typing import Any, Final

import pytest

from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.suites.steps import create_code, enter, get_code, list_codes, slot_of

NATIVE: Final = "gym"
JIT: Final = "bike-room"
# Far enough away that neither kind of lock is programmed before.
LATER: Final = {"starts_at": "2025-07-14T15:00:00Z", "ends_at": "2025-07-14T18:00:00Z"}
SOON: Final = {"starts_at": "2025-07-10T15:00:00Z", "ends_at": "2025-07-10T18:00:00Z"}


async def update(bench: SimBench, of: dict[str, Any], **changes: Any) -> None:
    await bench.call("/access_codes/update", access_code_id=of["access_code_id"], **changes)


async def delete(bench: SimBench, code: dict[str, Any]) -> None:
    await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])


async def is_gone(bench: SimBench, code: dict[str, Any]) -> bool:
    try:
        await get_code(bench, code)
    except ApiRefused as refused:
        return refused.status == 404
    return False


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_code_changed_before_it_is_stored_is_written_once_as_it_is_then(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915", **LATER)
    await update(bench, code, code="555666")
    await update(bench, code, name="Jane")
    await update(bench, code, **SOON)
    shown = await get_code(bench, code)
    assert (shown["code"], shown["name"], shown["starts_at"]) == (
        "555666",
        "Jane",
        "2025-07-10T15:00:00.000Z",
    )
    await bench.advance(to=SOON["starts_at"], settle=True)
    assert bench.slots(device) == {"555666": 1}
    held = slot_of(bench, device, "555666")
    assert held is not None
    assert (held["revision"], held["user"]["name"]) == (1, "Jane")
    assert await enter(bench, device, "482915") == "unknown_code"
    assert await enter(bench, device, "555666") == "opened"


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_code_changed_after_it_is_stored_is_written_again_above_its_revision(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915")
    assert await enter(bench, device, "482915") == "opened"
    before = slot_of(bench, device, "482915")
    await update(bench, code, code="555666")
    after = slot_of(bench, device, "555666")
    assert before is not None
    assert after is not None
    assert after["slot"] == before["slot"]
    assert after["revision"] > before["revision"]
    assert await enter(bench, device, "482915") == "unknown_code"
    assert await enter(bench, device, "555666") == "opened"
    shown = await get_code(bench, code)
    assert (shown["status"], shown["pending_mutations"]) == ("set", [])
    kinds = [event["event_type"] for event in await bench.events()]
    assert kinds.count("access_code.code_changed") == 1


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_window_changed_while_it_is_open_closes_at_its_new_end(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915", ends_at="2025-07-10T18:00:00Z")
    await bench.advance(to="2025-07-10T14:00:00Z", settle=True)
    assert await enter(bench, device, "482915") == "opened"
    await update(bench, code, ends_at="2025-07-10T15:00:00Z")
    await bench.advance(to="2025-07-10T14:59:58Z", settle=True)
    assert await enter(bench, device, "482915") == "opened"
    await bench.advance(to="2025-07-10T15:00:00Z", settle=True)
    assert await enter(bench, device, "482915") != "opened"
    assert await list_codes(bench, device) == []


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_window_that_moves_away_closes_the_door_again(bench: SimBench, device: str) -> None:
    code = await create_code(bench, device, code="482915", ends_at="2025-07-10T18:00:00Z")
    assert await enter(bench, device, "482915") == "opened"
    await update(bench, code, **LATER)
    assert await enter(bench, device, "482915") != "opened"
    await bench.advance(to=LATER["starts_at"], settle=True)
    assert await enter(bench, device, "482915") == "opened"
    await bench.advance(to=LATER["ends_at"], settle=True)
    assert await enter(bench, device, "482915") != "opened"


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_change_that_the_lock_does_not_hear_leaves_the_old_code_and_is_made_up_for(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915")
    await bench.call(f"/bench/devices/{device}/radio", in_range=False)
    await update(bench, code, code="555666")
    await bench.advance(seconds=600)
    shown = await get_code(bench, code)
    assert shown["status"] == "setting"
    assert [one["mutation_code"] for one in shown["pending_mutations"]] == ["updating_code"]
    assert await enter(bench, device, "482915") == "opened"
    await bench.call(f"/bench/devices/{device}/radio", in_range=True)
    assert await enter(bench, device, "482915") == "unknown_code"
    assert await enter(bench, device, "555666") == "opened"
    shown = await get_code(bench, code)
    assert (shown["status"], shown["pending_mutations"], shown["errors"]) == ("set", [], [])


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_code_deleted_before_it_is_stored_is_gone_at_once_and_never_written(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915", **LATER)
    # Nobody has to be asked: not even a lock that is out of reach.
    await bench.call(f"/bench/devices/{device}/radio", in_range=False)
    await delete(bench, code)
    assert await is_gone(bench, code)
    await bench.call(f"/bench/devices/{device}/radio", in_range=True)
    await bench.advance(to=LATER["ends_at"], settle=True)
    view = bench.bench.memory_view(device)
    assert (view["slots"], view["tombstones"]) == ((), ())
    kinds = [event["event_type"] for event in await bench.events()]
    assert kinds.count("access_code.deleted") == 1
    assert "access_code.removed_from_device" not in kinds


@pytest.mark.parametrize("device", [NATIVE, JIT])
@pytest.mark.parametrize("window", [{}, SOON], ids=["live", "waiting"])
async def test_code_deleted_after_it_is_stored_leaves_a_tombstone(
    bench: SimBench, device: str, window: dict[str, str]
) -> None:
    code = await create_code(bench, device, code="482915", **window)
    await bench.advance(to="2025-07-10T14:45:00Z", settle=True)
    held = slot_of(bench, device, "482915")
    assert held is not None
    await delete(bench, code)
    assert await is_gone(bench, code)
    view = bench.bench.memory_view(device)
    assert view["slots"] == ()
    assert {one["index"] for one in view["tombstones"]} == {held["slot"]}
    assert all(one["revision"] > held["revision"] for one in view["tombstones"])
    await bench.advance(to="2025-07-10T15:30:00Z")
    assert await enter(bench, device, "482915") == "unknown_code"
    told = [
        event["event_type"].removeprefix("access_code.")
        for event in await bench.events()
        if event["event_type"].startswith("access_code.")
    ]
    assert told[-2:] == ["removed_from_device", "deleted"]
    assert told.count("deleted") == 1


@pytest.mark.parametrize("device", [NATIVE, JIT])
async def test_deleted_code_stays_listed_until_its_lock_confirms(
    bench: SimBench, device: str
) -> None:
    code = await create_code(bench, device, code="482915")
    await bench.call(f"/bench/devices/{device}/radio", in_range=False)
    await delete(bench, code)
    await bench.advance(seconds=3600)
    [listed] = await list_codes(bench, device)
    assert listed["status"] == "removing"
    assert {one["warning_code"] for one in listed["warnings"]} >= {
        "being_deleted",
        "delay_in_removing_from_device",
    }
    assert "failed_to_remove_from_device" in {one["error_code"] for one in listed["errors"]}
    # Deleting it again is no error, and changing it is one.
    await delete(bench, code)
    with pytest.raises(ApiRefused) as refused:
        await update(bench, code, code="555666")
    assert (refused.value.status, refused.value.error_type) == (409, "access_code_being_deleted")
    await bench.call(f"/bench/devices/{device}/radio", in_range=True)
    assert await is_gone(bench, code)
    assert bench.slots(device) == {}
    assert await enter(bench, device, "482915") == "unknown_code"
