"""The plugin and its fixtures as another project's tests use them, run through pytester."""

from __future__ import annotations

import pytest

from hil_tests.tests.paced_bench import SMALL

pytest_plugins = ["pytester"]

FIXTURE_SCOPE = "asyncio_default_fixture_loop_scope=function"

CONFTEST = """
from firmware_sim.kernel.loop import SimLoop

pytest_plugins = ["hil_tests.plugin", "hil_tests.fixtures"]

def pytest_asyncio_loop_factories(config, item):
    return {"virtual": SimLoop}
"""
TEST = """
async def test_lock(bench):
    assert [view["name"] for view in bench.bench.device_views()] == ["gym", "shed"]
    assert (await bench.press("gym", "1234#"))["opened"] is False

async def test_seed(open_bench, pytestconfig):
    async with open_bench() as one, open_bench(seed=2) as two:
        pass
    # Another run seed tags the same PIN otherwise.
    assert one.trace.pin_tag("1234") != two.trace.pin_tag("1234")

async def test_drift(drifting_bench):
    await drifting_bench.call("/bench/gateway", on=False)
    await drifting_bench.advance(seconds=86400)
    memory = await drifting_bench.get("/bench/devices/gym/memory")
    assert memory["clock"]["now"].startswith("2025-07-11T12:01:00"), memory["clock"]
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    pytester.makefile(".toml", bench=SMALL)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_inprocess(
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_mode=auto",
        "-o",
        FIXTURE_SCOPE,
        *options,
    )


def test_suite_of_another_project_runs_on_the_bench_that_its_setting_names(
    project: pytest.Pytester,
) -> None:
    project.makeini("[pytest]\nbench_file = bench.toml\n")
    result = run(project)
    result.assert_outcomes(passed=3)


def test_option_names_another_bench_and_a_missing_one_is_one_line(
    project: pytest.Pytester,
) -> None:
    result = run(project, "--bench", "none.toml", "-k", "test_lock")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*can't read *none.toml: No such file or directory*"])
    result = run(project, "-k", "test_lock")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no bench file: give --bench FILE, or set bench_file*"])


def test_failure_tells_the_command_that_repeats_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_broken="""
        async def test_broken(bench):
            assert bench.slots("gym") == {"1234": 1}

        def test_broken_without_a_bench():
            assert False
        """
    )
    project.makeini("[pytest]\nbench_file = bench.toml\n")
    result = run(project, "--bench", "bench.toml", "--bench-seed", "7", "-k", "broken")
    result.assert_outcomes(failed=2, deselected=3)
    commands = [line for line in result.outlines if line.startswith("python -m pytest")]
    assert commands == [
        "python -m pytest test_broken.py::test_broken --bench-seed 7 --bench bench.toml"
    ]
