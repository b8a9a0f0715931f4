"""Moving bench time on purpose: one advance at a time, and requests that settle at speed 0."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator

from firmware_sim.errors import AdvanceInProgress, ClockError
from firmware_sim.kernel.loop import SimLoop

# Seconds of bench time that settling may take (DESIGN section 5). A device session takes under
# ten, and what has not come to rest after two minutes is told as unfinished instead.
SETTLE_LIMIT_S = 120.0

# Seconds. Bench time is told in whole milliseconds, rounded down: "now" as a caller knows it may
# lie that much before the loop's own, and is no step back.
_RESOLUTION_S = 0.001


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What an advance did.

    Attributes:
        target_s: Loop time that was asked for.
        now_s: Loop time reached: the target, or later when it settled.
        settled: Whether nothing that was due is unfinished; None when that was not asked.
        unheld: Names of the far ends that the advance could not wait for, sorted.
    """

    target_s: float
    now_s: float
    settled: bool | None
    unheld: tuple[str, ...]


class Pacer:
    """Moves a loop's time for those who ask.

    Args:
        loop: Whose time; virtual or paced.
        settled: Whether nothing that is due is unfinished; asked only when the loop is idle.
    """

    def __init__(self, loop: SimLoop, settled: Callable[[], bool]) -> None:
        self._loop = loop
        self._settled = settled
        self._is_advancing = False
        self._advances_ended = 0
        self._unheld: list[str] = []

    @property
    def is_advancing(self) -> bool:
        """Whether an advance is moving the clock."""
        return self._is_advancing

    @contextlib.contextmanager
    def unheld(self, name: str) -> Iterator[None]:
        """Register a far end that can't be held, such as a broker that is not ours.

        An advance goes ahead without it, and names it.
        """
        self._unheld.append(name)
        try:
            yield
        finally:
            self._unheld.remove(name)

    async def advance(
        self, *, seconds: float | None = None, to_s: float | None = None, settle: bool = False
    ) -> Advance:
        """Move time on; all that is due on the way happens, in order.

        Without `settle` it ends exactly at the target, once everything due there has happened,
        work created at the target for the target included. With it, it runs on until nothing
        due is unfinished, for `SETTLE_LIMIT_S` at most. Requests that were settling when it
        began end with it at the latest.

        Args:
            seconds: How far, from now.
            to_s: Or to which loop time.
            settle: Run on until settled.

        Raises:
            AdvanceInProgress: When another advance is moving the clock.
            ClockError: When the target lies in the past or is no time.

        A cancelled advance leaves time where it came to.
        """
        target_s = self._target_s(seconds, to_s)
        if self._is_advancing:
            raise AdvanceInProgress("another advance is moving the bench clock: wait for its end")
        unheld = set(self._unheld)
        settled = None
        self._is_advancing = True
        try:
            with self._loop.free_run():
                await self._loop.run_to(target_s)
                if settle:
                    settled = await self._loop.run_to(
                        target_s + SETTLE_LIMIT_S, judge=self._is_at_rest
                    )
                now_s = self._loop.time()
        finally:
            self._is_advancing = False
            self._advances_ended += 1
        unheld.update(self._unheld)
        return Advance(
            target_s=target_s, now_s=now_s, settled=settled, unheld=tuple(sorted(unheld))
        )

    async def settle(self, limit_s: float = SETTLE_LIMIT_S) -> bool:
        """Wait until nothing that is due is unfinished; at speed 0, time runs for it.

        Several may settle at once. During an advance it returns at once: only the advance moves
        the clock, and requests are served at the instant reached. One that was settling when an
        advance began goes along with it, and ends with it at the latest.

        Args:
            limit_s: Bench seconds it may take.

        Returns:
            Whether it settled.
        """
        if self._is_advancing:
            return False
        begun = self._advances_ended
        verdict = False

        def judge() -> bool:
            nonlocal verdict
            verdict = self._settled()
            return verdict or self._advances_ended != begun

        stands = self._loop.speed == 0
        with self._loop.free_run() if stands else contextlib.nullcontext():
            await self._loop.run_to(self._loop.time() + limit_s, judge=judge)
        return verdict

    def _is_at_rest(self) -> bool:
        """Settled, and nothing is out that an advance waits for."""
        return not self._loop.is_held and self._settled()

    def _target_s(self, seconds: float | None, to_s: float | None) -> float:
        """The loop time asked for.

        Raises:
            ClockError: See `advance`.
        """
        now_s = self._loop.time()
        if (seconds is None) == (to_s is None):
            raise ClockError("an advance takes either a span in seconds or an instant")
        target_s = now_s + seconds if seconds is not None else to_s
        if target_s is None or not now_s - _RESOLUTION_S < target_s < math.inf:
            raise ClockError(f"bench time never goes back: it is {now_s:.3f} s, not {target_s} s")
        return max(now_s, target_s)
