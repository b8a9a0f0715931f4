"""The gateway survives every fault of the radio: what it reports set, the lock has confirmed."""

from __future__ import annotations

from typing import Final

import pytest

from firmware_sim.faults.plan import NO_FAULTS, FaultPlan
from firmware_sim.radio.open_radio import RadioKind
from hil_tests.bench_file import BenchFile, with_radio
from hil_tests.sim_bench import SimBench
from hil_tests.suites.steps import create_code, enter, get_code, grant_pin, list_codes

DOOR: Final = "gym"
WINDOW: Final = {"starts_at": "2025-07-10T12:00:00Z", "ends_at": "2025-07-11T06:00:00Z"}
MINUTE: Final = 60
# The next try after the faults: the back-off goes up to a quarter of an hour, and a lock that took
# a code for no code is asked again after six hours.
LONGEST_WAIT_S: Final = 6 * 3600

# Each so that a session of some twenty operations has hardly a chance, or none at all.
PLANS: Final = {
    "interval": FaultPlan(ble_connection_interval_s=0.4),
    "loss": FaultPlan(ble_loss=0.6, ble_connection_interval_s=0.05),
    "total loss": FaultPlan(ble_loss=1.0),
    "drop": FaultPlan(ble_drop=0.2),
    "disconnect": FaultPlan(ble_disconnect=0.2),
    "disconnect in the discovery": FaultPlan(ble_disconnect_at_op=5),
    "disconnect at the first request": FaultPlan(ble_disconnect_at_op=11),
    "disconnect in the programming": FaultPlan(ble_disconnect_at_op=15),
    "mtu": FaultPlan(ble_mtu_max=23),
    "notification loss": FaultPlan(ble_notification_loss=0.4),
    "notification duplicate": FaultPlan(ble_notification_duplicate=0.7),
    "corrupt": FaultPlan(ble_corrupt=0.2),
    "stale cache": FaultPlan(ble_stale_gatt_cache=True),
    "slots full": FaultPlan(ble_slots_full=True),
    "bond lost": FaultPlan(ble_bond_lost=True),
    "rssi": FaultPlan(ble_rssi_dbm=-99),
    "out of range": FaultPlan(ble_out_of_range=True),
    "advertisement loss": FaultPlan(ble_advertisement_loss=0.98),
    "a bit of all": FaultPlan(
        ble_connection_interval_s=0.03,
        ble_loss=0.2,
        ble_drop=0.01,
        ble_disconnect=0.02,
        ble_mtu_max=64,
        ble_notification_loss=0.02,
        ble_notification_duplicate=0.1,
        ble_corrupt=0.02,
        ble_advertisement_loss=0.5,
    ),
}


# The contract suite holds both fidelities to one another in every run; whole benches on the slower
# one take minutes.
@pytest.fixture(
    params=[RadioKind.LIGHT, pytest.param(RadioKind.SIM, marks=pytest.mark.real_servers)]
)
def bench_file(bench_file: BenchFile, request: pytest.FixtureRequest) -> BenchFile:
    """The bench, on each fidelity of the radio."""
    return with_radio(bench_file, request.param)


def set_faults(bench: SimBench, plan: FaultPlan) -> None:
    bench.bench.device(DOOR).peripheral.set_faults(plan)


async def statuses_are_honest(bench: SimBench) -> dict[str, str]:
    """Every code that is reported set is in the lock; the statuses by PIN."""
    held = bench.slots(DOOR)
    codes = await list_codes(bench, DOOR)
    assert [code["code"] for code in codes if code["status"] == "set"] == [
        code["code"] for code in codes if code["status"] == "set" and code["code"] in held
    ]
    return {code["code"]: code["status"] for code in codes}


async def live(bench: SimBench, minutes: int) -> None:
    for _ in range(minutes):
        await bench.advance(seconds=MINUTE)
        await statuses_are_honest(bench)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
async def test_grant_is_programmed_when_the_fault_is_over_and_never_reported_before(
    bench: SimBench, plan: FaultPlan
) -> None:
    kept = await create_code(bench, DOOR, code="482915", **WINDOW)
    set_faults(bench, plan)
    pin = await grant_pin(bench, DOOR, **WINDOW)
    await bench.call("/access_codes/delete", access_code_id=kept["access_code_id"])
    await live(bench, 10)
    set_faults(bench, NO_FAULTS)
    report = await bench.advance(seconds=LONGEST_WAIT_S, settle=True)
    assert report["unfinished"] == []
    assert list(bench.slots(DOOR)) == [pin]
    assert await statuses_are_honest(bench) == {pin: "set"}
    assert await enter(bench, DOOR, pin) == "opened"
    assert await enter(bench, DOOR, "482915") != "opened"
    [grant] = (await bench.call("/access_grants/list"))["access_grants"]
    assert grant["errors"] == []


@pytest.mark.parametrize("plan", ["notification loss", "disconnect", "corrupt", "a bit of all"])
async def test_codes_end_up_once_each_when_the_radio_is_bad_for_all_of_them(
    bench: SimBench, plan: str
) -> None:
    set_faults(bench, PLANS[plan])
    codes = [
        await create_code(bench, DOOR, code=f"{734000 + 7 * number}", **WINDOW)
        for number in range(6)
    ]
    for code in codes[::2]:
        await bench.call("/access_codes/delete", access_code_id=code["access_code_id"])
    await live(bench, 20)
    set_faults(bench, NO_FAULTS)
    report = await bench.advance(seconds=LONGEST_WAIT_S, settle=True)
    assert report["unfinished"] == []
    assert sorted(bench.slots(DOOR)) == [code["code"] for code in codes[1::2]]
    for code in codes[1::2]:
        assert (await get_code(bench, code))["status"] == "set"
