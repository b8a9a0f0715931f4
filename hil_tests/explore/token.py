"""Replay tokens: a run in one word, such as ``grants-17-0.1.0-5f3ac0de9b21-4a7f``.

Suite, seed (with an ``i`` behind it when the order of ready callbacks was shuffled too), version
of strikeplate, the first half of the trace's digest, and a checksum over all of that. With these a
run repeats, and it can be told whether it was the same.
"""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Iterable
from typing import Final

from gateway.config_schema import nearest
from hil_tests.errors import TokenUnusable

# Hexadecimal digits of the digest: enough to tell any two runs of a campaign apart.
DIGEST_LENGTH: Final = 12
_TOKEN: Final = re.compile(
    r"(?P<body>(?P<suite>[a-z]+)-(?P<seed>[0-9]{1,18})(?P<order>i?)-(?P<version>[0-9][0-9A-Za-z.+]*)"
    r"-(?P<digest>[0-9a-f]{12}))-(?P<check>[0-9a-f]{4})"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """Which run.

    Attributes:
        suite: Name of its suite.
        seed: Where all of its chance comes from.
        is_interleaved: True when ready callbacks run in a seeded order of their own.
    """

    suite: str
    seed: int
    is_interleaved: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A run, and how it ended.

    Attributes:
        spec: Which run.
        version: The version of strikeplate that ran it.
        digest: The first `DIGEST_LENGTH` digits of its trace's digest.
    """

    spec: RunSpec
    version: str
    digest: str

    def __str__(self) -> str:
        order = "i" if self.spec.is_interleaved else ""
        body = f"{self.spec.suite}-{self.spec.seed}{order}-{self.version}-{self.digest}"
        return f"{body}-{_check(body)}"


def parse_token(text: str, *, version: str, suites: Iterable[str]) -> Token:
    """Read a token.

    Args:
        text: As somebody copied it.
        version: The version of strikeplate that is to repeat the run.
        suites: Names of the suites that this version has.

    Raises:
        TokenUnusable: When it is none, is damaged, or is not for this version; the sentence says
            which.
    """
    match = _TOKEN.fullmatch(text.strip())
    if match is None:
        raise TokenUnusable(
            f"{text.strip()[:80]!r} is no replay token; one looks like "
            f"{Token(spec=RunSpec(suite='grants', seed=17), version=version, digest='0' * 12)}"
        )
    if _check(match["body"]) != match["check"]:
        raise TokenUnusable(
            "the token's checksum does not fit: a character is wrong or missing; copy it again"
        )
    if match["version"] != version:
        raise TokenUnusable(
            f"the token is of strikeplate {match['version']} and this is {version}: "
            "workloads differ from version to version, so install that one to repeat its runs"
        )
    names = list(suites)
    if match["suite"] not in names:
        raise TokenUnusable(
            f"there is no suite {match['suite']!r}{nearest(match['suite'], names)}"
        )
    spec = RunSpec(
        suite=match["suite"], seed=int(match["seed"]), is_interleaved=bool(match["order"])
    )
    return Token(spec=spec, version=version, digest=match["digest"])


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode()) & 0xFFFF:04x}"
