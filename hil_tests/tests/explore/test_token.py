"""Replay tokens: short, printable, and refused with a reason when they can't be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil_tests.errors import TokenUnusable
from hil_tests.explore.token import RunSpec, Token, parse_token

SUITES = ("grants", "device", "fleet")
TOKEN = Token(spec=RunSpec(suite="grants", seed=17), version="0.1.0", digest="5f3ac0de9b21")


def parse(text: str) -> Token:
    return parse_token(text, version="0.1.0", suites=SUITES)


@given(
    suite=st.sampled_from(SUITES),
    seed=st.integers(0, 10**18 - 1),
    is_interleaved=st.booleans(),
    digest=st.text("0123456789abcdef", min_size=12, max_size=12),
)
def test_token_is_read_as_it_was_written(
    suite: str,
    seed: int,
    is_interleaved: bool,  # noqa: FBT001 - drawn.
    digest: str,
) -> None:
    spec = RunSpec(suite=suite, seed=seed, is_interleaved=is_interleaved)
    token = Token(spec=spec, version="0.1.0", digest=digest)
    assert parse(f" {token}\n") == token
    assert len(str(token)) < 64


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense", "'nonsense' is no replay token; one looks like grants-17-0.1.0-0000"),
        (str(TOKEN).replace("17", "18"), "the token's checksum does not fit"),
        (str(TOKEN)[:-1] + "g", "is no replay token"),
        (
            str(Token(spec=TOKEN.spec, version="0.2.0", digest=TOKEN.digest)),
            "the token is of strikeplate 0.2.0 and this is 0.1.0",
        ),
        (
            str(Token(spec=RunSpec(suite="grantz", seed=1), version="0.1.0", digest="0" * 12)),
            "there is no suite 'grantz'; did you mean 'grants'?",
        ),
    ],
)
def test_token_that_can_not_be_used_says_why(text: str, sentence: str) -> None:
    with pytest.raises(TokenUnusable) as refused:
        parse(text)
    assert sentence in str(refused.value)
