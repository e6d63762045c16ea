"""Jobs that the stored result of an equal one answers: what they are given, and how they go on."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import event, select

from database import Change, ChangeKind, Database
from database.records import StoredResult
from database.result_documents import encode_result
from database.tables import results
from qserver.identity import ANONYMOUS
from qserver.jobs import Job, JobStatus
from qserver.results import PubResult
from tests.bell import BELL_RUN
from tests.unit.database.builders import (
    ROUTE,
    JobBuilder,
    a_finished_job,
    a_lease,
    a_result,
    claimed,
    finished,
    read,
    submitted,
)
from tests.unit.database.contract.transactions import PATIENCE_SECONDS, listening

EQUAL = JobBuilder(cache=True)


def result_of(database: Database, job_id: UUID) -> StoredResult:
    with database.reading() as transaction:
        return transaction.results.get(job_id, ANONYMOUS)


def run_and_finished(database: Database, builder: JobBuilder, result: PubResult) -> UUID:
    lease = a_lease(database, builder)
    assert finished(database, lease, result)
    return lease.job_id


def copied(result: PubResult, job_id: UUID) -> PubResult:
    return replace(result, run=replace(result.run, cached_from=job_id))


def waiting(database: Database) -> int:
    with database.transaction() as transaction:
        picked = transaction.dispatch.pick(ROUTE, limit_jobs=10_000, limit_seconds=100.0, memory_bytes=2**40)
    return len(picked.job_ids)


class TestCache:
    def test_an_equal_job_is_finished_at_once(self, database: Database) -> None:
        first = a_finished_job(database, EQUAL)

        (job,) = submitted(database, EQUAL)

        assert job == read(database, job.id)
        assert job.id != first
        assert (job.status, job.attempt, job.event_sequence) == (JobStatus.FINISHED, 1, 3)
        assert job.started_at is not None
        assert job.finished_at is not None
        assert job.submitted_at <= job.started_at <= job.finished_at
        assert waiting(database) == 0

    def test_its_result_is_the_stored_one_and_names_the_job_that_was_run(self, database: Database) -> None:
        result = a_result(zeros=123)
        first = run_and_finished(database, EQUAL, result)

        (job,) = submitted(database, EQUAL)

        stored = result_of(database, job.id)
        assert stored.results == (copied(result, first),)
        assert stored.id != result_of(database, first).id
        assert result_of(database, first).results == (result,)

    def test_a_copied_document_reads_as_if_written_anew(self, database: Database) -> None:
        result = replace(a_result(), run=replace(BELL_RUN, reason='odd: "}}}" %}} \\ é'), arrays=())
        first = run_and_finished(database, EQUAL, result)

        (job,) = submitted(database, EQUAL)

        statement = select(results.c.document, results.c.size_bytes).where(results.c.job_id == job.id)
        with database._engine.connect() as connection:
            document, size_bytes = connection.execute(statement).one()
        assert document == encode_result(copied(result, first))
        assert size_bytes == len(document)

    def test_a_copy_of_a_copy_names_the_job_that_was_run(self, database: Database) -> None:
        first = a_finished_job(database, EQUAL)
        (second,) = submitted(database, EQUAL)
        with database.transaction() as transaction:
            transaction.jobs.delete(first, ANONYMOUS)

        (third,) = submitted(database, EQUAL)

        assert third.status is JobStatus.FINISHED
        assert result_of(database, third.id).results == result_of(database, second.id).results
        assert result_of(database, third.id).results[0].run.cached_from == first

    def test_copies_outlive_what_they_were_copied_from(self, database: Database) -> None:
        first = a_finished_job(database, EQUAL)
        (job,) = submitted(database, EQUAL)
        before = result_of(database, job.id)

        with database.transaction() as transaction:
            transaction.jobs.delete(first, ANONYMOUS)

        assert result_of(database, job.id) == before

    def test_the_result_of_the_job_started_last_answers(self, database: Database) -> None:
        last, first = submitted(database, EQUAL, EQUAL)
        for job, zeros in ((first, 1), (last, 2)):
            (claim,) = claimed(database, [job.id])
            assert finished(database, claim.lease, a_result(zeros=zeros))

        (job,) = submitted(database, EQUAL)

        assert result_of(database, job.id).results == (copied(a_result(zeros=2), last.id),)

    def test_its_events_are_those_of_every_job(self, database: Database) -> None:
        a_finished_job(database, EQUAL)

        (job,) = submitted(database, EQUAL)

        with database.reading() as transaction:
            events = transaction.jobs.events(job.id, ANONYMOUS, after_sequence=0)
        assert [(event.sequence, event.status, event.actor) for event in events] == [
            (1, JobStatus.PENDING, "anonymous"),
            (2, JobStatus.RUNNING, "cache"),
            (3, JobStatus.FINISHED, "cache"),
        ]

    def test_history_remembers_it(self, database: Database) -> None:
        first = a_finished_job(database, EQUAL)

        (job,) = submitted(database, EQUAL)

        with database.reading() as transaction:
            rows = transaction.history.list(ANONYMOUS, limit=10, offset=0)
            copied = transaction.results.get(job.id, ANONYMOUS)
        assert [row.job_id for row in rows] == [first, job.id]
        assert rows[1].result is not None
        assert rows[1].result.id == copied.id
        assert copied.results[0].run.cached_from == first

    def test_it_is_announced_as_a_change_and_not_as_work(self, database: Database) -> None:
        a_finished_job(database, EQUAL)
        changes = listening(database)

        (job,) = submitted(database, EQUAL)
        submitted(database, replace(EQUAL, shots=1))

        assert [changes.get(timeout=PATIENCE_SECONDS) for _ in range(3)] == [
            Change(ChangeKind.JOBS, (job.id,)),
            Change(ChangeKind.ENDED, (job.id,)),
            Change(ChangeKind.WORK),
        ]

    def test_the_same_request_id_gets_the_answered_job_again(self, database: Database) -> None:
        a_finished_job(database, EQUAL)
        (first,) = submitted(database, replace(EQUAL, request_id="mine"))

        (again,) = submitted(database, replace(EQUAL, request_id="mine"))

        assert again == first

    def test_thousands_of_a_call_take_a_handful_of_statements(self, database: Database) -> None:
        a_finished_job(database, EQUAL)
        statements: list[str] = []
        event.listen(database._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

        jobs = submitted(database, *[EQUAL] * 3000)

        assert {job.status for job in jobs} == {JobStatus.FINISHED}
        assert len(statements) < 50

    def test_an_answered_job_goes_like_any_other(self, database: Database) -> None:
        a_finished_job(database, EQUAL)
        jobs: list[Job] = list(submitted(database, EQUAL, EQUAL))

        with database.transaction() as transaction:
            transaction.jobs.delete(jobs[0].id, ANONYMOUS)
            removal = transaction.retention.remove_old_jobs(keep_days=0, keep_count=1)
            left = transaction.jobs.list(ANONYMOUS, limit=10)

        assert removal.count == 1
        assert [job.id for job in left] == [jobs[1].id]
