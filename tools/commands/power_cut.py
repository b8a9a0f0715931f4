"""`strikeplate power-cut PROFILE`: cut a lock's power everywhere, and look what is left.

PIN slots are set and revoked on the NVS that the profile describes, or a whole lock lives its life
on its flash. The workload runs once; the image that a cut leaves is rebuilt for every program and
erase, under every model of a torn write, mounted, and compared with all that had been answered
"done".
"""

from __future__ import annotations

import argparse
import collections
import enum
import shlex
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar

from firmware_sim.flash.cut_replay import CutReplay
from firmware_sim.flash.cut_token import CutPoint, cut_token, parse_cut_token
from firmware_sim.flash.errors import CutUnknown
from firmware_sim.flash.nvs_settings import LOCK_SETTINGS, Generation, NvsSettings, Recovery
from firmware_sim.flash.power_cut import Finding, Recording, SweepReport
from firmware_sim.flash.slot_sweep import SlotSweep, SlotSweepPlan
from firmware_sim.flash.torn import ALL_MODELS, TornModel
from firmware_sim.locks.lock_sweep import LockSweep, LockSweepPlan
from protocols.profiles.vocabulary import PinStorage
from tools.arguments import seed, whole
from tools.cut_report import (
    Found,
    replay_document,
    replay_text,
    show_found,
    show_replay,
    sweep_document,
    sweep_text,
)
from tools.errors import PromiseBroken, UsageError
from tools.nvs_options import add_area_options, area_geometry, profile_of, profile_with_area
from tools.output import Output, count
from tools.progress import Progress

Member = TypeVar("Member", bound=enum.Enum)

_STEPS_MAX: Final = 100_000
_WORKLOADS_MAX: Final = 100_000
_DRAWINGS_MAX: Final = 1000
# With 3 already, a workload of a few steps gives millions of images.
_DEPTH_MAX: Final = 3


class Swept(enum.Enum):
    """What of a lock is swept."""

    SLOTS = "slots"
    LOCK = "lock"


# A step of a lock writes twice what one of a slot does: both defaults take some ten seconds.
STEPS_DEFAULT: Final[Mapping[Swept, int]] = MappingProxyType({Swept.SLOTS: 200, Swept.LOCK: 100})
_STORED: Final = {PinStorage.CLEAR: "in clear", PinStorage.HASHED: "as hashes"}


class Sweep(Protocol):
    """A recorded workload, to sweep or to cut once."""

    recording: Recording

    def run(self, watch: Callable[[int], None] | None = None) -> SweepReport:
        """Mount every image, and check it."""

    def replay(self, points: tuple[CutPoint, ...]) -> CutReplay:
        """Repeat one cut."""


def register(parser: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    del shared
    parser.add_argument(
        "profile",
        metavar="PROFILE",
        help="a profile, such as generic-native, or a profile's file (.toml)",
    )
    _add_choice(
        parser, "--of", Swept, Swept.SLOTS, "what is swept: PIN slots as items, or a whole lock"
    )
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
        metavar="N",
        help="steps of a workload (default: "
        f"{STEPS_DEFAULT[Swept.SLOTS]}, of a whole lock {STEPS_DEFAULT[Swept.LOCK]})",
    )
    add_area_options(parser)
    _add_choice(
        parser, "--generation", Generation, LOCK_SETTINGS.generation, "collector of the NVS"
    )
    _add_choice(parser, "--recovery", Recovery, LOCK_SETTINGS.recovery, "recovery of the NVS")
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
        help="only this cut, such as 57:half_erased/0: show what it concerns",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Sweep, or repeat one cut.

    Raises:
        PromiseBroken: When a cut undoes what had been answered "done".
    """
    if arguments.cut is not None:
        if arguments.workloads != 1:
            raise UsageError("--cut is of one workload: leave --workloads out")
        _replay(arguments, output)
    else:
        _sweep(arguments, output)
    return 0


def _settings(arguments: argparse.Namespace) -> NvsSettings:
    return NvsSettings(
        generation=arguments.generation,
        recovery=arguments.recovery,
        data_crc=not arguments.no_data_crc,
    )


def _steps(arguments: argparse.Namespace) -> int:
    return int(arguments.steps or STEPS_DEFAULT[arguments.of])


def _recorded(arguments: argparse.Namespace, of_seed: int) -> Sweep:
    """The workload of a seed."""
    profile = profile_of(arguments.profile)
    shared: dict[str, Any] = {
        "settings": _settings(arguments),
        "seed": of_seed,
        "steps": _steps(arguments),
        "models": arguments.models,
        "drawings": arguments.drawings,
        "depth": arguments.depth,
    }
    if arguments.of is Swept.LOCK:
        return LockSweep(LockSweepPlan(profile=profile_with_area(profile, arguments), **shared))
    geometry, slots_max = area_geometry(profile, arguments), profile.pin_slot_count
    return SlotSweep(SlotSweepPlan(geometry=geometry, slots_max=slots_max, **shared))


# --- the sweep ------------------------------------------------------------------------------


def _sweep(arguments: argparse.Namespace, output: Output) -> None:
    images: collections.Counter[TornModel] = collections.Counter()
    found: list[Found] = []
    facts, text = _described(arguments)
    output.say(text)
    with Progress(output, "cutting", arguments.workloads) as progress:
        for number in range(arguments.workloads):
            of_seed = arguments.seed + number
            sweep = _recorded(arguments, of_seed)
            total = len(sweep.recording.operations) + 1

            def watch(done: int, number: int = number, total: int = total) -> None:
                progress.done(number + done / total)

            report = sweep.run(watch)
            images.update(report.images)
            found += [
                Found(of_seed, finding, _replay_command(finding, of_seed, arguments))
                for finding in report.findings
            ]
    output.result(facts | sweep_document(images, found), sweep_text(images, found))
    if found:
        show_found(found, output)
        raise PromiseBroken(
            f"power cuts undid what had been answered: {count(len(found), 'finding')}, "
            "each with a command that repeats it"
        )


def _described(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """What is swept, for programs and for people."""
    settings, profile = _settings(arguments), profile_of(arguments.profile)
    area = area_geometry(profile, arguments)
    facts: dict[str, Any] = {
        "profile": arguments.profile,
        "of": arguments.of.value,
        "sectors": area.sector_count,
        "sector_bytes": area.sector_size,
        "write_block": area.write_block,
        "generation": settings.generation.value,
        "recovery": settings.recovery.value,
        "data_crc": settings.data_crc,
        "seed": arguments.seed,
        "workloads": arguments.workloads,
        "steps": _steps(arguments),
    }
    what = f"NVS of {area.sector_count} sectors"
    if arguments.of is Swept.LOCK:
        lock = profile_with_area(profile, arguments)
        audit_sectors = lock.flash.audit_bytes // area.sector_size
        facts |= {"audit_sectors": audit_sectors, "pin_storage": lock.pin_storage.value}
        what = f"a whole lock, PINs {_STORED[lock.pin_storage]}, NVS of {area.sector_count} "
        what += f"and audit ring of {audit_sectors} sectors"
    crc = "with" if settings.data_crc else "without"
    return facts, (
        f"{arguments.profile}: {what} of {area.sector_size} bytes in blocks of "
        f"{area.write_block}, {settings.generation.value}, {settings.recovery.value}, "
        f"{crc} data CRC\n"
        f"{count(arguments.workloads, 'workload')} of {count(_steps(arguments), 'step')} "
        f"from seed {arguments.seed}"
    )


def _replay_command(finding: Finding, of_seed: int, arguments: argparse.Namespace) -> str:
    words = ["strikeplate", "power-cut", arguments.profile, *_options(arguments)]
    words += ["--seed", str(of_seed), "--cut", cut_token(finding.cut)]
    return shlex.join(words)


def _options(arguments: argparse.Namespace) -> Iterator[str]:
    """What was asked for beside the defaults, but for what a replay does not need."""
    if arguments.of is not Swept.SLOTS:
        yield from ("--of", arguments.of.value)
    for name in ("steps", "sector_bytes", "sectors", "write_block"):
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


def _replay(arguments: argparse.Namespace, output: Output) -> None:
    try:
        points = parse_cut_token(arguments.cut)
        replay = _recorded(arguments, arguments.seed).replay(points)
    except CutUnknown as error:
        raise UsageError(str(error)) from None
    told = (replay, arguments.cut, arguments.seed)
    output.result(replay_document(*told), replay_text(*told))
    show_replay(replay, output)
    if replay.is_broken:
        raise PromiseBroken("this power cut undoes what had been answered")


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
        help=f"{what}: {', '.join(names)} (default: %(default)s)",
    )


def _models(text: str) -> tuple[TornModel, ...]:
    known = {model.value: model for model in ALL_MODELS}
    names = text.split(",")
    for name in names:
        if name not in known:
            raise UsageError(f"--models takes {', '.join(known)}, not {name[:40]!r}")
    return tuple(model for name, model in known.items() if name in names)
