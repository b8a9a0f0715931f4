"""Renders the parts of the reference pages that follow from the code.

A page holds blocks between two comment lines,

    <!-- rendered: table policy -->
    <!-- end rendered -->

and `fill(page)` puts into each what the code says today; a test compares every page with its own
filling. `python -m tools.tests.docs_reference` writes the pages anew.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import importlib
import inspect
import pathlib
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firmware_sim.faults.plan import FaultPlan
from gateway.api.declaration import Route
from gateway.api.routes.table import ROUTES
from gateway.config import (
    _OVERRIDABLE,
    _PREFIX,
    RULES,
    ApiConfig,
    BleConfig,
    DeviceConfig,
    StoreConfig,
    WorkspaceConfig,
)
from gateway.config_schema import rule_of
from gateway.errors import AccessError
from gateway.plan.policy import DAY_S, HOUR_S, Policy
from hil_tests.bench_file import BENCH_RULES, BenchDevice, BenchTable
from hil_tests.errors import BenchError
from protocols.errors import StrikeplateError
from tools.cli import build_parser
from tools.errors import EXIT_CODES
from tools.tests.docs_flash import FLASH_RENDERERS
from tools.tests.docs_markdown import attributes, code, sentence, table
from tools.tests.docs_profiles import facts_of_all, fields, overview

ROOT: Final = pathlib.Path(__file__).resolve().parents[2]
BLOCK: Final = re.compile(
    r"(<!-- rendered: (?P<name>[^>]+?) -->\n).*?(<!-- end rendered -->)", re.DOTALL
)
PAGES: Final = tuple(
    ROOT / "docs" / "reference" / f"{name}.md"
    for name in (
        "bench",
        "cli",
        "errors",
        "faults",
        "flash-layout",
        "gateway-config",
        "profiles",
        "seam-api",
    )
)

E = typing.TypeVar("E", bound=Exception)


def fill(page: str) -> str:
    """A page with every rendered block as the code has it today.

    Raises:
        KeyError: When the page asks for a block that there is not.
    """
    return BLOCK.sub(lambda match: match[1] + render(match["name"]) + match[3], page)


def render(name: str) -> str:
    """One block, ending with a newline."""
    kind, _, argument = name.partition(" ")
    return RENDERERS[kind](argument)


# --- the command line -----------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Verb, or verb and action, to its parser."""
    found: dict[str, argparse.ArgumentParser] = {}
    for verb, parser in _choices(build_parser()).items():
        actions = _choices(parser)
        found |= {f"{verb} {action}": each for action, each in actions.items()} or {verb: parser}
    return found


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


def verb(name: str) -> str:
    rows = []
    for action in parsers()[name]._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        rows.append((_argument(action), _default(action), _help(action)))
    return table(("argument", "default", "meaning"), rows)


def _argument(action: argparse.Action) -> str:
    shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    if not action.option_strings:
        text = f"{shown} ..." if action.nargs == "+" else shown
        return code(f"[{text}]" if action.nargs == "?" else text)
    return code(action.option_strings[-1] + ("" if action.nargs == 0 else f" {shown}"))


def _default(action: argparse.Action) -> str:
    if action.required and action.option_strings:
        return "required"
    if action.default in (None, False, [], argparse.SUPPRESS):
        return ""
    default = action.default
    return code(f"{default:g}" if isinstance(default, float) else default)


def _help(action: argparse.Action) -> str:
    text = sentence(action.help)
    # The default has a column of its own.
    return re.sub(r" ?\((default: )?%\(default\)s\)| \(1\)$| \(default: 1\)$", "", text)


def exit_codes(_: str) -> str:
    codes: dict[int, list[str]] = {}
    for kind, number in EXIT_CODES:
        codes.setdefault(number, []).append(code(kind.__name__))
    shown = {
        0: "done",
        130: "interrupted from the keyboard",
    } | {number: ", ".join(kinds) for number, kinds in codes.items()}
    return table(("code", "error"), [(code(number), shown[number]) for number in sorted(shown)])


# --- configuration --------------------------------------------------------------------------

TABLES: Final[Mapping[str, type[Any]]] = {
    "api": ApiConfig,
    "store": StoreConfig,
    "ble": BleConfig,
    "policy": Policy,
    "workspace": WorkspaceConfig,
    "devices": DeviceConfig,
    "bench": BenchTable,
    "bench-devices": BenchDevice,
    "faults": FaultPlan,
}


def settings(name: str) -> str:
    schema = TABLES[name]
    meanings = attributes(schema)
    hints = typing.get_type_hints(schema)
    rows = [
        (
            code(field.name),
            _type(hints[field.name]),
            _setting_default(field),
            _bounds(schema, field),
            meanings[field.name],
        )
        for field in dataclasses.fields(schema)
        if not rule_of(schema, field, RULES).is_hidden
    ]
    return table(("key", "type", "default", "bounds", "meaning"), rows)


def _type(hint: Any) -> str:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        hint = next(arm for arm in typing.get_args(hint) if arm is not type(None))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(code(member.value) for member in hint)
    if dataclasses.is_dataclass(hint):
        return "table"
    names = {bool: "bool", int: "int", float: "float", str: "text", pathlib.Path: "path"}
    return names[hint]


def _setting_default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return "required"
    if field.default is None or dataclasses.is_dataclass(field.default):
        return ""
    if isinstance(field.default, bool):
        return code(str(field.default).lower())
    if isinstance(field.default, str):
        return code(f'"{field.default}"')
    span = _span(field.default) if field.name.endswith("_s") else ""
    return f"{code(field.default)}{span}"


def _span(seconds: float) -> str:
    for unit_s, unit in ((DAY_S, "d"), (HOUR_S, "h"), (60, "min")):
        # Three days are known as 72 hours to everybody in this trade.
        if seconds >= unit_s and seconds % unit_s == 0 and (unit != "d" or seconds > 3 * DAY_S):
            return f" ({seconds // unit_s:g} {unit})"
    return ""


def _bounds(schema: type[Any], field: dataclasses.Field[Any]) -> str:
    hints = typing.get_type_hints(schema)
    if _type(hints[field.name]) not in {"int", "float"}:
        return ""
    rule = rule_of(schema, field, BENCH_RULES)
    if rule.maximum is None:
        return "" if rule.minimum is None else f"at least {rule.minimum:.15g}"
    return f"{rule.minimum:.15g} to {rule.maximum:.15g}"


def variables(_: str) -> str:
    """The environment variables of the configuration, and their names for `--set`."""
    rows = []
    for name in _OVERRIDABLE:
        schema = TABLES[name]
        for field in dataclasses.fields(schema):
            variable = code(f"{_PREFIX}_{name}_{field.name}".upper())
            is_hidden = rule_of(schema, field, RULES).is_hidden
            rows.append((variable, "" if is_hidden else code(f"{name}.{field.name}")))
    return table(("environment", "`--set`"), rows)


# --- the API --------------------------------------------------------------------------------


def routes(prefix: str) -> str:
    rows = [
        (
            code(route.path),
            " ".join(method.value for method in route.methods),
            _parameters(route),
            _reply(route),
        )
        for route in ROUTES
        if route.path.startswith(f"/{prefix}/")
    ]
    return table(("route", "methods", "parameters", "reply"), rows)


def _parameters(route: Route[Any]) -> str:
    fields = route.parameters.model_fields
    required = [f"**{code(name)}**" for name, field in fields.items() if field.is_required()]
    others = [code(name) for name, field in fields.items() if not field.is_required()]
    return ", ".join(required + others)


def _reply(route: Route[Any]) -> str:
    keys = [*route.keys, *(["pagination"] if route.is_paged else [])]
    return ", ".join(code(key) for key in keys) or "`ok` alone"


# --- errors ---------------------------------------------------------------------------------


def errors(package: str) -> str:
    """A package's branch of the error tree, drawn, each with its meaning."""
    for path in sorted((ROOT / package).rglob("errors.py")):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    lines = list(_branch(StrikeplateError, package, ""))
    width = max(len(drawn) for drawn, _ in lines)
    body = "\n".join(f"{drawn.ljust(width)}  {meaning}".rstrip() for drawn, meaning in lines)
    return f"```text\n{body}\n```\n"


def _branch(kind: type[Exception], package: str, stem: str) -> Iterator[tuple[str, str]]:
    if not stem:
        yield kind.__name__, sentence(kind.__doc__) if _is_of(kind, package) else ""
    below = [each for each in _children(kind) if _has_part(each, package)]
    for child in below:
        is_last = child is below[-1]
        yield stem + ("└─ " if is_last else "├─ ") + child.__name__, _meaning(child)
        # An empty stem would draw the child as a root.
        yield from list(_branch(child, package, stem + ("   " if is_last else "│  ")))


def _children(kind: type[E]) -> list[type[E]]:
    # A room's own branch stands behind those of its package; in a file, lines decide.
    return sorted(kind.__subclasses__(), key=lambda each: (each.__module__, _line(each)))


def _line(kind: type[Exception]) -> int:
    return inspect.getsourcelines(kind)[1]


def _has_part(kind: type[Exception], package: str) -> bool:
    return _is_of(kind, package) or any(_has_part(each, package) for each in _children(kind))


def _is_of(kind: type[Exception], package: str) -> bool:
    """True for an error of the package's tree, in whichever of its rooms it stands."""
    return kind.__module__.startswith(f"{package}.") and kind.__module__.endswith(".errors")


def _meaning(kind: type[Exception]) -> str:
    text = sentence(kind.__doc__)
    if issubclass(kind, AccessError | BenchError):
        text += f" HTTP {kind.http_status}."
    return text


def bench_errors(_: str) -> str:
    kinds: list[type[BenchError]] = [BenchError, *_children(BenchError)]
    rows = sorted(
        (str(kind.http_status), code(kind.error_type), sentence(kind.__doc__)) for kind in kinds
    )
    return table(("status", "`error.type`", "when"), rows)


RENDERERS: Final = {
    "bench-errors": bench_errors,
    "verb": verb,
    "exit-codes": exit_codes,
    "table": settings,
    "variables": variables,
    "routes": routes,
    "errors": errors,
    "profile-overview": overview,
    "profile-fields": fields,
    "profile-facts": facts_of_all,
    **FLASH_RENDERERS,
}


def write() -> int:
    """Write every page anew."""
    for path in PAGES:
        path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(write())
