"""Errors on the wire."""

from urllib.parse import quote

import grpc
import pytest

from jobs_server.errors import INTERNAL, refusal
from qserver import errors
from qserver.errors import InvalidCircuit, QServerError, QuotaExceeded, ReachedLimit, Reason


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.InvalidCircuit("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.TooLarge("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.UnknownBackend("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (errors.NotFound("x"), grpc.StatusCode.NOT_FOUND),
        (errors.AlreadyExists("x"), grpc.StatusCode.ALREADY_EXISTS),
        (errors.Conflict("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (errors.Unauthenticated("x"), grpc.StatusCode.UNAUTHENTICATED),
        (errors.PermissionDenied("x"), grpc.StatusCode.PERMISSION_DENIED),
        (errors.QuotaExceeded("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Overloaded("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Unavailable("x"), grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_each_error_has_its_status_and_reason(error: QServerError, code: grpc.StatusCode) -> None:
    told = refusal(error)

    assert (told.code, told.reason, told.message) == (code, error.reason, "x")
    assert told.trailing_metadata() == (("qserver-reason", error.reason.value),)


def test_the_place_in_a_circuit_travels_along() -> None:
    told = refusal(InvalidCircuit("x", line=3, column=7))

    assert told.trailing_metadata() == (
        ("qserver-reason", "INVALID_CIRCUIT"),
        ("qserver-line", "3"),
        ("qserver-column", "7"),
    )


def test_a_limit_that_is_reached_travels_along() -> None:
    told = refusal(QuotaExceeded("x", limit=ReachedLimit("max_pending_jobs_per_user", 1_000_000, 5)))

    assert told.trailing_metadata() == (
        ("qserver-reason", "QUOTA_EXCEEDED"),
        ("qserver-limit", "max_pending_jobs_per_user"),
        ("qserver-limit-value", "1000000"),
        ("qserver-retry-after-seconds", "5"),
    )


def test_an_error_that_no_caller_should_see_is_told_as_internal() -> None:
    told = refusal(QServerError("a statement is wrong", reason=Reason.INTERNAL))

    assert told == INTERNAL


def test_a_long_sentence_is_cut_to_fit_into_a_header() -> None:
    told = refusal(InvalidCircuit("\U0001f600" * 5000))

    assert len(quote(told.message)) <= 4096
    assert told.message.endswith("…")
