"""`open_link("ble:AA:BB:CC:DD:EE:FF")`: the one registry from a moniker's scheme to a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from gateway.errors import ConfigError
from gateway.links.ble import BleCentral
from gateway.links.interface import Link
from gateway.links.monikers import Moniker, bluetooth_address, check_parameters, parse_moniker
from gateway.ports import Edge

T = TypeVar("T")

OpenLink = AbstractAsyncContextManager[Link]


@dataclass(frozen=True, slots=True)
class Carriers:
    """What links are carried by, shared by all of them.

    Attributes:
        ble: The radio, or None where this gateway has none.
        edge: The way to real sockets, for the schemes that need them.
    """

    ble: BleCentral | None
    edge: Edge


def _check_ble(moniker: Moniker) -> str:
    check_parameters(moniker, known=())
    return bluetooth_address(moniker)


def _open_ble(moniker: Moniker, carriers: Carriers) -> OpenLink:
    address = _check_ble(moniker)
    if carriers.ble is None:
        raise ConfigError(f"'{moniker}' can't be opened: this gateway has no Bluetooth radio")
    return carriers.ble.connect(address)


Opener = Callable[[Moniker, Carriers], OpenLink]
OPENERS: Final[Mapping[str, Opener]] = MappingProxyType({"ble": _open_ble})
_CHECKS: Final[Mapping[str, Callable[[Moniker], object]]] = MappingProxyType({"ble": _check_ble})


def open_link(moniker: str | Moniker, carriers: Carriers) -> OpenLink:
    """A context manager that holds a link to what a moniker names.

    The moniker is checked at once; connecting begins when the context is entered.

    Raises:
        ConfigError: When the moniker is not one, or names something that no link can reach.
    """
    parsed = parse_moniker(moniker) if isinstance(moniker, str) else moniker
    return _of_scheme(OPENERS, parsed)(parsed, carriers)


def check_link(moniker: str) -> None:
    """Refuse a moniker that no link can reach, without opening anything.

    Raises:
        ConfigError: See `open_link`.
    """
    parsed = parse_moniker(moniker)
    _of_scheme(_CHECKS, parsed)(parsed)


def _of_scheme(known: Mapping[str, T], moniker: Moniker) -> T:
    if moniker.scheme not in known:
        raise ConfigError(
            f"'{moniker}' names no link: scheme {moniker.scheme!r} is not one of"
            f" {', '.join(sorted(known))}"
        )
    return known[moniker.scheme]
