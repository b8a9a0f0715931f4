"""`strikeplate power-cut PROFILE`: cut a lock's power everywhere, and look what is left.

PIN slots are set and revoked on the flash that the profile describes. The workload runs once; the
image that a cut leaves is rebuilt for every program and erase, under every model of a torn write,
mounted, and compared with all that had been answered "done".
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import enum
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from firmware_sim.flash.cut_token import cut_token, parse_cut_token
from firmware_sim.flash.errors import CutUnknown
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, Generation, NvsSettings, Recovery
from firmware_sim.flash.power_cut import Finding
from firmware_sim.flash.slot_sweep import CutReplay, SlotOutcome, SlotSweep, SlotSweepPlan
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from tools.arguments import seed, whole
from tools.errors import PromiseBroken, UsageError
from tools.nvs_options import add_area_options, area_geometry, profile_of
from tools.output import Output, count
from tools.progress import Progress

Member = TypeVar("Member", bound=enum.Enum)

# Findings that people are shown; programs get all of them.
SHOWN_MAX: Final = 10
STEPS_DEFAULT: Final = 200
_STEPS_MAX: Final = 100_000
_WORKLOADS_MAX: Final = 100_000
_DRAWINGS_MAX: Final = 1000
# With 3 already, a workload of a few steps gives millions of images.
_DEPTH_MAX: Final = 3


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument("profile", metavar="PROFILE", help="a profile, such as generic-native")
    parser.add_argument(
        "--seed",
        type=seed,
        default=0,
        metavar="N",
        help="seed of the workload (default: %(default)s)",
    )
    parser.add_argument(
        "--workloads",
        type=_whole("--workloads", _WORKLOADS_MAX),
        default=1,
        metavar="N",
        help="how many workloads, from that seed on (default: 1)",
    )
    parser.add_argument(
        "--steps",
        type=_whole("--steps", _STEPS_MAX),
        default=STEPS_DEFAULT,
        metavar="N",
        help="slots that a workload sets or revokes (default: %(default)s)",
    )
    add_area_options(parser)
    _add_choice(parser, "--generation", Generation, LOCK_SETTINGS.generation, "the collector")
    _add_choice(parser, "--recovery", Recovery, LOCK_SETTINGS.recovery, "the recovery")
    parser.add_argument(
        "--no-data-crc", action="store_true", help="leave out the CRC-32 behind every record"
    )
    parser.add_argument(
        "--models",
        type=_models,
        # As text, which argparse reads like any other: so that help and docs can tell it.
        default=",".join(model.value for model in ALL_MODELS),
        metavar="LIST",
        help="models of a torn write (default: %(default)s)",
    )
    parser.add_argument(
        "--drawings",
        type=_whole("--drawings", _DRAWINGS_MAX),
        default=1,
        metavar="N",
        help="variants of each random model, for every operation (default: 1)",
    )
    parser.add_argument(
        "--depth",
        type=_whole("--depth", _DEPTH_MAX),
        default=1,
        metavar="N",
        help="how often the power goes: with 2, once more during the recovery (default: 1)",
    )
    parser.add_argument(
        "--cut",
        metavar="CUT",
        help="only this cut, such as 57:half_erased/0: show every slot that it concerns",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Sweep, or repeat one cut.

    Raises:
        PromiseBroken: When a cut undoes what had been answered "done".
    """
    plan = _plan(arguments)
    if arguments.cut is not None:
        if arguments.workloads != 1:
            raise UsageError("--cut is of one workload: leave --workloads out")
        _replay(plan, arguments, output)
    else:
        _sweep(plan, arguments, output)
    return 0


def _plan(arguments: argparse.Namespace) -> SlotSweepPlan:
    profile = profile_of(arguments.profile)
    return SlotSweepPlan(
        geometry=area_geometry(profile, arguments),
        settings=NvsSettings(
            generation=arguments.generation,
            recovery=arguments.recovery,
            data_crc=not arguments.no_data_crc,
        ),
        seed=arguments.seed,
        steps=arguments.steps,
        slots_max=profile.pin_slot_count,
        models=arguments.models,
        drawings=arguments.drawings,
        depth=arguments.depth,
    )


# --- the sweep ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A finding, and the seed of its workload."""

    seed: int
    finding: Finding


def _sweep(plan: SlotSweepPlan, arguments: argparse.Namespace, output: Output) -> None:
    images: collections.Counter[TornModel] = collections.Counter()
    found: list[Found] = []
    output.say(_described(plan, arguments))
    with Progress(output, "cutting", arguments.workloads) as progress:
        for number in range(arguments.workloads):
            of_one = dataclasses.replace(plan, seed=plan.seed + number)
            sweep = SlotSweep(of_one)
            total = len(sweep.recording.operations) + 1

            def watch(done: int, number: int = number, total: int = total) -> None:
                progress.done(number + done / total)

            report = sweep.run(watch)
            images.update(report.images)
            found += [Found(of_one.seed, finding) for finding in report.findings]
    output.result(_sweep_document(plan, arguments, images, found), _sweep_text(images, found))
    if found:
        _show(found, arguments, output)
        raise PromiseBroken(
            f"power cuts undid what had been answered: {count(len(found), 'finding')}, "
            "each with a command that repeats it"
        )


def _described(plan: SlotSweepPlan, arguments: argparse.Namespace) -> str:
    geometry, settings = plan.geometry, plan.settings
    crc = "with" if settings.data_crc else "without"
    return (
        f"{arguments.profile}: NVS of {geometry.sector_count} sectors of {geometry.sector_size} "
        f"bytes in blocks of {geometry.write_block}, {settings.generation.value}, "
        f"{settings.recovery.value}, {crc} data CRC\n"
        f"{count(arguments.workloads, 'workload')} of {count(plan.steps, 'step')} "
        f"from seed {plan.seed}"
    )


def _sweep_text(images: collections.Counter[TornModel], found: Sequence[Found]) -> str:
    each = ", ".join(f"{model.value} {number:,}" for model, number in images.items())
    verdict = f"{count(len(found), 'finding')}:" if found else "nothing was found"
    return f"{images.total():,} images mounted ({each}): {verdict}"


def _sweep_document(
    plan: SlotSweepPlan,
    arguments: argparse.Namespace,
    images: collections.Counter[TornModel],
    found: Sequence[Found],
) -> dict[str, Any]:
    return {
        "profile": arguments.profile,
        "sectors": plan.geometry.sector_count,
        "sector_bytes": plan.geometry.sector_size,
        "write_block": plan.geometry.write_block,
        "generation": plan.settings.generation.value,
        "recovery": plan.settings.recovery.value,
        "data_crc": plan.settings.data_crc,
        "seed": plan.seed,
        "workloads": arguments.workloads,
        "steps": plan.steps,
        "images": {model.value: number for model, number in images.items()},
        "findings": [
            {
                "kind": each.finding.violation.kind.value,
                "what": _what(each.finding),
                "seed": each.seed,
                "cut": cut_token(each.finding.cut),
                "mount": each.finding.mount,
                "replay": _replay_command(each, arguments),
            }
            for each in found
        ],
    }


def _show(found: Sequence[Found], arguments: argparse.Namespace, output: Output) -> None:
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
        output.say(f"    {_replay_command(group[0], arguments)}")


def _what(finding: Finding) -> str:
    """The slot that a finding concerns, or the error of mounting."""
    what = finding.violation.what
    return f"slot {int(what.split()[1], 16)}" if what.startswith("item ") else what


def _replay_command(found: Found, arguments: argparse.Namespace) -> str:
    words = ["strikeplate", "power-cut", arguments.profile, *_options(arguments)]
    words += ["--seed", str(found.seed), "--cut", cut_token(found.finding.cut)]
    return shlex.join(words)


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    """What was asked for beside the defaults, but for what a replay does not need."""
    if arguments.steps != STEPS_DEFAULT:
        yield from ("--steps", str(arguments.steps))
    for name in ("sector_bytes", "sectors", "write_block"):
        value = getattr(arguments, name)
        if value is not None:
            yield from (f"--{name.replace('_', '-')}", str(value))
    for name in ("generation", "recovery"):
        value = getattr(arguments, name)
        if value is not getattr(LOCK_SETTINGS, name):
            yield from (f"--{name}", value.value)
    if arguments.no_data_crc:
        yield "--no-data-crc"
    if arguments.drawings != 1:
        yield from ("--drawings", str(arguments.drawings))


# --- one cut --------------------------------------------------------------------------------


def _replay(plan: SlotSweepPlan, arguments: argparse.Namespace, output: Output) -> None:
    try:
        replay = SlotSweep(plan).replay(parse_cut_token(arguments.cut))
    except CutUnknown as error:
        raise UsageError(str(error)) from None
    output.result(_replay_document(replay, arguments), _replay_text(replay, arguments))
    concerned = [each for each in replay.outcomes if each.violation or each.in_progress]
    if concerned:
        output.table(
            ("SLOT", "ANSWERED", "IN PROGRESS", "AFTER THE POWER CUT", ""),
            [_row(outcome) for outcome in concerned],
        )
    others = len(replay.outcomes) - len(concerned)
    if replay.outcomes:
        output.say(f"{count(others, 'other slot')} as answered")
    if replay.is_broken:
        raise PromiseBroken("this power cut undoes what had been answered")


def _replay_text(replay: CutReplay, arguments: argparse.Namespace) -> str:
    doing = replay.step_in_progress or "nothing: the workload was over"
    text = (
        f"cut {arguments.cut} of seed {arguments.seed}: power went while "
        f"{replay.operation}\n"
        f"{count(replay.answered, 'step')} answered, in progress {doing}"
    )
    if replay.mount > 1:
        text += f"\nshown: power-up {replay.mount}"
    return text if replay.unmountable is None else f"{text}\n{replay.unmountable}"


def _row(outcome: SlotOutcome) -> tuple[str, ...]:
    return (
        str(outcome.slot),
        outcome.answered,
        outcome.in_progress or "",
        outcome.found,
        outcome.violation.value.upper() if outcome.violation else "",
    )


def _replay_document(replay: CutReplay, arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "cut": arguments.cut,
        "seed": arguments.seed,
        "answered": replay.answered,
        "in_progress": replay.step_in_progress,
        "operation": replay.operation,
        "mount": replay.mount,
        "unmountable": replay.unmountable,
        "slots": [
            {
                "slot": each.slot,
                "answered": each.answered,
                "in_progress": each.in_progress,
                "found": each.found,
                "violation": each.violation.value if each.violation else None,
            }
            for each in replay.outcomes
        ],
    }


# --- options --------------------------------------------------------------------------------


def _whole(option: str, maximum: int) -> Any:
    return lambda text: whole(text, option, 1, maximum)


def _add_choice(
    parser: argparse.ArgumentParser, option: str, kind: type[Member], default: Member, what: str
) -> None:
    names = [member.value for member in kind]

    def read(text: str) -> Member:
        if text not in names:
            raise UsageError(f"{option} must be one of {', '.join(names)}, not {text[:40]!r}")
        return kind(text)

    parser.add_argument(
        option,
        type=read,
        default=default.value,
        metavar="NAME",
        help=f"{what} of the NVS: {', '.join(names)} (default: %(default)s)",
    )


def _models(text: str) -> tuple[TornModel, ...]:
    known = {model.value: model for model in ALL_MODELS}
    names = text.split(",")
    for name in names:
        if name not in known:
            raise UsageError(f"--models takes {', '.join(known)}, not {name[:40]!r}")
    return tuple(model for name, model in known.items() if name in names)
