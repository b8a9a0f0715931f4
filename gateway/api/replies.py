"""Replies: the JSON envelope of success and of every error.

Success is `{<key>: ..., "ok": true}`; an error is `{"error": {"type", "message",
"validation_errors"?}, "ok": false}`, always as JSON, since the SDKs take anything else for a
transport fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from gateway.errors import AccessError, InvalidInput

# What an SDK waits before it tries an idempotent request again after a 503: one second is the
# shortest the header can say.
RETRY_AFTER_S = "1"


def json_reply(
    body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A reply with a JSON body."""
    return Response(
        to_json(body), status_code=status, headers=headers, media_type="application/json"
    )


def error_reply(
    status: int,
    error_type: str,
    message: str,
    *,
    validation_errors: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A reply in the documented error form."""
    error: dict[str, Any] = {"type": error_type, "message": message}
    if validation_errors is not None:
        error["validation_errors"] = validation_errors
    return json_reply({"error": error, "ok": False}, status=status, headers=headers)


def refusal_reply(refusal: AccessError) -> Response:
    """The reply to a request that the domain or the API refuses."""
    validation_errors = None
    if isinstance(refusal, InvalidInput):
        validation_errors = validation_tree(refusal.fields)
    return error_reply(
        refusal.http_status,
        refusal.error_type,
        refusal.message,
        validation_errors=validation_errors,
        headers={"retry-after": RETRY_AFTER_S} if refusal.retryable else None,
    )


def validation_tree(fields: Mapping[str, str]) -> dict[str, Any]:
    """Faults by dotted parameter name as the tree that the SDKs read.

    Args:
        fields: Name, such as `device_id` or `requested_access_methods.0.mode`, to what is wrong;
            the empty name is the request as a whole.

    Returns:
        `{"_errors": [], "<name>": {"_errors": [...], ...}}`.
    """
    tree: dict[str, Any] = {"_errors": []}
    for name, message in fields.items():
        node = tree
        for part in name.split(".") if name else ():
            # A parameter's own name can't be taken for the list of messages.
            node = node.setdefault("errors_" if part == "_errors" else part, {"_errors": []})
        node["_errors"].append(message)
    return tree


def internal_error_reply() -> Response:
    """The reply when the gateway itself is at fault; it tells nothing of the inside."""
    return error_reply(500, "internal_error", "An internal error occurred; it has been logged")


def unavailable_reply(message: str) -> Response:
    """The reply when trying again later can help."""
    return error_reply(503, "unavailable", message, headers={"retry-after": RETRY_AFTER_S})
