"""Opens a simulated radio by its moniker."""

from __future__ import annotations

import enum

from firmware_sim.kernel.streams import Streams
from firmware_sim.radio.interface import Radio
from firmware_sim.radio.light.radio import LightRadio
from firmware_sim.radio.sim_radio import SimRadio


class RadioKind(enum.StrEnum):
    """The simulated radios (DESIGN section 4)."""

    SIM = "sim"  # bumble, HCI and all
    LIGHT = "light"  # attribute protocol only


def open_radio(kind: RadioKind, streams: Streams) -> Radio:
    """A radio of that kind.

    Args:
        kind: Its fidelity.
        streams: Named random streams of the run.
    """
    return LightRadio(streams) if kind is RadioKind.LIGHT else SimRadio(streams)
