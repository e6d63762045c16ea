"""Calls of megabytes that are refused in full: others are answered while they are looked at."""

from collections.abc import Callable, Iterator

import grpc
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.bad_input.condition import unharmed
from tests.acceptance.bad_input.trials import BELL
from tests.acceptance.deployment import Deployment
from tests.tried import tried

KIND = "Large calls"
MANY_NAMES = 20_000
COUNTS = jobs_pb2.RESULT_TYPE_COUNTS
A_PAGE = jobs_pb2.ListJobsRequest(page_size=1)
EACH_REFUSED = "each refused, others are answered meanwhile"


def spec_of_options() -> jobs_pb2.JobSpec:
    """60 kB of options that no backend has."""
    spec = jobs_pb2.JobSpec(backend="aer", result_types=[COUNTS])
    spec.options.update({f"k{number}": number for number in range(3500)})
    return spec


def spec_of_metadata() -> jobs_pb2.JobSpec:
    """60 kB of metadata, for a backend that is unknown."""
    spec = jobs_pb2.JobSpec(backend="nobody's", result_types=[COUNTS])
    spec.metadata.update({f"k{number}": number for number in range(3500)})
    return spec


def spec_of_terms() -> jobs_pb2.JobSpec:
    """As many terms as a job may have, for a backend that is unknown."""
    observable = jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli="ZZ", coefficient=1.0)] * 10_000)
    return jobs_pb2.JobSpec(backend="nobody's", result_types=[COUNTS], observables=[observable])


def spec_of_result_types() -> jobs_pb2.JobSpec:
    """A result type that is asked for 20,000 times."""
    return jobs_pb2.JobSpec(backend="aer", result_types=[COUNTS] * 20_000)


@tried(KIND, "100 submissions of 60 kB of options", door="SubmitJobs", answer=EACH_REFUSED)
@tried(KIND, "100 submissions of 60 kB of metadata", door="SubmitJobs", answer=EACH_REFUSED)
@tried(KIND, "100 submissions of 10,000 terms", door="SubmitJobs", answer=EACH_REFUSED)
@tried(KIND, "100 submissions of 20,000 result types", door="SubmitJobs", answer=EACH_REFUSED)
@pytest.mark.parametrize(
    ("spec_of", "sentence"),
    [
        (spec_of_options, "backend aer has no option 'k"),
        (spec_of_metadata, "backend 'nobody's' is unknown"),
        (spec_of_terms, "backend 'nobody's' is unknown"),
        (spec_of_result_types, "more than 6 result types"),
    ],
)
def test_others_are_answered_while_a_large_call_is_refused(
    deployment: Deployment, spec_of: Callable[[], jobs_pb2.JobSpec], sentence: str
) -> None:
    submission = jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)
    request = jobs_pb2.SubmitJobsRequest(submissions=[submission] * 100)

    with unharmed(deployment), grpc.insecure_channel(deployment.grpc_address) as channel:
        stub = jobs_pb2_grpc.JobServiceStub(channel)
        large = stub.SubmitJobs.future(request, timeout=300)
        answered_before = 0
        while not large.done():
            stub.ListJobs(A_PAGE, timeout=60)
            answered_before += not large.done()
        answers = large.result().answers

    assert answered_before > 1
    assert len(answers) == 100
    assert all(sentence in answer.error.message for answer in answers)


@tried(KIND, "20,000 parameters, the last named twice", door="SubmitPubs", answer="INVALID_ARGUMENT `named twice`")
def test_a_name_that_comes_twice_among_many_is_refused_at_once(deployment: Deployment) -> None:
    names = [f"p{number}" for number in range(MANY_NAMES)] + [f"p{MANY_NAMES - 1}"]
    pub = jobs_pb2.Pub(source=BELL, parameters=names, values=bytes(8 * len(names)))

    assert f"the parameter 'p{MANY_NAMES - 1}' is named twice" in refusal_of(deployment, pub)


@tried(KIND, "2,500,000 parameters", door="SubmitPubs", answer="INVALID_ARGUMENT `the limit is 100,000`")
def test_millions_of_parameters_are_refused_by_their_number(deployment: Deployment) -> None:
    pub = jobs_pb2.Pub(source=BELL, parameters=map(str, range(2_500_000)))

    assert "2,500,000 parameters; the limit is 100,000" in refusal_of(deployment, pub)


def refusal_of(deployment: Deployment, pub: jobs_pb2.Pub) -> str:
    """Submit a PUB, and give why it was refused."""

    def messages() -> Iterator[jobs_pb2.SubmitPubsRequest]:
        spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_MEMORY], shots=1)
        yield jobs_pb2.SubmitPubsRequest(spec=spec)
        yield jobs_pb2.SubmitPubsRequest(pub=pub)

    with unharmed(deployment), grpc.insecure_channel(deployment.grpc_address) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            jobs_pb2_grpc.JobServiceStub(channel).SubmitPubs(messages(), timeout=60)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    return refused.value.details() or ""
