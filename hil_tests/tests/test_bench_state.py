from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path

import pytest

from firmware_sim.kernel.clock import WorldClock
from firmware_sim.kernel.loop import SimLoop
from gateway.errors import ConfigError
from hil_tests.bench_state import BenchState, ClockRecord
from hil_tests.errors import StateInUse, StateUnusable

RECORD = ClockRecord(now_ms=1_752_148_800_000, seed=7, run=3)


@pytest.fixture
def state(tmp_path: Path) -> BenchState:
    made = BenchState(tmp_path / "state")
    made.make()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_when_made_is_for_its_owner(state: BenchState) -> None:
    assert mode(state.folder) == mode(state.devices) == 0o700


def test_folder_that_is_there_keeps_its_mode_and_what_is_in_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "note").write_text("mine", encoding="utf-8")
    BenchState(tmp_path).make()
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "devices") == 0o700
    assert (tmp_path / "note").read_text(encoding="utf-8") == "mine"


def test_state_when_only_looked_at_makes_nothing(tmp_path: Path) -> None:
    state = BenchState(tmp_path / "none")
    assert state.read_clock() is None
    assert state.found_ms() is None
    assert state.store_url.endswith("/none/gateway.db")
    assert not state.folder.exists()


def test_folder_whose_name_is_taken_by_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("", encoding="utf-8")
    with pytest.raises(StateUnusable, match=r"can't use .*state \(.*\); name another --state"):
        BenchState(tmp_path / "state").make()


# --- the clock --------------------------------------------------------------------------------


def test_clock_when_written_is_read_again(state: BenchState) -> None:
    assert state.read_clock() is None
    state.write_clock(RECORD)
    assert state.read_clock() == RECORD
    assert state.found_ms() == RECORD.now_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"now_ms": "x", "seed": 1, "run": 1}',
        '{"now_ms": null, "seed": 1, "run": 1}',
        '{"now_ms": 1e999, "seed": 1, "run": 1}',
        '{"now_ms": 5, "seed": 1, "run": 1}',
        '{"now_ms": 1752148800000, "seed": 1}',
        "\x00\x01",
    ],
)
def test_clock_when_damaged_names_the_file(state: BenchState, text: str) -> None:
    (state.folder / "clock.json").write_text(text, encoding="utf-8")
    with pytest.raises(StateUnusable, match=r"clock\.json is damaged; remove it"):
        state.read_clock()


def test_clock_when_its_place_is_taken_is_one_sentence(state: BenchState) -> None:
    (state.folder / "clock.json").mkdir()
    with pytest.raises(StateUnusable):
        state.read_clock()
    with pytest.raises(StateUnusable, match=r"can't use .*clock\.json"):
        state.write_clock(RECORD)


# --- the key ----------------------------------------------------------------------------------


def test_key_of_a_new_state_is_made_and_shown_until_it_is_kept(state: BenchState) -> None:
    made = state.api_key(None, random.Random(1))
    assert made.is_new
    assert made.text.startswith("seam_test_")
    assert len(made.text) == len("seam_test_") + 32
    # A start that failed has shown nothing: the next one makes a key again.
    again = state.api_key("", random.Random(2))
    assert again.is_new
    state.keep_key(again)
    kept = state.api_key(None, random.Random(3))
    assert (kept.text, kept.is_new) == (again.text, False)
    assert mode(state.folder / "api-key") == 0o600
    assert made.text not in repr(made)


def test_key_of_the_environment_wins_and_is_kept(state: BenchState) -> None:
    state.keep_key(state.api_key(None, random.Random(1)))
    given = state.api_key("seam_mine", random.Random(1))
    assert (given.text, given.is_new) == ("seam_mine", False)
    state.keep_key(given)
    assert state.api_key(None, random.Random(1)).text == "seam_mine"


@pytest.mark.parametrize(
    "key", ["mine", "seam_", "seam_at1_x", "seam_cst_x", "seam_pk_x", "seam_ü"]
)
def test_key_that_the_sdks_would_not_send_is_refused(state: BenchState, key: str) -> None:
    with pytest.raises(ConfigError, match="API key"):
        state.api_key(key, random.Random(1))
    (state.folder / "api-key").write_text(key, encoding="utf-8")
    with pytest.raises(StateUnusable, match=r"api-key: .*; remove it to get a new key"):
        state.api_key(None, random.Random(1))


def test_kept_key_that_is_no_text_is_refused(state: BenchState) -> None:
    (state.folder / "api-key").write_bytes(b"\xff\xfe")
    with pytest.raises(StateUnusable, match="it is not text"):
        state.api_key(None, random.Random(1))


def test_key_left_half_written_by_a_killed_process_gets_its_mode_all_the_same(
    state: BenchState,
) -> None:
    left = state.folder / "api-key.new"
    left.write_text("seam_half", encoding="utf-8")
    left.chmod(0o644)
    state.keep_key(state.api_key(None, random.Random(1)))
    assert mode(state.folder / "api-key") == 0o600
    assert not left.exists()


# --- the trace and the running bench ----------------------------------------------------------


def test_trace_that_can_not_be_written_is_one_sentence(state: BenchState) -> None:
    clock = WorldClock(SimLoop(), RECORD.now_ms)
    with state.open_trace(1, clock) as trace:
        trace.record("bench", "began")
    assert (state.folder / "events.jsonl").read_text(encoding="utf-8").count("\n") == 1
    (state.folder / "events.jsonl").unlink()
    (state.folder / "events.jsonl").mkdir()
    with pytest.raises(StateUnusable, match=r"events\.jsonl"):
        state.open_trace(1, clock)


def test_second_claim_of_a_state_is_refused_until_the_first_ends(state: BenchState) -> None:
    with (
        state.claim(),
        pytest.raises(StateInUse, match="another bench runs"),
        BenchState(state.folder).claim(),
    ):
        pytest.fail("claimed twice")
    with state.claim():
        pass


def test_claim_when_its_file_can_not_be_had_is_one_sentence(state: BenchState) -> None:
    (state.folder / "lock").mkdir()
    with pytest.raises(StateUnusable, match="lock"), state.claim():
        pytest.fail("claimed")


def test_announced_bench_is_found_while_it_runs(state: BenchState) -> None:
    path = state.folder / "up.json"
    with state.announce("http://127.0.0.1:1"):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document == {"url": "http://127.0.0.1:1", "pid": os.getpid()}
    assert not path.exists()
