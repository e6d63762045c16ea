"""Numbers of results between processes: what goes in comes out, and what nobody wrote is refused."""

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.messages import RunReply, SentSuccess
from plugins.sent_results import MIN_NUMBERS, with_numbers, without_numbers, write_numbers
from qserver.errors import Reason
from qserver.plugins import Failure, Outcome, Success
from qserver.results import Array, PubResult, RunRecord
from qserver.sandbox.codec import CodecError, pack, unpack

RUN = RunRecord("aer", "statevector", "CPU", "double", 9, None, 1, "why", "aer", "1", "qiskit-aer", "0.18.2")
MANY = {f"{value:07b}": value for value in range(MIN_NUMBERS)}
SHARES = {str(value): value / 7 for value in range(MIN_NUMBERS)}
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def arrived(outcome: Outcome) -> Outcome:
    (found,) = unpack(RunReply, pack(RunReply.of([outcome]))).read_outcomes()
    return found


@given(
    counts=st.none() | st.dictionaries(st.text(max_size=9), st.integers(0, 2**70), max_size=90),
    shares=st.none() | st.dictionaries(st.text(max_size=9), FLOATS, max_size=90),
    values=st.none() | st.lists(FLOATS, max_size=90).map(tuple),
)
def test_any_result_arrives_as_it_was(
    counts: dict[str, int] | None, shares: dict[str, float] | None, values: tuple[float, ...] | None
) -> None:
    array = Array("memory", "bits", (1, 8), b"\0")
    result = PubResult(RUN, counts, shares, values, values, shares, (array,))

    assert arrived(Success("key", result)) == Success("key", result)


def test_large_numbers_travel_as_text_and_few_in_the_message() -> None:
    large, small = PubResult(RUN, counts=MANY), PubResult(RUN, counts={"0": 9})

    sent = RunReply.of(
        [Success("large", large), Success("small", small), Failure("bad", Reason.INTERNAL, "no")]
    ).outcomes

    assert sent[0] == SentSuccess("large", PubResult(RUN), write_numbers(large))
    assert sent[1] == SentSuccess("small", small)
    assert sent[2] == Failure("bad", Reason.INTERNAL, "no")


def test_whole_numbers_where_others_are_due_arrive_as_floats() -> None:
    result = PubResult(RUN, quasi_dist={**SHARES, "0": 1}, expval=(1,))

    found = arrived(Success("key", result))

    assert isinstance(found, Success)
    assert found.result == result
    assert {type(value) for value in (found.result.quasi_dist or {}).values()} == {float}
    assert [type(value) for value in found.result.expval or ()] == [float]


@pytest.mark.parametrize(
    "result",
    [
        PubResult(RUN, quasi_dist={**SHARES, "0": math.inf}),
        PubResult(RUN, counts={**MANY, "[{" * 9: 1}),
        PubResult(RUN, counts=MappingProxyType(MANY)),
        PubResult(RUN, counts={**MANY, "0": 2**80}),
    ],
    ids=["infinite", "brackets", "mapping", "beyond 64 bits"],
)
def test_what_json_would_change_or_not_hold_travels_in_the_message(result: PubResult) -> None:
    assert write_numbers(result) is None
    assert arrived(Success("key", result)) == Success("key", result)


def test_what_is_no_number_arrives_as_such_for_storing_to_refuse() -> None:
    found = arrived(Success("key", PubResult(RUN, quasi_dist={**SHARES, "0": math.nan})))

    assert isinstance(found, Success)
    assert isinstance(found.result.quasi_dist, Mapping)
    assert math.isnan(found.result.quasi_dist["0"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no JSON"),
        (b'{"counts":{"0":NaN}}', "no JSON"),
        (b"[]", "other names"),
        (b'{"run":1}', "other names"),
        (b'{"counts":[1]}', "counts of a result"),
        (b'{"counts":{"0":1.5}}', "counts of a result"),
        (b'{"counts":{"0":true}}', "counts of a result"),
        (b'{"quasi_dist":1}', "quasi_dist of a result is no object"),
        (b'{"quasi_dist":{"0":"1"}}', "quasi_dist of a result"),
        (b'{"probabilities":{"0":null}}', "probabilities of a result"),
        (b'{"expval":{}}', "expval of a result is no list"),
        (b'{"expval":[1.0,false]}', "expval of a result"),
        (b'{"expval":[[],[],[],[],[],[]]}', "nested"),
    ],
)
def test_a_text_that_nobody_wrote_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        with_numbers(PubResult(RUN), text)


def test_what_is_sent_beside_the_text_has_all_but_its_numbers() -> None:
    array = Array("memory", "bits", (1, 8), b"\0")
    whole = PubResult(RUN, MANY, SHARES, (1.0,), (0.0,), SHARES, (array,))

    rest, text = without_numbers(whole), write_numbers(whole)

    assert rest == replace(PubResult(RUN), arrays=(array,))
    assert text is not None
    assert with_numbers(rest, text) == whole
