"""What a route is: one declaration from which everything about it follows.

The methods that are registered, how parameters are read, the keys of the reply and the page in
the OpenAPI document all come from here, so that the dialects of the SDKs can't drift apart.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from gateway.access.context import Context
from gateway.api.fields import Parameters
from gateway.api.pages import PageRequest, Pagination, page_request
from gateway.api.services import Services

P = TypeVar("P", bound=Parameters)
T = TypeVar("T")


class Method(enum.StrEnum):
    """HTTP methods in the order in which replies name them."""

    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"
    PUT = "PUT"
    DELETE = "DELETE"


# The sets of methods that are documented together.
READ = (Method.GET, Method.POST)
ACT = (Method.POST,)
DELETE = (Method.POST, Method.DELETE)


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler.

    Attributes:
        services: The rooms below.
        workspace_id: Where the caller may act.
        path: The route.
        url: Its address as the caller wrote it, without a query.
    """

    services: Services
    workspace_id: str
    path: str
    url: str

    async def read(self, query: Callable[[sa.Connection, Context], T]) -> T:
        """Run a query at the present instant."""
        context = self.services.context(self.workspace_id)
        return await self.services.store.read(lambda conn: query(conn, context))

    async def write(self, unit: Callable[[sa.Connection, Context], T]) -> T:
        """Run a unit at the present instant; it may run more than once, and commits once."""
        context = self.services.context(self.workspace_id)
        return await self.services.store.write(lambda conn: unit(conn, context))

    def page(self, parameters: Parameters, *, limit: int) -> PageRequest:
        """The page that a list request asks for; `limit` is the documented default."""
        return page_request(
            parameters,
            url=self.url,
            path=self.path,
            limit=limit,
            limit_max=max(limit, self.services.limits.page_size),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A list with what goes beside it."""

    items: Sequence[Any]
    pagination: Pagination


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """Something was changed: devices are to be told, then the reply is read.

    Attributes:
        device_ids: Devices that have work now.
        show: Reads what the reply shows, once the devices had their chance.
    """

    device_ids: Collection[str]
    show: Callable[[], Awaitable[Any]]


Handler = Callable[[Call, P], Awaitable[Any]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[P]):
    """The declaration of a route.

    Attributes:
        path: `/<noun>/<verb>`.
        methods: Every documented method; they all mean the same.
        summary: One sentence for the OpenAPI document.
        parameters: The model of its parameters.
        keys: Names under which the reply shows the result: the first is what new SDKs read, the
            others what old ones do. None for a reply of `ok` alone.
        shows: Type of the result.
        changes: The handler returns `Changed`.
        is_paged: The handler returns `Listed`.
        handler: Does the work.
    """

    path: str
    methods: tuple[Method, ...]
    summary: str
    parameters: type[P]
    handler: Handler[P]
    keys: tuple[str, ...] = ()
    shows: Any = None
    changes: bool = False
    is_paged: bool = False


async def nothing_to_show() -> None:
    """The `show` of a change whose reply is `ok` alone."""
