"""How jobs are stopped, deleted, given up while they wait, and remembered."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from database import Database
from qserver.errors import Conflict, NotFound, Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.database.builders import (
    LEASE_SECONDS,
    WORKER,
    JobBuilder,
    a_finished_job,
    a_lease,
    a_result,
    a_user,
    read,
    registered,
    submitted,
)


class TestCancel:
    def test_a_waiting_job_is_canceled_at_once(self, database: Database) -> None:
        (job,) = submitted(database)

        with database.transaction() as transaction:
            canceled = transaction.jobs.cancel(job.id, ANONYMOUS, message="not needed")

        assert canceled == read(database, job.id)
        assert (canceled.status, canceled.reason) == (JobStatus.CANCELED, Reason.CANCELED_BY_USER)
        assert (canceled.message, canceled.started_at) == ("not needed", None)
        assert canceled.finished_at is not None

    def test_a_canceled_running_job_loses_its_lease(self, database: Database) -> None:
        lease = a_lease(database)

        with database.transaction() as transaction:
            transaction.jobs.cancel(lease.job_id, ANONYMOUS)
            renewed = transaction.jobs.renew(WORKER, [lease], lease_seconds=LEASE_SECONDS)

        assert renewed == frozenset()

    def test_a_job_that_is_over_cannot_be_canceled(self, database: Database) -> None:
        job_id = a_finished_job(database)

        with pytest.raises(Conflict, match="finished"), database.transaction() as transaction:
            transaction.jobs.cancel(job_id, ANONYMOUS)

    def test_another_ones_job_cannot_be_canceled(self, database: Database) -> None:
        eve = a_user(database, "eve")
        (job,) = submitted(database)

        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.jobs.cancel(job.id, eve)

        assert read(database, job.id).status is JobStatus.PENDING

    def test_an_unknown_job_cannot_be_canceled(self, database: Database) -> None:
        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.jobs.cancel(uuid4(), ANONYMOUS)


class TestDelete:
    def test_a_deleted_job_is_gone_and_remembered(self, database: Database) -> None:
        job_id = a_finished_job(database)

        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)

        with database.reading() as transaction:
            (row,) = transaction.history.list(ANONYMOUS, limit=20, offset=0)
            with pytest.raises(NotFound):
                transaction.jobs.get(job_id, ANONYMOUS)
        assert (row.job_id, row.status, row.result) == (job_id, JobStatus.FINISHED, None)
        assert row.source == b"OPENQASM 2.0;"

    def test_a_running_job_cannot_be_deleted(self, database: Database) -> None:
        lease = a_lease(database)

        with pytest.raises(Conflict, match="running"), database.transaction() as transaction:
            transaction.jobs.delete(lease.job_id, ANONYMOUS)

    def test_a_waiting_job_is_canceled_before_it_goes(self, database: Database) -> None:
        (job,) = submitted(database)

        with database.transaction() as transaction:
            transaction.jobs.delete(job.id, ANONYMOUS)

        with database.reading() as transaction:
            (row,) = transaction.history.list(ANONYMOUS, limit=20, offset=0)
        assert (row.job_id, row.status, row.reason) == (job.id, JobStatus.CANCELED, Reason.CANCELED_BY_USER)

    def test_another_ones_job_cannot_be_deleted(self, database: Database) -> None:
        eve = a_user(database, "eve")
        job_id = a_finished_job(database)

        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.jobs.delete(job_id, eve)

        assert read(database, job_id).id == job_id

    def test_a_job_is_deleted_once(self, database: Database) -> None:
        job_id = a_finished_job(database)
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)

        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)


class TestWaitingInVain:
    def test_a_job_past_its_latest_start_fails(self, database: Database) -> None:
        late, waiting = submitted(database, JobBuilder(expires_at=datetime(2020, 1, 1, tzinfo=UTC)), JobBuilder())

        with database.transaction() as transaction:
            expired = transaction.jobs.expire_waiting()

        assert expired == [late.id]
        assert (read(database, late.id).status, read(database, late.id).reason) == (JobStatus.FAILED, Reason.EXPIRED)
        assert read(database, waiting.id).status is JobStatus.PENDING

    def test_the_jobs_of_a_lost_plugin_fail(self, database: Database) -> None:
        waiting, other = submitted(database, JobBuilder(plugin="fake-plugin"), JobBuilder())
        running = a_lease(database, JobBuilder(plugin="fake-plugin"))

        with database.transaction() as transaction:
            failed = transaction.jobs.fail_waiting("fake-plugin", Reason.PLUGIN_UNAVAILABLE, "it was removed")

        assert failed == [waiting.id]
        assert read(database, waiting.id).message == "it was removed"
        assert read(database, other.id).status is JobStatus.PENDING
        assert read(database, running.job_id).status is JobStatus.RUNNING

    def test_a_job_stored_while_its_plugin_was_removed_fails(self, database: Database) -> None:
        registered(database, "aer")
        orphan, other = submitted(database, JobBuilder(plugin="gone-plugin"), JobBuilder(plugin="aer"))

        with database.transaction() as transaction:
            failed = transaction.jobs.fail_orphans()

        assert failed == [orphan.id]
        assert read(database, orphan.id).reason is Reason.PLUGIN_UNAVAILABLE
        assert read(database, orphan.id).message == "the plugin gone-plugin was removed before the job could run"
        assert read(database, other.id).status is JobStatus.PENDING

    def test_a_job_that_comes_back_after_its_plugin_was_removed_fails(self, database: Database) -> None:
        lease = a_lease(database, JobBuilder(plugin="gone-plugin"))
        with database.transaction() as transaction:
            kept = transaction.jobs.fail_orphans()
            transaction.jobs.release([lease], lose_attempt=False)

        with database.transaction() as transaction:
            failed = transaction.jobs.fail_orphans()

        assert (kept, failed) == ([], [lease.job_id])

    def test_orphans_of_several_plugins_are_found_among_those_that_are_served(self, database: Database) -> None:
        registered(database, "b", "d")
        jobs = submitted(database, *[JobBuilder(plugin=name) for name in ("e", "a", "b", "c", "d", "a")])

        with database.transaction() as transaction:
            failed = transaction.jobs.fail_orphans()

        assert set(failed) == {job.id for job in jobs if job.plugin in {"a", "c", "e"}}

    def test_a_waiting_job_says_why_it_waits(self, database: Database) -> None:
        (job,) = submitted(database, JobBuilder(plugin="fake-plugin"))

        with database.transaction() as transaction:
            transaction.jobs.set_waiting_reason("fake-plugin", Reason.PLUGIN_INSTALLING, "worker lab installs it")
        told = read(database, job.id)
        with database.transaction() as transaction:
            transaction.jobs.set_waiting_reason("fake-plugin", None, None)

        assert (told.reason, told.message) == (Reason.PLUGIN_INSTALLING, "worker lab installs it")
        assert read(database, job.id) == job


class TestHistory:
    def test_a_row_tells_what_the_job_was(self, database: Database) -> None:
        job = read(database, a_finished_job(database, JobBuilder(priority=3, source=b"bell")))

        with database.reading() as transaction:
            (row,) = transaction.history.list(ANONYMOUS, limit=20, offset=0)

        assert (row.job_id, row.pointer, row.request, row.status) == (job.id, job.pointer, job.request, job.status)
        assert (row.submitted_at, row.started_at, row.finished_at) == (
            job.submitted_at,
            job.started_at,
            job.finished_at,
        )
        assert row.source == b"bell"
        assert row.result is not None
        assert (row.result.counts, row.result.expval) == (a_result().counts, a_result().expval)

    def test_only_jobs_that_are_over_are_in_it(self, database: Database) -> None:
        submitted(database)
        a_lease(database)

        with database.reading() as transaction:
            rows = transaction.history.list(ANONYMOUS, limit=20, offset=0)

        assert rows == []

    def test_ids_rise_in_the_order_of_ending(self, database: Database) -> None:
        ended = [a_finished_job(database) for _ in range(3)]

        with database.reading() as transaction:
            first = transaction.history.list(ANONYMOUS, limit=2, offset=0)
            rest = transaction.history.list(ANONYMOUS, limit=2, offset=2)

        assert [row.job_id for row in (*first, *rest)] == ended
        assert first[0].id < first[1].id < rest[0].id

    def test_it_is_ones_own(self, database: Database) -> None:
        ada = a_user(database, "ada")
        a_finished_job(database)
        own = a_finished_job(database, JobBuilder(owner=ada))

        with database.reading() as transaction:
            rows = transaction.history.list(ada, limit=20, offset=0)

        assert [row.job_id for row in rows] == [own]
