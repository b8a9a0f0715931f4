"""One seed of an exploration, one digest: in any process, TaskGroup aborts included."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Runs in which people hang up in the middle of several calls: the counts say how often.
PROGRAM = """
import json, sys
from hil_tests.explore.run import hush, perform
from hil_tests.explore.token import RunSpec
hush()
for suite, seed, order in (("grants", 11, False), ("device", 3, False), ("grants", 4, True)):
    report = perform(RunSpec(suite=suite, seed=seed, is_interleaved=order))
    print(json.dumps([report.token, report.verdict, report.digest, report.counts]))
"""


def runs(hash_seed: str) -> str:
    result = subprocess.run(  # noqa: S603 - our own program.
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return result.stdout


@pytest.mark.real_servers
def test_one_seed_gives_one_digest_in_four_processes() -> None:
    first = runs("0")
    reports = [json.loads(line) for line in first.splitlines()]
    assert [verdict for _, verdict, _, _ in reports] == ["ok", "ok", "ok"]
    assert all(counts["events"] > 100 for _, _, _, counts in reports)
    assert sum(counts.get("hung up", 0) for _, _, _, counts in reports) >= 2
    for hash_seed in ("1", "2", "3"):
        assert runs(hash_seed) == first
