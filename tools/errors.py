"""The command line's branch of the error tree, and the exit code of every branch.

StrikeplateError            1   an error of another floor that has no code of its own
└─ ToolError                1   a command could not do what it was asked
    ├─ UsageError           2   the command line itself is wrong
    ├─ NoFrame              3   bytes that no protocol accepts
    ├─ BenchUnreachable     4   no running bench answers
    ├─ BenchRefused         5   the bench answered, and refused
    ├─ DemoFailed           6   the demonstration did not go as it must
    ├─ ViolationsFound      7   a run of an exploration broke a rule
    │  └─ PromiseBroken     7   a power cut undid what had been answered "done"
    ├─ RunDiverged          8   a run that was repeated was another one
    └─ InternalError       70   a mistake of this program
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Final

from gateway.errors import ConfigError, GatewayError
from hil_tests.errors import CampaignError
from protocols.errors import ProtocolError, StrikeplateError


class ToolError(StrikeplateError):
    """A command could not do what it was asked; the sentence says what to do next."""


class UsageError(ToolError):
    """The command line itself is wrong."""


class NoFrame(ToolError):  # noqa: N818 - leaves of the tree say what happened.
    """Bytes that no protocol accepts."""


class BenchUnreachable(ToolError):  # noqa: N818 - see NoFrame.
    """No running bench answers."""


class BenchRefused(ToolError):  # noqa: N818 - see NoFrame.
    """The bench answered, and refused."""


class DemoFailed(ToolError):  # noqa: N818 - see NoFrame.
    """The demonstration did not go as it must."""


class ViolationsFound(ToolError):  # noqa: N818 - see NoFrame.
    """A run of an exploration broke a rule."""


class RunDiverged(ToolError):  # noqa: N818 - see NoFrame.
    """A run that was repeated was another one."""


class PromiseBroken(ViolationsFound):
    """A power cut undid what had been answered "done"."""


class InternalError(ToolError):
    """A mistake of this program."""


# With this variable set, the traceback of a mistake of ours is told too.
TRACEBACK_VARIABLE: Final = "STRIKEPLATE_TRACEBACK"

# Most special first: the first class that fits decides. 70 is EX_SOFTWARE of sysexits.h.
EXIT_CODES: Final[tuple[tuple[type[StrikeplateError], int], ...]] = (
    (InternalError, 70),
    (RunDiverged, 8),
    (ViolationsFound, 7),
    (DemoFailed, 6),
    (BenchRefused, 5),
    (BenchUnreachable, 4),
    (NoFrame, 3),
    (ProtocolError, 3),
    (UsageError, 2),
    (ConfigError, 2),
    (CampaignError, 2),
    (ToolError, 1),
    (GatewayError, 1),
    (StrikeplateError, 1),
)


def exit_code(error: StrikeplateError) -> int:
    """The process exit code of an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def told_as(error: Exception) -> StrikeplateError:
    """The one error that a person is told for whatever a command ended with.

    Errors of the tree are told as they are, out of a group the first of them; a group that holds
    anything else, and any other exception, is a mistake of ours. Its own words are not told: they
    may hold a credential (DESIGN D22).
    """
    leaves = _leaves(error)
    ours = [leaf for leaf in leaves if isinstance(leaf, StrikeplateError)]
    if len(ours) == len(leaves):
        return ours[0]
    mistake = next(leaf for leaf in leaves if not isinstance(leaf, StrikeplateError))
    if os.environ.get(TRACEBACK_VARIABLE):
        return InternalError("".join(traceback.format_exception(error)).rstrip())
    frames = traceback.extract_tb(mistake.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "nowhere"
    return InternalError(
        f"that is a mistake in strikeplate ({type(mistake).__name__} at {where}); "
        f"please report it with what {TRACEBACK_VARIABLE}=1 shows"
    )


def _leaves(error: Exception) -> list[Exception]:
    if isinstance(error, ExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [error]
