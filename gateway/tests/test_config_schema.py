"""The reader from TOML to frozen dataclasses."""

from __future__ import annotations

import dataclasses
import enum
import math
import pathlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config_schema import (
    TEXT_LENGTH_MAX,
    Document,
    Rule,
    Rules,
    convert_text,
    hidden,
    load_document,
    setting,
)
from gateway.errors import ConfigError


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


def check_even(value: int) -> None:
    if value % 2:
        raise ConfigError("it is odd")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    name: str
    size: int = setting(default=1, minimum=1, maximum=9)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    wait_s: float = 2.0
    count: int = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    title: str = "none"
    ratio: float = setting(default=0.5, minimum=-1, maximum=1)
    count: int = 0
    even: int = setting(default=0, check=check_even)
    is_on: bool = False
    colour: Colour = Colour.RED
    colours: tuple[Colour, ...] = ()
    path: pathlib.Path | None = None
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    plain: Plain = Plain()
    secret: str | None = hidden(hint="can't stand here: use the environment")
    derived: int = dataclasses.field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.title == "wrong":
            raise ConfigError("has the wrong title")


def read(text: str) -> Whole:
    return Document(text=text, source="x.toml", folder=pathlib.Path("/etc")).read(Whole)


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


def test_read_of_an_empty_text_is_all_defaults() -> None:
    assert read("") == Whole()


def test_read_takes_every_kind_of_value() -> None:
    whole = read(
        """
        title = "t"
        ratio = 1
        count = 7
        even = 4
        is_on = true
        colour = "green"
        colours = ["red", "green"]
        path = "file.txt"
        labels = { a = "b", "c d" = "e" }
        [inner]
        name = "i"
        [[inners]]
        name = "one"
        size = 9
        [[inners]]
        name = "two"
        [plain]
        wait_s = 1.5
        """
    )
    assert whole == Whole(
        title="t",
        ratio=1.0,
        count=7,
        even=4,
        is_on=True,
        colour=Colour.GREEN,
        colours=(Colour.RED, Colour.GREEN),
        path=pathlib.Path("/etc/file.txt"),
        labels={"a": "b", "c d": "e"},
        inner=Inner(name="i"),
        inners=(Inner(name="one", size=9), Inner(name="two")),
        plain=Plain(wait_s=1.5),
    )
    assert isinstance(whole.ratio, float)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('titel = "x"', "x.toml:1: titel is not a key here; did you mean 'title'?"),
        ("\n\nzzz = 1", "x.toml:3: zzz is not a key here; known: title, ratio, count, even"),
        ("[inner]\nname = 'x'\nsiez = 1", "x.toml:3: inner.siez is not a key here; did you mean"),
        ("[[inners]]\nname = 'x'\n[[inners]]\nsize = 2", "x.toml:3: inners[1] lacks 'name'"),
        ("inner = 3", "x.toml:1: inner must be a table"),
        ("inners = 3", "x.toml:1: inners must be a list"),
        ("inners = [3]", "x.toml:1: inners[0] must be a table"),
        ("labels = 3", "x.toml:1: labels must be a table"),
        ("labels = { a = 1 }", "x.toml:1: labels.a must be a text"),
        ("title = 3", "x.toml:1: title must be a text"),
        ('title = ""', "x.toml:1: title must have 1 to 1024 characters"),
        (f'title = "{"x" * (TEXT_LENGTH_MAX + 1)}"', "title must have 1 to 1024 characters"),
        ("count = true", "x.toml:1: count must be a whole number"),
        ("count = 1.0", "x.toml:1: count must be a whole number"),
        ("count = -1", "x.toml:1: count must be at least 0"),
        ('ratio = "1"', "x.toml:1: ratio must be a number"),
        ("ratio = false", "x.toml:1: ratio must be a number"),
        ("ratio = -2", "x.toml:1: ratio must be at least -1"),
        ("ratio = nan", "x.toml:1: ratio must be at least -1"),
        ("ratio = 1.5", "x.toml:1: ratio must be at most 1"),
        ("is_on = 1", "x.toml:1: is_on must be true or false"),
        ("even = 3", "x.toml:1: even can't be used: it is odd"),
        ('colour = "grene"', "x.toml:1: colour has no value 'grene'; did you mean 'green'?"),
        ("colour = 3", "x.toml:1: colour has no value 3; known: red, green"),
        ('colours = [\n"red",\n"blue"]', "x.toml:1: colours[1] has no value 'blue'"),
        ("path = 3", "x.toml:1: path must be a text"),
        ('secret = "x"', "x.toml:1: secret can't stand here: use the environment"),
        ("derived = 1", "x.toml:1: derived is not a key here"),
        ('title = "wrong"', "x.toml:1: has the wrong title"),
        ("a = \nb = 1", "x.toml:1: not TOML: Invalid value"),
        ('a = """', "x.toml:1: not TOML: "),
        ("plain = { wait_s = inf, count = 2 }\n[plain2]", "x.toml:2: plain2 is not a key here"),
    ],
)
def test_read_of_a_mistake_names_file_line_and_key(text: str, sentence: str) -> None:
    assert sentence in fault(text)


def test_read_never_repeats_a_hidden_value() -> None:
    assert "swordfish" not in fault('secret = "swordfish"')
    assert "swordfish" not in repr(Document(text='secret = "swordfish"', source="x"))
    assert "swordfish" not in repr(Whole(secret="swordfish"))


def test_read_with_rules_from_outside_applies_them() -> None:
    document = Document(text="[plain]\nwait_s = 9", source="x.toml")
    assert document.read(Whole).plain.wait_s == 9.0
    rules: Rules = {Plain: {"wait_s": Rule(minimum=0, maximum=5)}}
    with pytest.raises(ConfigError, match=r"x.toml:2: plain.wait_s must be at most 5"):
        document.read(Whole, rules)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("title", "x", "x"),
        ("count", "12", 12),
        ("ratio", "0.25", 0.25),
        ("ratio", "1", 1.0),
        ("is_on", "TRUE", True),
        ("is_on", "0", False),
        ("colour", "green", Colour.GREEN),
        ("path", "a/b", pathlib.Path("a/b")),
    ],
)
def test_convert_text_gives_the_fields_type(key: str, text: str, value: object) -> None:
    converted = convert_text(Whole, key, text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("count", "12.5", "must be a whole number"),
        ("count", "-1", "must be at least 0"),
        ("ratio", "x", "must be a number"),
        ("is_on", "yes", "must be true or false"),
        ("even", "3", "it is odd"),
    ],
)
def test_convert_text_of_anything_else_is_refused(key: str, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        convert_text(Whole, key, text)


def test_load_document_keeps_the_folder_for_relative_paths(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('path = "key.txt"', encoding="utf-8")
    assert load_document(path).read(Whole).path == tmp_path / "key.txt"


def test_load_document_that_can_not_be_read_says_why(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_document(tmp_path / "none.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load_document(path)


SCALARS = st.one_of(
    st.integers(),
    st.booleans(),
    st.floats(),
    st.text("abc", max_size=4),
    st.lists(st.integers(), max_size=2),
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value)
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)


@given(
    st.dictionaries(
        st.sampled_from([field.name for field in dataclasses.fields(Whole)] + ["x", "titel"]),
        SCALARS,
        max_size=4,
    )
)
def test_read_of_any_values_is_the_dataclass_or_a_config_error(values: dict[str, object]) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in values.items())
    sentence = "x.toml:"
    try:
        read(text)
    except ConfigError as error:
        sentence = str(error)
    assert sentence.startswith("x.toml:")
