"""The official Seam SDKs, unmodified, drive a running bench through the demo's flow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.running_bench import running_bench

SDK = Path(__file__).parent / "sdk"
FLOW_TIMEOUT_S = 240
BENCH_OPTIONS = ("--now", "2025-07-10T12:00:00Z", "--speed", "0", "--seed", "5", "--port", "0")


def run_flow(command: list[str], state: Path) -> dict[str, object]:
    with running_bench(state, BENCH_OPTIONS) as (url, api_key):
        result = subprocess.run(
            [*command, url, api_key],
            capture_output=True,
            text=True,
            timeout=FLOW_TIMEOUT_S,
            check=False,
            cwd=SDK,
        )
    assert result.returncode == 0, result.stderr[-4000:]
    return dict(json.loads(result.stdout.splitlines()[-1]))


def test_current_python_sdk_runs_the_demo_flow(tmp_path: Path) -> None:
    seen = run_flow([sys.executable, str(SDK / "flow.py")], tmp_path / "state")
    assert seen["ok"] is True


@pytest.mark.real_servers
@pytest.mark.timeout(600)
def test_python_sdk_1_runs_the_demo_flow(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    # Without a pip of its own and without compiling: of both it would use little.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    lock = str(SDK / "seam-1.lock")
    install = [*pip, "install", "--quiet", "--no-compile", "--require-hashes", "-r", lock]
    subprocess.run(install, check=True)
    seen = run_flow([python, str(SDK / "flow.py")], tmp_path / "state")
    assert seen["ok"] is True


@pytest.mark.real_servers
@pytest.mark.timeout(600)
@pytest.mark.parametrize("package", ["seam-js1", "seam-js2"])
def test_javascript_sdk_runs_the_demo_flow(package: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    missing = "node" if node is None else "the npm packages of tools/tests/sdk (npm ci)"
    if node is None or not (SDK / "node_modules" / package).exists():
        if os.environ.get("STRIKEPLATE_CI"):
            pytest.fail(f"missing: {missing}")
        pytest.skip(f"missing: {missing}")
    seen = run_flow([node, "flow.mjs", package], tmp_path / "state")
    assert seen["package"] == package
