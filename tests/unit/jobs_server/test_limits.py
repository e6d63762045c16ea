"""What a request may ask for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs_server.limits import check_expiry, check_request, check_source
from qserver.errors import InvalidCircuit, InvalidRequest, TooLarge
from qserver.jobs import JobRequest, Observable, PauliTerm, RunRequest
from qserver.results import ResultType
from qserver.settings import LimitSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = LimitSettings(max_observables=2, max_observable_terms=3, max_circuit_bytes=1000)
RUN = RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS}))
GOOD = JobRequest(run=RUN)


def observable(*paulis: str, coefficient: float = 1.0) -> Observable:
    return Observable(tuple(PauliTerm(pauli, coefficient) for pauli in paulis))


def with_observables(*observables: Observable) -> JobRequest:
    return replace(GOOD, run=replace(RUN, observables=observables))


@pytest.mark.parametrize(
    "request_",
    [
        GOOD,
        replace(GOOD, run=replace(RUN, shots=1, seed=0, precision=1e-9)),
        replace(GOOD, run=replace(RUN, shots=10_000_000, seed=2**63 - 1)),
        replace(GOOD, priority=-100, time_limit_seconds=0.1, request_id="x" * 128),
        with_observables(observable("XX", "ZZ"), observable("IY")),
    ],
)
def test_what_is_within_the_limits_passes(request_: JobRequest) -> None:
    check_request(request_, LIMITS)


@pytest.mark.parametrize(
    ("request_", "kind", "sentence"),
    [
        (replace(GOOD, run=replace(RUN, backend="")), InvalidRequest, "no backend is named"),
        (replace(GOOD, run=replace(RUN, backend="a\0")), InvalidRequest, "printable characters"),
        (replace(GOOD, run=replace(RUN, backend="a" * 201)), InvalidRequest, "at most 200"),
        (replace(GOOD, run=replace(RUN, result_types=frozenset())), InvalidRequest, "no result type is asked for"),
        (replace(GOOD, run=replace(RUN, shots=0)), InvalidRequest, "shots is 0; it must be at least 1"),
        (replace(GOOD, run=replace(RUN, shots=10**9)), TooLarge, "shots is 1,000,000,000; the limit is 10,000,000"),
        (replace(GOOD, run=replace(RUN, seed=-1)), InvalidRequest, "seed is -1"),
        (replace(GOOD, run=replace(RUN, seed=2**63)), InvalidRequest, "from 0 to 2^63 - 1"),
        (replace(GOOD, run=replace(RUN, precision=0.0)), InvalidRequest, "precision is 0.0"),
        (replace(GOOD, run=replace(RUN, precision=float("nan"))), InvalidRequest, "precision is nan"),
        (replace(GOOD, priority=101), InvalidRequest, "priority is 101; it must be from -100 to 100"),
        (replace(GOOD, time_limit_seconds=0.0), InvalidRequest, "time_limit_seconds is 0.0"),
        (replace(GOOD, time_limit_seconds=float("inf")), InvalidRequest, "time_limit_seconds is inf"),
        (replace(GOOD, time_limit_seconds=86_401.0), TooLarge, "(QSERVER_MAX_TIME_LIMIT_SECONDS)"),
        (replace(GOOD, request_id="x" * 129), TooLarge, "request_id has 129 characters; the limit is 128"),
        (replace(GOOD, request_id="a\nb"), InvalidRequest, "request_id must be printable"),
        (with_observables(Observable(())), InvalidRequest, "observable 0 has no terms"),
        (with_observables(observable("Z"), observable("Q")), InvalidRequest, "observable 1 has the Pauli string 'Q'"),
        (with_observables(observable("")), InvalidRequest, "letters must be I, X, Y or Z"),
        (with_observables(observable("Z", "ZZ")), InvalidRequest, "Pauli strings of 1 and 2 letters"),
        (with_observables(observable("Z", coefficient=float("nan"))), InvalidRequest, "coefficient nan"),
        (with_observables(observable("Z", "X", coefficient=1e308)), InvalidRequest, "sum, by size, to more than"),
        (with_observables(*[observable("Z")] * 3), TooLarge, "3 observables; the limit is 2"),
        (with_observables(observable(*["Z"] * 4)), TooLarge, "observables have 4 Pauli terms; the limit is 3"),
    ],
)
def test_what_passes_a_limit_is_named_with_it(request_: JobRequest, kind: type[InvalidRequest], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        check_request(request_, LIMITS)

    assert sentence in caught.value.message


def test_a_circuit_past_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge, match=r"circuit is 1,001 bytes; the limit is 1,000 \(QSERVER_MAX_CIRCUIT_BYTES\)"):
        check_source(b"x" * 1001, LIMITS)


@pytest.mark.parametrize("source", [b"", b" \n\t"])
def test_an_empty_circuit_is_refused(source: bytes) -> None:
    with pytest.raises(InvalidCircuit, match="circuit is empty"):
        check_source(source, LIMITS)


def test_a_latest_start_must_be_in_the_future() -> None:
    with pytest.raises(InvalidRequest, match=r"expires_at is 2026-01-01T00:00:00\+00:00, which has passed"):
        check_expiry(replace(GOOD, expires_at=NOW), now=NOW)

    check_expiry(replace(GOOD, expires_at=NOW + timedelta(seconds=1)), now=NOW)
    check_expiry(GOOD, now=NOW)
