"""Values that come back as they were sent, and bytes that are no such values."""

import dataclasses
from types import MappingProxyType

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qserver.circuits import CircuitFormat, CircuitProfile, ClassicalRegister, Inspection
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.results import Array, PubResult, ResultType
from qserver.sandbox import codec
from qserver.sandbox.codec import CodecError, pack, unpack
from tests.bell import BELL_RUN

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)

requests = st.builds(
    RunRequest,
    backend=st.text(),
    result_types=st.frozensets(st.sampled_from(ResultType)),
    seed=st.none() | st.integers(0, 2**63 - 1),
    precision=st.none() | st.floats(0, 1),
    observables=st.lists(
        st.builds(
            lambda terms: Observable(tuple(terms)),
            st.lists(st.builds(PauliTerm, st.text(alphabet="IXYZ"), st.floats(allow_nan=False))),
        )
    ).map(tuple),
    options=st.dictionaries(st.text(), json_values, max_size=3),
)

profiles = st.builds(
    CircuitProfile,
    gate_counts=st.dictionaries(st.text(), st.integers(0, 2**63)),
    classical_registers=st.lists(st.builds(ClassicalRegister, st.text(), st.integers(0, 100))).map(tuple),
    parameters=st.lists(st.text()).map(tuple),
)


@given(requests)
def test_a_request_comes_back_as_it_was_sent(request: RunRequest) -> None:
    assert unpack(RunRequest, pack(request)) == request


@given(st.builds(Inspection, profile=st.none() | profiles, qpy=st.none() | st.binary()))
def test_an_inspection_comes_back_as_it_was_sent(inspection: Inspection) -> None:
    assert unpack(Inspection, pack(inspection)) == inspection


def test_a_result_with_arrays_comes_back_as_it_was_sent() -> None:
    array = Array("memory", "bits", (2, 3), bytes(range(256)))
    result = PubResult(BELL_RUN, counts=MappingProxyType({"00": 4, "11": 6}), expval=(0.5, -1.0), arrays=(array,))

    returned = unpack(PubResult, pack(result))

    assert returned == dataclasses.replace(result, counts={"00": 4, "11": 6})


def test_whole_numbers_of_any_size_survive() -> None:
    request = RunRequest("aer", frozenset(), metadata={"large": 10**40, "small": -(10**40), "just": 2**64})

    assert unpack(RunRequest, pack(request)) == request


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "Inspection"),
        (b"\xc1", "Inspection"),
        (b"\x80\x80", "extra data"),
        (pack({"circuit_format": "openqasm2"}), "profile: Field required"),
        (pack({"circuit_format": "cobol", "profile": None, "qpy": None}), "circuit_format: Input should be"),
        (pack({"circuit_format": "qpy", "profile": None, "qpy": 7}), "qpy: Input should be a valid bytes"),
        (pack([1, 2]), "Inspection"),
        (msgpack.packb(msgpack.ExtType(5, b"")), "extension of unknown type 5"),
        (msgpack.packb(msgpack.ExtType(1, b"five")), "invalid literal"),
        (b"\x91" * 100_000 + b"\xc0", "Inspection"),
    ],
)
def test_bytes_that_hold_something_else_are_refused_by_name(data: bytes, fault: str) -> None:
    with pytest.raises(CodecError, match=fault):
        unpack(Inspection, data)


def test_a_message_that_unfolds_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_CONTAINERS", 1000)

    assert unpack(list, pack([[]] * 999)) == [[]] * 999
    empties: tuple[object, ...] = ([], {})
    for empty in empties:
        with pytest.raises(CodecError, match="more than 1,000 lists and maps"):
            unpack(list, pack([empty] * 1000))


def test_a_value_without_a_form_is_refused_by_name() -> None:
    with pytest.raises(CodecError, match="it holds a complex"):
        pack(Array("x", "complex128", (1,), 1j))  # type: ignore[arg-type]


def test_endless_nesting_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(CodecError, match="can't be sent"):
        pack(endless)


def test_an_enumeration_travels_as_its_text() -> None:
    assert msgpack.unpackb(pack(frozenset({CircuitFormat.QPY}))) == ["qpy"]
