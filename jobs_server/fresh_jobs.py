"""Jobs that were stored here a moment ago: until their end is announced, nobody need ask the database for it."""

from collections.abc import Iterable, Sequence
from typing import Final, assert_never
from uuid import UUID

from database.changes import Change, ChangeKind
from database.records import NewJob
from qserver.identity import Identity
from qserver.jobs import Job, JobStatus

_MOST_JOBS: Final = 4096
"""A client that waits for its job asks at once. Of 100,000 that wait, none of the earliest is asked about just now."""


class FreshJobs:
    """Knows of jobs that nothing was heard of since they were stored. Lives in the event loop, as all who ask it.

    It may know too little, and then the database is asked. It never takes a job for waiting whose end was announced: a
    job is added before its transaction can be committed, so that no announcement comes earlier.
    """

    def __init__(self, *, most_jobs: int = _MOST_JOBS) -> None:
        """Know of no job, and of `most_jobs` at most."""
        self._most_jobs = most_jobs
        self._owners: dict[UUID, UUID] = {}  # in the order in which they came

    def expect(self, jobs: Sequence[NewJob]) -> None:
        """Take in jobs that are about to be stored."""
        self._owners.update((job.id, job.identity.user_id) for job in jobs)
        for job_id in list(self._owners)[: max(0, len(self._owners) - self._most_jobs)]:
            del self._owners[job_id]

    def settle(self, jobs: Iterable[NewJob], stored: Iterable[Job | Exception]) -> None:
        """Keep, of jobs that were expected, those that were stored and wait now."""
        waiting = {job.id for job in stored if isinstance(job, Job) and job.status is JobStatus.PENDING}
        self._forget(job.id for job in jobs if job.id not in waiting)

    def waits(self, job_id: UUID, caller: Identity) -> bool:
        """Whether the caller has this job, and it is known not to be over."""
        owner_id = self._owners.get(job_id)
        return owner_id is not None and (caller.sees_everything or caller.user_id == owner_id)

    def tell(self, change: Change) -> None:
        """Forget what may be over by now. Called in the event loop."""
        match change.kind:
            case ChangeKind.ENDED:
                self._forget(change.job_ids)
            case ChangeKind.RECONNECTED:
                self._owners.clear()
            case ChangeKind.JOBS | ChangeKind.STOPPED | ChangeKind.WORK | ChangeKind.PLUGINS | ChangeKind.ACCESS:
                pass
            case _:
                assert_never(change.kind)

    def _forget(self, job_ids: Iterable[UUID]) -> None:
        for job_id in job_ids:
            self._owners.pop(job_id, None)
