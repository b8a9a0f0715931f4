"""Runs every benchmark and writes `docs/reference/performance.md` from what they print.

Usage: ``python benchmarks/run.py [NAME ...]``. A name alone (such as ``ble``) runs that one and
leaves the sections of the others as they are; ``fleet_large`` takes most of an hour and runs by
its name only. Exit code 1 when a bound is missed; the page then says so too.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "performance.md"
BENCHMARKS = {
    "codec": "Codec: generated code against hand-written struct and interpreted construct",
    "ble": "Virtual radio: the bleak backend against bumble itself",
    "fleet": "Fleet: a thousand locks for a virtual week",
    "fleet_light": "Fleets on the light link: memory on flash against a store in RAM",
    "fleet_large": "Fleets on the light link: a hundred thousand locks for a virtual day",
    "power_cut": "Power cuts: images of a flash mounted and checked",
}
# What is not the script of its own name without options.
COMMANDS = {"fleet_large": ("fleet_light", "--large")}
BY_NAME_ONLY = ("fleet_large",)
HEAD = """# Performance

Written by `make bench`; never by hand. Every benchmark compares with a peer in the same run
and has bounds of its own: it exits
non-zero when one is missed. Absolute figures depend on the machine; the ratios are what counts.
"""
SECTION = re.compile(r"^<!-- (\w+) -->\n(.*?)(?=^<!-- \w+ -->|\Z)", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Run what was asked for and write the page."""
    names = sys.argv[1:] or [name for name in BENCHMARKS if name not in BY_NAME_ONLY]
    written = {}
    missed = []
    for name in names:
        print(f"--- {name}", flush=True)
        script, *options = COMMANDS.get(name, (name,))
        result = subprocess.run(  # noqa: S603 - our own scripts.
            [sys.executable, str(ROOT / "benchmarks" / f"{script}.py"), *options],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            cwd=ROOT,
        )
        print(result.stdout)
        verdict = "all bounds held" if result.returncode == 0 else "A BOUND WAS MISSED"
        missed += [] if result.returncode == 0 else [name]
        written[name] = (
            f"## {BENCHMARKS[name]}\n\n{machine()}; {verdict}.\n\n"
            f"```text\n{result.stdout.rstrip()}\n```\n\n"
        )
    # Read only now: another benchmark may have been written meanwhile.
    sections = dict(SECTION.findall(PAGE.read_text("utf-8"))) if PAGE.exists() else {}
    sections |= written
    body = "".join(f"<!-- {name} -->\n{sections[name]}" for name in BENCHMARKS if name in sections)
    PAGE.write_text(f"{HEAD}\n{body.rstrip()}\n", encoding="utf-8")
    if missed:
        print(f"bounds missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def machine() -> str:
    """Where and when the figures were taken."""
    day = dt.datetime.now(dt.UTC).date().isoformat()  # noqa: TID251 - the date of the report.
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("construct", "bumble", "bleak")
    )
    return (
        f"Taken on {day}: {os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}, "
        f"CPython {platform.python_version()}, {versions}"
    )


if __name__ == "__main__":
    sys.exit(main())
