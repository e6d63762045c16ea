"""Routes on which nothing waits and workers are idle: their jobs are published as they are stored."""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from database.records import NewJob


@dataclass(frozen=True, slots=True)
class Room:
    """How many jobs may be published on a route besides those that are out there, and how large each may be."""

    jobs: int
    memory_bytes: int


class FreeRoutes:
    """Says which jobs need no round of the dispatcher: it would find them alone, and publish them all.

    Each round says anew where there is room, as the database has it. Until the next one it is used up here, and given
    back where such a job is claimed. What other servers use of it meanwhile is at most as much again. Safe from every
    thread.
    """

    def __init__(self) -> None:
        """Know of no room."""
        self._lock = threading.Lock()
        self._room: Mapping[str, Room] = {}
        self._left: Counter[str] = Counter()
        self._taken: dict[UUID, str] = {}  # the route of each job that used room and was not heard of since
        self._is_all_free = False

    def offer(self, room: Mapping[str, Room], *, is_all_free: bool) -> None:
        """Take in what a round found. `is_all_free` says that no job waits on any route."""
        with self._lock:
            self._room = room
            self._left = Counter({route: found.jobs for route, found in room.items()})
            self._taken = {}
            self._is_all_free = is_all_free

    def withdraw(self) -> None:
        """Know of no room until the next round."""
        self.offer({}, is_all_free=False)

    @property
    def needs_no_round(self) -> bool:
        """Whether nothing waits, and every route has half of its room left: then a claim makes room for nobody."""
        with self._lock:
            return self._is_all_free and all(2 * self._left[route] >= found.jobs for route, found in self._room.items())

    def take(self, jobs: Sequence[NewJob]) -> bool:
        """Use up room for all of these jobs. False where it isn't enough: they wait, and their routes are free no more.

        All or none, so that jobs which came together keep their order.
        """
        wanted = Counter(job.route for job in jobs)
        with self._lock:
            fits = wanted <= self._left and all(
                job.plan.memory_bytes <= self._room[job.route].memory_bytes for job in jobs
            )
            if fits:
                self._left -= wanted
                self._taken.update((job.id, job.route) for job in jobs)
            else:
                self._close(wanted.keys())
            return fits

    def _close(self, routes: Collection[str]) -> None:
        """Let nobody pass a job that found no room: what is given back of these routes is the next round's to offer."""
        for route in routes:
            del self._left[route]
        self._taken = {job_id: route for job_id, route in self._taken.items() if route not in routes}
        self._is_all_free = False

    def give_back(self, job_ids: Iterable[UUID]) -> None:
        """Hear of jobs that were claimed, or are over: whoever has them waits for no other."""
        with self._lock:
            self._left.update(self._taken.pop(job_id) for job_id in job_ids if job_id in self._taken)
