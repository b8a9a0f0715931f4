"""Campaigns: gone on with, split, merged, and none the worse for a killed writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hil_tests.errors import CampaignError
from hil_tests.explore.campaign import Campaign, shard_of
from hil_tests.explore.divergence import first_divergence
from hil_tests.explore.token import RunSpec

SPECS = [RunSpec(suite="device", seed=seed) for seed in range(10)]


def line(seed: int, **changed: Any) -> dict[str, Any]:
    return {
        "suite": "device",
        "seed": seed,
        "interleaved": False,
        "strikeplate": "0.1.0",
        "verdict": "ok",
        "token": f"token {seed}",
        "sentence": "",
        "digest": "0" * 32,
        **changed,
    }


def test_known_runs_are_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "campaign.jsonl"
    campaign = Campaign(path, "0.1.0")
    assert campaign.todo(SPECS) == SPECS
    for seed in (1, 4):
        campaign.add(line(seed))
    campaign.add(line(4, verdict="unsafe"))
    again = Campaign(path, "0.1.0")
    assert [spec.seed for spec in again.todo(SPECS)] == [0, 2, 3, 5, 6, 7, 8, 9]
    assert [each["seed"] for each in again.lines(SPECS)] == [1, 4]
    assert [each["verdict"] for each in again.all_lines()] == ["ok", "ok"]
    assert again.find(SPECS[1]) == line(1)


def test_runs_of_another_version_or_order_are_other_runs(tmp_path: Path) -> None:
    path = tmp_path / "campaign.jsonl"
    campaign = Campaign(path, "0.1.0")
    campaign.add(line(1, strikeplate="0.0.9"))
    campaign.add(line(2, interleaved=True))
    assert Campaign(path, "0.1.0").todo(SPECS) == SPECS
    assert len(path.read_text().splitlines()) == 2


def test_line_of_a_killed_writer_is_dropped_and_run_again(tmp_path: Path) -> None:
    path = tmp_path / "campaign.jsonl"
    whole = json.dumps(line(1)) + "\n"
    path.write_text(whole + json.dumps(line(2))[:20])
    campaign = Campaign(path, "0.1.0")
    assert path.read_text() == whole
    campaign.add(line(2))
    assert [each["seed"] for each in Campaign(path, "0.1.0").lines(SPECS)] == [1, 2]


@pytest.mark.parametrize("text", ["notes without an end", "[bench]\nname = 'mine'", "7\n{"])
def test_file_that_is_no_campaign_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "campaign.jsonl"
    path.write_text(text)
    with pytest.raises(CampaignError, match="is no line of a campaign"):
        Campaign(path, "0.1.0")
    assert path.read_text() == text


@pytest.mark.parametrize(
    "changed", [{"suite": []}, {"seed": "1"}, {"seed": True}, {"verdict": {}}, {"token": None}]
)
def test_line_with_a_value_of_another_kind_is_refused(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path = tmp_path / "campaign.jsonl"
    path.write_text(json.dumps({**line(1), **changed}) + "\n")
    with pytest.raises(CampaignError, match=r"campaign.jsonl:1: is no line of a campaign"):
        Campaign(path, "0.1.0")


def test_shards_hold_every_run_once_and_merge_to_the_whole(tmp_path: Path) -> None:
    shards = [shard_of(SPECS, number, 3) for number in (1, 2, 3)]
    assert sorted(spec.seed for shard in shards for spec in shard) == list(range(10))
    whole = Campaign(tmp_path / "whole.jsonl", "0.1.0")
    for number, shard in enumerate(shards):
        part = Campaign(tmp_path / f"{number}.jsonl", "0.1.0")
        for spec in shard:
            part.add(line(spec.seed))
        assert whole.merge(part.path) == len(shard)
        assert whole.merge(part.path) == 0
    assert whole.todo(SPECS) == []


@pytest.mark.parametrize("text", ["nonsense\n", "[1]\n", '{"suite": "device"}\n'])
def test_file_that_is_no_campaign_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "campaign.jsonl"
    path.write_text(json.dumps(line(1)) + "\n" + text)
    with pytest.raises(CampaignError, match=r"campaign.jsonl:2: is no line of a campaign"):
        Campaign(path, "0.1.0")


def test_file_that_can_not_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="can't read"):
        Campaign(tmp_path, "0.1.0")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\n")
    with pytest.raises(CampaignError, match="it is not UTF-8"):
        Campaign(binary, "0.1.0")
    campaign = Campaign(tmp_path / "new.jsonl", "0.1.0")
    campaign.path.mkdir()
    with pytest.raises(CampaignError, match="can't write"):
        campaign.add(line(1))


def test_first_divergence_is_the_first_line_that_differs(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a\nb\nc\nd\ne\nf\n")
    other.write_text("a\nb\nc\nd\nx\nf\n")
    assert first_divergence(one, one) is None
    parted = first_divergence(one, other)
    assert parted is not None
    assert (parted.number, parted.before) == (5, ("b", "c", "d"))
    assert (parted.expected, parted.found) == ("e", "x")
    other.write_text("a\n")
    ended = first_divergence(one, other)
    assert ended is not None
    assert (ended.number, ended.before, ended.expected, ended.found) == (2, ("a",), "b", None)
    late = first_divergence(other, one)
    assert late is not None
    assert (late.expected, late.found) == (None, "b")
