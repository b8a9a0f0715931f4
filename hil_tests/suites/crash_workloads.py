"""What is done on a bench while something ends: short days at two doors, all on one date.

Edges of windows are tried a second before and a second after: a lock whose clock was set since,
as it is after its power was cut, is behind by what its radio took for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final

from hil_tests.suites.crash_person import Person

# A lock that keeps windows itself, and one whose windows the gateway keeps.
NATIVE: Final = "gym"
JIT: Final = "bike-room"

CHANGE: Final = "/access_codes/update"
DELETE: Final = "/access_codes/delete"

Workload = Callable[[Person], Coroutine[Any, Any, None]]


def at(clock: str) -> str:
    """An instant of the day, from hours and minutes (and seconds)."""
    return f"2025-07-10T{clock}Z" if clock.count(":") > 1 else f"2025-07-10T{clock}:00Z"


async def prepare(person: Person) -> None:
    """What both locks hold before: a code that stays, and a slot that was used and cleared."""
    for device in (NATIVE, JIT):
        await person.create(f"gone {device}", device, "314159")
        await person.create(f"stays {device}", device, "111222")
        await person.delete(f"{device} cleared", DELETE, of=f"gone {device}")


async def windows(person: Person) -> None:
    """A grant that is loaded ahead and a code that is written just in time, start to end."""
    await person.until(at("12:01"))
    # Loaded at 12:10: the sweep's policy has natively scheduled codes loaded an hour ahead.
    await person.grant("guest", NATIVE, "482915", starts_at=at("13:10"), ends_at=at("13:40"))
    # Written, but disabled, at 12:30.
    await person.create("plumber", JIT, "271828", starts_at=at("13:00"), ends_at=at("13:30"))
    await person.until(at("12:15"))
    await person.press("guest early", NATIVE, "482915#")
    await person.until(at("12:35"))
    await person.press("plumber early", JIT, "271828#")
    # Whatever fell at 13:00 is mended by then.
    await person.until(at("13:03"))
    await person.press("plumber in", JIT, "271828#")
    await person.until(at("13:09:59"), settle=False)
    await person.press("guest a second early", NATIVE, "482915#")
    await person.until(at("13:13"))
    await person.press("guest in", NATIVE, "482915#")
    await person.until(at("13:27"))
    await person.press("plumber still in", JIT, "271828#")
    await person.until(at("13:33"))
    await person.press("plumber out", JIT, "271828#")
    await person.until(at("13:37"))
    await person.press("guest still in", NATIVE, "482915#")
    await person.until(at("13:40:01"), settle=False)
    await person.press("guest out", NATIVE, "482915#")
    await person.until(at("13:45"))


async def native_changes(person: Person) -> None:
    """Other digits, another window, another name, for a code that its lock holds and keeps."""
    await person.until(at("12:01"))
    await person.create("cook", NATIVE, "482915", starts_at=at("12:40"), ends_at=at("13:10"))
    await person.until(at("12:05"))
    await person.change("digits", CHANGE, of="cook", code="555666")
    await person.until(at("12:10"))
    window = {"starts_at": at("12:50"), "ends_at": at("13:30")}
    await person.change("window", CHANGE, of="cook", **window)
    await person.until(at("12:15"))
    await person.change("name", CHANGE, of="cook", name="sous-chef")
    await person.until(at("12:45"))
    await person.press("old digits", NATIVE, "482915#")
    await person.until(at("12:49:59"), settle=False)
    await person.press("early", NATIVE, "555666#")
    await person.until(at("12:52"))
    await person.press("in", NATIVE, "555666#")
    # While it is open, its end moves.
    await person.until(at("13:00"))
    await person.change("end", CHANGE, of="cook", ends_at=at("13:20"))
    await person.until(at("13:18"))
    await person.press("still in", NATIVE, "555666#")
    await person.until(at("13:20:01"), settle=False)
    await person.press("out", NATIVE, "555666#")
    await person.until(at("13:25"))


async def just_in_time_changes(person: Person) -> None:
    """Other digits, another window, another name, for a code whose window the gateway keeps."""
    await person.until(at("12:01"))
    await person.create("cleaner", JIT, "271828")
    await person.until(at("12:05"))
    await person.change("digits", CHANGE, of="cleaner", code="777888")
    await person.until(at("12:10"))
    window = {"type": "time_bound", "starts_at": at("12:40"), "ends_at": at("13:10")}
    await person.change("window", CHANGE, of="cleaner", **window)
    await person.until(at("12:15"))
    await person.change("name", CHANGE, of="cleaner", name="janitor")
    await person.until(at("12:20"))
    await person.press("old digits", JIT, "271828#")
    await person.until(at("12:25"))
    await person.press("early", JIT, "777888#")
    await person.until(at("12:43"))
    await person.press("in", JIT, "777888#")
    await person.until(at("12:46"))
    await person.change("end", CHANGE, of="cleaner", ends_at=at("13:00"))
    await person.until(at("12:57"))
    await person.press("still in", JIT, "777888#")
    await person.until(at("13:03"))
    await person.press("out", JIT, "777888#")
    await person.until(at("13:05"))


async def scheduling_changes(person: Person) -> None:
    """One code in every kind of scheduling, each with something else left behind by the last."""
    await person.until(at("12:01"))
    await person.create("cook", NATIVE, "482915", starts_at=at("12:40"), ends_at=at("13:10"))
    # Stored; then the gateway keeps the window, for which it is five minutes too early.
    await person.until(at("12:05"))
    await person.change("by gateway", CHANGE, of="cook", prefer_native_scheduling=False)
    await person.until(at("12:20"))
    both = {"code": "555666", "starts_at": at("12:30"), "ends_at": at("13:00")}
    await person.change("digits and window", CHANGE, of="cook", **both)
    await person.until(at("12:25"))
    await person.change("by lock", CHANGE, of="cook", prefer_native_scheduling=True)
    await person.until(at("12:29:59"), settle=False)
    await person.press("early", NATIVE, "555666#")
    await person.until(at("12:35"))
    await person.press("in", NATIVE, "555666#")
    await person.until(at("12:40"))
    await person.change("without end", CHANGE, of="cook", type="ongoing")
    await person.until(at("13:05"))
    await person.press("still in", NATIVE, "555666#")
    await person.until(at("13:10"))
    both = {
        "code": "909090",
        "type": "time_bound",
        "starts_at": at("13:20"),
        "ends_at": at("20:00"),
    }
    await person.change("other digits and window", CHANGE, of="cook", **both)
    await person.until(at("13:15"))
    await person.press("old digits", NATIVE, "555666#")
    await person.until(at("13:19:59"), settle=False)
    await person.press("new digits early", NATIVE, "909090#")
    await person.until(at("13:22"))
    await person.press("new digits in", NATIVE, "909090#")
    await person.until(at("13:25"))


async def removals(person: Person) -> None:
    """Codes are deleted that wait, that are stored, that are live; a PIN comes back."""
    await person.until(at("12:01"))
    await person.create("stored", NATIVE, "482915", starts_at=at("12:40"), ends_at=at("20:00"))
    await person.create("deferred", NATIVE, "606060", starts_at=at("19:00"), ends_at=at("20:00"))
    await person.create("live", JIT, "271828")
    await person.grant("guest", NATIVE, "909090", starts_at=at("12:40"), ends_at=at("20:00"))
    await person.until(at("12:05"))
    await person.delete("stored goes", DELETE, of="stored")
    await person.delete("deferred goes", DELETE, of="deferred")
    await person.delete("live goes", DELETE, of="live")
    await person.delete("guest goes", "/access_grants/delete", of="guest")
    await person.until(at("12:10"))
    await person.press("stored after", NATIVE, "482915#")
    await person.press("live after", JIT, "271828#")
    await person.create("live again", JIT, "271828")
    await person.until(at("12:45"))
    await person.press("guest after", NATIVE, "909090#")
    await person.press("live again in", JIT, "271828#")
    await person.until(at("12:50"))


async def remote(person: Person) -> None:
    """Doors are unlocked from afar, one of them while it is programmed."""
    await person.until(at("12:01"))
    await person.unlock("gym unlocked", NATIVE)
    await person.until(at("12:05"))
    async with asyncio.TaskGroup() as both:
        both.create_task(person.create("cleaner", JIT, "271828"), name="create")
        both.create_task(person.unlock("bike room unlocked", JIT), name="unlock")
    await person.until(at("12:10"))
    await person.press("cleaner in", JIT, "271828#")
    await person.until(at("12:15"))


WORKLOADS: Final[Mapping[str, Workload]] = MappingProxyType(
    {
        "windows": windows,
        "native_changes": native_changes,
        "just_in_time_changes": just_in_time_changes,
        "scheduling_changes": scheduling_changes,
        "removals": removals,
        "remote": remote,
    }
)
