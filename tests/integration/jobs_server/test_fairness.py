"""A user with 100,000 waiting jobs delays another's first job by no more than one batch, on a real PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text

from database.records import NewJob, WorkerRecord
from jobs_server.dispatcher import Dispatcher
from jobs_server.free_routes import FreeRoutes
from jobs_server.metrics import Metrics
from qserver.clock import FakeClock
from qserver.identity import Identity
from qserver.jobs import Job
from qserver.settings import DispatcherSettings
from tests.unit.jobs_server.builders import CountingDatabase, claim, new_job, worker
from tests.unit.jobs_server.dispatching import FakePublisher

WAITING = 100_000
BATCH = 128
SETTINGS = DispatcherSettings(batch_jobs=BATCH, batch_seconds=1.0)

# What came through the front door is the pattern. No figures are gathered after it: PostgreSQL believes that one waits.
COPY_JOBS = """
INSERT INTO jobs ({columns})
SELECT {values} FROM jobs AS pattern, generate_series(1, {copies}) WHERE pattern.id = :pattern_id
"""
COPY_PUBS = """
INSERT INTO pubs SELECT jobs.id, pattern.pub_index, pattern.circuit_id, pattern.inputs
FROM jobs, pubs AS pattern WHERE pattern.job_id = :pattern_id AND jobs.id <> :pattern_id
"""
JOB_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'jobs' AND table_schema = 'public'"


class Hall:
    """A dispatcher, one worker, and people who wait."""

    def __init__(self, database: CountingDatabase) -> None:
        self.database = database
        self.publisher = FakePublisher()
        self.worker: WorkerRecord = worker()
        self.dispatcher = Dispatcher(
            database,
            self.publisher,
            SETTINGS,
            live_within_seconds=1000,
            clock=FakeClock(),
            metrics=Metrics(),
            free_routes=FreeRoutes(),
        )
        with database.transaction() as transaction:
            transaction.workers.register(self.worker)

    def submit(self, new: NewJob) -> UUID:
        with self.database.transaction() as transaction:
            (answer,) = transaction.jobs.submit([new])
        assert isinstance(answer, Job)
        return answer.id

    def seed(self, owner: Identity, number: int) -> None:
        """Have somebody wait with so many jobs."""
        pattern_id = self.submit(new_job(owner))
        with self.database._engine.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # however busy the machine is
            names = [name for name in connection.scalars(text(JOB_COLUMNS)) if name != "pointer"]
            values = ["gen_random_uuid()" if name == "id" else f"pattern.{name}" for name in names]
            copying = COPY_JOBS.format(columns=", ".join(names), values=", ".join(values), copies=number - 1)
            connection.execute(text(copying), {"pattern_id": pattern_id})
            connection.execute(text(COPY_PUBS), {"pattern_id": pattern_id})

    def take(self, number: int) -> Sequence[UUID]:
        """Have the worker claim and begin so many of the published jobs, in order; the others stay in the queue."""
        published = self.publisher.take()
        taken = published[:number]
        assert claim(self.database, taken, self.worker, lease_seconds=600) == len(taken)
        if left := published[number:]:
            self.publisher.queues["cpu"] = [tuple(left)]
        return taken

    def begun_before(self, job_id: UUID, *, at_once: int) -> int:
        """Run dispatcher and worker in turns until a job has begun; give how many began before it."""
        begun: list[UUID] = []
        while job_id not in begun:
            self.dispatcher.run_once()
            taken = self.take(at_once)
            assert taken
            begun.extend(taken)
        return begun.index(job_id)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("at_once", [BATCH, 7])
def test_another_users_first_job_waits_for_one_batch_at_most(database: CountingDatabase, at_once: int) -> None:
    ada, bob = database.add_person("ada"), database.add_person("bob")
    hall = Hall(database)
    hall.seed(ada, WAITING)
    hall.dispatcher.run_once()  # the worker is told of a whole batch: the worst moment to come

    first = hall.submit(new_job(bob))

    assert hall.begun_before(first, at_once=at_once) <= BATCH


@pytest.mark.timeout(300)
def test_another_users_first_job_goes_first_where_the_worker_is_just_being_told(database: CountingDatabase) -> None:
    ada, bob = database.add_person("ada"), database.add_person("bob")
    hall = Hall(database)
    hall.seed(ada, WAITING)
    hall.dispatcher.run_once()
    hall.take(BATCH)

    first = hall.submit(new_job(bob))

    assert hall.begun_before(first, at_once=BATCH) == 0
