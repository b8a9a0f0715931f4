"""Values of the command line: texts that people write, into numbers, or into one sentence.

Each reader is an `argparse` type. It raises `UsageError` itself, so the sentence reaches the
person as it stands.
"""

from __future__ import annotations

import math
import re
from typing import Final

from firmware_sim.radio.open_radio import RadioKind
from hil_tests.bench_instants import parse_instant_ms
from hil_tests.errors import BenchError
from tools.errors import UsageError

# Spans as people write them: "90", "90s", "15m", "72h", "3d", "1d12h".
_SPAN: Final = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?"
    r"(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?",
    re.ASCII,
)
_UNIT_S: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
# A century of bench time, in days: a span of more digits than that has a slip in it.
_SPAN_LENGTH_MAX: Final = 40
_PORT_MAX: Final = 65_535
# Bench seconds a second: a day in less than one. No machine keeps up with more.
_SPEED_MAX: Final = 100_000.0
# The largest whole number that every reader of JSON keeps exactly: the state keeps its seed so.
_SEED_MAX: Final = 2**53 - 1


def span_s(text: str) -> float:
    """Seconds of a span such as `1d12h`.

    Raises:
        UsageError: When it is not a span.
    """
    match = _SPAN.fullmatch(text) if 0 < len(text) <= _SPAN_LENGTH_MAX else None
    if match is None:
        raise UsageError(f"{text[:40]!r} is not a span; write for example 90s, 15m, 72h or 1d12h")
    return sum(float(value) * _UNIT_S[unit] for unit, value in match.groupdict().items() if value)


def instant_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 instant with a zone.

    Raises:
        UsageError: When it is none, or no bench can stand there.
    """
    try:
        return parse_instant_ms(text)
    except BenchError as error:
        raise UsageError(str(error)) from None


def port(text: str) -> int:
    """A TCP port; 0 = any free one.

    Raises:
        UsageError: When it is none.
    """
    return whole(text, "--port", 0, _PORT_MAX)


def seed(text: str) -> int:
    """A seed.

    Raises:
        UsageError: When it is none.
    """
    return whole(text, "--seed", 0, _SEED_MAX)


def radio(text: str) -> RadioKind:
    """A simulated radio.

    Raises:
        UsageError: When there is no such radio.
    """
    try:
        return RadioKind(text)
    except ValueError:
        known = " or ".join(RadioKind)
        raise UsageError(f"--radio must be {known}, not {text[:40]!r}") from None


def speed(text: str) -> float:
    """Bench seconds a wall second; 0 = time stands still.

    Raises:
        UsageError: When no clock can run so.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= _SPEED_MAX:
        raise UsageError(f"--speed must be a number from 0 to {_SPEED_MAX:.0f}, not {text[:40]!r}")
    return value


def whole(text: str, option: str, minimum: int, maximum: int) -> int:
    """A whole number between bounds.

    Raises:
        UsageError: When it is none.
    """
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
    if not is_number or not minimum <= int(text) <= maximum:
        raise UsageError(
            f"{option} must be a whole number from {minimum} to {maximum}, not {text[:40]!r}"
        )
    return int(text)
