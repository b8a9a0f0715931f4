from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.doorlock.constraints import (
    CHECKS,
    CodeConstraint,
    CodeForm,
    CodeRequest,
    request_violations,
    violations,
)

ANY_LENGTH = range(1, 17)
C = CodeConstraint


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        (C.NO_ZEROS, ["123456789"], ["0123", "1230", "1023"]),
        (C.CANNOT_START_WITH_12, ["2112", "1312"], ["12", "1234"]),
        (
            C.NO_TRIPLE_CONSECUTIVE_INTS,
            ["1122", "12467", "1357", "8901", "1212"],
            ["1239", "9321", "5111", "0123", "112345"],
        ),
        (
            C.NO_ASCENDING_OR_DESCENDING_SEQUENCE,
            ["1235", "12321", "1111", "7", "890123"],
            ["1234", "4321", "12", "0123456789", "987654"],
        ),
        (C.AT_LEAST_THREE_UNIQUE_DIGITS, ["1123", "123"], ["1122", "1111", "12"]),
        (C.NO_ALL_SAME_DIGITS, ["1112", "12"], ["1111", "7"]),
        (C.CANNOT_CONTAIN_089, ["1234567"], ["1034", "1834", "1934"]),
        (C.CANNOT_CONTAIN_0789, ["123456"], ["1034", "1734", "1834", "1934"]),
        (C.UNIQUE_FIRST_FOUR_DIGITS, ["1234", "12344", "123"], ["1123", "12315", "1111"]),
        (C.CANNOT_SPECIFY_PIN_CODE, ["1234"], []),
        (C.PIN_CODE_MATCHES_EXISTING_SET, ["1234"], []),
        (C.START_DATE_IN_FUTURE, ["1234"], []),
        (C.NAME_LENGTH, ["1234"], []),
        (C.NAME_MUST_BE_UNIQUE, ["1234"], []),
    ],
)
def test_violations_when_digits_only_are_known_then_the_rule_decides(
    rule: CodeConstraint, kept: list[str], broken: list[str]
) -> None:
    for code in kept:
        assert violations(code, ANY_LENGTH, [rule]) == (), code
    for code in broken:
        assert violations(code, ANY_LENGTH, [rule]) == (rule,), code


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        (
            C.CANNOT_SPECIFY_PIN_CODE,
            CodeRequest(code="1234", is_specified=False),
            CodeRequest(code="1234", is_specified=True),
        ),
        (
            C.PIN_CODE_MATCHES_EXISTING_SET,
            CodeRequest(code="1234", is_specified=True, existing_set=("1234",)),
            CodeRequest(code="1234", is_specified=True, existing_set=("4321",)),
        ),
        (
            C.PIN_CODE_MATCHES_EXISTING_SET,
            CodeRequest(code="1234", is_specified=True, existing_set=None),
            CodeRequest(code="1234", is_specified=True, existing_set=()),
        ),
        (
            C.UNIQUE_FIRST_FOUR_DIGITS,
            CodeRequest(code="12345", other_codes=("12355", "123")),
            CodeRequest(code="12345", other_codes=("99999", "123499")),
        ),
        (
            C.START_DATE_IN_FUTURE,
            CodeRequest(code="1234", starts_at_ms=11, now_ms=10),
            CodeRequest(code="1234", starts_at_ms=10, now_ms=10),
        ),
        (
            C.START_DATE_IN_FUTURE,
            CodeRequest(code="1234", starts_at_ms=None, now_ms=10),
            CodeRequest(code="1234", starts_at_ms=9, now_ms=10),
        ),
        (
            C.NAME_LENGTH,
            CodeRequest(code="1234", name="Zoë", name_length_min=3, name_length_max=3),
            CodeRequest(code="1234", name="Zoë!", name_length_min=3, name_length_max=3),
        ),
        (
            C.NAME_LENGTH,
            CodeRequest(code="1234", name="x" * 500, name_length_min=1),
            CodeRequest(code="1234", name="", name_length_min=1),
        ),
        (
            C.NAME_MUST_BE_UNIQUE,
            CodeRequest(code="1234", name="Jane", other_names=("jane",)),
            CodeRequest(code="1234", name="Jane", other_names=("jane", "Jane")),
        ),
    ],
)
def test_request_violations_when_surroundings_are_known_then_the_rule_decides(
    rule: CodeConstraint, kept: CodeRequest, broken: CodeRequest
) -> None:
    assert request_violations(kept, ANY_LENGTH, [rule]) == ()
    assert request_violations(broken, ANY_LENGTH, [rule]) == (rule,)


def test_violations_when_length_is_wrong_then_named_first() -> None:
    assert violations("00000", (4, 6), [C.NO_ZEROS]) == (CodeForm.SUPPORTED_LENGTH, C.NO_ZEROS)


@pytest.mark.parametrize(
    ("code", "others", "expected"),
    [
        ("1357", (), ()),
        ("1357", ("2468", "9753"), ()),
        ("13579", ("2468",), (CodeForm.SAME_LENGTH,)),
        ("1357", ("2468", "12345"), (CodeForm.SAME_LENGTH,)),
    ],
)
def test_request_violations_when_all_codes_share_a_length_then_another_one_is_named(
    code: str, others: tuple[str, ...], expected: tuple[CodeForm, ...]
) -> None:
    request = CodeRequest(code=code, other_codes=others, is_same_length=True)
    assert request_violations(request, ANY_LENGTH, []) == expected
    free = CodeRequest(code=code, other_codes=others)
    assert request_violations(free, ANY_LENGTH, []) == ()


@pytest.mark.parametrize("code", ["", "12a4", "12 4", "-123", "１２３４", "12²4"])  # noqa: RUF001 - full-width digits are the point.
def test_violations_when_no_ascii_digits_then_that_alone(code: str) -> None:
    assert violations(code, (4,), list(CodeConstraint)) == (CodeForm.DIGITS_ONLY,)


def test_checks_when_counted_then_every_constraint_has_one() -> None:
    assert list(CHECKS) == list(CodeConstraint)


def test_code_request_when_shown_then_no_code_is() -> None:
    request = CodeRequest(code="8315402", existing_set=("8315402",), other_codes=("8315402",))
    assert "8315402" not in repr(request)


def test_violations_when_all_four_digit_codes_then_counts_are_as_by_hand() -> None:
    codes = ["".join(digits) for digits in itertools.product("0123456789", repeat=4)]

    def kept(rule: CodeConstraint) -> int:
        return sum(violations(code, (4,), [rule]) == () for code in codes)

    assert kept(C.NO_ZEROS) == 9**4
    assert kept(C.CANNOT_START_WITH_12) == 9900
    assert kept(C.NO_ALL_SAME_DIGITS) == 9990
    # Seven codes go up (0123 to 6789) and seven go down.
    assert kept(C.NO_ASCENDING_OR_DESCENDING_SEQUENCE) == 10_000 - 14
    # One digit: 10 codes; two digits: 45 pairs with 14 patterns each.
    assert kept(C.AT_LEAST_THREE_UNIQUE_DIGITS) == 10_000 - 10 - 45 * 14


@given(st.text(alphabet="0123456789", min_size=1, max_size=16), st.sets(st.sampled_from(C)))
def test_violations_when_any_code_then_each_rule_stands_for_itself(
    code: str, rules: set[CodeConstraint]
) -> None:
    ordered = [rule for rule in C if rule in rules]
    one_by_one = [rule for rule in ordered if violations(code, ANY_LENGTH, [rule])]
    assert violations(code, ANY_LENGTH, ordered) == tuple(one_by_one)
