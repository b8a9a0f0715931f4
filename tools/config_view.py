"""What a gateway's configuration comes to, for `gateway --check`: no secret is in it."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any, Final

from gateway.config import GatewayConfig
from gateway.store.engine import parse_url

# Stands for a value that must not be shown.
NOT_SHOWN: Final = "(set, not shown)"


def view(config: GatewayConfig) -> dict[str, Any]:
    """The effective configuration as JSON: table to key to value, None for what is not set.

    Every field that a configuration class keeps out of its `repr` is a secret. The store's URL
    is one for the password that it may hold; without it, it is worth seeing.
    """
    document: dict[str, Any] = _table(config)
    # Made of the files that the devices name; it is no key of the configuration.
    del document["profiles"]
    url = parse_url(config.store.url)
    document["store"]["url"] = url.render_as_string(hide_password=True)
    return document


def as_text(document: Mapping[str, Any]) -> str:
    """A view as lines of TOML; what is not set is a comment."""
    lines: list[str] = []
    for name, value in document.items():
        tables = value if isinstance(value, list) else [value]
        for table in tables:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [_line(key, each) for key, each in table.items()]
            lines.append("")
    return "\n".join(lines).rstrip()


def _line(key: str, value: Any) -> str:
    if value is None or value == NOT_SHOWN:
        return f"# {key} {'is not set' if value is None else value}"
    return f"{key} = {json.dumps(value)}"


def _table(part: Any) -> dict[str, Any]:
    shown = {}
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if not field.repr and value is not None:
            value = NOT_SHOWN
        shown[field.name] = _value(value)
    return shown


def _value(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return _table(value)
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    return str(value) if isinstance(value, pathlib.Path) else value
