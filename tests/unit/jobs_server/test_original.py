"""The original service's dialect, over a real channel."""

import json

import pytest

from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus, Observable, PauliTerm
from qserver.results import ResultType
from qserver.rpc.original import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN, FILE_PLUGIN_BACKEND, FILE_PLUGIN_ROUTE
from tests.unit.jobs_server.served import Served


async def test_a_job_is_stored_as_it_was_sent(served: Served) -> None:
    metadata = {"shots": 512, "framework": "qiskit", "depth": 3, "obs": [[["ZZ", 1], ["XX", -0.5]]]}

    job_id = await served.add_job(metadata=metadata, resultTypeQuasiDist=True, resultTypeExpVal=True)

    job = served.read(job_id)
    run = job.request.run
    assert (job.status, job.owner_id, job.plugin, job.route) == (JobStatus.PENDING, ANONYMOUS.user_id, "aer", "cpu")
    assert (run.backend, run.shots, run.metadata) == ("aer", 512, metadata)
    assert run.result_types == {ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.EXPVAL}
    assert run.observables == (Observable((PauliTerm("ZZ", 1.0), PauliTerm("XX", -0.5))),)


@pytest.mark.parametrize("piece_characters", [1, 7, 10_000])
async def test_a_circuit_may_be_cut_anywhere(served: Served, piece_characters: int) -> None:
    source = BELL.decode() + "// ψ = (|00⟩ + |11⟩)/√2 😀\n"

    job_id = await served.add_job(source, piece_characters=piece_characters)

    detail = served.look(lambda transaction: transaction.jobs.detail(served.read(job_id).id, ANONYMOUS))
    assert detail.source == source.encode()


async def test_shots_are_1000_where_the_metadata_says_none(served: Served) -> None:
    job_id = await served.add_job(metadata='{"framework": "qasm"}')

    assert served.read(job_id).request.run.shots == 1000


async def test_observables_that_nobody_asked_for_are_kept_as_metadata_only(served: Served) -> None:
    job_id = await served.add_job(metadata={"obs": "anything"})

    run = served.read(job_id).request.run
    assert (run.observables, run.metadata) == ((), {"obs": "anything"})


async def test_a_file_plugins_job_is_taken_with_any_text_and_its_own_metadata(served: Served) -> None:
    metadata = {"shots": "many", "obs": {"own": "form"}}

    job_id = await served.add_job(
        "its own language", targetSimulator=FILE_PLUGIN_BACKEND, metadata=metadata, resultTypeExpVal=True
    )

    job = served.read(job_id)
    assert (job.plugin, job.route, job.request.run.metadata) == (FILE_PLUGIN, FILE_PLUGIN_ROUTE, metadata)
    assert json.loads(json.dumps(job.request.run.metadata)) == metadata
    assert served.inspectors.inspected == []


async def test_health_check_says_ok(served: Served) -> None:
    assert (await served.original.HealthCheck(jobs_pb2.HealthCheckInput())).status == "OK"
