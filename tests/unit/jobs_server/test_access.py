"""Who may do what over gRPC: every RPC by its rule, jobs to their owners, keys revoked at once."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio

from database.people_records import AuditAction, NewKey
from qserver.access.keys import hash_key, make_key
from qserver.errors import SettingsError
from qserver.identity import ANONYMOUS, EVERYTHING, RPC_RULES, Permission, Role
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import AccessSettings, JobsServerSettings
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.served import SETTINGS, Served, spec_of, submission, told, trailing, upload
from tests.waiting import until

GUARDED = sorted(rule for rule, permission in RPC_RULES.items() if permission is not Permission.NONE)
REQUIRED = SETTINGS.model_copy(
    update={
        "access": AccessSettings.model_validate(
            {"auth": "required", "key_failures_per_minute": 2, "key_cache_seconds": 60}
        )
    }
)

Metadata = tuple[tuple[str, str], ...]


def add_person(database: CountingDatabase, name: str, role: Role) -> Metadata:
    """Add a user with a key; gives the metadata that says so."""
    key = make_key()
    with database.transaction() as transaction:
        user = transaction.users.add(name, role)
        transaction.keys.add(NewKey(hash_key(key), user.id, "first", EVERYTHING))
    return (("authorization", f"Bearer {key}"),)


@pytest.fixture
async def guarded(database: CountingDatabase) -> AsyncIterator[Served]:
    """A jobs server that asks for keys."""
    scene = Served(database, settings=REQUIRED)
    await scene.start()
    yield scene
    await scene.stop()


async def call(served: Served, method: str, metadata: Metadata = ()) -> grpc.StatusCode:
    """Call an RPC by its name with an empty message; gives how it ended."""
    rpc: aio.StreamStreamMultiCallable[bytes, bytes] = served.channel.stream_stream(method)

    async def end() -> None:
        async for _ in rpc(iter([b""]), metadata=metadata, timeout=10):
            break

    try:
        await told(end)
    except aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("method", GUARDED)
async def test_without_a_key_no_guarded_rpc_answers(guarded: Served, method: str) -> None:
    assert await call(guarded, method) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", ["/Jobs/HealthCheck", "/grpc.health.v1.Health/Check"])
async def test_health_needs_none(guarded: Served, method: str) -> None:
    assert await call(guarded, method) is grpc.StatusCode.OK


async def test_a_viewer_reads_and_changes_nothing(guarded: Served) -> None:
    viewer = add_person(guarded.database, "vic", Role.VIEWER)

    refused = {method for method in GUARDED if await call(guarded, method, viewer) is grpc.StatusCode.PERMISSION_DENIED}

    assert refused == {method for method in GUARDED if RPC_RULES[method] is Permission.SUBMIT}


async def test_an_error_says_what_to_send(guarded: Served) -> None:
    with pytest.raises(aio.AioRpcError) as caught:
        await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest())

    assert caught.value.details() == "no key was given: send it as 'Authorization: Bearer <key>'"
    assert trailing(caught.value)["qserver-reason"] == "UNAUTHENTICATED"


async def test_jobs_belong_to_who_submitted_them(guarded: Served) -> None:
    ada, eve, root = (
        add_person(guarded.database, name, role)
        for name, role in [("ada", Role.USER), ("eve", Role.USER), ("root", Role.ADMIN)]
    )
    job = (await guarded.v1.SubmitJob(submission(spec_of(), BELL), metadata=ada)).job

    with pytest.raises(aio.AioRpcError) as caught:
        await guarded.v1.GetJob(jobs_pb2.GetJobRequest(id=job.id), metadata=eve)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    listed = [await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(), metadata=who) for who in (ada, eve, root)]
    assert [len(answer.jobs) for answer in listed] == [1, 0, 1]
    with pytest.raises(aio.AioRpcError) as caught:
        await guarded.v1.CancelJob(jobs_pb2.CancelJobRequest(id=job.id), metadata=eve)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    await guarded.v1.CancelJob(jobs_pb2.CancelJobRequest(id=job.id), metadata=root)
    entries = guarded.look(lambda transaction: transaction.audit.list(limit=9))
    assert [(entry.actor, entry.address, entry.subject) for entry in entries] == [("root", "127.0.0.1", job.id)]


async def test_an_administrator_sees_whose_each_job_is_and_lists_one_users(guarded: Served) -> None:
    ada, eve, root = (
        add_person(guarded.database, name, role)
        for name, role in [("ada", Role.USER), ("eve", Role.USER), ("root", Role.ADMIN)]
    )
    submitted = [(await guarded.v1.SubmitJob(submission(spec_of(), BELL), metadata=who)).job for who in (ada, eve)]
    many = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)])
    (answer,) = (await guarded.v1.SubmitJobs(many, metadata=eve)).answers
    assert [job.owner for job in (*submitted, answer.job)] == ["ada", "eve", "eve"]

    listed = (await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(), metadata=root)).jobs
    of_ada = (await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(user="ada"), metadata=root)).jobs
    hidden = (await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(user="ada"), metadata=eve)).jobs
    assert [job.owner for job in listed] == ["eve", "eve", "ada"]
    assert [job.id for job in of_ada] == [submitted[0].id]
    assert not hidden

    seen = await guarded.v1.GetJob(jobs_pb2.GetJobRequest(id=submitted[0].id), metadata=root)
    canceled = await guarded.v1.CancelJob(jobs_pb2.CancelJobRequest(id=submitted[0].id), metadata=root)
    assert (seen.job.owner, canceled.job.owner) == ("ada", "ada")
    watch = guarded.v1.WatchJob(jobs_pb2.WatchJobRequest(id=submitted[0].id), metadata=ada)
    assert [event.actor async for event in watch] == ["ada", "root"]


@pytest.mark.parametrize("name", ["\x00", "a" * 201, "a\nb"])
async def test_what_can_be_no_users_name_is_refused(guarded: Served, name: str) -> None:
    root = add_person(guarded.database, "root", Role.ADMIN)

    with pytest.raises(aio.AioRpcError) as caught:
        await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(user=name), metadata=root)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_submission_remembers_who_and_from_where(guarded: Served) -> None:
    ada, root = add_person(guarded.database, "ada", Role.USER), add_person(guarded.database, "root", Role.ADMIN)
    many = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)])
    job_ids = [
        (await guarded.v1.SubmitJob(submission(spec_of(), BELL), metadata=ada)).job.id,
        (await guarded.v1.SubmitJobs(many, metadata=ada)).answers[0].job.id,
        (await guarded.original.AddJob(upload(BELL.decode()), metadata=ada)).id,
    ]

    for job_id in job_ids:
        request = jobs_pb2.WatchJobRequest(id=job_id)
        for who, address in ((root, "127.0.0.1"), (ada, "")):  # whose it is need not know where an administrator was
            event = await anext(aiter(guarded.v1.WatchJob(request, metadata=who)))
            assert (event.actor, event.address) == ("ada", address)


async def test_who_canceled_and_deleted_stands_in_the_audit_trail(guarded: Served) -> None:
    ada = add_person(guarded.database, "ada", Role.USER)
    job = (await guarded.v1.SubmitJob(submission(spec_of(), BELL), metadata=ada)).job

    await guarded.v1.CancelJob(jobs_pb2.CancelJobRequest(id=job.id), metadata=ada)
    await guarded.v1.DeleteJob(jobs_pb2.DeleteJobRequest(id=job.id), metadata=ada)

    entries = guarded.look(lambda transaction: transaction.audit.list(limit=9))
    assert [(entry.action, entry.actor, entry.address) for entry in entries] == [
        (action, "ada", "127.0.0.1") for action in (AuditAction.JOB_DELETED, AuditAction.JOB_CANCELED)
    ]
    assert all(entry.detail["with_key"] for entry in entries)


async def test_a_revoked_key_is_worthless_at_once(guarded: Served) -> None:
    ada = add_person(guarded.database, "ada", Role.USER)
    await guarded.v1.ListJobs(jobs_pb2.ListJobsRequest(), metadata=ada)

    with guarded.database.transaction() as transaction:
        (key,) = transaction.keys.list(ANONYMOUS, owner="ada")
        transaction.keys.revoke(key.id, ANONYMOUS)

    async def is_refused() -> bool:
        return await call(guarded, "/qserver.v1.JobService/ListJobs", ada) is grpc.StatusCode.UNAUTHENTICATED

    await until(is_refused)  # much sooner than it would be forgotten


async def test_guessing_is_slowed_down(guarded: Served) -> None:
    codes = [
        await call(guarded, "/qserver.v1.JobService/ListJobs", (("authorization", f"Bearer {make_key()}"),))
        for _ in range(3)
    ]

    refused = grpc.StatusCode.UNAUTHENTICATED
    assert codes == [refused, refused, grpc.StatusCode.RESOURCE_EXHAUSTED]


async def test_a_server_that_others_reach_does_not_start_without_a_word_about_keys(database: CountingDatabase) -> None:
    open_to_all = SETTINGS.model_copy(
        update={"jobs_server": JobsServerSettings(grpc_host="0.0.0.0", grpc_port=0)}  # noqa: S104
    )

    with pytest.raises(SettingsError, match="QSERVER_AUTH"):
        Served(database, settings=open_to_all)
