"""A request's parameters: from the query and the body, the body wins, checked against a model."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request

from gateway.api.fields import Parameters, json_type
from gateway.api.query import parse_query
from gateway.api.shapes import shapes_of
from gateway.api.zod import invalid, refusal
from gateway.errors import InvalidInput

P = TypeVar("P", bound=Parameters)


class ParameterReader(Generic[P]):
    """Reads the parameters of one route; what its model says is worked out once.

    Attributes:
        model: The route's parameter model.
    """

    def __init__(self, model: type[P]) -> None:
        self.model = model
        self._shapes = shapes_of(model)

    async def read(self, request: Request, *, body_bytes_max: int) -> P:
        """Collect and check the parameters of a request.

        Raises:
            InvalidInput: When any is at fault, or the body is no JSON object.
        """
        values: dict[str, Any] = {}
        query: bytes = request.scope["query_string"]
        if query:
            values = parse_query(query.decode("latin-1"), self._shapes)
        body = await _read_body(request, body_bytes_max)
        if body:
            values.update(_parse_body(body))
        # Rare enough to look for the two spellings in the raw text before walking the values.
        if b"%00" in query or b"\\u0000" in body:
            _refuse_nul({name: values[name] for name in self._shapes if name in values})
        return self._validate(values)

    def _validate(self, values: dict[str, Any]) -> P:
        for name, shape in self._shapes.items():
            if values.get(name, name) is None and not shape.is_nullable:
                raise invalid({name: f"Expected {shape.kind.value}, received null"})
        try:
            return self.model.model_validate(values)
        except ValidationError as error:
            # The library's error repeats the input, which may hold a PIN: it is not chained.
            raise refusal(error) from None


async def _read_body(request: Request, bytes_max: int) -> bytes:
    headers = request.headers
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return b""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise InvalidInput(
                f"The request body is longer than {bytes_max} bytes",
                fields={"": f"Body must contain at most {bytes_max} byte(s)"},
            )
    return bytes(body) if body.strip() else b""


def _parse_body(body: bytes) -> dict[str, Any]:
    try:
        # This reader bounds nesting, refuses lone surrogates and is faster than the standard one.
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise InvalidInput(
            "The request body is not valid JSON", fields={"": "Invalid JSON"}
        ) from None
    if not isinstance(value, dict):
        raise invalid({"": f"Expected object, received {json_type(value)}"})
    return value


def _refuse_nul(values: dict[str, Any]) -> None:
    for name, value in values.items():
        waiting: list[Any] = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                if "\x00" in item:
                    raise invalid({name: "String must not contain a NUL character"})
            elif isinstance(item, dict):
                waiting.extend(item)
                waiting.extend(item.values())
            elif isinstance(item, list):
                waiting.extend(item)
