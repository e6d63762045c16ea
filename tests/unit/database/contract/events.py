"""What is told of each change of a job's state."""

from uuid import uuid4

import pytest

from database import Database
from qserver.errors import NotFound, Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.database.builders import (
    WORKER,
    JobBuilder,
    a_finished_job,
    a_lease,
    a_user,
    claimed,
    finished,
    submitted,
)


class TestEvents:
    def test_each_change_of_state_is_an_event(self, database: Database) -> None:
        lease = a_lease(database)
        with database.transaction() as transaction:
            transaction.jobs.release([lease], lose_attempt=True, reason=Reason.WORKER_LOST, message="it died")
        (claim,) = claimed(database, [lease.job_id])
        finished(database, claim.lease)

        with database.reading() as transaction:
            events = transaction.jobs.events(lease.job_id, ANONYMOUS, after_sequence=0)
            job = transaction.jobs.get(lease.job_id, ANONYMOUS)

        assert [(event.sequence, event.status, event.reason, event.message, event.actor) for event in events] == [
            (1, JobStatus.PENDING, None, None, "anonymous"),
            (2, JobStatus.RUNNING, None, None, str(WORKER)),
            (3, JobStatus.PENDING, Reason.WORKER_LOST, "it died", None),
            (4, JobStatus.RUNNING, None, None, str(WORKER)),
            (5, JobStatus.FINISHED, None, None, None),
        ]
        assert (events[0].at, events[3].at, events[4].at) == (job.submitted_at, job.started_at, job.finished_at)
        assert job.event_sequence == 5

    def test_an_event_tells_where_the_job_came_from(self, database: Database) -> None:
        (job,) = submitted(database, JobBuilder(owner=a_user(database, "ada")))

        with database.reading() as transaction:
            (event,) = transaction.jobs.events(job.id, ANONYMOUS, after_sequence=0)

        assert (event.actor, event.address) == ("ada", "192.0.2.1")

    def test_events_go_on_after_the_one_seen_last(self, database: Database) -> None:
        lease = a_lease(database)

        with database.reading() as transaction:
            later = transaction.jobs.events(lease.job_id, ANONYMOUS, after_sequence=1)
            none_yet = transaction.jobs.events(lease.job_id, ANONYMOUS, after_sequence=2)

        assert [event.sequence for event in later] == [2]
        assert none_yet == []

    def test_of_an_ended_job_without_events_the_last_is_still_told(self, database: Database) -> None:
        job_id, lease = a_finished_job(database), a_lease(database)
        with database.transaction() as transaction:
            transaction.retention.remove_old_events(keep_days=1e-9)

        with database.reading() as transaction:
            ended = transaction.jobs.followed_events(job_id, ANONYMOUS, after_sequence=0)
            seen = transaction.jobs.followed_events(job_id, ANONYMOUS, after_sequence=3)
            running = transaction.jobs.followed_events(lease.job_id, ANONYMOUS, after_sequence=1)
            job = transaction.jobs.get(job_id, ANONYMOUS)

        assert [(event.sequence, event.status, event.at) for event in ended] == [
            (3, JobStatus.FINISHED, job.finished_at)
        ]
        assert list(seen) == []
        assert [event.sequence for event in running] == [2]

    def test_an_unknown_jobs_events_are_not_found(self, database: Database) -> None:
        with database.reading() as transaction, pytest.raises(NotFound):
            transaction.jobs.events(uuid4(), ANONYMOUS, after_sequence=0)
