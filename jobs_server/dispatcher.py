"""Who runs next: takes waiting jobs from the database, fairest first, and tells the workers by way of the broker."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from database.database import Database
from database.records import RouteLoad
from jobs_server.metrics import Metrics
from qserver.broker.interface import Hint, Publisher
from qserver.clock import Clock
from qserver.errors import RetryableError
from qserver.settings import DispatcherSettings

_log = structlog.get_logger(__name__)

UPKEEP_EVERY_SECONDS = 2.0
LOST_AFTER_SECONDS = 5.0
"""A job published this long ago, still pending while its queue holds only later messages: it is sent again."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a route may be published now."""

    jobs: int
    seconds: float


def budget(load: RouteLoad, settings: DispatcherSettings) -> Budget | None:
    """Give what is missing to one batch per live worker; None where nothing is.

    A batch is at most `batch_jobs` jobs and about `batch_seconds` of work, and at least one job: where single jobs are
    longer than a batch, one for each worker.
    """
    jobs = load.live_workers * settings.batch_jobs - load.published_jobs
    seconds = load.live_workers * settings.batch_seconds - load.published_seconds
    if jobs > 0 and seconds > 0:
        return Budget(jobs, seconds)
    idle_workers = load.live_workers - load.published_jobs
    return Budget(idle_workers, settings.batch_seconds) if idle_workers > 0 else None


class Dispatcher:
    """Works in rounds. Each leaves the database in a state from which any other dispatcher could go on.

    Several dispatchers may run beside each other: picking marks what it picks in one guarded update, and a job that is
    published twice is claimed once.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        settings: DispatcherSettings,
        *,
        live_within_seconds: float,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """Take a worker for alive whose last heartbeat is at most `live_within_seconds` old."""
        self._database = database
        self._publisher = publisher
        self._settings = settings
        self._live_within_seconds = live_within_seconds
        self._clock = clock
        self._metrics = metrics
        self._generation = publisher.connection_generation()
        self._next_upkeep_seconds = clock.monotonic_seconds()

    def run_once(self) -> None:
        """Do all that is due. Raises Unavailable where database or broker are away; nothing is lost by it."""
        is_upkeep_due = self._clock.monotonic_seconds() >= self._next_upkeep_seconds
        if is_upkeep_due:
            self._next_upkeep_seconds = self._clock.monotonic_seconds() + UPKEEP_EVERY_SECONDS
            self._expire()
        self._forget_published_after_an_outage()
        if is_upkeep_due:
            self._forget_lost_messages()
        while self._publish_batches():
            pass

    def _expire(self) -> None:
        with self._database.transaction() as transaction:
            lost = transaction.jobs.expire_leases()
            late = transaction.jobs.expire_waiting()
            orphans = transaction.jobs.fail_orphans()
        if lost or late or orphans:
            _log.info("jobs_expired", lost_leases=len(lost), started_too_late=len(late), without_plugin=len(orphans))

    def _forget_published_after_an_outage(self) -> None:
        generation = self._publisher.connection_generation()
        if generation != self._generation:
            self._unpublish(None, older_than_seconds=0, why="the connection was lost")
            self._generation = generation

    def _forget_lost_messages(self) -> None:
        for load in self._loads():
            if load.published_jobs:
                # A queue gives the oldest first: what it still holds are the messages of the newest.
                waiting = self._publisher.waiting(load.route)
                self._unpublish(
                    load.route, older_than_seconds=LOST_AFTER_SECONDS, newest=waiting, why="the message is gone"
                )

    def _publish_batches(self) -> bool:
        published = [
            self._publish(load, allowed)
            for load in self._loads()
            if (allowed := budget(load, self._settings)) is not None
        ]
        return any(published)

    def _publish(self, load: RouteLoad, allowed: Budget) -> int:
        route = load.route
        with self._database.transaction() as transaction:
            picked = transaction.dispatch.pick(
                route,
                limit_jobs=allowed.jobs,
                limit_seconds=allowed.seconds,
                memory_bytes=load.largest_memory_bytes,
            )
        if not picked:
            return 0
        try:
            self._publisher.publish([Hint(route, job_id) for job_id in picked])
        except RetryableError:
            self._unpublish(route, older_than_seconds=0, why="publishing failed")
            raise
        self._metrics.dispatched.labels(route=route).inc(len(picked))
        return len(picked)

    def _unpublish(self, route: str | None, *, older_than_seconds: float, newest: int = 0, why: str) -> None:
        with self._database.transaction() as transaction:
            jobs = transaction.dispatch.unpublish(route, older_than_seconds=older_than_seconds, but_newest=newest)
        if jobs:
            _log.warning("jobs_published_again", route=route, jobs=jobs, why=why)

    def _loads(self) -> Sequence[RouteLoad]:
        with self._database.reading() as transaction:
            return transaction.dispatch.loads(live_within_seconds=self._live_within_seconds)
