"""Whatever decodes bytes from outside knows what they are, or says in its one way that they are nothing."""

import contextlib
import dataclasses
import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_server.formats import detect_format
from plugins.aer.source_look import decode as decode_source
from plugins.aer.source_look import look
from plugins.file_plugin.results import read_result
from plugins.messages import CheckOptionsRequest, InspectReply, InspectRequest, RunCall, RunReply, WarmUpRequest
from qserver.broker.interface import MAX_HINT_JOBS
from qserver.broker.queues import decode as decode_hint
from qserver.circuits import CircuitFormat
from qserver.errors import ExecutionError, InvalidCircuit, InvalidRequest, TooLarge
from qserver.results import ResultType
from qserver.sandbox.codec import CodecError, unpack
from tests.unit.database.builders import a_result

KINDS = (InspectReply, InspectRequest, RunReply, RunCall, CheckOptionsRequest, WarmUpRequest)
FIELDS = sorted({field.name for kind in KINDS for field in dataclasses.fields(kind)})
WORDS = (
    *("OPENQASM 2.0;", "OPENQASM 3;", 'include "qelib1.inc";', 'include "', "qreg q[2];", "creg c[", "qubit[3] q;"),
    *("gate g a {", "gate g(x) a, b {", "g a;", "h q[0];", "rx(pi/2) q;", "for int i in [0:9]", "{", "}", "[", "]"),
    *("(", ")", "//", "/*", "*/", '"', "\0", "é", "9" * 30, "ctrl @ ", "measure q -> c;", "^", "**", "-", "\n"),
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=5),
    max_leaves=15,
)
sources = (
    st.lists(st.sampled_from(WORDS), max_size=30).map(lambda words: " ".join(words).encode())
    | st.binary(max_size=200)
    | st.binary(max_size=60).map(b"OPENQASM 2.0;".__add__)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
replies = st.binary(max_size=100) | st.dictionaries(
    st.sampled_from([*ResultType, "other"]), json_values | st.dictionaries(st.text("01 "), json_values, max_size=4)
).map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=200) | plain.map(msgpack.packb))
def test_a_message_of_a_child_is_of_its_kind_or_refused(kind: type, data: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert isinstance(unpack(kind, data), kind)


@given(sources, st.sampled_from([None, *CircuitFormat]))
def test_a_source_has_a_format_or_is_refused(source: bytes, stated: CircuitFormat | None) -> None:
    with contextlib.suppress(InvalidCircuit):
        found = detect_format(source, stated)
        assert found is (stated or found)


@pytest.mark.parametrize("circuit_format", [CircuitFormat.OPENQASM2, CircuitFormat.OPENQASM3])
@given(source=sources)
def test_a_text_may_reach_a_parser_or_is_refused_with_its_place(circuit_format: CircuitFormat, source: bytes) -> None:
    refusal = _refusal(source, circuit_format)

    if isinstance(refusal, InvalidCircuit) and refusal.line is not None:
        assert 1 <= refusal.line <= source.count(b"\n") + 1


def _refusal(source: bytes, circuit_format: CircuitFormat) -> InvalidRequest | None:
    try:
        look(decode_source(source), circuit_format)
    except (InvalidCircuit, TooLarge) as error:
        return error
    return None


@given(st.binary(max_size=200) | st.lists(st.uuids().map(str) | st.text(max_size=40)).map("\n".join).map(str.encode))
def test_a_hint_names_jobs_or_is_refused(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert 1 <= len(decode_hint("cpu", body).job_ids) <= MAX_HINT_JOBS


@given(replies, st.frozensets(st.sampled_from([ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.EXPVAL])))
def test_a_reply_of_a_file_plugin_is_a_result_or_refused(reply: bytes, wanted: frozenset[ResultType]) -> None:
    with contextlib.suppress(ExecutionError):
        result = read_result(reply, wanted=wanted, run=a_result().run)
        given_types = {kind for kind in wanted if getattr(result, kind) is not None}
        assert given_types == wanted


def test_every_refusal_of_a_circuit_is_its_senders_fault() -> None:
    assert issubclass(InvalidCircuit, InvalidRequest)
    assert issubclass(TooLarge, InvalidRequest)
