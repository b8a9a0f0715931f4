from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from tools.bench_client import BenchClient
from tools.tests.here import strikeplate, strikeplate_up

OPTIONS = ("--now", "2025-07-10T12:00:00Z", "--speed", "0")
BENCH = '[[devices]]\nname = "gym"\nprofile = "generic-native"\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIKEPLATE_URL", "STRIKEPLATE_API_KEY", "STRIKEPLATE_STORE_URL"):
        monkeypatch.delenv(name, raising=False)


def create_code(url: str, state: Path, code: str) -> None:
    key = (state / "api-key").read_text(encoding="utf-8").strip()
    with BenchClient(url, key) as bench:
        [gym] = bench.get("/bench/devices")["devices"]
        bench.post("/access_codes/create", {"device_id": gym["device_id"], "code": code})


def test_backup_of_a_running_bench_is_restored_when_it_has_stopped(tmp_path: Path) -> None:
    file, state, copy = tmp_path / "bench.toml", tmp_path / "state", tmp_path / "copy.db"
    file.write_text(BENCH, encoding="utf-8")

    def act(url: str) -> None:
        create_code(url, state, "482915")
        ran = strikeplate("backup", copy, "--state", state)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith(f"{copy}: 1 device, 0 grants, 1 code, 0.")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        create_code(url, state, "555666")

    assert strikeplate_up(state, file, *OPTIONS, act=act).code == 0
    document = strikeplate("restore", copy, "--state", state, "--json").document
    assert (document["devices"], document["access_codes"]) == (1, 1)
    assert document["committed_at"].startswith("2025-07-10T12:00:0")
    assert document["file"] == str(copy)

    def after(url: str) -> None:
        key = (state / "api-key").read_text(encoding="utf-8").strip()
        with BenchClient(url, key) as bench:
            # The lock knows more than the store that came back: the gateway goes on from there,
            # and gives the slot that it does not know to nobody.
            bench.post("/bench/clock/advance", {"seconds": 7 * 3600, "settle": True})
            create_code(url, state, "777888")
            memory = bench.get("/bench/devices/gym/memory")
            held = {slot["code"]: slot["slot"] for slot in memory["slots"] if slot["code"]}
            assert held["482915"] == 1
            assert held["777888"] != held.get("555666")

    assert strikeplate_up(state, file, "--speed", "0", act=after).code == 0


def test_store_of_a_gateway_is_named_by_its_configuration(tmp_path: Path) -> None:
    store, config = tmp_path / "gateway.db", tmp_path / "gateway.toml"
    config.write_text(f'[store]\nurl = "sqlite:///{store}"\n', encoding="utf-8")
    ran = strikeplate("backup", tmp_path / "copy.db", "--config", config)
    assert ran.code == 1
    assert f"there is no file {store}" in ran.sentence
    sqlite3.connect(store).close()
    ran = strikeplate("backup", tmp_path / "copy.db", "--config", config)
    assert ran.code == 1
    assert not (tmp_path / "copy.db").exists()


def test_folder_that_is_no_state_is_refused_and_left_alone(tmp_path: Path) -> None:
    ran = strikeplate("backup", tmp_path / "copy.db", "--state", tmp_path / "none")
    assert ran.code == 2
    assert "there is no state folder" in ran.sentence
    plain = tmp_path / "plain"
    plain.mkdir(mode=0o755)
    ran = strikeplate("backup", tmp_path / "copy.db", "--state", plain)
    assert ran.code == 1
    assert "gateway.db" in ran.sentence
    assert list(plain.iterdir()) == []
    assert stat.S_IMODE(plain.stat().st_mode) == 0o755


def test_file_that_is_no_backup_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "gateway.db").write_bytes(b"what was here")
    wrong = tmp_path / "wrong.db"
    wrong.write_bytes(b"no backup")
    for file in (wrong, tmp_path / "none.db"):
        ran = strikeplate("restore", file, "--state", state)
        assert ran.code == 1
        assert str(file) in ran.sentence
        assert (state / "gateway.db").read_bytes() == b"what was here"


def test_state_and_configuration_are_not_both_named(tmp_path: Path) -> None:
    ran = strikeplate("backup", "x", "--state", tmp_path, "--config", tmp_path)
    assert ran.code == 2
    assert "not allowed with argument" in ran.sentence
