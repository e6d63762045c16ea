"""From the statuses of gRPC back to the errors of `qserver.errors`."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, cast

import grpc

from qserver.errors import (
    AlreadyExists,
    Conflict,
    ExecutionError,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    Reason,
    Unauthenticated,
    Unavailable,
)
from qserver.rpc.v1 import jobs_pb2

_REASON_KEY: Final = "qserver-reason"

_ERROR_OF_STATUS: Final[Mapping[grpc.StatusCode, type[QServerError]]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
        grpc.StatusCode.NOT_FOUND: NotFound,
        grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
        grpc.StatusCode.FAILED_PRECONDITION: Conflict,
        grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
        grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
        grpc.StatusCode.RESOURCE_EXHAUSTED: QuotaExceeded,
        grpc.StatusCode.UNAVAILABLE: Unavailable,
    }
)


@contextmanager
def raised(url: str) -> Iterator[None]:
    """Turn what gRPC raises within the block into our errors, with the server's own sentence."""
    try:
        yield
    except grpc.RpcError as error:
        raise _fault(error, url) from error


def job_fault(detail: jobs_pb2.ErrorDetail) -> QServerError:
    """Say why a job has no result: ExecutionError where it failed or was canceled, NotFound where there is none."""
    reason = _reason(detail.reason)
    kind = NotFound if reason in {None, Reason.NOT_FOUND} else ExecutionError
    return kind(detail.message, reason=reason)


def refusal(detail: jobs_pb2.ErrorDetail, *, about: str) -> QServerError:
    """Say why a submission among others was refused."""
    code = next((code for code in grpc.StatusCode if code.value[0] == detail.code), grpc.StatusCode.UNKNOWN)
    return _ERROR_OF_STATUS.get(code, QServerError)(f"{about}{detail.message}", reason=_reason(detail.reason))


def _fault(error: grpc.RpcError, url: str) -> QServerError:
    code = error.code()
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return InvalidRequest(f"the server at {url} is too old to run jobs of PUBs: {error.details()}")
    trailing = cast("Iterable[tuple[str, str]]", error.trailing_metadata() or ())
    reasons = [value for key, value in trailing if key == _REASON_KEY]
    words = error.details() or str(code)
    if not reasons and code is grpc.StatusCode.UNAVAILABLE:
        words = f"the server at {url} doesn't answer: {words}"
    kind = _ERROR_OF_STATUS.get(code, QServerError)
    return kind(words, reason=_reason(reasons[0]) if reasons else None)


def _reason(word: str) -> Reason | None:
    """Read a reason; one of a newer server is none that we know."""
    return Reason(word) if word in Reason.__members__.values() else None
