"""The OpenAPI document, made from the routes' declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from gateway.api.declaration import Method, Route
from gateway.api.fields import NULLABLE_KEY
from gateway.api.pages import Pagination

_REF: Final = "#/components/schemas/{model}"
_MODE: Final[JsonSchemaMode] = "validation"
_VERSION: Final = "3.1.0"

_ERROR_SCHEMA: Final = {
    "type": "object",
    "required": ["error", "ok"],
    "properties": {
        "ok": {"const": False},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {
                "type": {"type": "string"},
                "message": {"type": "string"},
                "validation_errors": {"type": "object"},
            },
        },
    },
}
_REFUSALS: Final = {
    "400": "A parameter is at fault.",
    "401": "The API key is missing or unknown.",
    "404": "There is no such object.",
}


def openapi_document(routes: Iterable[Route[Any]]) -> dict[str, Any]:
    """Describe the routes as an OpenAPI 3.1 document."""
    routes = tuple(routes)
    schemas: dict[str, Any] = {"Error": _ERROR_SCHEMA}
    shown = [(_name(route), _MODE, TypeAdapter(route.shows)) for route in routes if route.keys]
    shown.append(("Pagination", _MODE, TypeAdapter(Pagination)))
    by_route, definitions = TypeAdapter.json_schemas(
        [(key, mode, adapter) for key, mode, adapter in shown],
        ref_template=_REF,
        schema_generator=GenerateJsonSchema,
    )
    schemas.update(definitions.get("$defs", {}))
    results = {key: schema for (key, _), schema in by_route.items()}
    return {
        "openapi": _VERSION,
        "info": {
            "title": "strikeplate",
            "description": "The Seam-compatible routes of a strikeplate gateway.",
            "version": "1",
        },
        "paths": {route.path: _path_item(route, results, schemas) for route in routes},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"api_key": []}],
    }


def _name(route: Route[Any]) -> str:
    return route.path.strip("/").replace("/", "_")


def _path_item(
    route: Route[Any], results: Mapping[str, Any], schemas: dict[str, Any]
) -> dict[str, Any]:
    parameters = route.parameters.model_json_schema(ref_template=_REF)
    schemas.update(
        {name: _cleaned(schema) for name, schema in parameters.pop("$defs", {}).items()}
    )
    parameters = _cleaned(parameters)
    return {
        method.lower(): _operation(route, method, parameters, results) for method in route.methods
    }


def _operation(
    route: Route[Any], method: Method, parameters: dict[str, Any], results: Mapping[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{_name(route)}_{method.lower()}",
        "summary": route.summary,
        "tags": [route.path.strip("/").rsplit("/", 1)[0]],
        "responses": {
            "200": {
                "description": "Done.",
                "content": {"application/json": {"schema": _reply_schema(route, results)}},
            },
            **{
                status: {
                    "description": description,
                    "content": {
                        "application/json": {"schema": {"$ref": _REF.format(model="Error")}}
                    },
                }
                for status, description in _REFUSALS.items()
            },
        },
    }
    if method in {Method.GET, Method.DELETE}:
        required = parameters.get("required", ())
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "schema": schema,
            }
            for name, schema in parameters.get("properties", {}).items()
        ]
    else:
        operation["requestBody"] = {
            "required": bool(parameters.get("required")),
            "content": {"application/json": {"schema": parameters}},
        }
    return operation


def _reply_schema(route: Route[Any], results: Mapping[str, Any]) -> dict[str, Any]:
    properties = {key: results[_name(route)] for key in route.keys}
    if route.is_paged:
        properties["pagination"] = results["Pagination"]
    properties["ok"] = {"const": True}
    return {"type": "object", "required": list(properties), "properties": properties}


def _cleaned(schema: dict[str, Any]) -> dict[str, Any]:
    """Take out what is ours: titles, and the null that stands for an omitted parameter."""
    result: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "properties":
            result[name] = {key: _cleaned(inner) for key, inner in value.items()}
        elif name in {"title", NULLABLE_KEY} or (name == "default" and value is None):
            continue
        elif name == "anyOf" and not schema.get(NULLABLE_KEY):
            branches = [branch for branch in value if branch.get("type") != "null"]
            result.update(branches[0] if len(branches) == 1 else {"anyOf": branches})
        else:
            result[name] = value
    return result
