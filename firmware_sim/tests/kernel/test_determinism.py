"""One seed, one run: the same in any process, under any hash seed, on any Python that is here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).with_name("determinism_scenario.py")
ROOT = Path(__file__).parents[3]

# Other Pythons run the kernel as it is: it needs the standard library alone.
OTHER_PYTHONS = ("python3.12", "python3.13")


def run_scenario(python: str, *, seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603 - this repository's own script
        [python, str(SCENARIO), str(seed)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return done.stdout


def is_usable(python: str) -> bool:
    """Whether it runs: a version manager may offer the name of one that it can't start."""
    command = [python, "--version"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - found on the path


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_run_in_another_process_and_hash_seed_is_the_same(hash_seed: str) -> None:
    here = run_scenario(sys.executable, seed=7, hash_seed="2")
    assert here == run_scenario(sys.executable, seed=7, hash_seed=hash_seed)
    assert '"digest"' in here


def test_run_of_another_seed_is_another() -> None:
    first, second = (run_scenario(sys.executable, seed=seed, hash_seed="0") for seed in (7, 8))
    assert first != second


def test_run_on_every_python_that_is_here_is_the_same() -> None:
    pythons = [sys.executable]
    pythons += [path for path in map(shutil.which, OTHER_PYTHONS) if path and is_usable(path)]
    runs = {run_scenario(python, seed=7, hash_seed="random") for python in pythons}
    assert len(runs) == 1
