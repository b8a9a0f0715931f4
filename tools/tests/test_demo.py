from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from seam import Seam

from tools.bench_client import BenchClient
from tools.commands import demo
from tools.commands.demo import Demo
from tools.errors import DemoFailed, ToolError
from tools.output import Output
from tools.running_bench import running_bench, start_bench, stop_bench, wait_until_ready
from tools.tests.here import strikeplate, strikeplate_up

STANDING = ("--now", demo.NOW, "--speed", "0", "--seed", "1")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STRIKEPLATE_URL", "STRIKEPLATE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def play(state: Path, spoil: Any = lambda _: None) -> str:
    """Play the demonstration against a bench in this process; returns what it told."""
    told = io.StringIO()

    def act(url: str) -> None:
        key = (state / "api-key").read_text(encoding="utf-8").strip()
        with Seam(api_key=key, endpoint=url) as seam, BenchClient(url, key) as bench:
            spoil(bench)
            Demo(seam, bench, Output(stream=told)).play()

    try:
        assert strikeplate_up(state, *STANDING, act=act).code == 0
    finally:
        Path(state / "told").write_text(told.getvalue(), encoding="utf-8")
    return told.getvalue()


def test_story_is_told_with_times_and_every_expectation_holds(tmp_path: Path) -> None:
    told = play(tmp_path / "state")
    assert told.count("    ok  ") == 10
    for instant, words in (
        ("2025-07-10T15:00:00.", "72 hours before the start, the gateway visits the lock."),
        ("2025-07-13T14:59:59.000Z", "One second early"),
        ("2025-07-13T15:00:00.000Z", "The window starts."),
        ("2025-07-16T10:59:59.000Z", "The last second of the stay"),
        ("2025-07-16T11:00:00.000Z", "The stay is over."),
    ):
        [line] = [line for line in told.splitlines() if words in line]
        assert line.startswith(instant)
    assert told.rstrip().endswith("Nothing above was scripted or mocked.")


def test_story_that_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    def cut_power(bench: BenchClient) -> None:
        bench.post(f"/bench/devices/{demo.DEVICE_ID}/power", {"on": False})

    with pytest.raises(DemoFailed, match="it is not true that the lock holds the PIN in slot"):
        play(tmp_path / "state", cut_power)
    told = (tmp_path / "state" / "told").read_text(encoding="utf-8")
    assert "Jane Doe is granted access" in told


def test_what_the_sdk_refuses_is_the_demonstrations_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "DEVICE_ID", "nobody")
    # A proxy that nobody runs, and another credential of the SDK: neither is the demo's business.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SEAM_PERSONAL_ACCESS_TOKEN", "seam_at_x")
    ran = strikeplate("demo", "--json")
    assert (ran.code, ran.out) == (6, "")
    error = json.loads(ran.err)["error"]
    assert error["type"] == "DemoFailed"
    assert error["message"].startswith("the demonstration failed: the SDK says: ")


# --- the bench of its own ---------------------------------------------------------------------


def test_bench_that_does_not_start_says_why_in_its_own_words(tmp_path: Path) -> None:
    with (
        pytest.raises(ToolError, match=r"the bench did not start: can't read .*none.toml"),
        running_bench(tmp_path / "state", [str(tmp_path / "none.toml")]),
    ):
        pytest.fail("started")


@pytest.mark.parametrize(
    ("words", "reason"), [("", "it gave no reason"), ("plain words\n", "plain words")]
)
def test_bench_that_is_killed_in_its_start_is_told_as_well_as_can_be(
    tmp_path: Path, words: str, reason: str
) -> None:
    process = start_bench(tmp_path / "state", ["--port", "0"])
    process.kill()
    process.wait()
    (tmp_path / "state" / "up.log").write_text(words, encoding="utf-8")
    with pytest.raises(ToolError, match=f"did not start: {reason}"):
        wait_until_ready(process, tmp_path / "state")
    assert stop_bench(process) != 0


def test_bench_that_ignores_the_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.running_bench.STOP_TIMEOUT_S", 0.2)
    process = start_bench(tmp_path / "state", ["--port", "0"])
    # Stopped, it gets no signal but the last one.
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    assert stop_bench(process) == -9


def test_folder_of_the_user_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolError, match=r"none\.toml"), running_bench(Path("s"), ["none.toml"]):
        pytest.fail("started")
