"""Runs the tests of the packages under coverage and holds each package to its own bound.

One number for the whole repository would hide the floor that matters, so each package has its
own: `protocols` 100 %, the others 95 % of lines and branches. Suites and sweeps are left out: a
package is to be covered by its own tests, and a bench takes twice its time under coverage.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOUNDS = {
    "protocols": 100.0,
    "firmware_sim": 95.0,
    "gateway": 95.0,
    "hil_tests": 95.0,
    "tools": 95.0,
}


def run() -> int:
    """Run, combine, judge; the exit code says whether every package holds its bound."""
    python = sys.executable
    report = ROOT / "build" / "coverage.json"
    report.parent.mkdir(exist_ok=True)
    subprocess.run([python, "-m", "coverage", "erase"], check=True, cwd=ROOT)
    tests = [
        "-m",
        "pytest",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        "-m",
        "not real_servers and not suite and not sweep",
        "--hypothesis-profile=covered",
    ]
    result = subprocess.run([python, "-m", "coverage", "run", *tests], check=False, cwd=ROOT)
    if result.returncode:
        return result.returncode
    subprocess.run([python, "-m", "coverage", "combine", "--quiet"], check=True, cwd=ROOT)
    subprocess.run(
        [python, "-m", "coverage", "json", "--quiet", "-o", str(report)], check=True, cwd=ROOT
    )
    return judge(json.loads(report.read_text(encoding="utf-8")))


def judge(document: dict[str, object]) -> int:
    """Print a line a package; 1 when one is below its bound."""
    files = document["files"]
    assert isinstance(files, dict)
    failed = False
    for package, bound in BOUNDS.items():
        covered = total = 0
        for name, entry in files.items():
            if name.split("/")[0] == package:
                summary = entry["summary"]
                covered += summary["covered_lines"] + summary.get("covered_branches", 0)
                total += summary["num_statements"] + summary.get("num_branches", 0)
        share = 100.0 * covered / total if total else 100.0
        verdict = "ok" if share >= bound else "BELOW"
        failed |= share < bound
        sys.stdout.write(
            f"coverage {package:13s} {share:6.2f} %  (bound {bound:g} %)  {verdict}\n"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(run())
