"""Results are read as they are meant, and errors come back as what they were."""

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qserver.client.faults import error_of_detail, error_of_status, error_without_result
from qserver.client.outcomes import accepted, succeeded_once
from qserver.client.packages import load
from qserver.client.patience import Attempts, Deadline, Patience
from qserver.client.results import Result
from qserver.errors import (
    Conflict,
    ExecutionError,
    InvalidCircuit,
    InvalidRequest,
    JobCanceled,
    MissingPackage,
    NotAskedFor,
    NotFound,
    Overloaded,
    QServerError,
    QuotaExceeded,
    ReachedLimit,
    Reason,
    SomeRefused,
    Unauthenticated,
    Unavailable,
    error_of,
)
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2

NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


def _result(**fields: object) -> Result:
    return Result("the-job", jobs_pb2.PubResult(**fields))  # type: ignore[arg-type]


def test_each_type_of_result_is_read() -> None:
    state = np.array([1, 1j], dtype=np.complex128) / np.sqrt(2)
    result = _result(
        counts={"0": 3, "1": 4},
        quasi_dist={"0": 0.75, "10": 0.25},
        expval=[0.0, 1.0],
        expval_standard_errors=[0.0, 0.1],
        probabilities={"0": 1.0},
        arrays=[jobs_pb2.Array(name="statevector", dtype="complex128", shape=[2], data=state.tobytes())],
    )

    assert result.counts == {"0": 3, "1": 4}
    assert result.quasi_dist == {0: 0.75, 10: 0.25}
    assert result.expval == (0.0, 1.0)
    assert result.expval_standard_errors == (0.0, 0.1)
    assert result.probabilities == {"0": 1.0}
    assert np.array_equal(result.statevector, state)
    assert set(result.result_types) == set(ResultType) - {ResultType.MEMORY}


def test_a_result_prints_what_is_short_of_it() -> None:
    array = jobs_pb2.Array(name="memory", dtype="bits", shape=[0, 1], data=b"")

    assert repr(_result(counts={"0": 3}, arrays=[array])) == "Result('the-job', counts={'0': 3}, memory=...)"
    assert len(repr(_result(counts={f"{outcome:010b}": 1 for outcome in range(1024)}))) < 120


@given(width=st.integers(1, 20), data=st.data())
def test_memory_is_read_shot_by_shot(width: int, data: st.DataObject) -> None:
    shots = data.draw(st.lists(st.text("01", min_size=width, max_size=width), min_size=1, max_size=5))
    bits = np.array([[int(bit) for bit in shot] for shot in shots], dtype=np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="big").tobytes()
    array = jobs_pb2.Array(name="memory", dtype="bits", shape=bits.shape, data=packed)

    assert _result(arrays=[array]).memory == shots


def test_what_was_not_asked_for_says_how_to_ask() -> None:
    result = _result(counts={"0": 1})

    with pytest.raises(NotAskedFor, match=r"no memory \(it has: counts\).*results=\['memory'\]") as missing:
        _ = result.memory

    assert missing.value.job_id == "the-job"
    assert not hasattr(result, "expval")


def test_a_job_of_several_pubs_has_no_single_result() -> None:
    with pytest.raises(InvalidRequest, match="has 2 results"):
        succeeded_once("the-job", (_result(), _result()))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_one_class_on_both_sides(reason: Reason) -> None:
    error = error_of(reason, "the sentence", line=3, column=7)

    assert error.reason is reason or type(error) is QServerError
    assert str(error) == "the sentence"
    assert (getattr(error, "line", 3), getattr(error, "column", 7)) == (3, 7)


def test_a_refusal_comes_back_as_what_was_raised() -> None:
    trailers = (("qserver-reason", "INVALID_CIRCUIT"), ("qserver-line", "3"), ("qserver-column", "7"))

    error = error_of_status(grpc.StatusCode.INVALID_ARGUMENT, "line 3, column 7: no gate hh", trailers, server="box")

    assert isinstance(error, InvalidCircuit)
    assert (str(error), error.line, error.column) == ("line 3, column 7: no gate hh", 3, 7)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Unavailable),
        (grpc.StatusCode.INTERNAL, Unavailable),
        (grpc.StatusCode.UNAUTHENTICATED, Unauthenticated),
        (grpc.StatusCode.FAILED_PRECONDITION, Conflict),
        (grpc.StatusCode.UNIMPLEMENTED, QServerError),
    ],
)
def test_a_status_without_a_reason_still_means_something(status: grpc.StatusCode, kind: type[QServerError]) -> None:
    assert type(error_of_status(status, "", (), server="box")) is kind


def test_a_reached_limit_says_when_to_try_again() -> None:
    trailers = (
        ("qserver-reason", "QUOTA_EXCEEDED"),
        ("qserver-limit", "max_pending_jobs"),
        ("qserver-limit-value", "100"),
        ("qserver-retry-after-seconds", "7"),
    )

    error = error_of_status(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many jobs", trailers, server="box")

    assert isinstance(error, QuotaExceeded)
    assert error.limit == ReachedLimit("max_pending_jobs", 100.0, 7)


def test_a_fault_of_the_server_is_not_taken_for_a_lost_connection() -> None:
    error = error_of_status(grpc.StatusCode.INTERNAL, "", (("qserver-reason", "INTERNAL"),), server="box")

    assert type(error) is QServerError


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("NOT_FOUND", NotFound),
        ("OUT_OF_MEMORY", ExecutionError),
        ("INTERNAL", ExecutionError),
        ("FROM_THE_FUTURE", ExecutionError),
        ("CANCELED_BY_USER", JobCanceled),
    ],
)
def test_a_job_without_a_result_says_why(reason: str, kind: type[QServerError]) -> None:
    error = error_without_result(jobs_pb2.ErrorDetail(code=NOT_FOUND, reason=reason, message="why"), "the-job")

    assert type(error) is kind
    assert (str(error), error.job_id) == ("why", "the-job")


def test_one_bad_circuit_sinks_no_other() -> None:
    refusal = error_of_detail(jobs_pb2.ErrorDetail(code=3, reason="INVALID_CIRCUIT", message="bad", line=1))

    with pytest.raises(SomeRefused, match=r"1 of 3 circuits were refused.*circuit 1: bad") as refused:
        accepted([jobs_pb2.Job(id="a"), refusal, jobs_pb2.Job(id="c")])

    assert refused.value.job_ids == {0: "a", 2: "c"}
    assert refused.value.refusals == {1: refusal}
    assert refused.value.reason is Reason.INVALID_CIRCUIT


def test_a_lone_circuit_raises_its_own_error() -> None:
    with pytest.raises(Overloaded):
        accepted([Overloaded("no room")])


def test_delays_double_up_to_the_longest() -> None:
    attempts = Attempts(Patience(first_delay_seconds=1, longest_delay_seconds=5), give_up_seconds=1000)

    assert [attempts.next_delay_seconds() for _ in range(5)] == [1, 2, 4, 5, 5]


def test_an_answer_makes_the_next_failure_a_first_one() -> None:
    attempts = Attempts(Patience(first_delay_seconds=1), give_up_seconds=1000)
    attempts.next_delay_seconds()
    attempts.next_delay_seconds()

    attempts.succeed()

    assert attempts.next_delay_seconds() == 1


def test_nobody_tries_for_longer_than_told() -> None:
    assert Attempts(Patience(), give_up_seconds=0).next_delay_seconds() is None
    assert Attempts(Patience(), give_up_seconds=10, deadline=Deadline(0)).next_delay_seconds() is None


def test_a_result_shows_itself_in_a_notebook() -> None:
    html = _result(
        counts={"00": 3, "11": 1},
        expval=[0.5],
        expval_standard_errors=[0.1],
        run=jobs_pb2.RunRecord(shots=4, method="<b>", device="CPU"),
    )._repr_html_()

    assert "4 shots, &lt;b&gt; on CPU" in html
    assert html.index("<code>00</code>") < html.index("<code>11</code>")
    assert "+0.500000 ± 0.1" in html


def test_a_picture_has_a_bar_for_each_outcome() -> None:
    figure = _result(counts={"11": 1, "00": 3}).plot()

    axes = figure.axes[0]
    assert [bar.get_extents().height > 0 for bar in axes.patches] == [True, True]
    assert axes.dataLim.y1 == 3
    assert [label.get_text() for label in axes.get_xticklabels()] == ["00", "11"]
    assert axes.get_ylabel() == "counts"


def test_a_picture_of_many_outcomes_says_how_many_it_shows() -> None:
    counts = {f"{outcome:08b}": outcome + 1 for outcome in range(200)}

    axes = _result(counts=counts).plot().axes[0]

    assert len(axes.patches) == 64
    assert axes.get_title() == "64 most frequent of 200 outcomes"


def test_a_table_has_a_row_for_each_outcome() -> None:
    table = _result(counts={"11": 1}, probabilities={"00": 0.5, "11": 0.5}).to_dataframe()

    assert table.to_dict("list") == {"outcome": ["00", "11"], "counts": [0, 1], "probability": [0.5, 0.5]}


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingPackage, match=r"pictures need nowhere.*qserver-sdk\[plot\]"):
        load("nowhere.at_all", extra="plot", what="pictures")
