from __future__ import annotations

import io
import json
import os
import pty
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil_tests.bench_instants import instant, parse_instant_ms
from tools.advancing import advance
from tools.bench_client import BenchClient
from tools.errors import BenchRefused, BenchUnreachable
from tools.output import Output
from tools.running_bench import running_bench
from tools.tests.here import strikeplate

OPTIONS = ("--now", "2025-07-10T12:00:00Z", "--speed", "0", "--port", "0")


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a bench that runs in a process of its own."""
    patch = pytest.MonkeyPatch()
    for name in ("STRIKEPLATE_URL", "STRIKEPLATE_API_KEY"):
        patch.delenv(name, raising=False)
    folder = tmp_path_factory.mktemp("clock") / "state"
    with running_bench(folder, OPTIONS):
        yield folder
    patch.undo()


def client(state: Path) -> BenchClient:
    url = json.loads((state / "up.json").read_text(encoding="utf-8"))["url"]
    return BenchClient(url, (state / "api-key").read_text(encoding="utf-8").strip())


def now(state: Path) -> str:
    return str(strikeplate("clock", "show", "--state", state, "--json").document["now"])


def test_clock_moves_by_a_span_and_to_an_instant(state: Path) -> None:
    began = now(state)
    shown = strikeplate("clock", "show", "--state", state)
    assert shown.out == f"{began}  (speed 0)\n"
    moved = strikeplate("clock", "advance", "90s", "--state", state)
    assert (moved.code, moved.err) == (0, "")
    assert moved.out.strip() == now(state) > began
    ms = parse_instant_ms(now(state))
    moved = strikeplate("clock", "advance", "--to", instant(ms + 1000), "--state", state)
    assert moved.out == f"{instant(ms + 1000)}\n"
    words = ("advance", "1h", "--settle", "--state", state, "--json")
    document = strikeplate("clock", *words).document
    assert document["target"] == instant(ms + 3_601_000)
    assert document["unfinished"] == document["unheld"] == []


def test_bench_is_found_by_url_and_by_environment(
    state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with client(state) as bench:
        url = bench.url
    monkeypatch.chdir(tmp_path)
    key = (state / "api-key").read_text(encoding="utf-8").strip()
    monkeypatch.setenv("STRIKEPLATE_API_KEY", key)
    assert strikeplate("clock", "show", "--url", url).code == 0
    assert strikeplate("clock", "show").code == 4
    monkeypatch.setenv("STRIKEPLATE_URL", url)
    assert strikeplate("clock", "show").code == 0
    monkeypatch.setenv("STRIKEPLATE_API_KEY", "seam_test_other")
    refused = strikeplate("clock", "show")
    assert refused.code == 5
    assert "set STRIKEPLATE_API_KEY" in refused.sentence


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "give either a span (such as 72h) or --to INSTANT"),
        (("5", "--to", "2099-01-01T00:00:00Z"), 2, "give either a span"),
        (("soon",), 2, "'soon' is not a span"),
        (("--to", "noon"), 2, "not an instant with a zone"),
        (("--to", "2025-01-01T00:00:00Z"), 5, "bench time never goes back"),
        (("30000d",), 5, "bench time lies between"),
    ],
)
def test_advance_that_can_not_be_is_one_sentence(
    state: Path, words: tuple[str, ...], code: int, sentence: str
) -> None:
    before = now(state)
    ran = strikeplate("clock", "advance", *words, "--state", state)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.sentence
    assert now(state) == before


def test_what_is_unfinished_is_listed_by_the_names_of_the_bench(state: Path) -> None:
    with client(state) as bench:
        bench.post("/bench/devices/gym/radio", {"in_range": False})
        [gym] = [d for d in bench.get("/bench/devices")["devices"] if d["name"] == "gym"]
        body = {"device_id": gym["device_id"], "code": "482915"}
        code = bench.post("/access_codes/create", body)["access_code"]
        ran = strikeplate("clock", "advance", "1h", "--state", state)
        reached, title, header, row = ran.out.splitlines()
        assert reached.endswith("Z")
        assert title == "Unfinished:"
        assert header.split() == ["DEVICE", "ENTRY", "REASON", "NEXT", "TRY"]
        assert row.split()[:2] == ["gym", code["access_code_id"]]
        bench.post("/bench/devices/gym/radio", {"in_range": True})
        assert strikeplate("clock", "advance", "1h", "--state", state).out.count("\n") == 1


# --- the progress bar -------------------------------------------------------------------------


@contextmanager
def terminal() -> Iterator[tuple[Output, list[str]]]:
    """An output whose errors go to a terminal, and what it showed, once it is over."""
    ours, theirs = pty.openpty()
    shown: list[str] = []
    with open(theirs, "w", encoding="utf-8", closefd=False) as screen:
        yield Output(stream=io.StringIO(), error_stream=screen), shown
    os.close(theirs)
    raw = b""
    while True:
        try:
            raw += os.read(ours, 4096)
        except OSError:  # The end of a terminal, on Linux.
            break
    os.close(ours)
    shown.append(raw.decode())


def test_long_advance_shows_a_bar_on_a_terminal_and_clears_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.advancing._LOOK_EVERY_S", 0.001)
    with terminal() as (output, shown), client(state) as bench:
        advance(bench, {"seconds": 86_400}, output)
        target = instant(parse_instant_ms(now(state)) + 86_400_000)
        reply = advance(bench, {"to": target, "settle": True}, output)
        assert reply["target"] == target
    [text] = shown
    assert text.count("\r\x1b[Kadvancing [") > 2
    assert text.endswith("\r\x1b[K")


def test_short_advance_shows_no_bar_and_one_that_is_refused_says_so(state: Path) -> None:
    with terminal() as (output, shown), client(state) as bench:
        advance(bench, {"seconds": 1}, output)
        with pytest.raises(BenchRefused):
            advance(bench, {"seconds": -1}, output)
    assert shown == [""]


def test_bench_that_goes_away_under_a_watched_advance_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.advancing._LOOK_EVERY_S", 0.001)
    with terminal() as (output, shown), running_bench(tmp_path / "state", OPTIONS):
        pid = json.loads((tmp_path / "state" / "up.json").read_text(encoding="utf-8"))["pid"]
        killer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
        killer.start()
        with (
            client(tmp_path / "state") as bench,
            pytest.raises(BenchUnreachable),
        ):
            advance(bench, {"seconds": 30 * 365 * 86_400}, output)
        killer.join()
    assert "advancing [" in shown[0]
