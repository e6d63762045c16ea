"""How long things are kept."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update

from database import Database, Transaction
from database.records import Removal
from database.tables import circuits, history, jobs
from database.types import SecondsFromNow
from qserver.errors import NotFound
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.database.builders import JobBuilder, a_finished_job, a_lease, a_worker, read, submitted

NOW = 1e-9
"""Days that have passed as soon as a thing is there."""

LONG = 1.0


def apply(database: Database, remove: Callable[[Transaction], Removal]) -> int:
    with database.transaction() as transaction:
        return remove(transaction).count


class TestRetention:
    def test_zero_keeps_everything_for_ever(self, database: Database) -> None:
        a_finished_job(database)

        with database.transaction() as transaction:
            keep = transaction.retention
            removals = [
                keep.remove_old_results(keep_days=0),
                keep.remove_old_jobs(keep_days=0),
                keep.remove_old_history(keep_days=0),
                keep.remove_old_events(keep_days=0),
                keep.remove_unused_circuits(keep_days=0),
                keep.remove_lost_workers(keep_days=0),
            ]

        assert [removal.count for removal in removals] == [0] * 6

    def test_old_results_go_and_their_jobs_stay(self, database: Database) -> None:
        job_id = a_finished_job(database)

        kept = apply(database, lambda transaction: transaction.retention.remove_old_results(keep_days=LONG))
        gone = apply(database, lambda transaction: transaction.retention.remove_old_results(keep_days=NOW))

        with database.reading() as transaction, pytest.raises(NotFound, match="finished"):
            transaction.results.get(job_id, ANONYMOUS)
        assert (kept, gone) == (0, 1)
        assert read(database, job_id).status is JobStatus.FINISHED

    def test_the_newest_are_kept_by_number(self, database: Database) -> None:
        jobs = [a_finished_job(database) for _ in range(4)]

        removed = apply(database, lambda transaction: transaction.retention.remove_old_jobs(keep_days=0, keep_count=1))

        with database.reading() as transaction:
            left = transaction.jobs.list(ANONYMOUS, limit=9)
        assert removed == 3
        assert [job.id for job in left] == jobs[3:]

    def test_jobs_that_are_not_over_stay(self, database: Database) -> None:
        submitted(database)
        a_lease(database)

        by_age = apply(database, lambda transaction: transaction.retention.remove_old_jobs(keep_days=NOW))
        by_number = apply(
            database, lambda transaction: transaction.retention.remove_old_jobs(keep_days=0, keep_count=1)
        )

        assert (by_age, by_number) == (0, 0)

    def test_a_removed_job_is_remembered(self, database: Database) -> None:
        job_id = a_finished_job(database)

        apply(database, lambda transaction: transaction.retention.remove_old_jobs(keep_days=NOW))

        with database.reading() as transaction:
            (row,) = transaction.history.list(ANONYMOUS, limit=9, offset=0)
        assert row.job_id == job_id

    def test_one_call_is_bounded_and_calls_come_to_an_end(self, database: Database) -> None:
        for _ in range(5):
            a_finished_job(database)

        removals = []
        for _ in range(4):
            with database.transaction() as transaction:
                removals.append(transaction.retention.remove_old_history(keep_days=NOW, limit=2))

        assert [removal.count for removal in removals] == [2, 2, 1, 0]
        assert [removal.may_be_more for removal in removals] == [True, True, False, False]

    def test_a_dry_run_counts_all_and_removes_nothing(self, database: Database) -> None:
        for _ in range(3):
            a_finished_job(database)

        with database.transaction() as transaction:
            keep = transaction.retention
            removals = [
                keep.remove_old_results(keep_days=NOW, dry_run=True, limit=1),
                keep.remove_old_jobs(keep_days=0, keep_count=2, dry_run=True),
                keep.remove_old_history(keep_days=NOW, keep_count=2, dry_run=True),
                keep.remove_old_events(keep_days=NOW, dry_run=True),
            ]

        assert [(removal.kind, removal.count) for removal in removals] == [
            ("results", 3),
            ("jobs", 1),
            ("history", 3),
            ("events", 9),
        ]
        with database.reading() as transaction:
            assert len(transaction.jobs.details(ANONYMOUS, limit=9, offset=0)) == 3
            assert len(transaction.history.list(ANONYMOUS, limit=9, offset=0)) == 3

    def test_events_of_ended_jobs_go(self, database: Database) -> None:
        ended, running = a_finished_job(database), a_lease(database).job_id

        removed = apply(database, lambda transaction: transaction.retention.remove_old_events(keep_days=NOW))
        again = apply(database, lambda transaction: transaction.retention.remove_old_events(keep_days=NOW))

        with database.reading() as transaction:
            left = [transaction.jobs.events(job_id, ANONYMOUS, after_sequence=0) for job_id in (ended, running)]
        assert (removed, again) == (3, 0)
        assert [len(events) for events in left] == [0, 2]

    def test_a_circuit_stays_while_a_job_or_its_history_needs_it(self, database: Database) -> None:
        job_id = a_finished_job(database)
        remove = lambda transaction: transaction.retention.remove_unused_circuits(keep_days=NOW)  # noqa: E731

        while_job = apply(database, remove)
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)
        while_history = apply(database, remove)
        apply(database, lambda transaction: transaction.retention.remove_old_history(keep_days=NOW))
        counted = apply(database, lambda transaction: transaction.retention.count_unused_circuits(keep_days=NOW))
        unused = apply(database, remove)

        assert (while_job, while_history, counted, unused) == (0, 0, 1, 1)

    def test_an_unused_circuit_is_found_behind_those_that_are_needed(self, database: Database) -> None:
        for source in (b"one", b"two", b"three"):
            a_finished_job(database, JobBuilder(source=source))
        last = a_finished_job(database, JobBuilder(source=b"four"))
        with database._engine.begin() as connection:
            connection.execute(delete(history).where(history.c.job_id == last))
            connection.execute(delete(jobs).where(jobs.c.id == last))
            connection.execute(update(circuits).values(used_at=SecondsFromNow(-200_000)))

        removed = apply(
            database, lambda transaction: transaction.retention.remove_unused_circuits(keep_days=LONG, limit=1)
        )

        assert removed == 1

    def test_a_circuit_that_was_needed_lately_is_kept_for_its_days(self, database: Database) -> None:
        job_id = a_finished_job(database)
        with database._engine.begin() as connection:
            connection.execute(update(circuits).values(used_at=SecondsFromNow(-200_000)))
        remove = lambda transaction: transaction.retention.remove_unused_circuits(keep_days=LONG)  # noqa: E731

        while_needed = apply(database, remove)
        with database._engine.begin() as connection:
            connection.execute(delete(history).where(history.c.job_id == job_id))
            connection.execute(delete(jobs).where(jobs.c.id == job_id))
        lately = apply(database, remove)

        assert (while_needed, lately) == (0, 0)

    def test_a_history_row_outlives_its_job_with_its_circuit(self, database: Database) -> None:
        a_finished_job(database, JobBuilder(source=b"bell"))
        apply(database, lambda transaction: transaction.retention.remove_old_jobs(keep_days=NOW))

        with database.reading() as transaction:
            (row,) = transaction.history.list(ANONYMOUS, limit=9, offset=0)

        assert (row.source, row.result) == (b"bell", None)

    def test_workers_that_fell_silent_long_ago_are_forgotten(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())

        kept = apply(database, lambda transaction: transaction.retention.remove_lost_workers(keep_days=LONG))
        gone = apply(database, lambda transaction: transaction.retention.remove_lost_workers(keep_days=NOW))

        assert (kept, gone) == (0, 1)
