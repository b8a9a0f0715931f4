"""Fault plans on a bench: from the file, by route, by call; and what each knob does."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_sim.faults.plan import FaultPlan
from gateway.config_schema import Document
from gateway.errors import ConfigError
from hil_tests.bench_file import BenchFile, read_bench
from hil_tests.fixtures import BenchFactory
from hil_tests.sim_bench import ApiRefused, SimBench

DEVICE = '[[devices]]\nname = "gym"\nprofile = "generic-native"\n'


def read(text: str) -> BenchFile:
    return read_bench(Document(text=text, source="bench.toml"))


async def create(bench: SimBench, code: str, **more: Any) -> dict[str, Any]:
    gym = bench.bench.device("gym").spec.device_id
    reply = await bench.call("/access_codes/create", device_id=gym, code=code, **more)
    return dict(reply["access_code"])


async def shown(bench: SimBench, code: dict[str, Any]) -> dict[str, Any]:
    reply = await bench.call("/access_codes/get", access_code_id=code["access_code_id"])
    return dict(reply["access_code"])


# --- bench files ------------------------------------------------------------------------------


def test_faults_of_a_device_are_read_from_its_table() -> None:
    [device] = read(
        DEVICE + "[devices.faults]\ndevice_reset = 0.5\ndevice_memory_full = true\n"
    ).devices
    assert device.faults == FaultPlan(device_reset=0.5, device_memory_full=True)
    assert read(DEVICE).devices[0].faults == FaultPlan()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("device_rest = 0.5", "device_rest is not a key here; did you mean 'device_reset'?"),
        ("ble_loss = 2", "ble_loss must be at most 1"),
        ("ble_mtu_max = 20", "ble_mtu_max can't be used: it is below 23, the least there is"),
        ("power_cuts_per_day = inf", "power_cuts_per_day must be at most 86400"),
    ],
)
def test_fault_that_is_none_is_named_with_file_and_line(line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(DEVICE + "[devices.faults]\n" + line + "\n")
    assert str(refused.value) == f"bench.toml:5: devices[0].faults.{sentence}"


async def test_faults_of_the_file_hold_from_the_start(open_bench: BenchFactory) -> None:
    file = read(DEVICE + "[devices.faults]\ndevice_memory_full = true\n")
    async with open_bench(file=file) as bench:
        code = await create(bench, "482915")
        assert bench.slots("gym") == {}
        assert code["status"] != "set"
        await bench.set_faults("gym")
        # A code without room waits for the next contact, at most six hours away.
        await bench.advance(seconds=6 * 3600, settle=True)
        assert bench.slots("gym") == {"482915": 1}
        assert (await shown(bench, code))["status"] == "set"


# --- routes -----------------------------------------------------------------------------------


async def test_put_replaces_post_adds_and_get_shows(bench: SimBench) -> None:
    route = "/bench/devices/gym/faults"
    assert (await bench.get(route))["faults"] == {}
    assert await bench.set_faults("gym", device_reset=0.1) == {"device_reset": 0.1}
    added = await bench.call(route, ble_loss=0.2)
    assert added["faults"] == {"ble_loss": 0.2, "device_reset": 0.1}
    assert (await bench.get(route))["faults"] == added["faults"]
    assert await bench.set_faults("gym", device_event_loss=1) == {"device_event_loss": 1}
    assert await bench.set_faults("gym") == {}


@pytest.mark.parametrize(
    ("knobs", "sentence"),
    [
        ({"device_rest": 1}, "'device_rest' is no knob of a fault plan; did you mean"),
        ({"zzz": 1}, "'zzz' is no knob of a fault plan; known: ble_connection_interval_s"),
        ({"device_reset": 2}, "the fault plan's device_reset is above 1"),
        ({"device_reset": None}, "the fault plan's device_reset is no number"),
        ({"device_memory_full": 1}, "the fault plan's device_memory_full is no true or false"),
    ],
)
async def test_plan_that_is_none_is_refused_and_changes_nothing(
    bench: SimBench, knobs: dict[str, Any], sentence: str
) -> None:
    await bench.set_faults("gym", device_event_loss=0.5)
    with pytest.raises(ApiRefused, match=sentence) as refused:
        await bench.set_faults("gym", **knobs)
    assert refused.value.status == 400
    assert (await bench.get("/bench/devices/gym/faults"))["faults"] == {"device_event_loss": 0.5}


async def test_faults_of_a_device_that_is_not_there_are_not_found(bench: SimBench) -> None:
    with pytest.raises(ApiRefused) as refused:
        await bench.set_faults("nobody", device_reset=1)
    assert refused.value.status == 404


# --- knobs ------------------------------------------------------------------------------------


async def test_lock_that_resets_at_requests_gets_its_code_in_the_end(bench: SimBench) -> None:
    await bench.set_faults("gym", device_reset=0.4)
    code = await create(bench, "482915")
    await bench.advance(seconds=1800)
    await bench.set_faults("gym")
    await bench.advance(seconds=1800, settle=True)
    assert (await shown(bench, code))["status"] == "set"
    assert bench.slots("gym") == {"482915": 1}


async def test_lock_that_hangs_answers_nobody_until_its_watchdog_bites(bench: SimBench) -> None:
    await bench.advance(seconds=60)
    await bench.set_faults("gym", device_hang=1.0, device_hang_s=600)
    code = await create(bench, "482915")
    assert code["status"] != "set"
    assert (await bench.press("gym", "482915#"))["reason"] == "no_power"
    await bench.set_faults("gym")
    # A plan that ends does not end the hang; its watchdog does.
    assert (await bench.press("gym", "1234#"))["reason"] == "no_power"
    await bench.advance(seconds=1200, settle=True)
    assert (await shown(bench, code))["status"] == "set"
    assert (await bench.press("gym", "482915#"))["opened"]


async def test_slow_flash_delays_the_answer_and_everything_still_arrives(bench: SimBench) -> None:
    before = bench.now
    await bench.set_faults("gym", device_flash_delay_s=3.0)
    code = await create(bench, "482915")
    assert (await shown(bench, code))["status"] == "set"
    # User and credential: two writes of three seconds each.
    assert bench.now > before
    seconds = [int(each[17:19]) + 60 * int(each[14:16]) for each in (before, bench.now)]
    assert seconds[1] - seconds[0] >= 6


async def test_event_that_is_not_told_is_in_the_log(bench: SimBench) -> None:
    await create(bench, "482915")
    await bench.set_faults("gym", device_event_loss=1.0)
    assert (await bench.press("gym", "482915#"))["opened"]
    await bench.advance(seconds=60, settle=True)
    assert bench.bench.memory_view("gym")["log"][-1]["event"] == "lock_operation"
    # The gateway reads the log, so it hears of it all the same, once.
    assert len(await bench.events("lock.unlocked")) == 1


async def test_lock_with_fewer_slots_than_it_said_refuses_those_beyond(bench: SimBench) -> None:
    await bench.set_faults("gym", device_slots_withdrawn=249)
    first = await create(bench, "482915")
    second = await create(bench, "582915")
    await bench.advance(seconds=300)
    assert bench.slots("gym") == {"482915": 1}
    await bench.set_faults("gym")
    await bench.advance(seconds=3600, settle=True)
    assert [(await shown(bench, code))["status"] for code in (first, second)] == ["set", "set"]


async def test_clock_that_drifts_goes_on_from_what_it_shows(bench: SimBench) -> None:
    def shows() -> str:
        return str(bench.bench.memory_view("gym")["clock"]["now"])

    before = shows()
    await bench.set_faults("gym", clock_drift_ppm=50_000.0)
    assert shows() == before
    await bench.advance(seconds=1000)
    fast = shows()
    await bench.set_faults("gym")
    assert shows() == fast
    # 1,050 s on its own clock.
    gained = [int(each[14:16]) * 60 + int(each[17:19]) for each in (before, fast)]
    assert 1049 <= gained[1] - gained[0] <= 1051


async def test_rates_make_power_go_clocks_jump_and_codes_change(bench: SimBench) -> None:
    for code in ("482915", "582915", "682915"):
        await create(bench, code)
    before = bench.slots("gym")
    await bench.set_faults(
        "gym",
        power_cuts_per_day=48,
        power_cut_s_max=120,
        clock_steps_per_day=48,
        clock_step_s_max=900,
        device_outside_changes_per_day=48,
    )
    quiet = bench.bench.device("gym").firmware.faults
    await bench.advance(seconds=6 * 3600)
    log = [entry["event"] for entry in bench.bench.memory_view("gym")["log"]]
    assert log.count("power_on") > 3
    assert log.count("clock_set") > 3
    assert quiet.plan.power_cuts_per_day == 48
    await bench.set_faults("gym")
    await bench.advance(seconds=7 * 3600, settle=True)
    assert bench.bench.memory_view("gym")["is_powered"]
    assert set(before) <= set(bench.slots("gym"))


async def test_person_at_the_switch_wins_over_an_outage(bench: SimBench) -> None:
    await bench.set_faults("gym", power_cuts_per_day=86_400, power_cut_s_max=80_000)
    await bench.advance(seconds=60)
    assert not bench.bench.memory_view("gym")["is_powered"]
    await bench.set_faults("gym")
    await bench.call("/bench/devices/gym/power", on=True)
    assert bench.bench.memory_view("gym")["is_powered"]
    await bench.call("/bench/devices/gym/power", on=False)
    await bench.advance(seconds=90_000)
    assert not bench.bench.memory_view("gym")["is_powered"]


async def test_brown_out_at_the_keypad_keeps_the_door_shut(bench: SimBench) -> None:
    await create(bench, "482915")
    await bench.set_faults("gym", power_brown_out=1.0)
    assert (await bench.press("gym", "482915#"))["reason"] == "no_power"
    assert bench.bench.memory_view("gym")["bolt"] == "locked"
    await bench.set_faults("gym")
    await bench.advance(seconds=60, settle=True)
    assert (await bench.press("gym", "482915#"))["opened"]
