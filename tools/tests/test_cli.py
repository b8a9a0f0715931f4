from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import cli
from tools.commands import decode
from tools.errors import UsageError
from tools.tests.here import strikeplate


def test_every_verb_has_a_module_and_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(str(decode.__file__)).parent
    modules = {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")}
    assert modules == set(cli.VERBS)
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    words = " ".join(" ".join(lines).split())
    for verb, summary in cli.VERBS.items():
        assert any(line.split()[:1] == [verb] for line in lines)
        assert f"{verb} {summary}" in words
        with pytest.raises(SystemExit):
            cli.main([verb, "--help"])
        assert summary in " ".join(capsys.readouterr().out.split())


def test_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("strikeplate 0.")


# A whole GetStatus request.
GET_STATUS = "01020100"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "the following arguments are required: VERB; see `strikeplate --help`"),
        (["frob"], "argument VERB: invalid choice: 'frob'"),
        (["clock"], "required: ACTION; see `strikeplate clock --help`"),
        (["clock", "show", "--speed"], "arguments: --speed; see `strikeplate clock show --help`"),
        (["up", "--por", "1"], "unrecognized arguments: --por; see `strikeplate up --help`"),
        (["up", "--port", "x"], "--port must be a whole number"),
        (["decode"], "required: HEX; see `strikeplate decode --help`"),
        (["gateway"], "required: --config"),
    ],
)
def test_wrong_command_line_is_one_sentence_and_exit_code_2(
    words: list[str], sentence: str
) -> None:
    ran = strikeplate(*words)
    assert (ran.code, ran.out) == (2, "")
    assert sentence in ran.sentence
    ran = strikeplate(*words, "--json")
    assert ran.code == 2
    error = json.loads(ran.err)["error"]
    assert error["type"] == "UsageError"
    assert sentence in error["message"]


@pytest.mark.parametrize("words", [["--json", "decode", "zz"], ["decode", "zz", "--json"]])
def test_json_is_taken_before_the_verb_and_behind_it(words: list[str]) -> None:
    ran = strikeplate(*words)
    assert ran.code == 2
    assert json.loads(ran.err)["error"]["type"] == "UsageError"


def test_verb_that_is_not_used_is_not_imported() -> None:
    program = (
        "import sys; from tools import cli; code = cli.main(['decode', 'zz'])\n"
        "loaded = [name for name in ('sqlalchemy', 'bumble', 'fastapi', 'seam', 'httpx')"
        " if name in sys.modules]\n"
        "sys.exit(f'{code} {loaded}')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.stderr.splitlines()[-1] == "2 []"


def test_keyboard_interrupt_ends_with_the_code_of_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(decode, "run", interrupt)
    ran = strikeplate("decode", "00")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_mistake_of_ours_is_a_sentence_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("482915")

    monkeypatch.setattr(decode, "run", fail)
    ran = strikeplate("decode", "00")
    assert ran.code == 70
    assert "RuntimeError at test_cli.py" in ran.sentence
    assert "482915" not in ran.err


def test_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "tools.cli", "decode", GET_STATUS],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_parser_error_is_an_error_of_the_tree() -> None:
    parser = cli.build_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    with pytest.raises(UsageError):
        parser.parse_args(["nothing"])
