"""Who runs next: takes waiting jobs from the database, fairest first, and tells the workers by way of the broker."""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from database.database import Database
from database.dispatch_records import RouteLoad
from jobs_server.free_routes import FreeRoutes, Room
from jobs_server.metrics import Metrics
from qserver.broker.interface import MAX_HINT_JOBS, Hint, Publisher
from qserver.clock import Clock
from qserver.errors import RetryableError
from qserver.settings import DispatcherSettings

_log = structlog.get_logger(__name__)

UPKEEP_EVERY_SECONDS = 2.0
LOST_AFTER_SECONDS = 5.0
"""A job published this long ago, still pending while its queue holds only later messages: it is sent again."""

_REMEMBERED_HINTS = 1024
_HINTS_A_WORKER = 2
"""So that a worker which is done sooner finds something to take over."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a route may be published now. `at_least` so many jobs, however long they are."""

    jobs: int
    seconds: float
    at_least: int


def budget(load: RouteLoad, settings: DispatcherSettings) -> Budget | None:
    """Give what is missing to one batch per live worker; None while more than half of that is out there.

    A batch is at most `batch_jobs` jobs and about `batch_seconds` of work, and at least one job: where single jobs are
    longer than a batch, one for each worker. Filling up by halves makes few rounds of many jobs, and no worker waits.
    """
    most_jobs = load.live_workers * settings.batch_jobs
    most_seconds = load.live_workers * settings.batch_seconds
    idle_workers = load.live_workers - load.published_jobs
    is_half_empty = load.published_jobs <= most_jobs / 2 and load.published_seconds <= most_seconds / 2
    if most_jobs and load.has_waiting_jobs and (is_half_empty or idle_workers > 0):
        seconds = max(0.0, most_seconds - load.published_seconds)
        return Budget(most_jobs - load.published_jobs, seconds, at_least=max(1, idle_workers))
    return None


def room(load: RouteLoad) -> Room | None:
    """Give what may be published beside a route's load without asking: where nothing waits, a job an idle worker.

    More at once are better off with the next round, which makes larger batches of them.
    """
    jobs = load.live_workers - load.published_jobs
    return Room(jobs, load.largest_memory_bytes) if jobs > 0 and not load.has_waiting_jobs else None


def hints(route: str, job_ids: Sequence[UUID], *, live_workers: int) -> Sequence[Hint]:
    """Put jobs into hints, in order: several a hint, but few enough that every worker gets its part."""
    size = min(MAX_HINT_JOBS, math.ceil(len(job_ids) / (_HINTS_A_WORKER * max(1, live_workers))))
    return [Hint(route, tuple(job_ids[start : start + size])) for start in range(0, len(job_ids), size or 1)]


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
        free_routes: FreeRoutes,
        most_running_per_user: int = 0,
    ) -> None:
        """Take a worker for alive whose last heartbeat is at most `live_within_seconds` old.

        Of each user but administrators at most `most_running_per_user` jobs are handed out at once; 0 is any number.
        `free_routes` is told where jobs need not wait for a round: nowhere, where there is such a limit.
        """
        self._most_running_per_user = most_running_per_user
        self._database = database
        self._publisher = publisher
        self._settings = settings
        self._live_within_seconds = live_within_seconds
        self._clock = clock
        self._metrics = metrics
        self._free_routes = free_routes
        self._hint_sizes: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=_REMEMBERED_HINTS))
        self._generation = publisher.connection_generation()
        self._next_upkeep_seconds = clock.monotonic_seconds()

    def run_once(self) -> bool:
        """Do all that is due; tell whether jobs are left that wait for others to be claimed.

        Raises Unavailable where database or broker are away; nothing is lost by it.
        """
        try:
            return self._run_once()
        except BaseException:
            self._free_routes.withdraw()
            raise

    def needs_round(self, moved: Sequence[UUID]) -> bool:
        """Hear that jobs were claimed, or are over; tell whether that may make room for jobs that wait."""
        self._free_routes.give_back(moved)
        return not self._free_routes.needs_no_round

    def tell(self, route: str, job_ids: Sequence[UUID]) -> None:
        """Publish jobs of a route that are marked as published, each by a hint of its own, for a worker each.

        Raises Unavailable; they wait again then.
        """
        self._tell(route, [Hint(route, (job_id,)) for job_id in job_ids])

    def _tell(self, route: str, told: Sequence[Hint]) -> None:
        self._hint_sizes[route].extend(len(hint.job_ids) for hint in told)
        try:
            self._publisher.publish(told)
        except RetryableError:
            self._unpublish(route, older_than_seconds=0, why="publishing failed")
            raise
        self._metrics.dispatched.labels(route=route).inc(sum(len(hint.job_ids) for hint in told))

    def _run_once(self) -> bool:
        is_upkeep_due = self._clock.monotonic_seconds() >= self._next_upkeep_seconds
        if is_upkeep_due:
            self._next_upkeep_seconds = self._clock.monotonic_seconds() + UPKEEP_EVERY_SECONDS
            self._expire()
        self._forget_published_after_an_outage()
        if is_upkeep_due:
            self._forget_lost_messages()
        return self._publish_batches()

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
                newest = self._jobs_of_latest(self._publisher.waiting(load.route), load.route)
                self._unpublish(
                    load.route, older_than_seconds=LOST_AFTER_SECONDS, newest=newest, why="the message is gone"
                )

    def _publish_batches(self) -> bool:
        loads = self._loads()
        self._offer_room(loads)
        are_left = [self._fill_up(load) for load in loads if load.live_workers and load.has_waiting_jobs]
        return any(are_left)

    def _offer_room(self, loads: Sequence[RouteLoad]) -> None:
        if self._most_running_per_user:
            return
        rooms = {load.route: found for load in loads if (found := room(load))}
        self._free_routes.offer(rooms, is_all_free=not any(load.has_waiting_jobs for load in loads))

    def _fill_up(self, load: RouteLoad) -> bool:
        """Publish what is missing on a route; tell whether more is left than there is room for."""
        allowed = budget(load, self._settings)
        return allowed is None or self._publish(load, allowed)

    def _publish(self, load: RouteLoad, allowed: Budget) -> bool:
        route = load.route
        with self._database.transaction(waits_for_disk=False) as transaction:
            picked = transaction.dispatch.pick(
                route,
                limit_jobs=allowed.jobs,
                limit_seconds=allowed.seconds,
                memory_bytes=load.largest_memory_bytes,
                at_least=allowed.at_least,
                most_per_owner=self._most_running_per_user,
            )
        if picked.job_ids:
            self._tell(route, hints(route, picked.job_ids, live_workers=load.live_workers))
        return picked.has_used_up

    def _jobs_of_latest(self, number: int, route: str) -> int:
        """Count the jobs in the latest hints; those that this dispatcher knows nothing of are taken for full."""
        sizes = self._hint_sizes[route]
        known = list(sizes)[-number:] if number else []
        return sum(known) + (number - len(known)) * MAX_HINT_JOBS

    def _unpublish(self, route: str | None, *, older_than_seconds: float, newest: int = 0, why: str) -> None:
        with self._database.transaction() as transaction:
            jobs = transaction.dispatch.unpublish(route, older_than_seconds=older_than_seconds, but_newest=newest)
        if jobs:
            _log.warning("jobs_published_again", route=route, jobs=jobs, why=why)

    def _loads(self) -> Sequence[RouteLoad]:
        with self._database.reading() as transaction:
            return transaction.dispatch.loads(live_within_seconds=self._live_within_seconds)
