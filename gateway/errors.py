"""The gateway's branch of the error tree.

StrikeplateError
└─ GatewayError                 class attribute `retryable`: can trying again later help?
    ├─ ConfigError              a configuration that can't be used; names file, line and key
    ├─ LinkError                bytes can't reach a device (retryable)
    │   ├─ ConnectFailed        the device was not reached
    │   └─ LinkClosed           the connection ended while it was needed
    ├─ DeviceTimeout            a device did not answer in time (retryable; also a TimeoutError)
    ├─ RequestRefused           a device answered, but refused; carries the Matter status
    ├─ StoreError               the store can't be used
    └─ AccessError              a request that the domain refuses; the API turns it into a reply
        ├─ InvalidInput         a parameter at fault (HTTP 400, `invalid_input`)
        ├─ Unauthorized         no usable credential came with the request (HTTP 401)
        ├─ NotFound             no such object (HTTP 404, `<resource>_not_found`)
        ├─ Conflict             the request fights with what is (HTTP 409)
        ├─ Forbidden            known, but not allowed (HTTP 403)
        └─ Unavailable          not now (HTTP 503)
"""

from __future__ import annotations

from protocols.doorlock.vocabulary import Status
from protocols.errors import StrikeplateError


class GatewayError(StrikeplateError):
    """Base of the gateway's errors."""

    retryable: bool = False


class ConfigError(GatewayError, ValueError):
    """A configuration that can't be used; the sentence names file, line and key."""


class LinkError(GatewayError):
    """Bytes can't reach a device."""

    retryable = True


class ConnectFailed(LinkError):  # noqa: N818 - leaves of the tree say what happened.
    """The device was not reached."""


class LinkClosed(LinkError):  # noqa: N818 - see ConnectFailed.
    """The connection ended while it was needed."""


class DeviceTimeout(GatewayError, TimeoutError):  # noqa: N818 - see ConnectFailed.
    """A device did not answer in time."""

    retryable = True

    def __init__(self, *, operation: str, limit_s: float) -> None:
        super().__init__(f"no answer to {operation} within {limit_s:g} s")
        self.operation = operation
        self.limit_s = limit_s


class RequestRefused(GatewayError):  # noqa: N818 - see ConnectFailed.
    """A device answered, but refused.

    Attributes:
        operation: Name of the request message.
        status: The Matter status code of the answer.
        revision: Revision that the record holds on the device; 0 when none was named.
    """

    def __init__(self, *, operation: str, status: Status, revision: int = 0) -> None:
        super().__init__(f"{operation} refused: {status.name}")
        self.operation = operation
        self.status = status
        self.revision = revision


class StoreError(GatewayError):
    """The store can't be used; the sentence says what to do."""


class AccessError(GatewayError):
    """A request that the domain refuses.

    Attributes:
        error_type: The API's `error.type`.
        http_status: Status code of the reply.
        message: A sentence for the caller.
    """

    http_status = 400

    def __init__(self, message: str, *, error_type: str) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type


class InvalidInput(AccessError):  # noqa: N818 - see ConnectFailed.
    """A parameter at fault.

    Attributes:
        fields: Parameter name to what is wrong with it, for `validation_errors`.
    """

    def __init__(
        self, message: str, *, fields: dict[str, str], error_type: str = "invalid_input"
    ) -> None:
        super().__init__(message, error_type=error_type)
        self.fields = fields


class Unauthorized(AccessError):  # noqa: N818 - see ConnectFailed.
    """No usable credential came with the request."""

    http_status = 401

    def __init__(self, message: str) -> None:
        super().__init__(message, error_type="unauthorized")


class NotFound(AccessError):  # noqa: N818 - see ConnectFailed.
    """No such object; any string is a valid id to look up."""

    http_status = 404

    def __init__(self, resource: str, identifier: str) -> None:
        # The identifier is the caller's own text: bounded before it goes into a sentence.
        super().__init__(
            f"Could not find {resource.replace('_', ' ')} {identifier[:64]!r}",
            error_type=f"{resource}_not_found",
        )


class Conflict(AccessError):  # noqa: N818 - see ConnectFailed.
    """The request fights with what is."""

    http_status = 409


class Forbidden(AccessError):  # noqa: N818 - see ConnectFailed.
    """Known, but not allowed."""

    http_status = 403


class Unavailable(AccessError):  # noqa: N818 - see ConnectFailed.
    """Not now; trying again later can help."""

    http_status = 503
    retryable = True
