from __future__ import annotations

import json
import os
import re
import socket
import stat
from pathlib import Path

import httpx
import pytest

from firmware_sim.kernel.wall import SystemWall
from hil_tests.bench_instants import parse_instant_ms
from tools.bench_client import BenchClient
from tools.tests.here import Ran, strikeplate, strikeplate_up

NOW = "2025-07-10T12:00:00Z"
STANDING = ("--now", NOW, "--speed", "0")
READY = re.compile(
    r"strikeplate is ready at (http://127\.0\.0\.1:\d+) \(5 devices\)"
    r"(?:, API key (seam_test_[0-9a-f]{32}))?\n"
)
ONE_LOCK = '[[devices]]\nname = "gym"\nprofile = "generic-native"\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIKEPLATE_URL", "STRIKEPLATE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(ONE_LOCK, encoding="utf-8")
    return path


def key_of(state: Path) -> str:
    return (state / "api-key").read_text(encoding="utf-8").strip()


def test_new_state_shows_its_key_once_and_holds_what_the_design_says(tmp_path: Path) -> None:
    state = tmp_path / "state"
    seen: list[object] = []

    def act(url: str) -> None:
        record = json.loads((state / "up.json").read_text(encoding="utf-8"))
        assert record == {"url": url, "pid": os.getpid()}
        assert stat.S_IMODE((state / "api-key").stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        headers = {"authorization": f"Bearer {key_of(state)}"}
        # Every device is listed as soon as the bench says that it is ready.
        listed = httpx.post(f"{url}/devices/list", json={}, headers=headers).json()["devices"]
        assert len(listed) == 5
        assert all(device["properties"]["online"] for device in listed)
        assert "6ba7b811-9dad-11d1-80b4-00c04fd430c8" in {d["device_id"] for d in listed}
        assert httpx.get(f"{url}/health").json()["status"] == "up"
        shown = strikeplate("clock", "show", "--state", state)
        assert shown == Ran(0, "2025-07-10T12:00:00.000Z  (speed 0)\n", "")
        seen.append(url)

    ran = strikeplate_up(state, *STANDING, act=act)
    match = READY.fullmatch(ran.out)
    assert ran.code == 0
    assert match is not None
    assert [match[1]] == seen
    assert match[2] == key_of(state)
    assert not (state / "up.json").exists()
    assert {path.name for path in state.iterdir()} >= {"gateway.db", "devices", "clock.json"}

    again = strikeplate_up(state, "--speed", "0", "--json")
    assert again.code == 0
    assert again.document.keys() == {"ready", "url", "devices"}
    earlier = strikeplate("up", "--state", state, "--port", "0", "--now", "2025-07-10T11:59:59Z")
    assert earlier.code == 1
    assert "never goes back; use a new --state" in earlier.sentence


def test_running_bench_keeps_its_state_and_its_port_for_itself(
    tmp_path: Path, lock_file: Path
) -> None:
    state = tmp_path / "state"

    def act(url: str) -> None:
        second = strikeplate("up", lock_file, "--state", state, "--port", "0")
        assert second.code == 1
        assert "another bench runs on" in second.sentence
        assert "name another --state" in second.sentence
        restored = strikeplate("restore", "x.db", "--state", state)
        assert "another bench runs on" in restored.sentence
        port = url.rpartition(":")[2]
        other = strikeplate("up", lock_file, "--state", tmp_path / "other", "--port", port)
        assert other.code == 1
        assert other.sentence == (
            f"can't listen on 127.0.0.1:{port} (Address already in use); "
            "use --port 0 for any free one"
        )
        # Only this machine: no other address of it listens.
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.2", int(port))) != 0

    assert strikeplate_up(state, lock_file, *STANDING, act=act).code == 0


def test_key_of_the_environment_opens_the_bench_and_is_not_shown(
    tmp_path: Path, lock_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIKEPLATE_API_KEY", "seam_mine")
    state = tmp_path / "state"

    def act(url: str) -> None:
        with BenchClient(url, "seam_mine") as bench:
            assert bench.get("/bench/devices")["devices"][0]["name"] == "gym"
            assert len(bench.post("/devices/list", {})["devices"]) == 1

    ran = strikeplate_up(state, lock_file, *STANDING, act=act)
    assert ran.code == 0
    assert "seam_" not in ran.out
    assert "(1 device)" in ran.out
    assert key_of(state) == "seam_mine"
    monkeypatch.setenv("STRIKEPLATE_API_KEY", "seam_at_wrong")
    refused = strikeplate("up", "--state", tmp_path / "other", "--port", "0")
    assert refused.code == 2
    assert 'must not start with "seam_at"' in refused.sentence


def now_ms(bench: BenchClient) -> int:
    return parse_instant_ms(bench.get("/bench/clock")["now"])


@pytest.mark.parametrize("speed", [1, 3600])
def test_time_runs_at_its_speed_from_the_walls_own_or_the_states_if_later(
    tmp_path: Path, lock_file: Path, speed: int
) -> None:
    state, wall = tmp_path / "state", SystemWall()
    assert strikeplate_up(state, lock_file, *STANDING).code == 0

    def act(url: str) -> None:
        with BenchClient(url, key_of(state)) as bench:
            began_ms, wall_began_ms = now_ms(bench), wall.utc_ms()
            assert abs(began_ms - wall_began_ms) < 60_000 * speed
            elapsed_ms = passed_ms = 0
            while elapsed_ms < 200:
                # Looked at first: bench time has come at least as far when it is told.
                elapsed_ms = wall.utc_ms() - wall_began_ms
                passed_ms = now_ms(bench) - began_ms
            assert passed_ms >= elapsed_ms * speed * 0.9
            bench.post("/bench/clock/advance", {"seconds": 86_400})

    assert strikeplate_up(state, lock_file, "--speed", speed, act=act).code == 0
    kept_ms = json.loads((state / "clock.json").read_text(encoding="utf-8"))["now_ms"]

    def later(url: str) -> None:
        with BenchClient(url, key_of(state)) as bench:
            assert kept_ms <= now_ms(bench) < kept_ms + 60_000 * speed

    assert strikeplate_up(state, lock_file, "--speed", speed, act=later).code == 0


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("clock.json", "clock.json is damaged"),
        ("api-key", "remove it to get a new key"),
        ("gateway.db", "gateway.db"),
        ("devices/gym-1.memory", "gym-1.memory"),
        ("events.jsonl/", "can't use"),
        ("lock/", "can't use"),
        ("devices", "can't use"),
    ],
)
def test_state_that_can_not_be_used_is_one_sentence_and_shows_no_key(
    tmp_path: Path, spoil: str, sentence: str
) -> None:
    file = tmp_path / "bench.toml"
    file.write_text(ONE_LOCK + 'device_id = "gym-1"\n', encoding="utf-8")
    state = tmp_path / "state"
    place = state / spoil
    if spoil.endswith("/"):
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(parents=True)
        place.write_text("spoilt", encoding="utf-8")
    ran = strikeplate("up", file, "--state", state, "--port", "0", *STANDING)
    assert (ran.code, ran.out) == (1, "")
    # The log may say more; the last line is the sentence.
    assert ran.err.splitlines()[-1].startswith("strikeplate: ")
    assert sentence in ran.err.splitlines()[-1]
    assert spoil == "api-key" or not (state / "api-key").exists()


def test_bench_file_with_a_mistake_names_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(ONE_LOCK + "drift = 5\n", encoding="utf-8")
    ran = strikeplate("up", path, "--state", tmp_path / "state")
    assert ran.code == 2
    assert f"{path}:4: devices[0].drift is not a key here" in ran.sentence
    assert not (tmp_path / "state").exists()
    ran = strikeplate("up", tmp_path / "none.toml", "--json")
    assert ran.code == 2
    assert json.loads(ran.err)["error"]["type"] == "ConfigError"


def test_clock_faster_than_the_wall_begins_where_it_was_asked_to(
    tmp_path: Path, lock_file: Path
) -> None:
    first: list[str] = []
    state = tmp_path / "state"

    def act(url: str) -> None:
        with BenchClient(url, key_of(state)) as bench:
            first.append(bench.get("/bench/clock")["now"])
        # The trace can be followed while the bench runs.
        assert '"kind":"started"' in (state / "events.jsonl").read_text(encoding="ascii")

    ran = strikeplate_up(state, lock_file, "--now", NOW, "--speed", "3600", act=act)
    assert (ran.code, ran.err.count("strikeplate:")) == (0, 0)
    # The set-up is not counted; from the ready line to the first request, time flies: an hour is
    # a second of this machine's.
    late_ms = parse_instant_ms(first[0]) - parse_instant_ms(NOW)
    assert 0 <= late_ms < 3_600_000
    events = (state / "events.jsonl").read_text(encoding="ascii").splitlines()
    [started] = [json.loads(line) for line in events if '"kind":"started"' in line]
    assert started["t_ns"] // 1_000_000 < parse_instant_ms(NOW)
