"""Messages that would unfold to gigabytes: refused by their numbers, before anything is made of them."""

import tracemalloc

import pytest

from jobs_server.requests import job_request, job_statuses, pub_run
from qserver.errors import InvalidRequest, TooLarge
from qserver.jobs import RunRequest
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings

MILLION = 1_000_000
MIB = 1024 * 1024


def test_a_million_terms_are_refused_before_one_is_read() -> None:
    spec = jobs_pb2.JobSpec(observables=[jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm()] * MILLION)])
    tracemalloc.start()

    with pytest.raises(TooLarge, match=r"observables have 1,000,000 Pauli terms; the limit is 10,000 \(QSERVER_MAX_"):
        job_request(spec, {}, LimitSettings())
    _, most_bytes = tracemalloc.get_traced_memory()

    tracemalloc.stop()
    assert most_bytes < MIB


def test_a_million_observables_are_refused_before_one_is_read() -> None:
    spec = jobs_pb2.JobSpec(observables=[jobs_pb2.Observable()] * MILLION)

    with pytest.raises(TooLarge, match=r"1,000,000 observables; the limit is 1,000 \(QSERVER_MAX_OBSERVABLES\)"):
        job_request(spec, {}, LimitSettings())


def test_a_million_result_types_are_refused_before_one_is_read() -> None:
    spec = jobs_pb2.JobSpec(result_types=[jobs_pb2.RESULT_TYPE_COUNTS] * MILLION)

    with pytest.raises(InvalidRequest, match="more than 6 result types are asked for"):
        job_request(spec, {}, LimitSettings())


def test_a_million_statuses_are_refused_before_one_is_read() -> None:
    statuses = jobs_pb2.ListJobsRequest(statuses=[jobs_pb2.JOB_STATUS_PENDING] * MILLION).statuses

    with pytest.raises(InvalidRequest, match="1,000,000 statuses; there are 5"):
        job_statuses(statuses)


@pytest.mark.parametrize(
    ("pub", "sentence"),
    [
        (jobs_pb2.Pub(parameters=["a"] * MILLION), "1,000,000 parameters; the limit is 100,000"),
        (jobs_pb2.Pub(shape=[1] * MILLION), "shape has 1,000,000 axes; the limit is 32"),
        (jobs_pb2.Pub(observables_shape=[1] * MILLION), "observables_shape has 1,000,000 axes; the limit is 32"),
        (jobs_pb2.Pub(observables=[jobs_pb2.Observable()] * MILLION), "1,000,000 observables; the limit is 1,000"),
    ],
)
def test_a_pub_of_a_million_things_is_refused_before_one_is_read(pub: jobs_pb2.Pub, sentence: str) -> None:
    run = RunRequest(backend="aer", result_types=frozenset())

    with pytest.raises(TooLarge, match=sentence):
        pub_run(run, pub, LimitSettings())
