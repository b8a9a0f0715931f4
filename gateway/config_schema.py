"""Reads a TOML document into frozen dataclasses; whatever is wrong is named with file and line.

The dataclass is the schema: its field names are the keys, its annotations the types, its defaults
the defaults; `setting` adds bounds. What can stand in an annotation: ``bool``, ``int``, ``float``,
``str``, ``pathlib.Path`` (relative to the file), an enum of texts, ``... | None``, a tuple of any
of these, another such dataclass (a table), a tuple of dataclasses (an array of tables), and
``Mapping[str, ...]``. A field made with ``init=False`` or `hidden` is no key. A number without
bounds is at least 0: hardly anything that people configure is negative, and what is says so.
"""

from __future__ import annotations

import dataclasses
import difflib
import enum
import pathlib
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from gateway.config_lines import Path, line_of
from gateway.errors import ConfigError

T = TypeVar("T")

# Characters of a text value: nothing that people configure is longer, and errors quote it.
TEXT_LENGTH_MAX: Final = 1024
_TOML_PLACE: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")
_RULE: Final = "strikeplate.rule"
# Of what is known, so much is told to who meant none of it.
_KNOWN_SHOWN_MAX: Final = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """What a value must fulfil beyond its type.

    Attributes:
        minimum: Smallest number, or None.
        maximum: Largest number, or None.
        check: Raises ConfigError with a sentence, or returns; gets the value.
        is_hidden: True for a field that no file may give, such as a secret.
        hint: What to write instead, for a hidden field.
    """

    minimum: float | None = None
    maximum: float | None = None
    check: Callable[[Any], object] | None = None
    is_hidden: bool = False
    hint: str = ""


# Rules of dataclasses that are made elsewhere and carry none: class to field name to rule.
Rules = Mapping[type, Mapping[str, Rule]]
NO_RULES: Final[Rules] = types.MappingProxyType({})
_NOT_NEGATIVE: Final = Rule(minimum=0)


def setting(
    *,
    default: Any = dataclasses.MISSING,
    minimum: float | None = None,
    maximum: float | None = None,
    check: Callable[[Any], object] | None = None,
) -> Any:
    """A dataclass field with bounds, both included, or a check of its own."""
    rule = Rule(minimum=minimum, maximum=maximum, check=check)
    return dataclasses.field(default=default, metadata={_RULE: rule})


def hidden(*, hint: str, default: Any = None) -> Any:
    """A field that no file may give: giving it is an error that says what to write instead."""
    rule = Rule(is_hidden=True, hint=hint)
    return dataclasses.field(default=default, repr=False, metadata={_RULE: rule})


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """A TOML text and where it comes from.

    Attributes:
        text: The whole text; not shown, since it may hold a secret by mistake.
        source: What to call it in an error, such as a file name.
        folder: What relative paths in it are relative to.
    """

    text: str = dataclasses.field(repr=False)
    source: str
    folder: pathlib.Path = pathlib.Path()

    def read(self, schema: type[T], rules: Rules = NO_RULES) -> T:
        """The whole document as one dataclass.

        Args:
            schema: The dataclass.
            rules: Rules of dataclasses in it that carry none.

        Raises:
            ConfigError: Names file, line and key, and for an unknown key the nearest known one.
        """
        try:
            root = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise self._not_toml(error) from None
        return _Reader(self, rules).table(schema, root, ())

    def fault(self, path: Path, sentence: str) -> ConfigError:
        """An error about one place of the document, to be raised."""
        line = line_of(self.text, path)
        return ConfigError(f"{self.source}:{line}: {dotted(path)}{sentence}")

    def _not_toml(self, error: tomllib.TOMLDecodeError) -> ConfigError:
        place = _TOML_PLACE.search(str(error))
        last_line = self.text.count("\n") + 1
        line = int(place[1]) if place and place[1] else last_line
        reason = _TOML_PLACE.sub("", str(error)).strip()
        return ConfigError(f"{self.source}:{line}: not TOML: {reason}")


def load_document(path: pathlib.Path) -> Document:
    """Read a TOML file.

    Raises:
        ConfigError: When it can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"can't read {path}: {reason}") from None
    return Document(text=text, source=str(path), folder=path.parent)


def dotted(path: Path) -> str:
    """A path for people, with a blank behind it: ``devices[1].moniker``; empty for the root."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else part
    return f"{words} " if words else ""


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """A half sentence that helps with a mistyped word."""
    choices = [str(each) for each in known]
    close = difflib.get_close_matches(word, choices, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not choices:
        return ""
    more = len(choices) - _KNOWN_SHOWN_MAX
    end = f" and {more} more" if more > 0 else ""
    return f"; known: {', '.join(choices[:_KNOWN_SHOWN_MAX])}{end}"


def rule_of(schema: type, field: dataclasses.Field[Any], rules: Rules = NO_RULES) -> Rule:
    """The rule of a field: one given from outside, else the one it carries."""
    rule: Rule = field.metadata.get(_RULE, _NOT_NEGATIVE)
    return rules.get(schema, {}).get(field.name, rule)


def convert_text(schema: type, key: str, text: str, rules: Rules = NO_RULES) -> Any:
    """A scalar field's value from text, as environment and command line give it.

    Raises:
        ConfigError: When the text is no value of that field; the text itself is not repeated.
    """
    hint = _bare(typing.get_type_hints(schema)[key])
    value: Any = text
    if hint is bool:
        words = {"true": True, "1": True, "false": False, "0": False}
        value = words.get(text.lower(), text)
    elif hint in {int, float}:
        try:
            value = hint(text)
        except ValueError:
            value = text
    fields = {field.name: field for field in dataclasses.fields(schema)}
    rule = rule_of(schema, fields[key], rules)
    problem, converted = _scalar(hint, value, rule, pathlib.Path())
    if problem:
        raise ConfigError(problem)
    return converted


class _Reader:
    """Walks a document and its schema together."""

    def __init__(self, document: Document, rules: Rules) -> None:
        self._document = document
        self._rules = rules

    def table(self, schema: type[T], table: object, path: Path) -> T:
        if not isinstance(table, dict):
            raise self._document.fault(path, "must be a table")
        hints = typing.get_type_hints(schema)
        fields = {
            field.name: field
            for field in dataclasses.fields(schema)  # type: ignore[arg-type] # T is a dataclass.
            if field.init
        }
        found = {name: rule_of(schema, field, self._rules) for name, field in fields.items()}
        self._check_keys(found, table, path)
        values: dict[str, Any] = {}
        for name, field in fields.items():
            if name in table:
                values[name] = self._value(hints[name], table[name], found[name], (*path, name))
            elif (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            ):
                raise self._document.fault(path, f"lacks {name!r}")
        try:
            return schema(**values)
        except ConfigError as error:  # From the schema's own __post_init__.
            raise self._document.fault(path, str(error)) from None

    def _check_keys(
        self, rules: Mapping[str, Rule], table: Mapping[str, object], path: Path
    ) -> None:
        known = [name for name, rule in rules.items() if not rule.is_hidden]
        for key in table:
            if key not in rules:
                sentence = f"is not a key here{nearest(key, known)}"
                raise self._document.fault((*path, key), sentence)
            if rules[key].is_hidden:
                raise self._document.fault((*path, key), rules[key].hint)

    def _value(self, hint: Any, value: object, rule: Rule, path: Path) -> Any:
        hint = _bare(hint)
        origin = typing.get_origin(hint)
        if dataclasses.is_dataclass(hint):
            return self.table(typing.cast("type[Any]", hint), value, path)
        if origin is tuple:
            return self._items(typing.get_args(hint)[0], value, rule, path)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(typing.get_args(hint)[1], value, rule, path)
        problem, converted = _scalar(hint, value, rule, self._document.folder)
        if problem:
            raise self._document.fault(path, problem)
        return converted

    def _items(self, item: Any, value: object, rule: Rule, path: Path) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise self._document.fault(path, "must be a list")
        return tuple(
            self._value(item, each, rule, (*path, position)) for position, each in enumerate(value)
        )

    def _mapping(self, item: Any, value: object, rule: Rule, path: Path) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._document.fault(path, "must be a table")
        return types.MappingProxyType(
            {key: self._value(item, each, rule, (*path, key)) for key, each in value.items()}
        )


def _bare(hint: Any) -> Any:
    """An annotation without its ``| None``."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        arms = [arm for arm in typing.get_args(hint) if arm is not type(None)]
        return arms[0]
    return hint


_WANTED: Final[Mapping[type, str]] = types.MappingProxyType(
    {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
)


def _scalar(hint: Any, value: object, rule: Rule, folder: pathlib.Path) -> tuple[str, Any]:
    """Check one value: what is wrong with it (empty when nothing), and what it becomes."""
    if issubclass(hint, enum.Enum):
        choices = [member.value for member in hint]
        if value in choices:
            return "", hint(value)
        return f"has no value {value!r:.40}{nearest(str(value), choices)}", None
    plain = str if issubclass(hint, pathlib.Path) else hint
    # bool is an int to Python, not to people who write configurations.
    fits = isinstance(value, (int, float) if plain is float else plain)
    if not fits or (isinstance(value, bool) and plain is not bool):
        return f"must be {_WANTED[plain]}", None
    problem = _bounds(value, rule)
    if not problem and rule.check is not None:
        try:
            rule.check(value)
        except ConfigError as error:
            problem = f"can't be used: {error}"
    if problem:
        return problem, None
    if plain is float:
        return "", float(typing.cast("float", value))
    return "", folder / typing.cast("str", value) if issubclass(hint, pathlib.Path) else value


def _bounds(value: object, rule: Rule) -> str:
    if isinstance(value, str):
        if not value or len(value) > TEXT_LENGTH_MAX:
            return f"must have 1 to {TEXT_LENGTH_MAX} characters"
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if rule.minimum is not None and not value >= rule.minimum:  # NaN fails too.
            return f"must be at least {rule.minimum:.15g}"
        if rule.maximum is not None and not value <= rule.maximum:
            return f"must be at most {rule.maximum:.15g}"
    return ""
