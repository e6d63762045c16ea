"""What is read of many jobs at once."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database import Database
from database.job_results import why_none
from database.records import FailedRun
from database.result_documents import decode_result
from qserver.errors import NotFound, Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.results import Array
from tests.unit.database.builders import (
    JobBuilder,
    a_finished_job,
    a_lease,
    a_result,
    a_user,
    finished,
    submitted,
)


class TestJobResults:
    def test_results_come_as_they_were_stored(self, database: Database) -> None:
        lease = a_lease(database)
        statevector = Array("statevector", "complex128", (1,), bytes(16))
        many = [replace(a_result(zeros=zeros), arrays=(*a_result().arrays, statevector)) for zeros in range(12)]
        finished(database, lease, *many)

        with database.reading() as transaction:
            result = transaction.results.of_jobs([lease.job_id], ANONYMOUS)[lease.job_id]

        assert result.documents is not None
        assert [decode_result(each.text, each.arrays) for each in result.documents] == many
        assert result.status is JobStatus.FINISHED

    def test_a_result_without_arrays_has_none(self, database: Database) -> None:
        lease = a_lease(database)
        finished(database, lease, replace(a_result(), arrays=()))

        with database.reading() as transaction:
            (document,) = transaction.results.documents(lease.job_id, ANONYMOUS)

        assert document.arrays == ()

    def test_every_job_says_how_it_stands(self, database: Database) -> None:
        done = a_finished_job(database)
        failed, running = a_lease(database), a_lease(database)
        with database.transaction() as transaction:
            transaction.jobs.fail([FailedRun(failed, Reason.OUT_OF_MEMORY, "needs 3 GiB")])
        pending, canceled = (job.id for job in submitted(database, JobBuilder(), JobBuilder()))
        with database.transaction() as transaction:
            transaction.jobs.cancel(canceled, ANONYMOUS)
        unknown = uuid4()

        with database.reading() as transaction:
            found = transaction.results.of_jobs(
                [done, failed.job_id, running.job_id, pending, canceled, unknown], ANONYMOUS
            )

        assert set(found) == {done, failed.job_id, running.job_id, pending, canceled}
        assert [bool(result.documents) for result in found.values()].count(True) == 1
        told = {job_id: why_none(result) for job_id, result in found.items() if job_id != done}
        assert told[failed.job_id].message == f"job {failed.job_id} has no result: it failed: needs 3 GiB"
        assert told[failed.job_id].reason is Reason.OUT_OF_MEMORY
        assert told[running.job_id].message == f"job {running.job_id} has no result yet: it is running"
        assert told[pending].message == f"job {pending} has no result yet: it is pending"
        assert told[pending].reason is Reason.NOT_FOUND
        assert told[canceled].message == f"job {canceled} has no result: it was canceled"
        assert told[canceled].reason is Reason.CANCELED_BY_USER

    def test_a_result_that_was_removed_says_so(self, database: Database) -> None:
        job_id = a_finished_job(database)
        with database.transaction() as transaction:
            transaction.retention.remove_old_results(keep_days=1e-9)

        with database.reading() as transaction, pytest.raises(NotFound, match="no result any more: it finished"):
            transaction.results.documents(job_id, ANONYMOUS)

    def test_other_peoples_jobs_are_not_there(self, database: Database) -> None:
        ada, eve = a_user(database, "ada"), a_user(database, "eve")
        of_ada, of_eve = (a_finished_job(database, JobBuilder(owner=owner)) for owner in (ada, eve))

        with database.reading() as transaction:
            seen = {name: transaction.results.of_jobs([of_ada, of_eve], name) for name in (ada, eve, ANONYMOUS)}

        assert {name: set(found) for name, found in seen.items()} == {
            ada: {of_ada},
            eve: {of_eve},
            ANONYMOUS: {of_ada, of_eve},
        }

    def test_what_is_too_large_is_not_read(self, database: Database) -> None:
        small, large = a_finished_job(database), a_lease(database)
        finished(database, large, a_result(), replace(a_result(), arrays=(Array("m", "uint8", (9000,), bytes(9000)),)))

        with database.reading() as transaction:
            found = transaction.results.of_jobs([small, large.job_id], ANONYMOUS, max_bytes=9000)
            alone = transaction.results.documents(large.job_id, ANONYMOUS)

        assert found[small].documents
        assert found[large.job_id].documents is None
        assert found[large.job_id].size_bytes > 9000
        assert len(alone) == 2

    def test_summaries_answer_for_each_job_as_one_alone_does(self, database: Database) -> None:
        ada = a_user(database, "ada")
        done, hers = a_finished_job(database), a_finished_job(database, JobBuilder(owner=ada))
        running, unknown = a_lease(database).job_id, uuid4()
        large = a_lease(database)
        finished(database, large, replace(a_result(), arrays=(Array("m", "uint8", (70_000,), bytes(70_000)),)))

        with database.reading() as transaction:
            found = transaction.results.summaries([done, hers, running, unknown, large.job_id], ANONYMOUS)
            of_ada = transaction.results.summaries([done, hers], ada)
            alone = transaction.results.summary(done, ANONYMOUS)

        assert found[done] == alone
        assert {job_id: str(answer) for job_id, answer in found.items() if isinstance(answer, NotFound)} == {
            running: f"job {running} has no result yet: it is running",
            unknown: f"there is no job {unknown}",
        }
        assert large.job_id not in found
        assert isinstance(of_ada[done], NotFound)
        assert of_ada[hers] == found[hers]
