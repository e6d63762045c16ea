"""Values survive being stored: requests, plans, profiles, descriptions, results."""

import json
from dataclasses import fields, replace
from datetime import UTC
from types import EllipsisType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.circuits import circuit_hash
from database.documents import (
    content_hash,
    decode_installations,
    decode_plan,
    decode_profile,
    decode_request,
    encode_inputs,
    encode_installations,
    encode_plan,
    encode_profile,
    encode_request,
)
from database.records import InstallState, PluginInstallation
from database.result_documents import (
    OPTIONAL_MARKS,
    RUN_END,
    RUN_MARK,
    all_members_of,
    copied_run_end,
    decode_result,
    encode_result,
)
from database.spec_documents import decode_spec, encode_spec
from qserver.circuits import CircuitFormat, CircuitProfile
from qserver.errors import QServerError
from qserver.jobs import MAX_PRIORITY, MAX_SEED, MIN_PRIORITY, JobRequest, Observable, PauliTerm, RunRequest
from qserver.results import PhaseSeconds, PubResult, ResultType, RunRecord
from tests.unit.database.builders import a_backend, a_plan, a_result

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=3)
TERMS = st.builds(PauliTerm, st.text("IXYZ", min_size=1, max_size=3), FLOATS)
OBSERVABLES = st.builds(Observable, st.lists(TERMS, max_size=2).map(tuple))
RUNS = st.builds(
    RunRequest,
    backend=st.text(min_size=1),
    result_types=st.frozensets(st.sampled_from(ResultType)),
    shots=st.integers(1, 10**9),
    seed=st.none() | st.integers(0, MAX_SEED),
    precision=st.none() | FLOATS,
    observables=st.lists(OBSERVABLES, max_size=2).map(tuple),
    options=OBJECTS,
    metadata=OBJECTS,
)
REQUESTS = st.builds(
    JobRequest,
    run=RUNS,
    priority=st.integers(MIN_PRIORITY, MAX_PRIORITY),
    time_limit_seconds=st.none() | FLOATS,
    expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    request_id=st.none() | st.text(),
    circuit_format=st.none() | st.sampled_from(CircuitFormat),
    cache=st.booleans(),
)
COUNTS = st.dictionaries(st.text("01 ", min_size=1, max_size=5), st.integers(0, 10**9), max_size=5)
SECONDS = st.builds(PhaseSeconds, FLOATS, FLOATS, FLOATS, FLOATS)
RESULTS = st.builds(
    PubResult,
    run=st.builds(
        RunRecord,
        shots=st.integers(0, 10**9),
        threads=st.integers(1, 1024),
        seed=st.none() | st.integers(0, MAX_SEED),
        seconds=SECONDS,
        cached_from=st.none() | st.uuids(),
    ),
    counts=st.none() | COUNTS,
    quasi_dist=st.none() | st.dictionaries(st.text("0123456789", min_size=1), FLOATS, max_size=5),
    expval=st.none() | st.lists(FLOATS, max_size=3).map(tuple),
    expval_standard_errors=st.none() | st.lists(FLOATS, max_size=3).map(tuple),
    probabilities=st.none() | st.dictionaries(st.text("01", min_size=1), FLOATS, max_size=5),
    arrays=st.just(()),
)


def every_field_of(kind: type) -> dict[str, EllipsisType]:
    """Have Hypothesis infer all fields, those with a default too: one added later must not be forgotten."""
    return {each.name: ... for each in fields(kind)}


def stored(document: object) -> Any:  # noqa: ANN401 - as a JSON column gives it
    return json.loads(json.dumps(document))


@given(request=REQUESTS)
def test_a_request_survives(request: JobRequest) -> None:
    document, inputs = stored(encode_request(request)), stored(encode_inputs(request.run))

    assert decode_request(document, inputs) == request


@given(result=RESULTS)
def test_a_result_survives(result: PubResult) -> None:
    text = encode_result(result)

    assert decode_result(text, ()) == result
    assert text.startswith('{"schema":"qserver.result","version":1,')
    present = {name for name in OPTIONAL_MARKS if getattr(result, name) is not None}
    assert {name for name, mark in OPTIONAL_MARKS.items() if mark in text} == present
    assert text.count(RUN_MARK) == 1
    members = json.loads(f"{{{all_members_of(text)}")
    told = json.loads(text)
    missing = {name: None for name in OPTIONAL_MARKS if name not in present}
    run = {"cached_from": None, **told["run"]}
    assert {"schema": told["schema"], "version": told["version"], **members} == {**told, **missing, "run": run}


def test_what_lists_show_stands_before_probabilities_and_run() -> None:
    result = replace(a_result(), quasi_dist={}, expval_standard_errors=(), probabilities={})

    text = encode_result(result)

    places = [text.index(mark) for mark in (*OPTIONAL_MARKS.values(), RUN_MARK)]
    assert places == sorted(places)


@given(result=RESULTS, job_id=st.uuids())
def test_the_end_of_a_text_says_what_it_was_copied_from(result: PubResult, job_id: UUID) -> None:
    text = encode_result(replace(result, run=replace(result.run, cached_from=None)))

    copied = text.removesuffix(RUN_END) + copied_run_end(job_id)

    assert copied == encode_result(replace(result, run=replace(result.run, cached_from=job_id)))


@pytest.mark.parametrize(
    ("unwritable", "said"),
    [
        ({"expval": (1.0, float("nan"))}, "expval of a result holds NaN or infinity"),
        ({"quasi_dist": {"0": 1.0, "1": float("inf")}}, "quasi_dist of a result holds NaN or infinity"),
        ({"counts": {"0": 2**64}}, "64-bit"),
        ({"counts": {"\ud800": 1}}, "UTF-8"),
    ],
)
def test_what_json_lacks_is_refused(unwritable: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        encode_result(replace(a_result(), **unwritable))


def test_seconds_are_numbers_too() -> None:
    run = replace(a_result().run, seconds=PhaseSeconds(0.0, 0.0, float("nan"), 0.0))
    with pytest.raises(ValueError, match="seconds of a result"):
        encode_result(replace(a_result(), run=run))


def test_a_key_may_say_null() -> None:
    result = replace(a_result(), counts={"null": 1})
    assert decode_result(encode_result(result), result.arrays) == result


def test_a_result_keeps_the_order_of_its_keys() -> None:
    decoded = decode_result(encode_result(a_result()), a_result().arrays)

    assert decoded == a_result()
    assert list(decoded.counts or ()) == ["11", "00"]


def test_a_result_of_a_later_version_is_refused() -> None:
    text = encode_result(a_result()).replace('"version":1', '"version":2')

    with pytest.raises(QServerError, match=r"qserver\.result 2"):
        decode_result(text, ())
    with pytest.raises(QServerError, match='"version":2'):
        all_members_of(text)


def test_a_plan_survives() -> None:
    plan = a_plan(seconds=0.25)

    assert decode_plan(stored(encode_plan(plan))) == plan


@given(profile=st.builds(CircuitProfile, **every_field_of(CircuitProfile)))
def test_a_profile_survives(profile: CircuitProfile) -> None:
    assert decode_profile(stored(encode_profile(profile))) == profile


def test_a_backend_survives() -> None:
    assert decode_spec(stored(encode_spec(a_backend()))) == a_backend()


def test_an_installation_survives() -> None:
    installations = {
        "fake-plugin": PluginInstallation(InstallState.INSTALLING),
        "b": PluginInstallation(InstallState.READY, "x"),
    }

    assert decode_installations(stored(encode_installations(installations))) == installations


@given(request=REQUESTS, other=REQUESTS)
def test_equal_content_has_equal_hashes(request: JobRequest, other: JobRequest) -> None:
    source = b"s"

    assert (content_hash(source, request) == content_hash(source, other)) == (
        encode_request(replace(request, circuit_format=other.circuit_format)) == encode_request(other)
        and encode_inputs(request.run) == encode_inputs(other.run)
    )
    assert content_hash(source, request) != content_hash(b"t", request)


@pytest.mark.parametrize(
    ("circuit_format", "source", "reader"),
    [
        (CircuitFormat.TEXT, b"x", "aer 1"),
        (CircuitFormat.OPENQASM2, b"y", "aer 1"),
        (CircuitFormat.OPENQASM2, b"x", "aer 2"),
        (CircuitFormat.OPENQASM2, b"x", "other 1"),
        (CircuitFormat.OPENQASM2, b"x", None),
    ],
)
def test_another_source_format_or_reader_makes_another_circuit(
    circuit_format: CircuitFormat, source: bytes, reader: str | None
) -> None:
    sha256 = circuit_hash(CircuitFormat.OPENQASM2, b"x", reader="aer 1")

    assert circuit_hash(circuit_format, source, reader=reader) != sha256
    assert len(sha256) == 32
