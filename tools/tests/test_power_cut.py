from __future__ import annotations

import io
import json
import re
import shlex
from importlib import resources
from pathlib import Path

import pytest

from gateway.profiles import load_profiles
from tools import cut_report
from tools.output import Output
from tools.progress import Progress
from tools.tests.here import Ran, strikeplate

# Small sectors are closed and collected all the time, so that few steps show what there is.
SMALL = ("--sector-bytes", 256, "--sectors", 4, "--steps", 60)
STRICT = ("generic-native", *SMALL, "--recovery", "strict", "--models", "nothing")
PACKED = ("generic-native", *SMALL, "--generation", "packed", "--models", "half_erased")


def sweep(*words: str | int) -> Ran:
    return strikeplate("power-cut", *words)


def test_default_settings_are_found_to_hold() -> None:
    ran = sweep("generic-native", *SMALL, "--workloads", 1)
    assert (ran.code, ran.err) == (0, "")
    head, workloads, verdict = ran.out.splitlines()
    assert head == (
        "generic-native: NVS of 4 sectors of 256 bytes in blocks of 4, aligned, settled, "
        "with data CRC"
    )
    assert workloads == "1 workload of 60 steps from seed 0"
    assert verdict.endswith("nothing was found")


def test_profile_area_is_the_default() -> None:
    ran = sweep("generic-native", "--steps", 2, "--models", "nothing", "--json")
    document = ran.document
    assert (document["sectors"], document["sector_bytes"], document["write_block"]) == (
        16,
        4096,
        4,
    )
    assert document["findings"] == []


@pytest.mark.parametrize(
    ("words", "kind"), [(STRICT, "returned"), (PACKED, "lost")], ids=["strict", "packed"]
)
def test_both_findings_are_rediscovered_and_each_repeats_from_its_command(
    words: tuple[str | int, ...], kind: str
) -> None:
    ran = sweep(*words, "--workloads", 10, "--json")
    assert ran.code == 7
    assert json.loads(ran.err)["error"]["type"] == "PromiseBroken"
    found = [each for each in ran.document["findings"] if each["kind"] == kind]
    for each in [found[0], found[-1]]:
        program, *replay = shlex.split(each["replay"])
        assert program == "strikeplate"
        again = strikeplate(*replay, "--json")
        assert again.code == 7
        broken = [held for held in again.document["held"] if held["violation"]]
        assert each["what"] in {held["what"] for held in broken}
        assert {held["violation"] for held in broken} >= {kind}
        # The settings of a lock survive the same cut of the same workload.
        kept = [word for word in replay if word not in {"strict", "packed"}]
        kept = [word for word in kept if word not in {"--recovery", "--generation"}]
        assert strikeplate(*kept).code == 0 or kind == "lost"


def test_findings_are_told_by_slot_with_their_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = sweep(*STRICT, "--workloads", 10)
    lines = ran.out.splitlines()
    assert lines[3].startswith("  returned slot ")
    assert lines[4].startswith(
        "    strikeplate power-cut generic-native --steps 60 --sector-bytes"
    )
    assert "--models" not in lines[4]
    assert ran.sentence.startswith("power cuts undid what had been answered: ")
    monkeypatch.setattr(cut_report, "SHOWN_MAX", 1)
    many = sweep(*STRICT, "--workloads", 10)
    assert many.out.splitlines()[-1].endswith("more; --json tells of all of them")


def test_replay_shows_the_slots_that_the_cut_concerns() -> None:
    [first, *_] = sweep(*STRICT, "--workloads", 10, "--json").document["findings"]
    ran = strikeplate(*shlex.split(first["replay"])[1:])
    assert ran.code == 7
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"cut {first['cut']} of seed {first['seed']}: power went while ")
    assert "steps answered, in progress step " in lines[1]
    assert lines[2].split("  ")[0] == "WHAT"
    [broken] = [line for line in lines if line.endswith("RETURNED")]
    assert "revoked in step " in broken
    assert lines[-1].endswith("as answered")


def test_a_second_cut_in_the_recovery_repeats_too() -> None:
    words = ("generic-native", "--sector-bytes", 128, "--sectors", 3, "--steps", 10)
    more = ("--recovery", "strict", "--models", "nothing", "--seed", 7)
    ran = sweep(*words, *more, "--depth", 2, "--json")
    found = [each for each in ran.document["findings"] if "+" in each["cut"]]
    again = strikeplate(*shlex.split(found[0]["replay"])[1:])
    assert again.code == 7
    assert f"cut {found[0]['cut']} of seed 7" in again.out


def test_an_unstable_cut_shows_the_power_up_that_breaks_it() -> None:
    words = ("generic-native", *SMALL, "--recovery", "fixed", "--models", "unstable_bits")
    [first, *_] = sweep(*words, "--json").document["findings"]
    assert first["mount"] == 2
    ran = strikeplate(*shlex.split(first["replay"])[1:])
    assert "shown: power-up 2" in ran.out


def test_cut_after_the_last_operation_finds_all_as_answered() -> None:
    count = sweep(*STRICT, "--json").document["images"]["nothing"] - 1
    ran = sweep("generic-native", *SMALL, "--cut", f"{count}:nothing")
    assert ran.code == 0
    assert "nothing: all was done" in ran.out
    assert "in progress nothing: the workload was over" in ran.out


# The life of a whole lock on small sectors: a part of a record passes for an entry of Zephyr's.
LOCK = ("generic-native", "--of", "lock", "--sector-bytes", 512, "--sectors", 4, "--steps", 4)
LOSSY = (*LOCK, "--seed", 42, "--recovery", "fixed", "--models", "nothing")


def test_whole_lock_of_a_profile_is_found_to_hold() -> None:
    ran = sweep(*LOCK, "--seed", 42, "--models", "nothing,half_erased")
    assert (ran.code, ran.err) == (0, "")
    head, workloads, verdict = ran.out.splitlines()
    assert head == (
        "generic-native: a whole lock, PINs in clear, NVS of 4 and audit ring of 4 sectors of 512 "
        "bytes in blocks of 4, aligned, settled, with data CRC"
    )
    assert workloads == "1 workload of 4 steps from seed 42"
    assert verdict.endswith("nothing was found")


def test_whole_lock_has_the_flash_and_the_storage_of_its_profile() -> None:
    words = ("generic-hashed", "--of", "lock", "--steps", 1, "--models", "nothing", "--json")
    document = sweep(*words).document
    facts = ("of", "sectors", "audit_sectors", "sector_bytes", "write_block", "pin_storage")
    assert [document[name] for name in facts] == ["lock", 16, 12, 4096, 4, "hashed"]
    assert document["findings"] == []


def test_profile_may_be_a_file_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = resources.files("protocols.profiles").joinpath("generic-hashed.toml").read_text()
    Path("my-lock.toml").write_text(ours.replace('"generic-hashed"', '"my-lock"', 1))
    ran = sweep("my-lock.toml", *LOCK[1:], "--steps", 1, "--models", "nothing")
    assert ran.out.startswith("my-lock.toml: a whole lock, PINs as hashes, ")
    Path("broken.toml").write_text("version = 1")
    for name, sentence in (
        ("broken.toml", "broken.toml: system is missing"),
        ("none.toml", "can't read none.toml: No such file or directory"),
    ):
        ran = sweep(name)
        assert (ran.code, ran.sentence) == (2, sentence)


def test_finding_in_a_whole_lock_repeats_from_its_command_and_shows_what_is_there() -> None:
    ran = sweep(*LOSSY, "--json")
    assert ran.code == 7
    first, *_ = ran.document["findings"]
    assert first["kind"] == "lost"
    replay = shlex.split(first["replay"])[1:]
    assert replay[1:4] == ["generic-native", "--of", "lock"]
    again = strikeplate(*replay, "--json")
    assert again.code == 7
    [broken] = [held for held in again.document["held"] if held["violation"]]
    assert (broken["what"], broken["found"]) == (first["what"], "empty")
    assert {"log", "wrong codes", "lockouts"} <= {held["what"] for held in again.document["held"]}
    lines = strikeplate(*replay).out.splitlines()
    assert lines[2] == "DAMAGED: 1 item of the flash"
    assert [line for line in lines if line.endswith("LOST")] != []
    assert lines[-1].endswith("others as answered")
    # The settings of a lock survive the same cut of the same workload.
    kept = [word for word in replay if word not in {"--recovery", "fixed"}]
    assert strikeplate(*kept).code == 0


def test_replay_tells_of_no_code() -> None:
    told = ""
    for operation in range(0, 60, 7):
        told += sweep(*LOCK, "--seed", 42, "--cut", f"{operation}:nothing").out
    assert "type the code of slot " in told or "set slot " in told
    stated = re.sub(r"cut \d+:nothing|seed \d+|0x[0-9a-f]{4}|\d{4}-\d\d-\d\dT[\d:]+Z", "", told)
    assert not re.search(r"\d{4}", stated)


@pytest.mark.real_servers  # Every profile as it is: a minute or two.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(load_profiles()))
def test_nothing_is_found_in_a_whole_lock_of_any_profile(name: str) -> None:
    ran = sweep(name, "--of", "lock", "--steps", 8)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("nothing was found\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("none",), "there is no profile 'none'; there are "),
        (("generic-native", "--of", "x"), "--of must be one of slots, lock, not 'x'"),
        ((*LOCK[:3], "--sectors", "2"), "there is no such flash: area nvs of 8192 bytes is not"),
        ((*LOCK[:3], "--sector-bytes", "256"), "have 512 bytes or more"),
        ((*LOCK[:3], "--sector-bytes", "512", "--write-block", "32"), "have 1024 bytes or more"),
        (("generic-native", "--models", "x"), "--models takes nothing, first_bytes"),
        (("generic-native", "--recovery", "x"), "--recovery must be one of strict, fixed"),
        (("generic-native", "--steps", "0"), "--steps must be a whole number from 1 to"),
        (("generic-native", "--sector-bytes", "66"), "there is no such flash: a sector of 66"),
        (("generic-native", "--cut", "x"), "'x' is no cut; write for example"),
        (("generic-native", "--cut", "1:x"), "'x' is no model; there are nothing"),
        (("generic-native", "--cut", "999999:nothing"), "and none of number 999999"),
        (("generic-native", "--cut", "0:half_erased"), "can't be cut as half_erased/0"),
        (("generic-native", "--cut", "0:nothing", "--workloads", "2"), "--cut is of one workload"),
    ],
)
def test_wrong_words_are_told_in_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    ran = sweep(*words)
    assert ran.code == 2
    assert sentence in ran.sentence


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Wall:
    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def utc_ms(self) -> int:
        return 0


def test_progress_is_shown_beyond_two_seconds_only_and_cleared() -> None:
    terminal, wall = Terminal(), Wall()
    with Progress(Output(error_stream=terminal), "cutting", 10, wall) as progress:
        progress.done(1)
        assert terminal.getvalue() == ""
        wall.now_s = 2.0
        progress.done(5)
        shown = terminal.getvalue()
        assert "cutting [" in shown
        assert "50%" in shown
        progress.done(6)
        assert terminal.getvalue() == shown
    assert terminal.getvalue().endswith("\r\x1b[K")
