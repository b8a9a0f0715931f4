"""How the findings of a sweep of power cuts, and one cut that is repeated, are told."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from firmware_sim.flash.cut_replay import CutOutcome, CutReplay
from firmware_sim.flash.cut_token import cut_token
from firmware_sim.flash.power_cut import Finding
from firmware_sim.flash.torn import TornModel
from tools.output import Output, count

# Findings that people are shown; programs get all of them.
SHOWN_MAX: Final = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A finding, and how to come by it again.

    Attributes:
        seed: Of its workload.
        finding: The finding.
        replay: The command that repeats it.
    """

    seed: int
    finding: Finding
    replay: str


def sweep_text(images: collections.Counter[TornModel], found: Sequence[Found]) -> str:
    """What a sweep came to."""
    each = ", ".join(f"{model.value} {number:,}" for model, number in images.items())
    verdict = f"{count(len(found), 'finding')}:" if found else "nothing was found"
    return f"{images.total():,} images mounted ({each}): {verdict}"


def sweep_document(
    images: collections.Counter[TornModel], found: Sequence[Found]
) -> dict[str, Any]:
    """The same for programs, with every finding."""
    return {
        "images": {model.value: number for model, number in images.items()},
        "findings": [
            {
                "kind": each.finding.violation.kind.value,
                "what": _what(each.finding),
                "seed": each.seed,
                "cut": cut_token(each.finding.cut),
                "mount": each.finding.mount,
                "replay": each.replay,
            }
            for each in found
        ],
    }


def show_found(found: Sequence[Found], output: Output) -> None:
    """The first finding of each kind and workload, with the command that repeats it."""
    groups: dict[tuple[int, str], list[Found]] = collections.defaultdict(list)
    for each in found:
        groups[each.seed, each.finding.violation.kind.value].append(each)
    for number, ((of_seed, kind), group) in enumerate(groups.items()):
        if number == SHOWN_MAX:
            output.say(f"and {len(groups) - SHOWN_MAX:,} more; --json tells of all of them")
            break
        more = f", and {len(group) - 1:,} more like it" if len(group) > 1 else ""
        output.say(f"  {kind} {_what(group[0].finding)}, seed {of_seed}{more}")
        output.say(f"    {group[0].replay}")


def _what(finding: Finding) -> str:
    """What a finding concerns: a slot is an item of that id where slots are all there is."""
    what = finding.violation.what
    return f"slot {int(what.split()[1], 16)}" if what.startswith("item ") else what


def replay_document(replay: CutReplay, cut: str, seed: int) -> dict[str, Any]:
    """A cut that was repeated, for programs."""
    return {
        "cut": cut,
        "seed": seed,
        "answered": replay.answered,
        "in_progress": replay.step_in_progress,
        "operation": replay.operation,
        "mount": replay.mount,
        "held": [
            {
                "what": each.what,
                "answered": each.answered,
                "in_progress": each.in_progress,
                "found": each.found,
                "violation": each.violation.value if each.violation else None,
            }
            for each in replay.outcomes
        ],
        "others": [{"kind": each.kind.value, "what": each.what} for each in replay.others],
    }


def replay_text(replay: CutReplay, cut: str, seed: int) -> str:
    """When the power went, for people."""
    doing = replay.step_in_progress or "nothing: the workload was over"
    text = (
        f"cut {cut} of seed {seed}: power went while {replay.operation}\n"
        f"{count(replay.answered, 'step')} answered, in progress {doing}"
    )
    if replay.mount > 1:
        text += f"\nshown: power-up {replay.mount}"
    return "\n".join(
        [text, *(f"{each.kind.value.upper()}: {each.what}" for each in replay.others)]
    )


def show_replay(replay: CutReplay, output: Output) -> None:
    """What the cut concerns of all that is held, for people."""
    concerned = [each for each in replay.outcomes if each.violation or each.in_progress]
    if concerned:
        output.table(
            ("WHAT", "ANSWERED", "IN PROGRESS", "AFTER THE POWER CUT", ""),
            [_row(outcome) for outcome in concerned],
        )
    if replay.outcomes:
        others = len(replay.outcomes) - len(concerned)
        output.say(f"{count(others, 'other')} as answered")


def _row(outcome: CutOutcome) -> tuple[str, ...]:
    return (
        outcome.what,
        outcome.answered,
        outcome.in_progress or "",
        outcome.found,
        outcome.violation.value.upper() if outcome.violation else "",
    )
