"""`explore` and `replay`: campaigns from the command line, and what they end with."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.locks import admission
from hil_tests.explore.run import VERSION
from hil_tests.explore.token import RunSpec, Token
from tools.cli import main
from tools.tests.here import logging_as_before


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    with logging_as_before():
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    code = main([*words, "--json"])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else None, told.err


def test_exploration_writes_a_line_a_run_and_goes_on_where_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("explore", "--suite", "device", "--seeds")
    code, summary, _ = asked(capsys, *words, "0:2")
    assert (code, summary["runs"], summary["verdicts"]) == (0, 2, {"ok": 2})
    code, summary, _ = asked(capsys, *words, "0:3")
    assert (summary["runs"], summary["known_before"]) == (3, 2)
    lines = [json.loads(line) for line in (folder / "campaign.jsonl").read_text().splitlines()]
    assert [line["seed"] for line in lines] == [0, 1, 2]
    code, told, _ = asked(capsys, "replay", lines[1]["token"])
    assert (code, told["is_same"], told["digest"]) == (0, True, lines[1]["digest"])


def test_trace_that_can_not_be_kept_is_told_before_the_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = str(Token(spec=RunSpec(suite="device", seed=0), version=VERSION, digest="0" * 12))
    (folder / "taken").mkdir()
    for name in ("taken", "nowhere/trace.jsonl"):
        assert main(["replay", token, "--trace", name]) == 1
        told = capsys.readouterr()
        assert (told.out, told.err.startswith(f"strikeplate: can't write {name}: ")) == ("", True)


def test_time_that_is_up_leaves_runs_to_be_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "--seeds", "0:5", "--minutes", "0"]) == 0
    told = capsys.readouterr().out
    assert "0 runs: none" in told
    assert "15 not begun in time" in told
    assert not (folder / "campaign.jsonl").exists()


@pytest.mark.usefixtures("folder")
def test_libraries_warn_nobody_of_trouble_that_was_asked_for() -> None:
    assert main(["explore", "--seeds", "0:5", "--minutes", "0"]) == 0
    library = logging.getLogger("bumble.device")
    assert not library.isEnabledFor(logging.WARNING)
    assert library.isEnabledFor(logging.ERROR)


@pytest.mark.real_servers  # Many runs.
def test_failure_ends_with_a_code_and_the_command_that_repeats_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "is_in_schedule", lambda *_, **__: True)
    assert main(["explore", "--suite", "device", "--seeds", "0:6"]) == 7
    told = capsys.readouterr()
    assert "unsafe" in told.out
    lines = [json.loads(line) for line in (folder / "campaign.jsonl").read_text().splitlines()]
    failed = next(line for line in lines if line["verdict"] != "ok")
    assert f"`strikeplate replay {failed['token']}`" in told.err
    assert main(["replay", failed["token"]]) == 7
    assert "the run failed as before" in capsys.readouterr().err
    assert (folder / "campaign.traces" / f"device-{failed['seed']}.events.jsonl").exists()
    # Mended, it is another run, and the trace that was kept says from where on.
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert main(["replay", failed["token"]]) == 8
    told = capsys.readouterr()
    assert "The runs part at event" in told.out
    assert "\n  - {" in told.out
    assert "\n  + {" in told.out


def test_run_without_a_stored_trace_says_where_one_would_be(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    token = Token(spec=RunSpec(suite="device", seed=1), version=VERSION, digest="0" * 12)
    assert main(["replay", str(token), "--trace", "kept.jsonl"]) == 8
    assert "there is no stored trace to compare with" in capsys.readouterr().err
    assert (folder / "kept.jsonl").exists()


@pytest.mark.real_servers  # Many runs.
def test_shards_are_merged_to_one_campaign(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("1", "2"):
        words = ("explore", "--suite", "device", "--seeds", "0:3", "--campaign", f"{number}.jsonl")
        assert asked(capsys, *words, "--shard", f"{number}/2")[0] == 0
    code, summary, _ = asked(capsys, "explore", "--merge", "1.jsonl", "2.jsonl")
    assert (code, summary["runs"], summary["merged"]) == (0, 3, 3)
    assert len((folder / "campaign.jsonl").read_text().splitlines()) == 3


def test_runs_of_another_version_are_told_of_and_count_for_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", "--suite", "device", "--seeds", "0:1", "--campaign", "new.jsonl"]) == 0
    line = json.loads((folder / "new.jsonl").read_text())
    old = line | {"strikeplate": "0.0.9", "verdict": "unsafe"}
    (folder / "old.jsonl").write_text(json.dumps(old) + "\n")
    capsys.readouterr()
    assert main(["explore", "--merge", "new.jsonl", "old.jsonl"]) == 0
    told = capsys.readouterr().out
    assert "1 run: 1 ok (campaign.jsonl)" in told
    assert "1 run of other versions of strikeplate left out" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "say which seeds, such as --seeds 0:200"),
        (["--seeds", "5:5"], "5:5 holds no seed"),
        (["--seeds", "x"], "'x' are no seeds"),
        (["--seeds", "0:1", "--shard", "9/8"], "'9/8' is no shard"),
        (["--seeds", "0:1", "--jobs", "x"], "--jobs must be a whole number"),
        (["--seeds", "0:1", "--minutes", "nan"], "--minutes must be a number"),
        (["--seeds", "0:1", "--suite", "grantz"], "invalid choice: 'grantz'"),
    ],
)
def test_wrong_words_are_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["explore", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_damaged_token_is_told_and_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "grants-17-0.1.0-5f3ac0de9b21-0000"]) == 2
    assert "checksum" in capsys.readouterr().err
