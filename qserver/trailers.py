"""What a gRPC error carries beside its status, read back: the same words for every client of jobs_server."""

from collections.abc import Mapping

from qserver.errors import QServerError, QuotaExceeded, ReachedLimit, Reason, error_of

REASON = "qserver-reason"


def known_reason(text: str | None) -> Reason | None:
    """Give a reason; None where there is none, or one that only a newer server knows."""
    try:
        return Reason(text) if text else None
    except ValueError:
        return None


def error_of_trailers(trailers: Mapping[str, str], message: str) -> QServerError | None:
    """Give the error that a server raised, with its place or limit; None where it names no reason that is known."""
    reason = known_reason(trailers.get(REASON))
    if reason is None:
        return None
    if reason is Reason.QUOTA_EXCEEDED:
        return QuotaExceeded(message, limit=_reached_limit(trailers))
    return error_of(reason, message, line=_place(trailers, "line"), column=_place(trailers, "column"))


def _place(trailers: Mapping[str, str], name: str) -> int | None:
    text = trailers.get(f"qserver-{name}", "")
    return int(text) if text.isdecimal() else None


def _reached_limit(trailers: Mapping[str, str]) -> ReachedLimit | None:
    if "qserver-limit" not in trailers:  # an older server names none
        return None
    value, seconds = trailers["qserver-limit-value"], trailers["qserver-retry-after-seconds"]
    return ReachedLimit(trailers["qserver-limit"], float(value), int(seconds))
