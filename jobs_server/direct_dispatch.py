"""Tells the workers at once of jobs that were stored as published, without a round of the dispatcher."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from queue import SimpleQueue
from typing import Protocol
from uuid import UUID

import structlog

from database.records import NewJob
from jobs_server.free_routes import FreeRoutes
from qserver.errors import RetryableError
from qserver.jobs import Job, JobStatus

_log = structlog.get_logger(__name__)


class Teller(Protocol):
    """Who tells workers of jobs: `dispatcher.Dispatcher`, or its twin in the tests."""

    def tell(self, route: str, job_ids: Sequence[UUID]) -> None:
        """Publish jobs of a route that are marked as published. Raises Unavailable; they wait again then."""


class DirectDispatch:
    """Publishes in a thread of its own, so that no submission is answered later because the broker is slow.

    Jobs that it was to tell of and didn't, because the process died, are published by any dispatcher that misses their
    messages.
    """

    def __init__(self, free_routes: FreeRoutes, teller: Teller) -> None:
        """Use what room there is."""
        self._free_routes = free_routes
        self._teller = teller
        self._queue: SimpleQueue[Sequence[Job]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="direct-dispatch")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell of all that is stored, and end. Safe before `start`."""
        if self._thread.ident is not None:
            self._queue.put(())
            self._thread.join()

    def take(self, jobs: Sequence[NewJob]) -> bool:
        """Whether these jobs are to be stored as published; then `tell` follows, once they are stored."""
        return self._thread.is_alive() and self._free_routes.take(jobs)

    def tell(self, jobs: Sequence[NewJob], stored: Sequence[Job | Exception]) -> None:
        """Have workers told of those that were stored just now and wait; others had their answer before."""
        new = {job.id for job in jobs}
        waiting = [job for job in stored if isinstance(job, Job) and job.id in new and job.status is JobStatus.PENDING]
        if waiting:
            self._queue.put(waiting)

    def _run(self) -> None:
        while jobs := self._queue.get():
            for route, job_ids in _by_route(jobs).items():
                self._tell(route, job_ids)

    def _tell(self, route: str, job_ids: Sequence[UUID]) -> None:
        try:
            self._teller.tell(route, job_ids)
        except RetryableError as error:
            self._free_routes.withdraw()
            _log.warning("direct_dispatch_failed", route=route, jobs=len(job_ids), why=error.message)
        except Exception:  # noqa: BLE001 - the outermost loop of this thread; the dispatcher misses the messages
            self._free_routes.withdraw()
            _log.exception("direct_dispatch_failed", route=route, jobs=len(job_ids))


def _by_route(jobs: Sequence[Job]) -> Mapping[str, Sequence[UUID]]:
    found: defaultdict[str, list[UUID]] = defaultdict(list)
    for job in jobs:
        found[job.route].append(job.id)
    return found
