"""The grammar of monikers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.links.monikers import (
    Moniker,
    bluetooth_address,
    check_parameters,
    parse_moniker,
)


@pytest.mark.parametrize(
    ("text", "scheme", "target", "parameters"),
    [
        ("sim:latch-m?seed=7", "sim", "latch-m", {"seed": "7"}),
        ("ble:AA:BB:CC:DD:EE:FF", "ble", "AA:BB:CC:DD:EE:FF", {}),
        ("serial:/dev/ttyUSB0?baud=9600", "serial", "/dev/ttyUSB0", {"baud": "9600"}),
        ("serial:/dev/ttyACM0,1000000,rtscts", "serial", "/dev/ttyACM0,1000000,rtscts", {}),
        ("tcp:127.0.0.1:4321", "tcp", "127.0.0.1:4321", {}),
        ("mqtt://127.0.0.1:1883", "mqtt", "127.0.0.1:1883", {}),
        ("usb:0", "usb", "0", {}),
        ("light", "light", "", {}),
        ("sim?seed=1&name=a%26b", "sim", "", {"seed": "1", "name": "a&b"}),
        ("sim:x?empty=", "sim", "x", {"empty": ""}),
    ],
)
def test_parse_moniker_of_each_kind(
    text: str, scheme: str, target: str, parameters: dict[str, str]
) -> None:
    moniker = parse_moniker(text)
    assert (moniker.scheme, moniker.target, dict(moniker.parameters)) == (
        scheme,
        target,
        parameters,
    )
    assert str(moniker) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "scheme in lower case"),
        ("BLE:AA:BB:CC:DD:EE:FF", "scheme in lower case"),
        ("AA:BB:CC:DD:EE:FF", "scheme in lower case"),
        ("9p:x", "scheme in lower case"),
        ("ble:", "names nothing after 'ble:'"),
        ("sim:a b", "blanks"),
        ("sim:a\n", "control characters"),
        ("sim:x?", "is not name=value"),
        ("sim:x?seed", "'seed' after the question mark is not name=value"),
        ("sim:x?=7", "is not name=value"),
        ("sim:x?a=1&a=2", "gives 'a' twice"),
        ("sim:" + "x" * 600, "at most 512 characters, not 604"),
    ],
)
def test_parse_moniker_of_bad_text_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_moniker(text)


@given(st.text(max_size=40))
def test_parse_moniker_of_any_text_is_a_moniker_or_a_config_error(text: str) -> None:
    try:
        moniker = parse_moniker(text)
    except ConfigError:
        return
    assert moniker.scheme


@given(
    st.sampled_from(["sim", "tcp", "mqtt"]),
    st.text("abc:/._-019", min_size=1, max_size=10).filter(lambda text: text[:1] != "/"),
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
        st.text(st.characters(codec="utf-8"), max_size=5),
        max_size=3,
    ),
)
def test_parse_moniker_of_a_formatted_one_is_the_same(
    scheme: str, target: str, parameters: dict[str, str]
) -> None:
    moniker = Moniker(scheme=scheme, target=target, parameters=parameters)
    parsed = parse_moniker(str(moniker))
    assert (parsed.scheme, parsed.target) == (scheme, target)
    assert dict(parsed.parameters) == parameters


def test_bluetooth_address_is_normalised() -> None:
    assert bluetooth_address(parse_moniker("ble:aa:bb:cc:dd:ee:0f")) == "AA:BB:CC:DD:EE:0F"
    macos = "6BA7B811-9DAD-11D1-80B4-00C04FD430C8"
    assert bluetooth_address(parse_moniker(f"ble:{macos.lower()}")) == macos


@pytest.mark.parametrize("target", ["AA:BB:CC:DD:EE", "AA-BB-CC-DD-EE-FF", "latch", "GG:" * 6])
def test_bluetooth_address_of_anything_else_is_refused(target: str) -> None:
    with pytest.raises(ConfigError, match="six pairs of hex digits"):
        bluetooth_address(parse_moniker(f"ble:{target}"))


def test_check_parameters_names_the_unknown_one() -> None:
    moniker = parse_moniker("sim:x?seed=7&sped=1")
    check_parameters(moniker, ("seed", "sped"))
    with pytest.raises(ConfigError, match="unknown parameter 'sped'; known: seed, speed"):
        check_parameters(moniker, ("seed", "speed"))
    with pytest.raises(ConfigError, match="it takes none"):
        check_parameters(moniker, ())
