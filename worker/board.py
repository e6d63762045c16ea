"""What this worker holds: every leased job, from claim until what became of it is stored."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from database.records import Lease
from qserver.clock import Clock
from qserver.plugins import LARGE_ROUTE
from worker import scheduler
from worker.capacity import Capacity
from worker.groups import Group, Lane
from worker.runs import Run, StopCause
from worker.waiting_room import WaitingRoom


@dataclass(frozen=True, slots=True)
class _Entry:
    group: Group
    waiting: scheduler.Waiting


class Board:
    """Groups that wait, runs, and leases. Thread-safe."""

    def __init__(self, capacity: Capacity, clock: Clock, *, max_held_jobs: int) -> None:
        """Hold nothing. No more jobs are asked for while `max_held_jobs` are held, stored or not."""
        self._capacity = capacity
        self._clock = clock
        self._max_held_jobs = max_held_jobs
        self._changed = WaitingRoom()
        self._waiting: list[_Entry] = []
        self._runs: list[Run] = []
        self._leases: dict[UUID, Lease] = {}
        self._being_claimed: set[UUID] = set()
        self._idle: Counter[Lane] = Counter()
        self._unfit: set[Lane] = set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing starts any more."""
        return self._is_closed

    def hold(self, leases: Sequence[Lease]) -> None:
        """Keep leases whose jobs are still being read: `admit` follows, or `settle` where they can't be.

        Until then the claim may not be committed, and nobody else sees it.
        """
        with self._changed:
            self._leases.update({lease.job_id: lease for lease in leases})
            self._being_claimed.update(lease.job_id for lease in leases)

    def admit(self, groups: Iterable[Group]) -> Sequence[Group]:
        """Take claimed groups; give back those that can't be taken, because the worker stops.

        A job that is here already under an older attempt was lost in between: that run is stopped.
        """
        with self._changed:
            refused: list[Group] = []
            for group in groups:
                self._being_claimed -= group.job_ids
                self._drop(group.job_ids)
                self._leases.update({claimed.job.id: claimed.lease for claimed in group.jobs})
                self._enqueue(group, refused, first=False)
            self._changed.notify()
            return refused

    def retry(self, groups: Sequence[Group]) -> Sequence[Group]:
        """Put groups that were run without a verdict in front; give back those that can't be taken."""
        with self._changed:
            refused: list[Group] = []
            for group in reversed(groups):
                self._enqueue(group, refused, first=True)
            self._changed.notify()
            return refused[::-1]

    def take(self, lane: Lane, *, timeout_seconds: float) -> Run | None:
        """Wait for a group that a simulator of this lane may start now; None if none came, or nothing starts any more.

        The caller must `end` the run. While it waits here, it counts as a simulator that is ready.
        """
        with self._changed:
            self._idle[lane] += 1
            self._unfit.discard(lane)
            self._changed.notify()
            try:
                self._changed.wait_for(
                    lambda: self._is_closed or self._next(lane) is not None, timeout_seconds, for_one_of=lane
                )
                entry = self._next(lane)
                return None if entry is None or self._is_closed else self._start(entry)
            finally:
                self._idle[lane] -= 1
                self._changed.notify()  # of what is left, another lane's may be the next

    def end(self, run: Run) -> None:
        """Free what the run took."""
        with self._changed:
            self._runs.remove(run)
            self._changed.notify()

    def settle(self, leases: Iterable[Lease]) -> None:
        """Forget jobs whose end is stored."""
        with self._changed:
            for lease in leases:
                if self._leases.get(lease.job_id) == lease:
                    del self._leases[lease.job_id]
                    self._being_claimed.discard(lease.job_id)
            self._changed.notify()

    def drop(self, leases: Iterable[Lease]) -> frozenset[UUID]:
        """Forget leases that are no longer ours, take their jobs out of what waits and mark them in what runs.

        Gives the ids of jobs that waited or ran; the others had ended and were only not stored yet.
        """
        with self._changed:
            lost = frozenset(lease.job_id for lease in leases if self._leases.get(lease.job_id) == lease)
            unfinished = self._unfinished() & lost
            self._drop(lost)
            self._changed.notify()
            return unfinished

    def leases(self) -> Sequence[Lease]:
        """List every lease that is held."""
        with self._changed:
            return tuple(self._leases.values())

    def being_claimed(self) -> frozenset[UUID]:
        """Name the jobs whose claim may not be committed yet."""
        with self._changed:
            return frozenset(self._being_claimed)

    def works_on(self, job_ids: Collection[UUID]) -> bool:
        """Tell whether any of the jobs waits or runs here: one that has run and is only not stored yet does not."""
        with self._changed:
            return not self._leases.keys().isdisjoint(job_ids) and not self._unfinished().isdisjoint(job_ids)

    def held_jobs(self) -> int:
        """Count the jobs that are held."""
        return len(self._leases)

    def runs(self) -> Sequence[Run]:
        """List the runs."""
        with self._changed:
            return tuple(self._runs)

    def evict(self, lane: Lane) -> Sequence[Group]:
        """Hear that a simulator of this lane failed; if no other is left, give what waits for one.

        Nothing is asked for then, until one is ready again.
        """
        with self._changed:
            if self._idle[lane] or any(run.group.lane is lane for run in self._runs):
                return ()
            self._unfit.add(lane)
            out = tuple(entry.group for entry in self._waiting if entry.group.lane is lane)
            self._waiting = [entry for entry in self._waiting if entry.group.lane is not lane]
            return out

    def unfit_lanes(self) -> frozenset[Lane]:
        """Name the lanes whose simulators all failed their last test."""
        with self._changed:
            return frozenset(self._unfit)

    def wait_for_room(self, *, gpu: bool, timeout_seconds: float) -> bool:
        """Wait until a job claimed now could start at once. False if the time passed, or the worker stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room(gpu=gpu), timeout_seconds)
            return not self._is_closed and self._has_room(gpu=gpu)

    def has_room_for_large(self) -> bool:
        """Tell whether another job of the route 'large' may be claimed."""
        with self._changed:
            return scheduler.has_room_for_large([entry.waiting for entry in self._waiting])

    def close(self) -> Sequence[Group]:
        """Start nothing any more; give what waited."""
        with self._changed:
            self._is_closed = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
            return tuple(entry.group for entry in waiting)

    def wait_until_nothing_runs(self, *, timeout_seconds: float) -> bool:
        """Wait for the runs to end. False if the time passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._runs, timeout_seconds)

    def stop_runs(self, cause: StopCause) -> None:
        """Kill every simulator that runs something."""
        for run in self.runs():
            run.stop(cause)

    def _enqueue(self, group: Group, refused: list[Group], *, first: bool) -> None:
        if self._is_closed:
            refused.append(group)
            return
        need = scheduler.need_of(group, self._capacity)
        is_large = group.jobs[0].job.route == LARGE_ROUTE
        entry = _Entry(group, scheduler.Waiting(need, self._clock.monotonic_seconds(), is_large=is_large))
        self._waiting.insert(0 if first else len(self._waiting), entry)

    def _next(self, lane: Lane) -> _Entry | None:
        # A lane whose simulators all fail must not hold up the others.
        ready = [entry for entry in self._waiting if self._idle[entry.group.lane]]
        index = scheduler.choose(
            [entry.waiting for entry in ready], self._running(), self._capacity, now=self._clock.monotonic_seconds()
        )
        return ready[index] if index is not None and ready[index].group.lane is lane else None

    def _start(self, entry: _Entry) -> Run:
        now = self._clock.monotonic_seconds()
        run = Run(entry.group, entry.waiting.need, since_seconds=now, waited_seconds=now - entry.waiting.since_seconds)
        self._waiting.remove(entry)
        self._runs.append(run)
        return run

    def _drop(self, job_ids: frozenset[UUID]) -> None:
        for job_id in job_ids & self._leases.keys():
            del self._leases[job_id]
        left = ((entry, entry.group.without(job_ids)) for entry in self._waiting)
        self._waiting = [_Entry(group, entry.waiting) for entry, group in left if group is not None]
        for run in self._runs:
            run.lose(job_ids, now=self._clock.monotonic_seconds())

    def _unfinished(self) -> frozenset[UUID]:
        groups = [*(entry.group for entry in self._waiting), *(run.group for run in self._runs)]
        return frozenset().union(*(group.job_ids for group in groups))

    def _running(self) -> Sequence[scheduler.Running]:
        return [run.as_running() for run in self._runs]

    def _has_room(self, *, gpu: bool) -> bool:
        # The simulator for wide jobs may still be getting ready: theirs can wait for it, small ones need not.
        is_ready = bool(self._idle[Lane.GPU]) if gpu else bool(self._idle[Lane.NARROW]) and Lane.WIDE not in self._unfit
        return (
            is_ready
            and len(self._leases) < self._max_held_jobs
            and scheduler.has_room(
                [entry.waiting for entry in self._waiting],
                self._running(),
                self._capacity,
                gpu=gpu,
                now=self._clock.monotonic_seconds(),
            )
        )
