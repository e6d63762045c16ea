"""A dispatcher, with a database to fill and a broker to look into."""

from collections.abc import Sequence
from uuid import UUID

from database.records import NewJob
from jobs_server.dispatcher import UPKEEP_EVERY_SECONDS, Dispatcher
from jobs_server.free_routes import FreeRoutes
from jobs_server.metrics import Metrics
from qserver.broker.interface import Hint
from qserver.clock import FakeClock
from qserver.errors import Unavailable
from qserver.settings import DispatcherSettings
from tests.unit.jobs_server.builders import CountingDatabase, worker

GIB = 1024**3
SETTINGS = DispatcherSettings(batch_jobs=64, batch_seconds=0.25)


class FakePublisher:
    """Queues whose messages can be lost, on a broker that can be away."""

    def __init__(self) -> None:
        self.queues: dict[str, list[tuple[UUID, ...]]] = {}
        self.is_away = False
        self.generation = 0

    def publish(self, hints: Sequence[Hint]) -> None:
        if self.is_away:
            raise Unavailable("the broker is away")
        for hint in hints:
            self.queues.setdefault(hint.route, []).append(hint.job_ids)

    def waiting(self, route: str) -> int:
        if self.is_away:
            raise Unavailable("the broker is away")
        return len(self.queues.get(route, []))

    def connection_generation(self) -> int:
        return self.generation

    def close(self) -> None:
        pass

    def take(self, route: str = "cpu") -> list[UUID]:
        """Take all that waits, as workers would."""
        return [job_id for hint in self.queues.pop(route, []) for job_id in hint]


class Dispatching:
    """A dispatcher, with a database to fill and a broker to look into."""

    def __init__(self, database: CountingDatabase) -> None:
        self.database = database
        self.publisher = FakePublisher()
        self.clock = FakeClock()
        self.worker = worker()
        self.dispatcher = Dispatcher(
            database,
            self.publisher,
            SETTINGS,
            live_within_seconds=20,
            clock=self.clock,
            metrics=Metrics(),
            free_routes=FreeRoutes(),
        )

    def add_workers(self, number: int = 1, *routes: str) -> None:
        with self.database.transaction() as transaction:
            for _ in range(number):
                self.worker = worker(*routes)
                transaction.workers.register(self.worker)

    def add_jobs(self, *jobs: NewJob) -> list[UUID]:
        with self.database.transaction() as transaction:
            transaction.jobs.submit(jobs)
        return [job.id for job in jobs]

    def run_later(self) -> None:
        self.clock.advance(UPKEEP_EVERY_SECONDS)
        self.dispatcher.run_once()
