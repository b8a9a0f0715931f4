from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from tools.errors import UsageError
from tools.logs import log_to_stderr
from tools.output import Output, count
from tools.tests.here import logging_as_before


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_people_read_text_and_programs_read_results_only() -> None:
    for as_json, expected in (
        (False, 'told\nthe text\n{\n  "a": 1\n}\nNAME  N\ngym   1\n'),
        (True, '{"a": 1}\n{"a": 1}\n'),
    ):
        stream = io.StringIO()
        output = Output(as_json=as_json, stream=stream)
        output.say("told")
        output.result({"a": 1}, "the text")
        output.result({"a": 1})
        output.table(("NAME", "N"), [("gym", "1")])
        assert stream.getvalue() == expected


def test_error_is_one_sentence_or_one_document() -> None:
    error = UsageError("that is wrong; do this")
    stream = io.StringIO()
    Output(error_stream=stream).error(error)
    assert stream.getvalue() == "strikeplate: that is wrong; do this\n"
    stream = io.StringIO()
    Output(as_json=True, error_stream=stream).error(error)
    assert json.loads(stream.getvalue()) == {
        "error": {"type": "UsageError", "message": "that is wrong; do this"}
    }


def test_progress_is_drawn_on_a_terminal_and_cleared_before_anything_else() -> None:
    screen, stream = Terminal(), io.StringIO()
    output = Output(stream=stream, error_stream=screen)
    assert output.is_watched
    output.working("starting")
    output.progress(1, 4, "copying")
    output.progress(9, 4, "copying")
    output.progress(-1, 4, "copying")
    output.progress(0, 0, "copying")
    shown = screen.getvalue()
    assert shown.startswith("\r\x1b[Kstarting ...\r\x1b[Kcopying [########----------")
    assert "]  25%" in shown
    assert shown.count("] 100%") == 2
    assert "]   0%" in shown
    output.say("done")
    assert screen.getvalue() == shown + "\r\x1b[K"
    output.error(UsageError("no"))
    assert screen.getvalue() == shown + "\r\x1b[Kstrikeplate: no\n"


@pytest.mark.parametrize(("as_json", "screen"), [(True, Terminal()), (False, io.StringIO())])
def test_progress_is_silent_where_nobody_watches(*, as_json: bool, screen: io.StringIO) -> None:
    output = Output(as_json=as_json, error_stream=screen)
    output.working("starting")
    output.progress(1, 2, "copying")
    output.progress_done()
    assert not output.is_watched
    assert screen.getvalue() == ""


def test_count_of_things_is_grammatical() -> None:
    assert [count(number, "device") for number in (0, 1, 2)] == [
        "0 devices",
        "1 device",
        "2 devices",
    ]


def test_log_line_does_not_run_on_behind_what_a_terminal_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(logging.root, "handlers", [])
    output = Output(error_stream=terminal)
    with logging_as_before():
        log_to_stderr(output, verbose=False)
        output.working("starting")
        logging.getLogger("gateway.test").warning("take care")
    assert terminal.getvalue() == "\r\x1b[Kstarting ...\r\x1b[KWARNING gateway.test: take care\n"
