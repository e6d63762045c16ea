"""From gRPC's statuses back to our errors: the one table of the client's edge."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import grpc

from qserver.client.access import Access
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
    error_of,
)
from qserver.rpc.v1 import jobs_pb2
from qserver.trailers import REASON, error_of_trailers, known_reason

_BY_STATUS: Mapping[grpc.StatusCode, type[QServerError]] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
        grpc.StatusCode.NOT_FOUND: NotFound,
        grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
        grpc.StatusCode.FAILED_PRECONDITION: Conflict,
        grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
        grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
        grpc.StatusCode.RESOURCE_EXHAUSTED: QuotaExceeded,
    }
)
"""Where the reason is missing (a proxy answered) or of a newer server."""

_LOST = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,  # of the call; a job's own deadline is a reason, not a status
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,  # a stream that something on the way cut off
        grpc.StatusCode.INTERNAL,  # the same, by HTTP/2's RST_STREAM
    }
)
_HOW_TO_GIVE_A_KEY = "in this client by api_key=..., by QSERVER_API_KEY, or once by `qserver login`"
_STATUSES: Mapping[int, grpc.StatusCode] = MappingProxyType({status.value[0]: status for status in grpc.StatusCode})


class StreamIsOld(Exception):  # noqa: N818 - no error: a stream is opened anew now and then
    """A stream came to the end of its time; whatever became of the connection, the next one finds out."""


@contextmanager
def worded(access: Access) -> Iterator[None]:
    """Raise in our words what a call in the block ends with, of either kind of channel."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_of_call(error, access) from error


def error_of_call(error: grpc.RpcError, access: Access) -> QServerError:
    """Give the error that a call ended with. A lost connection is Unavailable."""
    call: grpc.Call = error  # type: ignore[assignment]  # every error of a call is one, of either kind of channel
    found = error_of_status(call.code(), call.details(), call.trailing_metadata() or (), server=access.http.url)
    return found if access.api_key else saying_how_to_give_a_key(found)


def error_of_stream(error: grpc.RpcError, access: Access) -> QServerError | StreamIsOld:
    """Give the same for a stream, whose time may be over."""
    call: grpc.Call = error  # type: ignore[assignment]
    told = {key for key, _ in call.trailing_metadata() or ()}
    if call.code() is grpc.StatusCode.DEADLINE_EXCEEDED and REASON not in told:
        return StreamIsOld()
    return error_of_call(error, access)


def saying_how_to_give_a_key(error: QServerError) -> QServerError:
    """Give the error of a call that showed no key; where one was wanted, the sentence says how this client takes it."""
    if not isinstance(error, Unauthenticated):
        return error
    return Unauthenticated(f"{error.message}: {_HOW_TO_GIVE_A_KEY}", reason=error.reason)


def error_of_status(
    status: grpc.StatusCode, details: str | None, trailers: Iterable[tuple[str, str | bytes]], *, server: str
) -> QServerError:
    """Give the error that a call ended with. A lost connection to `server` is Unavailable."""
    told = {key: str(value) for key, value in trailers}
    error = error_of_trailers(told, details or status.name)
    if error is not None:
        return error
    if status in _LOST and REASON not in told:
        return away(server, details or status.name)
    if status is grpc.StatusCode.UNIMPLEMENTED:
        return QServerError(f"{server} doesn't know this call: is it a QServer, and not an older one? ({details})")
    return _BY_STATUS.get(status, QServerError)(details or status.name)


def away(server: str, why: str) -> Unavailable:
    """Say that a server doesn't answer, and what to do where the reason is TLS.

    Such a fault may pass too: a laptop that wakes in a hotel sees the hotel's certificate first.
    """
    if "CERTIFICATE_VERIFY_FAILED" in why:
        return Unavailable(
            f"{server} has a certificate of no authority that is trusted here, or for another name: "
            f"name its authority's file by ca, QSERVER_CA or --ca ({why})"
        )
    if "WRONG_VERSION_NUMBER" in why:
        return Unavailable(f"{server} speaks no TLS: is it http://? ({why})")
    return Unavailable(f"{server} doesn't answer: {why}")


def error_of_detail(detail: jobs_pb2.ErrorDetail, job_id: str | None = None) -> QServerError:
    """Give the error that one of many submissions, or one of many jobs, was answered with."""
    reason = known_reason(detail.reason)
    status = _STATUSES.get(detail.code, grpc.StatusCode.UNKNOWN)
    if reason is None:
        error = _BY_STATUS.get(status, QServerError)(detail.message)
    else:
        error = error_of(reason, detail.message, line=detail.line or None, column=detail.column or None)
    error.job_id = job_id
    return error


def error_without_result(detail: jobs_pb2.ErrorDetail, job_id: str) -> QServerError:
    """Give why a job has no result: ExecutionError with the job's own reason, NotFound where there is no such job."""
    error = error_of_detail(detail, job_id)
    has_ended = detail.code == grpc.StatusCode.NOT_FOUND.value[0] and detail.reason not in {"", Reason.NOT_FOUND}
    if not has_ended or isinstance(error, ExecutionError):
        return error
    ended = ExecutionError(error.message, reason=known_reason(detail.reason) or Reason.INTERNAL)
    ended.job_id = job_id
    return ended
