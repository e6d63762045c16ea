"""What the client raises and gives goes to other processes, as pickles do."""

import pickle

import pytest

from qserver.client.job_info import backend_info
from qserver.client.results import Result
from qserver.errors import (
    ExecutionError,
    InvalidCircuit,
    MissingPackage,
    NotAskedFor,
    Overloaded,
    QServerError,
    QuotaExceeded,
    ReachedLimit,
    Reason,
    SomeRefused,
    WaitTimeout,
)
from qserver.rpc.v1 import jobs_pb2


@pytest.mark.parametrize(
    "error",
    [
        QServerError("why"),
        InvalidCircuit("why", line=3, column=4),
        QuotaExceeded("why", limit=ReachedLimit("max_jobs", 5, 60)),
        ExecutionError("why", reason=Reason.OUT_OF_MEMORY),
        SomeRefused("why", refusals={1: Overloaded("full")}, job_ids={0: "a"}),
        WaitTimeout("why"),
        MissingPackage("why"),
        NotAskedFor("why"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_with_all_it_says(error: QServerError) -> None:
    error.job_id = "the-job"

    found = pickle.loads(pickle.dumps(error))

    assert type(found) is type(error)
    assert (str(found), found.sentence) == (str(error), error.sentence)
    assert {name: repr(value) for name, value in vars(found).items()} == {
        name: repr(value) for name, value in vars(error).items()
    }


def test_a_result_comes_back_as_it_was() -> None:
    result = Result("the-job", jobs_pb2.PubResult(counts={"00": 5}, expval=[1.0]))

    assert pickle.loads(pickle.dumps(result)) == result


def test_a_backends_description_comes_back_as_it_was() -> None:
    described = backend_info(jobs_pb2.Backend(name="aer", qpy_versions=[13]))

    assert pickle.loads(pickle.dumps(described)) == described


def test_of_some_refused_circuits_those_are_known_that_may_be_sent_again() -> None:
    full = Overloaded("full")
    refused = SomeRefused("why", refusals={1: InvalidCircuit("bad"), 2: full}, job_ids={0: "a"})

    assert refused.retryable == {2: full}
