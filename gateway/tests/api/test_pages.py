from __future__ import annotations

import dataclasses
from base64 import urlsafe_b64encode
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.models.access_grants import ListAccessGrants
from gateway.api.models.devices import ListDevices
from gateway.api.pages import PageRequest, page_request
from gateway.errors import InvalidInput

URL = "http://127.0.0.1:8420/devices/list"


@dataclasses.dataclass(frozen=True)
class Row:
    created_at_ms: int
    device_id: str


PATH = "/devices/list"


def asked(**parameters: object) -> PageRequest:
    return asked_of(PATH, parameters)


def asked_of(path: str, parameters: dict[str, object]) -> PageRequest:
    model = ListDevices.model_validate(parameters)
    return page_request(model, url=URL, path=path, limit=500, limit_max=1000)


ROWS = [Row(n // 2, f"d{n}") for n in range(5)]


def test_cut_when_there_is_more_then_the_cursor_leads_on_from_the_last_row() -> None:
    kept, pagination = asked(limit=2).cut(ROWS[:3], "device_id")
    assert kept == ROWS[:2]
    assert pagination["has_next_page"] is True
    next_page = asked(limit=2, page_cursor=pagination["next_page_cursor"])
    assert next_page.after == (0, "d1")


@pytest.mark.parametrize("limit", [3, 4, 0])
def test_cut_when_nothing_follows_then_there_is_no_cursor(limit: int) -> None:
    kept, pagination = asked(limit=limit).cut(ROWS[:3], "device_id")
    assert kept == ROWS[: min(limit, 3)]
    assert pagination == {
        "has_next_page": False,
        "next_page_cursor": None,
        "next_page_url": None,
    }


def test_cut_when_there_is_more_then_the_url_asks_for_it_in_the_serializers_form() -> None:
    request = asked(
        limit=1,
        device_ids=["a", "b"],
        custom_metadata_has={"floor": "2", "is_main": True},
        created_before="2025-07-13T15:00:00Z",
        device_types=[],
    )
    _, pagination = request.cut(ROWS[:2], "device_id")
    url = urlsplit(pagination["next_page_url"] or "")
    assert f"{url.scheme}://{url.netloc}{url.path}" == URL
    assert parse_qsl(url.query, keep_blank_values=True) == [
        ("created_before", "2025-07-13T15:00:00.000Z"),
        ("custom_metadata_has.floor", "2"),
        ("custom_metadata_has.is_main", "true"),
        ("device_ids", "a"),
        ("device_ids", "b"),
        ("device_types", ""),
        ("limit", "1"),
        ("page_cursor", pagination["next_page_cursor"]),
        ("_strict", "true"),
    ]


def test_page_request_when_no_limit_is_given_then_the_documented_one_holds() -> None:
    assert asked().limit == 500
    assert asked(limit=5000).limit == 1000


@pytest.mark.parametrize("changed", [{"limit": 3}, {"device_ids": ["a"]}, {"search": "x"}])
def test_page_request_when_another_parameter_changed_then_the_cursor_is_refused(
    changed: dict[str, object],
) -> None:
    _, pagination = asked(limit=2).cut(ROWS[:3], "device_id")
    with pytest.raises(InvalidInput) as refusal:
        asked(**{"limit": 2, **changed}, page_cursor=pagination["next_page_cursor"])
    assert refusal.value.error_type == "mismatched_page_parameters"


def test_page_request_when_the_cursor_is_from_another_route_then_it_is_refused() -> None:
    _, pagination = asked(limit=2).cut(ROWS[:3], "device_id")
    with pytest.raises(InvalidInput, match="only be used with the parameters"):
        asked_of("/locks/list", {"limit": 2, "page_cursor": pagination["next_page_cursor"]})


def test_page_request_when_the_cursor_alone_is_null_then_the_next_one_still_fits() -> None:
    _, pagination = asked(limit=2, page_cursor=None).cut(ROWS[:3], "device_id")
    assert asked(limit=2.0, page_cursor=pagination["next_page_cursor"]).after == (0, "d1")


def test_page_request_when_null_is_a_value_then_the_url_says_so_and_the_cursor_is_bound() -> None:
    def asked_for(**parameters: object) -> PageRequest:
        model = ListAccessGrants.model_validate(parameters)
        return page_request(model, url=URL, path=PATH, limit=500, limit_max=1000)

    _, pagination = asked_for(access_grant_key=None, limit=2).cut(ROWS[:3], "device_id")
    assert "?access_grant_key=&limit=2&" in (pagination["next_page_url"] or "")
    with pytest.raises(InvalidInput):
        asked_for(limit=2, page_cursor=pagination["next_page_cursor"])


def forged(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "a" * 5000,
        forged("{}"),
        forged("[]"),
        forged('["x", 1]'),
        forged('["x", "1", "d"]'),
        forged('["x", 1.5, "d"]'),
        forged('["x", 1, 2]'),
        forged('["x", 1' + "0" * 100 + ', "d"]'),
        forged('["x", 1, "\\u0000"]'),
        forged("[" * 500),
    ],
)
def test_page_request_when_the_cursor_is_none_of_ours_then_it_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        asked(page_cursor=cursor)
    assert refusal.value.fields == {"page_cursor": "Invalid page cursor"}


@given(st.text())
def test_page_request_when_the_cursor_is_anything_then_nothing_but_a_refusal_is_raised(
    cursor: str,
) -> None:
    with pytest.raises(InvalidInput):
        asked(page_cursor=cursor)
