"""What a request may ask for: every check that needs neither the circuit nor its backend."""

import math
from collections.abc import Sequence
from datetime import datetime

from qserver.circuits import CircuitProfile
from qserver.errors import InvalidCircuit, InvalidRequest, Reason, TooLarge
from qserver.jobs import MAX_PRIORITY, MAX_SEED, MIN_PRIORITY, JobRequest, Observable
from qserver.results import ResultType
from qserver.settings import LimitSettings

MAX_NAME_LENGTH = 200
MAX_REQUEST_ID_LENGTH = 128
MAX_COEFFICIENTS = 1e100
"""Sum of an observable's coefficients, by size: its square, which a standard error needs, is still a double."""


def check_source_size(size_bytes: int, limits: LimitSettings) -> None:
    """Raise TooLarge for a circuit past the limit."""
    if size_bytes > limits.max_circuit_bytes:
        raise TooLarge(
            f"circuit is {size_bytes:,} bytes; the limit is {limits.max_circuit_bytes:,} (QSERVER_MAX_CIRCUIT_BYTES)"
        )


def check_profile(profile: CircuitProfile, limits: LimitSettings) -> None:
    """Raise TooLarge for a circuit wider than the server takes, whatever its backend."""
    if profile.num_qubits > limits.max_qubits:
        raise TooLarge(
            f"circuit has {profile.num_qubits:,} qubits; the limit is {limits.max_qubits:,} (QSERVER_MAX_QUBITS)"
        )


def check_source(source: bytes, limits: LimitSettings) -> None:
    """Raise InvalidCircuit for an empty circuit, TooLarge for one past the limit."""
    check_source_size(len(source), limits)
    if not source or source.isspace():
        raise InvalidCircuit("circuit is empty")


def check_request(request: JobRequest, limits: LimitSettings) -> None:
    """Raise InvalidRequest or TooLarge naming the first field that can't be met, whenever it is asked for."""
    run = request.run
    check_backend_name(run.backend)
    if not run.result_types:
        known = ", ".join(ResultType)
        raise InvalidRequest(f"no result type is asked for; ask for at least one of: {known}")
    _check_shots(run.shots, limits)
    _check_seed(run.seed)
    _check_precision(run.precision)
    _check_observables(run.observables, limits)
    _check_priority(request.priority)
    _check_time_limit(request.time_limit_seconds, limits)
    if request.request_id is not None:
        check_request_id(request.request_id)


def check_expiry(request: JobRequest, *, now: datetime) -> None:
    """Raise InvalidRequest for a latest start that has passed."""
    if request.expires_at is not None and request.expires_at <= now:
        raise InvalidRequest(
            f"expires_at is {request.expires_at.isoformat()}, which has passed: it is {now.isoformat()}"
        )


def check_observable_numbers(terms: Sequence[int], limits: LimitSettings) -> None:
    """Raise TooLarge for more observables, or more terms in all, than a job may have. `terms` are those of each.

    Asked before they are read, too: millions of terms would take seconds and gigabytes.
    """
    check_number_of_observables(len(terms), limits)
    if sum(terms) > limits.max_observable_terms:
        raise TooLarge(
            f"observables have {sum(terms):,} Pauli terms; the limit is {limits.max_observable_terms:,}"
            " (QSERVER_MAX_OBSERVABLE_TERMS)"
        )


def check_number_of_observables(number: int, limits: LimitSettings) -> None:
    """Raise TooLarge for more observables than a job may have."""
    if number > limits.max_observables:
        raise TooLarge(f"{number:,} observables; the limit is {limits.max_observables:,} (QSERVER_MAX_OBSERVABLES)")


def check_request_id(request_id: str) -> None:
    """Raise TooLarge or InvalidRequest for a request_id that no submission can have; such a one is never looked up."""
    if len(request_id) > MAX_REQUEST_ID_LENGTH:
        raise TooLarge(f"request_id has {len(request_id):,} characters; the limit is {MAX_REQUEST_ID_LENGTH}")
    if not request_id.isprintable():
        raise InvalidRequest("request_id must be printable characters")


def check_backend_name(name: str) -> None:
    """Raise InvalidRequest for a name that no backend can have; such a name is never looked up."""
    if not name:
        raise InvalidRequest("no backend is named")
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidRequest(f"backend's name must be at most {MAX_NAME_LENGTH} printable characters")


def _check_shots(shots: int, limits: LimitSettings) -> None:
    if shots < 1:
        raise InvalidRequest(f"shots is {shots:,}; it must be at least 1")
    if shots > limits.max_shots:
        raise TooLarge(f"shots is {shots:,}; the limit is {limits.max_shots:,} (QSERVER_MAX_SHOTS)")


def _check_seed(seed: int | None) -> None:
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InvalidRequest(f"seed is {seed}; it must be from 0 to 2^63 - 1")


def _check_precision(precision: float | None) -> None:
    if precision is not None and not (math.isfinite(precision) and precision > 0):
        raise InvalidRequest(f"precision is {precision}; it is a standard error and must be a finite number above 0")


def _check_observables(observables: Sequence[Observable], limits: LimitSettings) -> None:
    check_observable_numbers([len(observable.terms) for observable in observables], limits)
    for index, observable in enumerate(observables):
        _check_observable(observable, limits, name=f"observable {index}")


def _check_observable(observable: Observable, limits: LimitSettings, *, name: str) -> None:
    if not observable.terms:
        raise InvalidRequest(f"{name} has no terms", reason=Reason.INVALID_OBSERVABLE)
    width = len(observable.terms[0].pauli)
    if width > limits.max_qubits:
        raise TooLarge(
            f"{name} has a Pauli string of {width:,} letters; the limit is {limits.max_qubits:,} (QSERVER_MAX_QUBITS)"
        )
    for term in observable.terms:
        if len(term.pauli) != width:
            raise InvalidRequest(
                f"{name} has Pauli strings of {width} and {len(term.pauli)} letters; all must be of one width",
                reason=Reason.INVALID_OBSERVABLE,
            )
        if not term.pauli or not set(term.pauli) <= set("IXYZ"):
            raise InvalidRequest(
                f"{name} has the Pauli string {_quoted(term.pauli)}; its letters must be I, X, Y or Z",
                reason=Reason.INVALID_OBSERVABLE,
            )
        if not math.isfinite(term.coefficient):
            raise InvalidRequest(
                f"{name} has the coefficient {term.coefficient}; it must be finite", reason=Reason.INVALID_OBSERVABLE
            )
    if sum(abs(term.coefficient) for term in observable.terms) > MAX_COEFFICIENTS:
        raise InvalidRequest(
            f"{name} has coefficients that sum, by size, to more than {MAX_COEFFICIENTS:g}; that is the limit",
            reason=Reason.INVALID_OBSERVABLE,
        )


def _check_priority(priority: int) -> None:
    if not MIN_PRIORITY <= priority <= MAX_PRIORITY:
        raise InvalidRequest(f"priority is {priority}; it must be from {MIN_PRIORITY} to {MAX_PRIORITY}")


def _check_time_limit(seconds: float | None, limits: LimitSettings) -> None:
    if seconds is None:
        return
    if not (math.isfinite(seconds) and seconds > 0):
        raise InvalidRequest(f"time_limit_seconds is {seconds}; it must be a finite number above 0")
    if seconds > limits.max_time_limit_seconds:
        raise TooLarge(
            f"time_limit_seconds is {seconds:,}; the limit is {limits.max_time_limit_seconds:,}"
            " (QSERVER_MAX_TIME_LIMIT_SECONDS)"
        )


def _quoted(text: str) -> str:
    shown = text if len(text) <= MAX_NAME_LENGTH else text[:MAX_NAME_LENGTH] + "…"
    return f"'{shown}'"
