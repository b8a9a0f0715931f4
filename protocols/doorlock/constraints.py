"""What a brand asks of PIN codes and their names: one pure rule a constraint.

The names are those of Seam's `code_constraints`. Its documentation gives each a sentence, not an
algorithm; the exact rule that this project chose stands at each check below. Where a sentence can
be read in two ways, the stricter one is taken: a code that passes here passes at the lock.

Some rules look at digits alone and are checked by the gateway and by the lock (`violations`).
Others look at the request around the code, such as its name or who chose it, which only the
gateway knows (`request_violations`).
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final


class CodeConstraint(enum.Enum):
    """A rule of a brand; the value is Seam's `constraint_type`."""

    NO_ZEROS = "no_zeros"
    CANNOT_START_WITH_12 = "cannot_start_with_12"
    NO_TRIPLE_CONSECUTIVE_INTS = "no_triple_consecutive_ints"
    CANNOT_SPECIFY_PIN_CODE = "cannot_specify_pin_code"
    PIN_CODE_MATCHES_EXISTING_SET = "pin_code_matches_existing_set"
    START_DATE_IN_FUTURE = "start_date_in_future"
    NO_ASCENDING_OR_DESCENDING_SEQUENCE = "no_ascending_or_descending_sequence"
    AT_LEAST_THREE_UNIQUE_DIGITS = "at_least_three_unique_digits"
    NO_ALL_SAME_DIGITS = "no_all_same_digits"
    UNIQUE_FIRST_FOUR_DIGITS = "unique_first_four_digits"
    CANNOT_CONTAIN_089 = "cannot_contain_089"
    CANNOT_CONTAIN_0789 = "cannot_contain_0789"
    NAME_LENGTH = "name_length"
    NAME_MUST_BE_UNIQUE = "name_must_be_unique"


class CodeForm(enum.Enum):
    """What any code must be, whatever the brand's further rules."""

    DIGITS_ONLY = "digits_only"
    SUPPORTED_LENGTH = "supported_length"
    SAME_LENGTH = "same_length"


# A rule that a code or its request breaks.
Violation = CodeConstraint | CodeForm


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A code and what is known around it; what is not known is not held against it.

    Attributes:
        code: The digits.
        is_specified: True when a caller chose the code, False when it was made for them.
        existing_set: The codes that the account may use, or None where there is no such set.
        other_codes: The codes that the lock already holds.
        is_same_length: True where all codes of one lock have the same length.
        name: The code's name, or None.
        name_length_min: Characters that a name has at least.
        name_length_max: Characters that a name has at most, or None for any.
        other_names: The names of the lock's other codes.
        starts_at_ms: Start of its window, milliseconds since 1970, or None without one.
        now_ms: The present instant, milliseconds since 1970; None when it must not matter.
    """

    code: str = dataclasses.field(repr=False)
    is_specified: bool = False
    existing_set: Collection[str] | None = dataclasses.field(default=None, repr=False)
    other_codes: Collection[str] = dataclasses.field(default=(), repr=False)
    is_same_length: bool = False
    name: str | None = None
    name_length_min: int = 0
    name_length_max: int | None = None
    other_names: Collection[str] = ()
    starts_at_ms: int | None = None
    now_ms: int | None = None


def violations(
    code: str, lengths: Collection[int], constraints: Iterable[CodeConstraint]
) -> tuple[Violation, ...]:
    """The rules that a code's digits break; empty when a lock of this kind takes it.

    Args:
        code: ASCII digits, if all is well.
        lengths: Numbers of digits that the lock takes.
        constraints: The brand's rules; those about the request around a code never fail here.
    """
    return request_violations(CodeRequest(code=code), lengths, constraints)


def request_violations(
    request: CodeRequest, lengths: Collection[int], constraints: Iterable[CodeConstraint]
) -> tuple[Violation, ...]:
    """The rules that a code or the request around it breaks, in the order of the constraints.

    A code that is no digits at all breaks that rule only: the others don't apply to it.

    Args:
        request: The code and its surroundings.
        lengths: Numbers of digits that the lock takes.
        constraints: The brand's rules.
    """
    if not (request.code.isascii() and request.code.isdigit()):
        return (CodeForm.DIGITS_ONLY,)
    form: list[CodeForm] = []
    if len(request.code) not in lengths:
        form.append(CodeForm.SUPPORTED_LENGTH)
    if request.is_same_length and {len(other) for other in request.other_codes} - {
        len(request.code)
    }:
        form.append(CodeForm.SAME_LENGTH)
    return (*form, *(rule for rule in constraints if not CHECKS[rule](request)))


def _has_none_of(digits: str) -> Callable[[CodeRequest], bool]:
    return lambda request: not set(digits) & set(request.code)


def _does_not_start_with_12(request: CodeRequest) -> bool:
    return not request.code.startswith("12")


def _steps(code: str) -> list[int]:
    """Differences between neighbouring digits; 9 to 0 is a step of -9, not of +1."""
    return [int(right) - int(left) for left, right in pairwise(code)]


def _has_no_triple(request: CodeRequest) -> bool:
    # Seam: "no more than 3 digits in a row can be consecutive or the same", under a name that says
    # "no triple". The stricter of the two: three neighbours that go on by the same step of +1, -1
    # or 0 (123, 321, 111) are refused already.
    return not any(
        left == right and left in {-1, 0, 1} for left, right in pairwise(_steps(request.code))
    )


def _is_no_sequence(request: CodeRequest) -> bool:
    # The code as a whole goes up, or goes down, by one each digit (1234, 987654). A sequence needs
    # two digits; parts of a code may run.
    steps = set(_steps(request.code))
    return steps not in ({1}, {-1})


def _has_three_unique_digits(request: CodeRequest) -> bool:
    # At least three different digits occur, anywhere and however often.
    return len(set(request.code)) >= 3  # noqa: PLR2004 - the rule's own number.


def _is_not_all_same(request: CodeRequest) -> bool:
    # At least two different digits occur; a code of one digit can't be told apart from a repeat.
    return len(set(request.code)) > 1


def _first_four_are_unique(request: CodeRequest) -> bool:
    # Seam's newer sentence: the first four digits differ from each other. Its name can be read as
    # unique on the lock, and locks that compare four digits only ask for that: so no other code of
    # the lock begins with the same four. Both are asked for.
    first = request.code[:4]
    is_alone = not any(other[:4] == first for other in request.other_codes)
    return is_alone and len(set(first)) == len(first)


def _is_not_specified(request: CodeRequest) -> bool:
    # The vendor makes the codes, so nobody may choose one; says nothing about the digits.
    return not request.is_specified


def _is_in_existing_set(request: CodeRequest) -> bool:
    # A code that somebody chose is one of the account's codes; a made one is free.
    return (
        not request.is_specified
        or request.existing_set is None
        or request.code in request.existing_set
    )


def _starts_in_future(request: CodeRequest) -> bool:
    # A time-bound code starts later than now; one without a start is not time-bound.
    if request.starts_at_ms is None or request.now_ms is None:
        return True
    return request.starts_at_ms > request.now_ms


def _name_has_length(request: CodeRequest) -> bool:
    # Counted in characters of the name as given, not in bytes; no name is a name of length 0 only
    # when somebody gave the empty string.
    if request.name is None:
        return True
    longest = len(request.name) if request.name_length_max is None else request.name_length_max
    return request.name_length_min <= len(request.name) <= longest


def _name_is_unique(request: CodeRequest) -> bool:
    # No other code of the lock has exactly this name: case and blanks count.
    return request.name is None or request.name not in request.other_names


# One check a constraint: True when the request keeps the rule.
CHECKS: Final[Mapping[CodeConstraint, Callable[[CodeRequest], bool]]] = MappingProxyType(
    {
        CodeConstraint.NO_ZEROS: _has_none_of("0"),
        CodeConstraint.CANNOT_START_WITH_12: _does_not_start_with_12,
        CodeConstraint.NO_TRIPLE_CONSECUTIVE_INTS: _has_no_triple,
        CodeConstraint.CANNOT_SPECIFY_PIN_CODE: _is_not_specified,
        CodeConstraint.PIN_CODE_MATCHES_EXISTING_SET: _is_in_existing_set,
        CodeConstraint.START_DATE_IN_FUTURE: _starts_in_future,
        CodeConstraint.NO_ASCENDING_OR_DESCENDING_SEQUENCE: _is_no_sequence,
        CodeConstraint.AT_LEAST_THREE_UNIQUE_DIGITS: _has_three_unique_digits,
        CodeConstraint.NO_ALL_SAME_DIGITS: _is_not_all_same,
        CodeConstraint.UNIQUE_FIRST_FOUR_DIGITS: _first_four_are_unique,
        CodeConstraint.CANNOT_CONTAIN_089: _has_none_of("089"),
        CodeConstraint.CANNOT_CONTAIN_0789: _has_none_of("0789"),
        CodeConstraint.NAME_LENGTH: _name_has_length,
        CodeConstraint.NAME_MUST_BE_UNIQUE: _name_is_unique,
    }
)
