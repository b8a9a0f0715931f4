"""Pages of a list: cursors that are bound to the parameters they were made for.

A cursor holds the place in the order (created_at, id) after which the next page begins, and a
hash of everything else in the request. Asking for the next page with other parameters is refused
(`mismatched_page_parameters`): the pages would not fit together.
"""

from __future__ import annotations

import dataclasses
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from gateway.api.fields import Parameters
from gateway.api.instants import FIRST_MS, LAST_MS
from gateway.api.zod import invalid
from gateway.errors import InvalidInput

T = TypeVar("T")

# Bytes of the parameters' hash in a cursor: it guards against mistakes, not against attack.
_HASH_BYTES: Final = 12

# Longest cursor looked at; ours are under 200 characters.
_CURSOR_MAX: Final = 1024


# A place in the order of a list: created_at_ms and id of the last object before the page.
Place = tuple[int, str]


@dataclasses.dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is asked for.

    Attributes:
        limit: Most objects on the page.
        after: The page begins after this place; None is the start.
        binding: Hash of everything that the pages of one list have in common.
        url: Address of the same request without a cursor.
    """

    limit: int
    after: Place | None
    binding: str
    url: str

    def cut(self, rows: Sequence[T], id_name: str) -> tuple[Sequence[T], Pagination]:
        """Cut the page out of rows that were read with one more than `limit`.

        Args:
            rows: What was read, each with `created_at_ms`.
            id_name: The attribute that is their id.
        """
        kept = rows[: self.limit]
        if not len(rows) > self.limit > 0:
            return kept, Pagination(has_next_page=False, next_page_cursor=None, next_page_url=None)
        last: Any = kept[-1]
        cursor = urlsafe_b64encode(
            to_json([self.binding, last.created_at_ms, getattr(last, id_name)])
        ).decode()
        return kept, Pagination(
            has_next_page=True,
            next_page_cursor=cursor,
            next_page_url=self.url + urlencode({"page_cursor": cursor, "_strict": "true"}),
        )


class Pagination(TypedDict):
    """What goes beside the list."""

    has_next_page: bool
    next_page_cursor: str | None
    next_page_url: str | None


def page_request(
    parameters: Parameters, *, url: str, path: str, limit: int, limit_max: int
) -> PageRequest:
    """Work out which page a list request asks for.

    Args:
        parameters: The route's parameters, with `limit` and `page_cursor`.
        url: Address of the route, without a query.
        path: The route, part of what a cursor is bound to: the host may change between pages.
        limit: Objects on a page when the request names no `limit`.
        limit_max: Objects on a page at most; who asks for more gets this many, and a cursor.

    Raises:
        InvalidInput: When the cursor is none of ours, or was made for other parameters.
    """
    given = parameters.model_dump(mode="json", exclude={"page_cursor"}, exclude_unset=True)
    binding = hashlib.sha256(to_json([path, sorted(given.items())])).digest()[:_HASH_BYTES].hex()
    asked: int | None = getattr(parameters, "limit", None)
    cursor: str | None = getattr(parameters, "page_cursor", None)
    query = urlencode(_pairs(given))
    return PageRequest(
        limit=min(limit if asked is None else asked, limit_max),
        after=None if cursor is None else _place(cursor, binding),
        binding=binding,
        url=f"{url}?{query}&" if query else f"{url}?",
    )


def _place(cursor: str, binding: str) -> Place:
    try:
        held = from_json(urlsafe_b64decode(cursor[:_CURSOR_MAX].encode("ascii")))
    except ValueError:
        held = None
    match held:
        case [str(bound_to), int(created_at_ms), str(object_id)] if (
            FIRST_MS <= created_at_ms <= LAST_MS and "\x00" not in object_id
        ):
            pass
        case _:
            raise invalid({"page_cursor": "Invalid page cursor"})
    if bound_to != binding:
        raise InvalidInput(
            "A page cursor can only be used with the parameters it was made for",
            fields={"page_cursor": "Made for other parameters"},
            error_type="mismatched_page_parameters",
        )
    return created_at_ms, object_id


def _pairs(given: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Parameters as the SDKs' serializer writes them: names sorted, lists repeated, dots."""
    pairs: list[tuple[str, str]] = []
    for name in sorted(given):
        value = given[name]
        if isinstance(value, Mapping):
            pairs.extend(_pairs(value, f"{prefix}{name}."))
            continue
        items = value if isinstance(value, list) else [value]
        pairs.extend((prefix + name, _text(item)) for item in items or [""])
    return pairs


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
