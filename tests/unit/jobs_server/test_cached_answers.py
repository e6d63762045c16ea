"""Jobs that a stored result answers, over a real channel."""

import pytest

from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN_BACKEND, FILE_PLUGIN_ROUTE
from tests.unit.jobs_server.run_jobs import Jobs
from tests.unit.jobs_server.served import Served, spec_of


async def test_an_equal_job_is_answered_by_the_stored_result(served: Served, jobs: Jobs) -> None:
    first = await served.submit(spec_of(cache=True))
    jobs.finish(first.id)

    job = await served.submit(spec_of(cache=True))

    (result,) = (await served.v1.GetResult(jobs_pb2.GetResultRequest(id=job.id))).pub_results
    (origin,) = (await served.v1.GetResult(jobs_pb2.GetResultRequest(id=first.id))).pub_results
    events = [event async for event in served.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job.id))]
    assert (job.id != first.id, job.status, job.spec.cache) == (True, jobs_pb2.JOB_STATUS_FINISHED, True)
    assert (result.run.cached_from, origin.run.cached_from) == (first.id, "")
    result.run.cached_from = ""
    assert result == origin
    assert [event.status for event in events] == [
        jobs_pb2.JOB_STATUS_PENDING,
        jobs_pb2.JOB_STATUS_RUNNING,
        jobs_pb2.JOB_STATUS_FINISHED,
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"cache": False},
        {"seed": 1},
        {"shots": 5},
        {"backend": "aer_statevector"},
        {"options": {"float_precision": "single"}},
        {"result_types": [jobs_pb2.RESULT_TYPE_MEMORY]},
    ],
)
async def test_another_job_is_run(served: Served, jobs: Jobs, fields: dict[str, object]) -> None:
    jobs.finish((await served.submit(spec_of(cache=True))).id)

    job = await served.submit(spec_of(**{"cache": True, **fields}))

    assert job.status == jobs_pb2.JOB_STATUS_PENDING


async def test_a_call_is_answered_partly_from_stored_results(served: Served, jobs: Jobs) -> None:
    jobs.finish((await served.submit(spec_of(cache=True))).id)
    specs = [spec_of(cache=True), spec_of(cache=True, shots=5), spec_of(), spec_of(cache=True)]
    submissions = [jobs_pb2.JobSubmission(spec=spec, source=BELL) for spec in specs]

    answers = (await served.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=submissions))).answers

    is_finished = [answer.job.status == jobs_pb2.JOB_STATUS_FINISHED for answer in answers]
    assert is_finished == [True, False, False, True]


async def test_metadata_decides_where_a_file_plugin_reads_it(served: Served) -> None:
    def spec(backend: str, name: str) -> jobs_pb2.JobSpec:
        made = spec_of(backend=backend, cache=True)
        made.metadata.update({"name": name})
        return made

    first = [await served.submit(spec(backend, "first")) for backend in ("aer", FILE_PLUGIN_BACKEND)]
    for job, route in zip(first, ("cpu", FILE_PLUGIN_ROUTE), strict=True):
        Jobs(served, route).finish(job.id)

    later = [
        await served.submit(spec(backend, name))
        for backend, name in (("aer", "second"), (FILE_PLUGIN_BACKEND, "second"), (FILE_PLUGIN_BACKEND, "first"))
    ]

    is_finished = [job.status == jobs_pb2.JOB_STATUS_FINISHED for job in later]
    assert is_finished == [True, False, True]
