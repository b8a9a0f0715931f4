"""One grant over doors of every profile: one PIN, issued when every door holds it, then gone."""

from __future__ import annotations

from typing import Any, Final

import pytest

from firmware_sim.radio.open_radio import RadioKind
from hil_tests.bench_file import BenchFile, with_radio
from hil_tests.sim_bench import ApiRefused, SimBench
from hil_tests.suites.steps import device_id, enter, list_codes

DOORS: Final = ("front-door", "gym", "bike-room")
WINDOW: Final = {"starts_at": "2025-07-10T14:00:00Z", "ends_at": "2025-07-10T18:00:00Z"}


@pytest.fixture(params=list(RadioKind))
def bench_file(bench_file: BenchFile, request: pytest.FixtureRequest) -> BenchFile:
    """The bench, on each fidelity of the radio."""
    return with_radio(bench_file, request.param)


async def grant_all(bench: SimBench) -> tuple[str, str]:
    """Grant Jane all doors; returns the grant's id and the PIN."""
    reply = await bench.call(
        "/access_grants/create",
        user_identity={"full_name": "Jane Doe"},
        device_ids=[device_id(bench, door) for door in DOORS],
        requested_access_methods=[{"mode": "code"}],
        **WINDOW,
    )
    grant_id = str(reply["access_grant"]["access_grant_id"])
    return grant_id, str((await method_of(bench, grant_id))["code"])


async def method_of(bench: SimBench, grant_id: str) -> dict[str, Any]:
    listed = await bench.call("/access_methods/list", access_grant_id=grant_id)
    [method] = listed["access_methods"]
    return dict(method)


async def told(bench: SimBench, family: str) -> list[str]:
    return [
        event["event_type"].removeprefix(f"{family}.")
        for event in await bench.events()
        if event["event_type"].startswith(f"{family}.")
    ]


async def doors_that_open(bench: SimBench, code: str) -> set[str]:
    return {door for door in DOORS if await enter(bench, door, code) == "opened"}


async def test_grant_is_issued_when_every_door_holds_it_and_opens_them_all(
    bench: SimBench,
) -> None:
    grant_id, code = await grant_all(bench)
    # The natively scheduled doors hold it; the other one is written half an hour ahead.
    assert [code in bench.slots(door) for door in DOORS] == [True, True, False]
    assert (await method_of(bench, grant_id))["is_issued"] is False
    await bench.advance(to="2025-07-10T13:59:58Z", settle=True)
    assert await doors_that_open(bench, code) == set()
    assert (await method_of(bench, grant_id))["is_issued"] is False
    await bench.advance(to="2025-07-10T14:00:00Z", settle=True)
    assert await doors_that_open(bench, code) == set(DOORS)
    assert (await method_of(bench, grant_id))["is_issued"] is True
    shown = (await bench.call("/access_grants/get", access_grant_id=grant_id))["access_grant"]
    assert (shown["errors"], shown["warnings"]) == ([], [])
    await bench.advance(to="2025-07-10T18:00:00Z", settle=True)
    assert await doors_that_open(bench, code) == set()
    assert [await list_codes(bench, door) for door in DOORS] == [[], [], []]
    assert await told(bench, "access_method") == ["created", "issued"]
    assert await told(bench, "access_grant") == ["created", "access_granted_to_all_doors"]


async def test_grant_that_ends_earlier_than_planned_closes_every_door_then(
    bench: SimBench,
) -> None:
    grant_id, code = await grant_all(bench)
    await bench.advance(to="2025-07-10T15:00:00Z", settle=True)
    await bench.call(
        "/access_grants/update", access_grant_id=grant_id, ends_at="2025-07-10T16:00:00Z"
    )
    assert await doors_that_open(bench, code) == set(DOORS)
    assert (await method_of(bench, grant_id))["is_issued"] is True
    await bench.advance(to="2025-07-10T15:59:58Z")
    assert await doors_that_open(bench, code) == set(DOORS)
    await bench.advance(to="2025-07-10T16:00:01Z", settle=True)
    assert await doors_that_open(bench, code) == set()
    # The doors that keep the window themselves were programmed again in between.
    assert await told(bench, "access_method") == ["created", "issued", "revoked", "reissued"]


async def test_grant_that_is_deleted_is_gone_when_the_last_door_let_go(bench: SimBench) -> None:
    grant_id, code = await grant_all(bench)
    await bench.advance(to="2025-07-10T15:00:00Z", settle=True)
    await bench.call("/bench/devices/gym/radio", in_range=False)
    await bench.call("/access_grants/delete", access_grant_id=grant_id)
    # One door is out of reach: the grant says so for as long as that door opens.
    assert await doors_that_open(bench, code) == {"gym"}
    shown = (await bench.call("/access_grants/get", access_grant_id=grant_id))["access_grant"]
    assert "being_deleted" in {warning["warning_code"] for warning in shown["warnings"]}
    await bench.call("/bench/devices/gym/radio", in_range=True)
    assert await doors_that_open(bench, code) == set()
    with pytest.raises(ApiRefused) as refused:
        await bench.call("/access_grants/get", access_grant_id=grant_id)
    assert refused.value.status == 404
    assert [bench.slots(door) for door in DOORS] == [{}, {}, {}]
    assert (await told(bench, "access_grant"))[-1] == "deleted"
