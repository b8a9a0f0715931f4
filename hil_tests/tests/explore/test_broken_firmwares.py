"""An exploration finds each mistake of a lock by itself, within some seeds."""

from __future__ import annotations

from typing import Final

import pytest

from hil_tests.explore.run import Verdict, perform
from hil_tests.explore.token import RunSpec
from hil_tests.tests.explore.broken_firmwares import BROKEN

# About half of all locks that a run draws have every type of user, so some seeds are for nothing.
_SEEDS_END: Final = 40
# What is found late begins later: the seeds before are known to be for nothing.
_FIRST: Final = {"expires_a_second_late": 20, "opens_to_disabled_users_in_passage_mode": 8}
# A sample for every change, with seeds that are known to find it; all of them are for the check.
_SAMPLE: Final = {"never_uses_up_one_time_codes": 2, "hashes_four_digits_only": 1}


@pytest.mark.real_servers  # Minutes, not servers.
@pytest.mark.parametrize("mistake", BROKEN)
def test_mistake_is_found_within_some_seeds(monkeypatch: pytest.MonkeyPatch, mistake: str) -> None:
    BROKEN[mistake](monkeypatch)
    seeds = range(_FIRST.get(mistake, 0), _SEEDS_END)
    verdicts = (perform(RunSpec(suite="device", seed=seed)).verdict for seed in seeds)
    assert Verdict.UNSAFE in verdicts


@pytest.mark.parametrize(("mistake", "seed"), _SAMPLE.items())
def test_mistake_is_found_by_a_seed(
    monkeypatch: pytest.MonkeyPatch, mistake: str, seed: int
) -> None:
    BROKEN[mistake](monkeypatch)
    assert perform(RunSpec(suite="device", seed=seed)).verdict is Verdict.UNSAFE
