"""Cuts as text, so that a command line can ask for one again: `57:half_erased/0`.

Operation, model and variant of each time that the power went, joined by `+`: the second one is
counted in the operations of the recovery from the first.
"""

from __future__ import annotations

import dataclasses
import re

from firmware_sim.flash.errors import CutUnknown
from firmware_sim.flash.power_cut import Cut
from firmware_sim.flash.torn import TornModel, TornWrite

_PART = re.compile(r"(?P<operation>\d{1,9}):(?P<model>[a-z_]+)(?:/(?P<variant>\d{1,9}))?")


@dataclasses.dataclass(frozen=True, slots=True)
class CutPoint:
    """One time that the power went: which operation it cut, and how."""

    operation: int
    torn: TornWrite


def cut_points(cut: Cut) -> tuple[CutPoint, ...]:
    """Each time that the power went, in order."""
    here = CutPoint(cut.operation, cut.torn)
    return (here,) if cut.before is None else (*cut_points(cut.before), here)


def cut_token(cut: Cut) -> str:
    """A cut as text."""
    return "+".join(f"{point.operation}:{point.torn}" for point in cut_points(cut))


def parse_cut_token(text: str) -> tuple[CutPoint, ...]:
    """The cut that a text names; without a variant it is number 0.

    Raises:
        CutUnknown: When it names none.
    """
    return tuple(_parse_part(part) for part in text.split("+"))


def _parse_part(text: str) -> CutPoint:
    match = _PART.fullmatch(text)
    if match is None:
        raise CutUnknown(f"{text[:40]!r} is no cut; write for example 57:half_erased/0")
    known = [model.value for model in TornModel]
    if match["model"] not in known:
        raise CutUnknown(f"{match['model'][:40]!r} is no model; there are {', '.join(known)}")
    torn = TornWrite(TornModel(match["model"]), int(match["variant"] or 0))
    return CutPoint(int(match["operation"]), torn)
