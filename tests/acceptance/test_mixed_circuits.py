"""Three hundred different jobs from several clients at once, each result held against Aer run directly."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import httpx
import pytest
from qiskit import transpile
from qiskit_aer import AerSimulator
from scipy.stats import chisquare

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.deployment import Deployment
from tests.acceptance.mixed_circuits import SHOTS, MixedCase, mixed_cases

JOBS = 300
CLIENTS = 6
TIMEOUT_SECONDS = 300
METHODS = {"aer_statevector": "statevector", "aer_density_matrix": "density_matrix"}
# With 225 unseeded circuits, a right sampler fails one of these tests once in 4,000 runs.
LEAST_P_VALUE = 1e-6
LEAST_EXPECTED = 5
SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Ran:
    """A case with what the service made of it."""

    case: MixedCase
    job_id: str
    grpc_result: jobs_pb2.PubResult
    http_result: dict[str, object]


def _submit_in_one_call(deployment: Deployment, cases: list[MixedCase]) -> list[str]:
    submissions = [jobs_pb2.JobSubmission(spec=case.spec(), source=case.source) for case in cases]
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        answers = jobs.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions), timeout=TIMEOUT_SECONDS).answers
    assert [answer.error.message for answer in answers if answer.HasField("error")] == []
    return [answer.job.id for answer in answers]


def _read(deployment: Deployment, case: MixedCase, job_id: str) -> Ran:
    with (
        grpc.insecure_channel(deployment.grpc_address) as channel,
        httpx.Client(base_url=deployment.http_url, timeout=30) as http,
    ):
        jobs = jobs_pb2_grpc.JobServiceStub(channel)
        events = list(jobs.WatchJob(jobs_pb2.WatchJobRequest(id=job_id), timeout=TIMEOUT_SECONDS))
        assert events[-1].status == jobs_pb2.JOB_STATUS_FINISHED, events[-1].message
        result = jobs.GetResult(jobs_pb2.GetResultRequest(id=job_id), timeout=30).pub_results[0]
        return Ran(case, job_id, result, http.get(f"/api/v1/job/result/{job_id}").json())


def _client(deployment: Deployment, cases: list[MixedCase]) -> list[Ran]:
    job_ids = _submit_in_one_call(deployment, cases)
    return [_read(deployment, case, job_id) for case, job_id in zip(cases, job_ids, strict=True)]


@pytest.fixture(scope="module")
def ran(deployment: Deployment) -> Iterator[list[Ran]]:
    cases = mixed_cases(JOBS)
    with ThreadPoolExecutor(CLIENTS) as clients:
        parts = clients.map(lambda start: _client(deployment, cases[start::CLIENTS]), range(CLIENTS))
        yield [one for part in parts for one in part]


def test_every_job_has_a_result_of_its_own(ran: list[Ran]) -> None:
    job_ids = {one.job_id for one in ran}

    assert len(job_ids) == JOBS
    assert all(sum(one.grpc_result.counts.values()) == SHOTS for one in ran)


def test_seeded_counts_equal_those_of_aer_run_directly(ran: list[Ran]) -> None:
    seeded = [one for one in ran if one.case.seed is not None]

    for one in seeded:
        method = METHODS.get(one.case.backend, one.grpc_result.run.method)
        simulator = AerSimulator(method=method)
        circuit = transpile(one.case.circuit, simulator, optimization_level=0)
        expected = simulator.run(circuit, shots=SHOTS, seed_simulator=one.case.seed).result().get_counts()
        assert dict(one.grpc_result.counts) == expected, one.case.source

    assert len(seeded) == JOBS // 4


def _p_value(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> float:
    """Give the chi-square test's p-value. Outcomes expected less than 5 times share a bin, as its theory wants."""
    frequent = [bits for bits, value in probabilities.items() if value * SHOTS >= LEAST_EXPECTED]
    observed = [counts.get(bits, 0) for bits in frequent]
    expected = [probabilities[bits] * SHOTS for bits in frequent]
    if SHOTS - sum(expected) >= LEAST_EXPECTED:
        observed.append(SHOTS - sum(observed))
        expected.append(SHOTS - sum(expected))
    scale = sum(observed) / sum(expected)
    return float(chisquare(observed, [value * scale for value in expected]).pvalue) if len(observed) > 1 else 1.0


def test_unseeded_counts_follow_the_exact_distribution(ran: list[Ran]) -> None:
    for one in (one for one in ran if one.case.seed is None):
        exact = one.case.exact_probabilities()

        assert all(exact.get(bits, 0.0) > SMALLEST_PROBABILITY for bits in one.grpc_result.counts), one.case.source
        assert _p_value(one.grpc_result.counts, exact) > LEAST_P_VALUE, one.case.source


def test_expectation_values_are_exact(ran: list[Ran]) -> None:
    for one in ran:
        assert one.grpc_result.expval[0] == pytest.approx(one.case.exact_expval(), abs=1e-9), one.case.source


def test_http_and_grpc_give_the_same_sample(ran: list[Ran]) -> None:
    for one in ran:
        quasi_dist = {str(int(bits, 2)): count / SHOTS for bits, count in one.grpc_result.counts.items()}

        assert one.http_result["counts"] == dict(one.grpc_result.counts)
        assert one.http_result["quasi_dist"] == quasi_dist
        assert one.http_result["expval"] == list(one.grpc_result.expval)
