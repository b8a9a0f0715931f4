"""What can be seen at the end of a trial, and what tells two trials apart."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from hil_tests.sim_bench import SimBench
from hil_tests.suites.crash_person import Diary
from hil_tests.suites.crash_workloads import JIT, NATIVE

DOORS: Final = (NATIVE, JIT)
# What is told about trouble on the way. An outage may add it; all else is told once, whatever
# happens.
TROUBLE_EVENTS: Final = frozenset(
    {
        "access_code.delay_in_removing_from_device",
        "access_code.delay_in_setting_on_device",
        "access_code.failed_to_remove_from_device",
        "access_code.failed_to_set_on_device",
        "access_method.delay_in_issuing",
        "access_method.failed_to_issue",
        "device.connected",
        "device.disconnected",
    }
)
# The id that names an object of a family of events.
_OWNERS: Final = {
    "access_code": "access_code_id",
    "access_method": "access_method_id",
    "access_grant": "access_grant_id",
}
# What the API shows of a code, but for what an outage may change: ids and instants of creation.
_SHOWN: Final = (
    "name",
    "code",
    "status",
    "type",
    "starts_at",
    "ends_at",
    "errors",
    "warnings",
    "pending_mutations",
    "is_scheduled_on_device",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What can be seen at the end of a trial.

    Attributes:
        doors: Step to what a door did for who stood before it.
        promises: Step to whether the id that it was answered with is still good.
        slots: Door to what its slots hold: PIN, revision, user and schedules.
        tombstones: Door to the records that were cleared, with their revisions.
        writes: Door to every record that its memory took, in order: key, revision, digest.
        codes: Door to what the API shows of its codes.
        events: Object, in order of appearance, to what was told about it, in order.
        bolt_moves: Door to how often it was unlocked from afar, by its own log.
        unlock_events: Door to how often that was told.
        unlock_answers: How many unlocks were answered as done.
        trouble: How often trouble of each kind was told.
    """

    doors: dict[str, str]
    promises: dict[str, bool]
    slots: dict[str, Any]
    tombstones: dict[str, Any]
    writes: dict[str, list[str]]
    codes: dict[str, Any]
    events: dict[str, list[str]]
    bolt_moves: dict[str, int]
    unlock_events: dict[str, int]
    unlock_answers: int
    trouble: Counter[str]


# What no outage may change.
_FIXED: Final = ("doors", "promises", "slots", "tombstones", "writes", "codes", "events")


def differences(expected: Finding, found: Finding) -> list[str]:
    """What tells a disturbed trial from the undisturbed one; a sentence each."""
    sentences = []
    for name in _FIXED:
        before, after = getattr(expected, name), getattr(found, name)
        sentences += [
            f"{name} of {key}: {after.get(key)} instead of {before.get(key)}"
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ]
    # An unlock is never repeated, so it may get lost. But a bolt that moved is told, once.
    if found.bolt_moves != found.unlock_events:
        sentences.append(f"bolts moved {found.bolt_moves}, told were {found.unlock_events}")
    sentences += [
        f"{door} was unlocked {found.bolt_moves[door]} times instead of {count}"
        for door, count in expected.bolt_moves.items()
        if found.bolt_moves[door] > count
    ]
    if found.unlock_answers > sum(found.bolt_moves.values()):
        sentences.append(f"{found.unlock_answers} unlocks were answered as done, not all were")
    # Each device is met once; whatever was away after that came back.
    away = found.trouble["device.disconnected"] - found.trouble["device.connected"] + len(DOORS)
    if away:
        sentences.append(f"{away} devices are told to be away: {found.trouble}")
    return sentences


async def look(bench: SimBench, diary: Diary, writes: Mapping[str, list[str]]) -> Finding:
    """Look at everything.

    Args:
        bench: The bench, at the end of a trial.
        diary: What the person remembers.
        writes: Door to what its memory took.
    """
    views = {door: bench.bench.memory_view(door) for door in DOORS}
    names = {bench.bench.device(door).spec.device_id: door for door in DOORS}
    listed = {door: await _codes(bench, device_id) for device_id, door in names.items()}
    grants = (await bench.call("/access_grants/list"))["access_grants"]
    events = await bench.events()
    ids = {code["access_code_id"] for codes in listed.values() for code in codes}
    ids |= {grant["access_grant_id"] for grant in grants}
    remote = [event["device_id"] for event in events if event.get("method") == "remote"]
    return Finding(
        doors=dict(diary.doors),
        promises={key: made in ids for key, made in diary.made.items()},
        slots={door: view["slots"] for door, view in views.items()},
        tombstones={door: view["tombstones"] for door, view in views.items()},
        writes=dict(writes),
        codes={
            door: [{name: code[name] for name in _SHOWN} for code in codes]
            for door, codes in listed.items()
        },
        events=_told(events, dict(names)),
        bolt_moves={door: _moves_from_afar(view) for door, view in views.items()},
        unlock_events={door: remote.count(device_id) for device_id, door in names.items()},
        unlock_answers=sum(status == "success" for status in diary.unlocks.values()),
        trouble=Counter(
            event["event_type"] for event in events if event["event_type"] in TROUBLE_EVENTS
        ),
    )


async def _codes(bench: SimBench, device_id: str) -> list[dict[str, Any]]:
    listed = (await bench.call("/access_codes/list", device_id=device_id))["access_codes"]
    return sorted(listed, key=lambda code: str(code["code"]))


def _moves_from_afar(view: dict[str, Any]) -> int:
    return sum(
        (record["event"], record["source"]) == ("lock_operation", "remote")
        for record in view["log"]
    )


def _told(events: list[dict[str, Any]], names: dict[str, str]) -> dict[str, list[str]]:
    """Object to what was told about it; what is no door is named by its order of appearance."""
    told: dict[str, list[str]] = {}
    for event in events:
        kind = event["event_type"]
        family = kind.partition(".")[0]
        # Unlocks from afar are compared with the bolts instead.
        is_unlock = family == "action_attempt" or event.get("method") == "remote"
        if is_unlock or kind in TROUBLE_EVENTS:
            continue
        owner = event[_OWNERS.get(family, "device_id")]
        if owner not in names:
            count = sum(name.startswith(f"{family} ") for name in names.values())
            names[owner] = f"{family} {count + 1}"
        told.setdefault(names[owner], []).append(kind)
    return told
