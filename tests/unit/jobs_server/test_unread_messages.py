"""Messages that would unfold to gigabytes: refused by their numbers, before anything is made of them."""

import tracemalloc

import pytest

from jobs_server.requests import job_request
from qserver.errors import TooLarge
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
