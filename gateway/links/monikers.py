"""Monikers: one line of text that names what to open.

Grammar: ``scheme[:target][?name=value[&name=value]...]``. One grammar serves the command line,
configuration files and pytest: ``sim:latch-m?seed=7``, ``ble:AA:BB:CC:DD:EE:FF``,
``serial:/dev/ttyUSB0?baud=9600``, ``tcp:127.0.0.1:4321``, ``mqtt://127.0.0.1:1883``, and the
radios ``sim``, ``light``, ``usb:0``, ``serial:/dev/ttyACM0,1000000,rtscts``. Whether a scheme
needs a target, and what it looks like, is the business of whoever opens it.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.errors import ConfigError

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*\Z")
_BLUETOOTH_ADDRESS: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}\Z")
# macOS hides addresses and names a peripheral by a UUID of its own.
_COREBLUETOOTH_ID: Final = re.compile(r"[0-9A-F]{8}-([0-9A-F]{4}-){3}[0-9A-F]{12}\Z")
# A moniker is typed by hand or stands in a configuration: longer text is a mistake.
_LENGTH_MAX: Final = 512  # characters


@dataclass(frozen=True, slots=True)
class Moniker:
    """A parsed moniker.

    Attributes:
        scheme: What kind of thing, in lower case.
        target: Which one; empty when the scheme stands alone.
        parameters: What stood after the question mark, in that order.
    """

    scheme: str
    target: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        slashes = "//" if self.scheme == "mqtt" else ""
        colon = ":" if self.target else ""
        query = urllib.parse.urlencode(self.parameters, quote_via=urllib.parse.quote)
        return f"{self.scheme}{colon}{slashes}{self.target}{'?' if query else ''}{query}"


def parse_moniker(text: str) -> Moniker:
    """Read a moniker.

    Raises:
        ConfigError: When the text is not one; the sentence says what is wrong with it.
    """
    if len(text) > _LENGTH_MAX:
        raise ConfigError(f"a moniker has at most {_LENGTH_MAX} characters, not {len(text)}")
    if not text.isprintable() or " " in text:
        raise ConfigError(f"{text!r} is no moniker: blanks and control characters don't belong")
    body, mark, query = text.partition("?")
    scheme, colon, target = body.partition(":")
    if not _SCHEME.match(scheme):
        raise ConfigError(
            f"{text!r} is no moniker: it starts with a scheme in lower case, as in"
            " 'ble:AA:BB:CC:DD:EE:FF'"
        )
    if colon and not target:
        raise ConfigError(f"{text!r} names nothing after {scheme + ':'!r}")
    return Moniker(
        scheme=scheme,
        target=target.removeprefix("//"),
        parameters=MappingProxyType(_parameters(text, query) if mark else {}),
    )


def _parameters(text: str, query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise ConfigError(f"{text!r}: {part!r} after the question mark is not name=value")
        if name in parameters:
            raise ConfigError(f"{text!r} gives {name!r} twice")
        parameters[urllib.parse.unquote(name)] = urllib.parse.unquote(value)
    return parameters


def check_parameters(moniker: Moniker, known: tuple[str, ...]) -> None:
    """Refuse parameters that a scheme does not have.

    Raises:
        ConfigError: Names the first unknown one and those that are known.
    """
    for name in moniker.parameters:
        if name not in known:
            choice = f"known: {', '.join(known)}" if known else "it takes none"
            raise ConfigError(f"'{moniker}' has an unknown parameter {name!r}; {choice}")


def bluetooth_address(moniker: Moniker) -> str:
    """The address of a ``ble:`` moniker, in upper case.

    Raises:
        ConfigError: When the target is neither a Bluetooth address nor a CoreBluetooth id.
    """
    address = moniker.target.upper()
    if _BLUETOOTH_ADDRESS.match(address) or _COREBLUETOOTH_ID.match(address):
        return address
    raise ConfigError(
        f"'{moniker}' names no Bluetooth device: write six pairs of hex digits, as in"
        " 'ble:AA:BB:CC:DD:EE:FF'"
    )
