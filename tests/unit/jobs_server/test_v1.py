"""Our own dialect, over a real channel."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from grpc import aio
from qiskit import qpy

from database.records import PluginKind, PluginRecord
from qserver.circuits import CircuitFormat
from qserver.jobs import Observable, PauliTerm
from qserver.plugins import BackendSpec
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2
from tests.unit.jobs_server.builders import BELL, FILE_PLUGIN_BACKEND
from tests.unit.jobs_server.run_jobs import RESULT, Jobs
from tests.unit.jobs_server.served import Served, spec_of
from tests.waiting import until


async def refused(call: Awaitable[object]) -> aio.AioRpcError:
    """Give the error of a call that must fail."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_job_comes_back_as_it_was_sent(served: Served) -> None:
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    spec = spec_of(
        result_types=[jobs_pb2.RESULT_TYPE_COUNTS, jobs_pb2.RESULT_TYPE_EXPVAL],
        shots=77,
        seed=2**63 - 1,
        precision=0.01,
        observables=[jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli="ZZ", coefficient=0.5)])],
        priority=-3,
        time_limit_seconds=60.0,
        request_id="first",
        cache=True,
    )
    spec.options.update({"float_precision": "single"})
    spec.metadata.update({"who": "me", "list": [1, None, True]})
    spec.expires_at.FromDatetime(expires_at)

    job = await served.submit(spec)

    again = (await served.v1.GetJob(jobs_pb2.GetJobRequest(id=job.id))).job
    run = served.read(job.id).request.run
    spec.circuit_format = jobs_pb2.CIRCUIT_FORMAT_OPENQASM2
    assert job.spec == spec
    assert again == job
    assert job.status == jobs_pb2.JOB_STATUS_PENDING
    assert run.options == {"float_precision": "single"}
    assert run.observables == (Observable((PauliTerm("ZZ", 0.5),)),)
    assert run.metadata == {"who": "me", "list": [1, None, True]}


@pytest.mark.parametrize(
    ("backend", "source", "circuit_format"),
    [
        ("aer", BELL, jobs_pb2.CIRCUIT_FORMAT_OPENQASM2),
        ("aer", b"OPENQASM 3.0; qubit q;", jobs_pb2.CIRCUIT_FORMAT_OPENQASM3),
        ("aer", b"QISKIT...", jobs_pb2.CIRCUIT_FORMAT_QPY),
        (FILE_PLUGIN_BACKEND, BELL, jobs_pb2.CIRCUIT_FORMAT_TEXT),
    ],
)
async def test_answers_say_the_format_that_was_found(
    served: Served, backend: str, source: bytes, circuit_format: jobs_pb2.CircuitFormat.ValueType
) -> None:
    job = await served.submit(spec_of(backend=backend), source)

    again = (await served.v1.GetJob(jobs_pb2.GetJobRequest(id=job.id))).job
    assert (job.spec.circuit_format, again.spec.circuit_format) == (circuit_format, circuit_format)


async def test_the_format_that_a_client_states_makes_no_other_content(served: Served) -> None:
    first = await served.submit(spec_of(request_id="once"))

    second = await served.submit(spec_of(request_id="once", circuit_format=jobs_pb2.CIRCUIT_FORMAT_OPENQASM2))

    assert second.id == first.id


async def test_what_is_left_out_gets_its_default(served: Served) -> None:
    job = await served.submit()

    run = served.read(job.id).request.run
    assert (run.shots, run.seed, run.precision, run.result_types) == (1000, None, None, {ResultType.COUNTS})


async def test_the_same_content_under_a_request_id_gets_the_first_job(served: Served) -> None:
    first = await served.submit(spec_of(request_id="once"))

    second = await served.submit(spec_of(request_id="once"))

    assert second.id == first.id
    assert served.database.stored_jobs() == 1


async def test_other_content_under_a_request_id_is_refused(served: Served) -> None:
    await served.submit(spec_of(request_id="once"))

    with pytest.raises(aio.AioRpcError) as caught:
        await served.submit(spec_of(request_id="once", shots=5))

    assert caught.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert "'once'" in (caught.value.details() or "")


async def test_many_jobs_get_each_their_own_answer(served: Served) -> None:
    good, bad = BELL, b"OPENQASM 2.0; syntax error"
    request = jobs_pb2.SubmitJobsRequest(
        submissions=[
            jobs_pb2.JobSubmission(spec=spec_of(request_id=f"job {index}"), source=bad if index % 10 == 3 else good)
            for index in range(100)
        ]
    )

    answers = (await served.v1.SubmitJobs(request)).answers

    refused = [index for index, answer in enumerate(answers) if answer.HasField("error")]
    assert refused == list(range(3, 100, 10))
    assert answers[3].error == jobs_pb2.ErrorDetail(
        code=grpc.StatusCode.INVALID_ARGUMENT.value[0],
        reason="INVALID_CIRCUIT",
        message="line 3, column 7: unexpected token",
        line=3,
        column=7,
    )
    assert [answer.job.spec.request_id for answer in answers if answer.HasField("job")] == [
        f"job {index}" for index in range(100) if index % 10 != 3
    ]
    assert served.database.stored_jobs() == 90


async def test_300_simultaneous_calls_share_transactions_and_one_inspection(served: Served) -> None:
    served.database.transactions = 0

    ids = await asyncio.gather(*(served.add_job() for _ in range(300)))

    assert len(set(ids)) == 300
    assert served.database.stored_jobs() == 300
    # Alone each call takes two; how many share one depends on the machine, the committer's own test is exact.
    assert served.database.transactions < 300
    assert len(served.inspectors.inspected) == 1


async def test_circuits_of_a_call_that_was_given_up_are_not_parsed_any_more(served: Served) -> None:
    served.inspectors.gate.clear()
    many = [jobs_pb2.JobSubmission(spec=spec_of(), source=BELL + b"// %d" % number) for number in range(100)]
    call = served.v1.SubmitJobs(jobs_pb2.SubmitJobsRequest(submissions=many))
    await until(lambda: len(served.inspectors.inspected) > 0)

    call.cancel()
    await until(lambda: not served.server._reader.waiting_circuits())
    served.inspectors.gate.set()
    await served.submit()

    assert len(served.inspectors.inspected) < 100


async def test_pages_go_through_all_jobs_newest_first(served: Served) -> None:
    request = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)] * 7)
    sent = [answer.job.id for answer in (await served.v1.SubmitJobs(request)).answers]

    seen: list[list[str]] = []
    token = ""
    while not seen or token:
        page = await served.v1.ListJobs(jobs_pb2.ListJobsRequest(page_size=3, page_token=token))
        seen.append([job.id for job in page.jobs])
        token = page.next_page_token

    assert seen == [sent[:3:-1], sent[3:0:-1], sent[:1]]


async def test_a_list_may_be_of_some_statuses_only(served: Served) -> None:
    canceled, _ = await served.submit(), await served.submit()
    await served.v1.CancelJob(jobs_pb2.CancelJobRequest(id=canceled.id))

    page = await served.v1.ListJobs(jobs_pb2.ListJobsRequest(statuses=[jobs_pb2.JOB_STATUS_CANCELED]))

    assert [job.id for job in page.jobs] == [canceled.id]


async def test_a_job_is_canceled_once(served: Served) -> None:
    job = await served.submit()

    answer = await served.v1.CancelJob(jobs_pb2.CancelJobRequest(id=job.id))
    error = await refused(served.v1.CancelJob(jobs_pb2.CancelJobRequest(id=job.id)))

    assert answer.job.status == jobs_pb2.JOB_STATUS_CANCELED
    assert answer.job.reason == "CANCELED_BY_USER"
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_a_deleted_job_is_gone(served: Served) -> None:
    job = await served.submit()

    await served.v1.DeleteJob(jobs_pb2.DeleteJobRequest(id=job.id))
    error = await refused(served.v1.GetJob(jobs_pb2.GetJobRequest(id=job.id)))

    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_watching_ends_with_the_final_event(served: Served, jobs: Jobs) -> None:
    job = await served.submit()
    watching = aiter(served.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job.id)))
    first = await anext(watching)

    jobs.finish(job.id)
    rest = [event async for event in watching]

    assert [event.status for event in (first, *rest)] == [
        jobs_pb2.JOB_STATUS_PENDING,
        jobs_pb2.JOB_STATUS_RUNNING,
        jobs_pb2.JOB_STATUS_FINISHED,
    ]
    assert [event.sequence for event in (first, *rest)] == [1, 2, 3]


async def test_a_watch_that_its_client_cancels_is_cleaned_up(served: Served) -> None:
    job = await served.submit()
    watching = served.v1.WatchJob(jobs_pb2.WatchJobRequest(id=job.id))
    await watching.read()

    watching.cancel()

    await until(lambda: served.server._streams.events.watchers(UUID(job.id)) == 0)


async def test_a_result_comes_whole_once_the_job_is_finished(served: Served, jobs: Jobs) -> None:
    job = await served.submit()
    too_early = await refused(served.v1.GetResult(jobs_pb2.GetResultRequest(id=job.id)))

    jobs.finish(job.id)
    (result,) = (await served.v1.GetResult(jobs_pb2.GetResultRequest(id=job.id))).pub_results

    assert too_early.code() is grpc.StatusCode.NOT_FOUND
    assert dict(result.counts) == RESULT.counts
    assert dict(result.quasi_dist) == RESULT.quasi_dist
    assert tuple(result.expval) == RESULT.expval
    assert tuple(result.expval_standard_errors) == RESULT.expval_standard_errors
    assert dict(result.probabilities) == RESULT.probabilities
    assert (result.arrays[0].shape, result.arrays[0].data) == ([3, 2], b"\x00\xc0\xc0")
    assert (result.run.method, result.run.seed, result.run.simulating_seconds) == ("statevector", 7, 0.5)


async def test_backends_are_listed_with_their_options(served: Served) -> None:
    backends = (await served.v1.ListBackends(jobs_pb2.ListBackendsRequest())).backends

    by_name = {backend.name: backend for backend in backends}
    assert {"aer", "aer_statevector", "fake-vigo"} <= by_name.keys()
    assert jobs_pb2.RESULT_TYPE_COUNTS in by_name["aer"].result_types
    assert "float_precision" in str(by_name["aer"].options_schema["properties"])
    assert by_name["fake-vigo"].circuit_formats == [jobs_pb2.CIRCUIT_FORMAT_TEXT]
    assert list(by_name["aer"].qpy_versions) == list(range(13, qpy.QPY_VERSION + 1))
    assert list(by_name["fake-vigo"].qpy_versions) == []


async def test_an_engines_options_are_checked_once_for_many_jobs(served: Served) -> None:
    spec = spec_of()
    spec.options.update({"noise_model": {"name": "depolarizing", "one_qubit_probability": 0.01}})
    request = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec, source=BELL)] * 20)

    answers = (await served.v1.SubmitJobs(request)).answers

    assert [answer.error.message for answer in answers] == [""] * 20
    assert len(served.inspectors.checked) == 1


async def test_an_unknown_job_is_not_found(served: Served) -> None:
    error = await refused(served.v1.GetJob(jobs_pb2.GetJobRequest(id=str(uuid4()))))

    assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_a_plugin_added_a_moment_ago_is_known(served: Served) -> None:
    await served.submit()
    spec = BackendSpec(
        name="new-backend",
        description="",
        result_types=frozenset({ResultType.COUNTS}),
        formats=frozenset({CircuitFormat.TEXT}),
        options_schema={"type": "object"},
    )
    record = PluginRecord("new-plugin", PluginKind.FILE, "1", added_at=datetime.now(UTC), distribution="new-plugin")

    with served.database.transaction() as transaction:
        transaction.plugins.register(record, [("new-backend", "new-backend", spec)])
    job = await served.submit(spec_of(backend="new-backend"))

    assert served.read(job.id).plugin == "new-plugin"
