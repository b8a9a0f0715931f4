"""The command line's branch of the error tree, and the exit code of every branch.

StrikeplateError
└─ ToolError                1   a command could not do what it was asked
    ├─ UsageError           2   the command line itself is wrong
    ├─ BenchUnreachable     4   no running bench answers
    ├─ BenchRefused         5   the bench answered, and refused
    └─ DemoFailed           6   the demonstration did not go as it must
"""

from __future__ import annotations

from typing import Final

from gateway.errors import ConfigError, GatewayError
from protocols.errors import ProtocolError, StrikeplateError


class ToolError(StrikeplateError):
    """A command could not do what it was asked; the sentence says what to do next."""


class UsageError(ToolError):
    """The command line itself is wrong."""


class BenchUnreachable(ToolError):  # noqa: N818 - leaves of the tree say what happened.
    """No running bench answers."""


class BenchRefused(ToolError):  # noqa: N818 - see BenchUnreachable.
    """The bench answered, and refused."""


class DemoFailed(ToolError):  # noqa: N818 - see BenchUnreachable.
    """The demonstration did not go as it must."""


# Most special first: the first class that fits decides. 3 is for bytes that no protocol accepts.
EXIT_CODES: Final[tuple[tuple[type[StrikeplateError], int], ...]] = (
    (DemoFailed, 6),
    (BenchRefused, 5),
    (BenchUnreachable, 4),
    (ProtocolError, 3),
    (UsageError, 2),
    (ConfigError, 2),
    (ToolError, 1),
    (GatewayError, 1),
    (StrikeplateError, 1),
)


def exit_code(error: StrikeplateError) -> int:
    """The process exit code of an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
