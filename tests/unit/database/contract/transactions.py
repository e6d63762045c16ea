"""Transactions, and who is told of them."""

from collections.abc import Iterable
from queue import Queue

import pytest

from database import Change, ChangeKind, Database
from database.postgres_feed import PostgresFeed
from database.records import NewJob
from qserver.errors import NotFound
from qserver.identity import ANONYMOUS
from tests.unit.database.builders import JobBuilder, a_lease, a_plugin, claimed, finished, read, submitted

PATIENCE_SECONDS = 10.0


def listening(database: Database, kinds: Iterable[ChangeKind] = frozenset(ChangeKind)) -> "Queue[Change]":
    """Subscribe as the first who wants these, and wait until the feed listens to them where it says so."""
    changes: Queue[Change] = Queue()
    database.changes.subscribe(changes.put, kinds)
    if isinstance(database.changes, PostgresFeed):
        assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.RECONNECTED
    return changes


def submit_and_fail(database: Database, new: NewJob) -> None:
    def submit() -> None:
        with database.transaction() as transaction:
            transaction.jobs.submit([new])
            raise KeyError

    with pytest.raises(KeyError):
        submit()


class TestTransactions:
    def test_a_transaction_that_raises_leaves_nothing_behind(self, database: Database) -> None:
        new = JobBuilder().build()

        submit_and_fail(database, new)

        with pytest.raises(NotFound):
            read(database, new.id)

    def test_a_connection_is_given_back_after_an_error(self, database: Database) -> None:
        for _ in range(20):
            with pytest.raises(KeyError), database.transaction():
                raise KeyError

        database.ping()

    def test_a_database_is_ready_also_while_somebody_writes(self, database: Database) -> None:
        with database.transaction():
            database.require_ready()

    def test_upgrading_again_changes_nothing(self, database: Database) -> None:
        (job,) = submitted(database)

        database.upgrade()

        assert read(database, job.id) == job


class TestChanges:
    def test_new_work_is_told(self, database: Database) -> None:
        changes = listening(database)

        submitted(database)

        assert changes.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.WORK)

    def test_changed_jobs_are_named(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder()] * 300)
        changes = listening(database)

        claimed(database, [job.id for job in jobs])

        named: set[object] = set()
        while len(named) < len(jobs):
            change = changes.get(timeout=PATIENCE_SECONDS)
            assert change.kind is ChangeKind.JOBS
            named.update(change.job_ids)
        assert named == {job.id for job in jobs}

    def test_a_worker_is_told_of_what_others_ended_and_nobody_else_is_of_what_it_finished(
        self, database: Database
    ) -> None:
        finishing, canceled = a_lease(database), a_lease(database)
        ended, stopped = listening(database, {ChangeKind.ENDED}), listening(database, {ChangeKind.STOPPED})

        assert finished(database, finishing)
        with database.transaction() as transaction:
            transaction.jobs.cancel(canceled.job_id, ANONYMOUS)

        told = [ended.get(timeout=PATIENCE_SECONDS) for _ in range(2)]
        assert told == [Change(ChangeKind.ENDED, (lease.job_id,)) for lease in (finishing, canceled)]
        assert stopped.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.STOPPED, (canceled.job_id,))

    def test_what_was_rolled_back_is_not_told(self, database: Database) -> None:
        changes = listening(database)

        submit_and_fail(database, JobBuilder().build())
        with database.transaction() as transaction:
            transaction.plugins.sync_built_in(a_plugin(), [])

        assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.PLUGINS

    def test_a_closed_subscription_hears_nothing(self, database: Database) -> None:
        changes = listening(database)
        closed: list[Change] = []
        subscription = database.changes.subscribe(closed.append, frozenset(ChangeKind))
        subscription.close()
        subscription.close()

        submitted(database)

        assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.WORK
        assert closed == []

    def test_a_subscriber_hears_of_what_it_asked_for_alone(self, database: Database) -> None:
        (job,) = submitted(database)
        changes = listening(database, {ChangeKind.JOBS})

        submitted(database)
        claimed(database, [job.id])

        assert changes.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.JOBS, (job.id,))

    def test_who_comes_later_hears_of_what_nobody_wanted_before(self, database: Database) -> None:
        work = listening(database, {ChangeKind.WORK})
        jobs = listening(database, {ChangeKind.JOBS})

        (job,) = submitted(database)
        claimed(database, [job.id])

        assert work.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.WORK)
        assert jobs.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.JOBS, (job.id,))
        assert work.empty()

    def test_what_is_wanted_again_is_told_again(self, database: Database) -> None:
        kept = listening(database, {ChangeKind.WORK})
        first = database.changes.subscribe(lambda _: None, {ChangeKind.JOBS})
        first.close()
        (job,) = submitted(database)
        assert kept.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.WORK)
        changes = listening(database, {ChangeKind.JOBS})

        claimed(database, [job.id])

        assert changes.get(timeout=PATIENCE_SECONDS) == Change(ChangeKind.JOBS, (job.id,))

    def test_closing_twice_is_no_error(self, database: Database) -> None:
        listening(database)

        database.close()
        database.close()


class TestReadingBesideWriting:
    def test_a_reader_does_not_wait_for_a_writer(self, database: Database) -> None:
        (job,) = submitted(database)

        with database.transaction() as writing:
            writing.jobs.cancel(job.id, ANONYMOUS)
            seen = read(database, job.id)

        assert seen == job
