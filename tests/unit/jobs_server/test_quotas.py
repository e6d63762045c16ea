"""Quotas at the door: each job of a call gets its own answer, and a refusal says which limit it was."""

from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio

from qserver.identity import ANONYMOUS, Role
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import AccessSettings, QuotaSettings
from tests.unit.jobs_server.builders import BELL, CountingDatabase
from tests.unit.jobs_server.served import SETTINGS, Served, spec_of, submission, trailing
from tests.unit.jobs_server.test_access import Metadata, add_person

LIMIT = "max_pending_jobs_per_user"


@pytest.fixture
async def served(database: CountingDatabase) -> AsyncIterator[Served]:
    """A jobs server that asks for keys, and takes three jobs of a user."""
    update = {"access": AccessSettings(auth="required"), "quotas": QuotaSettings(max_pending_jobs_per_user=3)}
    scene = Served(database, settings=SETTINGS.model_copy(update=update))
    await scene.start()
    yield scene
    await scene.stop()


async def submit_many(served: Served, number: int, metadata: Metadata) -> list[jobs_pb2.SubmissionAnswer]:
    one = jobs_pb2.JobSubmission(spec=spec_of(), source=BELL)
    request = jobs_pb2.SubmitJobsRequest(submissions=[one] * number)
    return list((await served.v1.SubmitJobs(request, metadata=metadata)).answers)


async def test_the_first_jobs_of_a_call_fit_and_the_others_are_refused(
    served: Served, database: CountingDatabase
) -> None:
    answers = await submit_many(served, 5, add_person(database, "ada", Role.USER))

    assert [answer.WhichOneof("answer") for answer in answers] == ["job"] * 3 + ["error"] * 2
    error = answers[-1].error
    assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], "QUOTA_EXCEEDED")
    assert (error.limit, error.limit_value, error.retry_after_seconds) == (LIMIT, 3, 5)
    assert database.stored_jobs() == 3


async def test_a_refused_job_says_which_limit_it_was(served: Served, database: CountingDatabase) -> None:
    metadata = add_person(database, "ada", Role.USER)
    await submit_many(served, 3, metadata)

    with pytest.raises(aio.AioRpcError) as refused:
        await served.v1.SubmitJob(submission(spec_of(), BELL), metadata=metadata)

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "user ada may have 3 jobs" in (refused.value.details() or "")
    told = trailing(refused.value)
    assert told["qserver-limit"] == LIMIT
    assert (told["qserver-limit-value"], told["qserver-retry-after-seconds"]) == ("3", "5")


async def test_an_administrator_has_no_quota(served: Served, database: CountingDatabase) -> None:
    answers = await submit_many(served, 5, add_person(database, "root", Role.ADMIN))

    assert [answer.WhichOneof("answer") for answer in answers] == ["job"] * 5


async def test_jobs_that_were_counted_by_another_server_count(database: CountingDatabase, served: Served) -> None:
    metadata = add_person(database, "ada", Role.USER)
    await submit_many(served, 3, metadata)
    job = served.look(lambda transaction: transaction.jobs.list(ANONYMOUS, limit=1))[0]
    with database.transaction() as transaction:
        transaction.jobs.cancel(job.id, ANONYMOUS)
        transaction.quotas.forget()

    answers = await submit_many(served, 2, metadata)

    assert [answer.WhichOneof("answer") for answer in answers] == ["job", "error"]
