"""From our errors to gRPC's statuses: the one table of this edge."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

import grpc

from qserver.errors import (
    AlreadyExists,
    Conflict,
    InvalidCircuit,
    InvalidRequest,
    NotFound,
    Overloaded,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    ReachedLimit,
    Reason,
    RequestError,
    Unauthenticated,
    Unavailable,
)

STATUS_BY_ERROR: Mapping[type[QServerError], grpc.StatusCode] = MappingProxyType(
    {
        InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,  # and its kinds: InvalidCircuit, TooLarge, UnknownBackend
        NotFound: grpc.StatusCode.NOT_FOUND,
        AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
        Conflict: grpc.StatusCode.FAILED_PRECONDITION,
        Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
        PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
        QuotaExceeded: grpc.StatusCode.RESOURCE_EXHAUSTED,
        RequestError: grpc.StatusCode.INVALID_ARGUMENT,
        Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Unavailable: grpc.StatusCode.UNAVAILABLE,
    }
)
"""The nearest class of an error decides; one that is not in here is INTERNAL, our fault."""

INTERNAL_MESSAGE = "the server failed to answer this call; its log has the cause"

# gRPC refuses headers past 8 KiB in all, and percent-encodes what is not ASCII in a status message.
_MAX_ENCODED_MESSAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller is told. `line` and `column` count from 1; 0 where unknown. `limit` is one that is reached."""

    code: grpc.StatusCode
    reason: Reason
    message: str
    line: int = 0
    column: int = 0
    limit: ReachedLimit | None = None

    def trailing_metadata(self) -> tuple[tuple[str, str], ...]:
        """Give what travels beside the status: `qserver-reason`, the place in a circuit, and the limit, where known."""
        places = (("qserver-line", self.line), ("qserver-column", self.column))
        told = (("qserver-reason", self.reason.value), *((key, str(value)) for key, value in places if value))
        if self.limit is None:
            return told
        return (
            *told,
            ("qserver-limit", self.limit.name),
            ("qserver-limit-value", f"{self.limit.value:.17g}"),
            ("qserver-retry-after-seconds", str(self.limit.retry_after_seconds)),
        )


INTERNAL = Refusal(grpc.StatusCode.INTERNAL, Reason.INTERNAL, INTERNAL_MESSAGE)


def refusal(error: QServerError) -> Refusal:
    """Say in gRPC's words what `error` says in ours. An error that no caller should see becomes INTERNAL."""
    code = next((STATUS_BY_ERROR[kind] for kind in type(error).__mro__ if kind in STATUS_BY_ERROR), None)
    if code is None:
        return INTERNAL
    line, column = (error.line, error.column) if isinstance(error, InvalidCircuit) else (None, None)
    limit = error.limit if isinstance(error, QuotaExceeded) else None
    return Refusal(code, error.reason, _shortened(error.sentence), line or 0, column or 0, limit)


def is_expected(error: QServerError) -> bool:
    """Whether the table knows the error; another one deserves a trace in the log."""
    return any(kind in STATUS_BY_ERROR for kind in type(error).__mro__)


def _shortened(message: str) -> str:
    while len(quote(message, safe="")) > _MAX_ENCODED_MESSAGE_BYTES:
        message = message[: len(message) * 3 // 4] + "…"
    return message
