"""Runs from seeds: the same seed the same run, and whatever ends one is its verdict."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from firmware_sim.locks import admission, requests
from firmware_sim.locks.core import LockCore
from hil_tests.errors import CampaignError, LivenessViolated, SafetyViolated, Violation
from hil_tests.explore import run as runs
from hil_tests.explore.campaign import Campaign
from hil_tests.explore.pool import perform_all
from hil_tests.explore.run import RunReport, Verdict, perform
from hil_tests.explore.stage import Stage
from hil_tests.explore.token import RunSpec
from protocols.doorlock.vocabulary import Status
from protocols.strike import messages as m


def explored(suite: str, seeds: range) -> list[RunReport]:
    return [perform(RunSpec(suite=suite, seed=seed)) for seed in seeds]


def test_seed_decides_everything_and_its_order_is_another_run(tmp_path: Path) -> None:
    first = perform(RunSpec(suite="device", seed=5), trace_path=tmp_path / "one")
    again = perform(RunSpec(suite="device", seed=5), trace_path=tmp_path / "other")
    other = perform(RunSpec(suite="device", seed=6))
    shuffled = perform(RunSpec(suite="device", seed=5, is_interleaved=True))
    assert first == again
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert first.verdict is other.verdict is shuffled.verdict is Verdict.OK
    assert len({first.token, other.token, shuffled.token}) == 3
    assert first.counts["events"] > 50


@pytest.mark.parametrize(
    "suite", ["grants", pytest.param("fleet", marks=pytest.mark.real_servers)]
)
def test_whole_chain_breaks_no_rule(suite: str) -> None:
    [report] = explored(suite, range(1, 2))
    assert (report.verdict, report.sentence) == (Verdict.OK, "")
    assert report.counts["events"] > 50


# --- what exploration finds by itself ---------------------------------------------------------


def test_lock_that_ignores_windows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "is_in_schedule", lambda *_, **__: True)
    verdicts = Counter(report.verdict for report in explored("device", range(4)))
    assert verdicts[Verdict.UNSAFE] >= 1


def test_lock_that_loses_a_write_now_and_then_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = dict(requests.HANDLERS)
    clear = handlers[m.ClearCredential]

    def forgetful(core: LockCore, message: m.ClearCredential, now: float) -> m.StatusReply:
        if message.revision % 3 == 0:
            return m.StatusReply(status=Status.SUCCESS, revision=message.revision)
        reply: m.StatusReply = clear(core, message, now)
        return reply

    monkeypatch.setattr(requests, "HANDLERS", {**handlers, m.ClearCredential: forgetful})
    reports = explored("device", range(3))
    assert any(report.sentence.startswith("memory at lock: ") for report in reports)


# --- verdicts ---------------------------------------------------------------------------------


async def _unsafe(_: Stage) -> None:
    raise ExceptionGroup("group", [SafetyViolated("rule", "door", "it opened"), ValueError("x")])


async def _undone(_: Stage) -> None:
    raise LivenessViolated("rule", "", "nobody came")


async def _other_rule(_: Stage) -> None:
    raise Violation("rule", "", "something else")


async def _stuck(_: Stage) -> None:
    await asyncio.get_running_loop().create_future()


async def _crashed(_: Stage) -> None:
    raise KeyError("482915")


async def _circling(_: Stage) -> None:
    while True:  # noqa: ASYNC110 - the circle is the point.
        await asyncio.sleep(0)


async def _endless(_: Stage) -> None:
    await asyncio.sleep(1e9)


@pytest.mark.parametrize(
    ("suite", "verdict", "sentence"),
    [
        (_unsafe, Verdict.UNSAFE, "rule at door: it opened"),
        (_undone, Verdict.UNDONE, "rule: nobody came"),
        (_other_rule, Verdict.UNSAFE, "rule: something else"),
        (_stuck, Verdict.STUCK, "the workload had no end"),
        (_crashed, Verdict.CRASHED, "KeyError at test_run.py:"),
        (_circling, Verdict.STUCK, "the simulation took 1000 callbacks"),
        (_endless, Verdict.STUCK, "the workload had no end"),
    ],
)
def test_whatever_ends_a_run_is_its_verdict(
    monkeypatch: pytest.MonkeyPatch, suite: object, verdict: Verdict, sentence: str
) -> None:
    monkeypatch.setattr(runs, "SUITES", {"made": suite})
    monkeypatch.setattr(runs, "_CALLBACKS_MAX", 1000)
    report = perform(RunSpec(suite="made", seed=1))
    assert report.verdict is verdict
    assert report.sentence.startswith(sentence)
    assert "482915" not in report.sentence
    assert report.as_document()["verdict"] == verdict.value


# --- many runs --------------------------------------------------------------------------------


@pytest.mark.real_servers  # Processes of their own start slowly.
def test_runs_in_two_processes_come_to_the_same_lines(tmp_path: Path) -> None:
    specs = [RunSpec(suite="device", seed=seed) for seed in range(2)]
    lines = []
    for jobs in (1, 2):
        campaign = Campaign(tmp_path / f"{jobs}.jsonl", runs.VERSION)
        list(perform_all(campaign, specs, jobs=jobs, is_time_up=lambda: False))
        lines.append(campaign.lines(specs))
    assert lines[0] == lines[1]
    assert len(lines[0]) == 2


@pytest.mark.parametrize("jobs", [1, 2])
def test_no_run_begins_once_the_time_is_up(tmp_path: Path, jobs: int) -> None:
    campaign = Campaign(tmp_path / "campaign.jsonl", runs.VERSION)
    specs = [RunSpec(suite="device", seed=1)]
    assert list(perform_all(campaign, specs, jobs=jobs, is_time_up=lambda: True)) == []


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.real_servers)])
def test_campaign_where_no_folder_can_be_is_told_and_no_mistake(tmp_path: Path, jobs: int) -> None:
    (tmp_path / "file").write_text("in the way")
    campaign = Campaign(tmp_path / "file" / "campaign.jsonl", runs.VERSION)
    specs = [RunSpec(suite="device", seed=1)]
    with pytest.raises(
        CampaignError, match=r"can't write .*file/campaign\.traces: Not a directory"
    ):
        list(perform_all(campaign, specs, jobs=jobs, is_time_up=lambda: False))
