from __future__ import annotations

import pytest

from tools.tests.here import strikeplate

# SetCredential of PIN 8315402, as one message and as its two fragments at the smallest MTU.
MESSAGE = "01 05 04 00 01 03 00 01 00 00 00 03 00 07 38 33 31 35 34 30 32"
FRAGMENTS = (
    "80 01 05 04 00 01 03 00 01 00 00 00 03 00 07 38 33 31 35 34",
    "41 30 32",
)


def test_message_is_explained_field_by_field_without_its_pin() -> None:
    ran = strikeplate("decode", MESSAGE)
    assert ran.code == 0
    assert "SetCredential" in ran.out
    assert "38 33" not in ran.out
    revealed = strikeplate("decode", "--reveal", MESSAGE)
    assert "8315402" in revealed.out


@pytest.mark.parametrize("separator", ["", " ", ":", "-", ", ", " 0x"])
def test_usual_separators_of_captures_are_taken(separator: str) -> None:
    assert strikeplate("decode", separator.join(MESSAGE.split())).code == 0


def test_fragments_are_joined_and_each_is_shown() -> None:
    document = strikeplate("decode", "--json", *FRAGMENTS).document
    assert len(document["fragments"]) == 2
    whole = strikeplate("decode", "--json", MESSAGE).document
    assert document["message"] == whole["message"]
    names = [field["name"] for field in whole["message"]]
    assert len(names) == len(whole["message"])
    ends = [field["offset"] + field["length"] for field in whole["message"]]
    assert ends[-1] == len(MESSAGE.split())


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["zz"], 2, "is not hex"),
        (["012"], 2, "is not hex"),
        (["00" * 40_000], 2, "80000 hex digits; a message is far shorter"),
        (["01"], 3, "that is no strike frame: shorter than the common header"),
        (["09FF0100"], 3, "give one whole message, or its fragments in order"),
        ([FRAGMENTS[1]], 3, "that is no strike frame"),
        ([FRAGMENTS[0], FRAGMENTS[0]], 3, "that is no strike frame"),
    ],
)
def test_what_is_no_frame_is_one_sentence(words: list[str], code: int, sentence: str) -> None:
    ran = strikeplate("decode", *words)
    assert (ran.code, ran.out) == (code, "")
    assert sentence in ran.sentence


def test_lone_digits_between_separators_are_not_taken_for_halves_of_one_byte() -> None:
    ran = strikeplate("decode", "1 2 01 00")
    assert ran.code == 2
    assert "'1 2 01 00' is not hex" in ran.sentence
