"""Faults of a radio link: how often a frame needs another try, and when frames may travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from firmware_sim.faults.plan import FaultPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFaults:
    """How frames travel on a connection; all zero means at once and always.

    Attributes:
        connection_interval_s: Seconds between connection events; frames wait for the next one.
            Zero delivers in the loop's next turn.
        loss: Probability, 0 to 1, that a frame gets lost in one connection event. The link layer
            sends it again in the next, so nothing is ever missing; a frame that can't get
            through within the supervision timeout ends the connection.
        drop: Probability, 0 to 1, that a data frame vanishes above the link layer. No radio does
            that; buggy stacks do.
    """

    connection_interval_s: float = 0.0
    loss: float = 0.0
    drop: float = 0.0

    def __post_init__(self) -> None:
        if self.connection_interval_s < 0:
            raise ValueError("a connection interval is not negative")
        if not (0 <= self.loss <= 1 and 0 <= self.drop <= 1):
            raise ValueError("a probability lies between 0 and 1")

    @staticmethod
    def of(plan: FaultPlan) -> LinkFaults | None:
        """The link's part of a device's plan; None when the plan has none."""
        if not (plan.ble_connection_interval_s or plan.ble_loss or plan.ble_drop):
            return None
        return LinkFaults(
            connection_interval_s=plan.ble_connection_interval_s,
            loss=plan.ble_loss,
            drop=plan.ble_drop,
        )


# A perfect link; compared by identity on the fast path.
NO_FAULTS: Final = LinkFaults()
