"""How far a list of jobs that somebody follows has come, whatever the connection did."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from qserver.client.progress import wanted_statuses
from qserver.errors import Unavailable, WaitTimeout
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2

_REMEMBERED_JOBS: Final = 5_000
"""More than a server sends at first."""


class FollowingProgress:
    """The newest `limit` jobs, oldest first, then each that is new or changes."""

    def __init__(self, statuses: Iterable[JobStatus | str], limit: int, user: str = "") -> None:
        """Have seen no job; follow only those in `statuses` and of `user`, if any.

        Raises InvalidRequest for an unknown status.
        """
        self._request = jobs_pb2.WatchJobsRequest(statuses=wanted_statuses(statuses))
        self._limit = limit
        self._user = user
        self._listed: list[jobs_pb2.Job] = []
        self._is_live = False
        self._oldest_pointer: int | None = None
        self._seen: OrderedDict[str, int] = OrderedDict()  # number of the last event, by id

    def is_done(self) -> bool:
        """Never be: there may always be a new one."""
        return False

    def request(self) -> jobs_pb2.WatchJobsRequest:
        """Ask for all jobs: those that were seen are left out here."""
        self._listed, self._is_live = [], False
        return self._request

    def hear(self, message: jobs_pb2.WatchJobsResponse) -> Sequence[jobs_pb2.Job]:
        """Give what a message brings that wasn't there before."""
        wanted = [job for job in message.jobs if self._user in {"", job.owner}]
        if self._is_live:
            return self._unseen(wanted)
        self._listed.extend(wanted)
        self._is_live = message.is_live
        return self._new_list() if self._is_live else ()

    def check_end(self) -> None:
        """Hear that the stream ended. Raises Unavailable: it should not have."""
        raise Unavailable("the server stopped telling of jobs")

    def timeout(self) -> WaitTimeout:
        """Say that time is over."""
        return WaitTimeout("the time to follow jobs is over")

    def _new_list(self) -> Sequence[jobs_pb2.Job]:
        """Take in the list that a stream begins with; after a lost connection give what became of it meanwhile."""
        if self._oldest_pointer is not None:  # where newer jobs were deleted, older ones come into the list
            oldest = self._oldest_pointer
            return self._unseen(job for job in self._listed if job.pointer >= oldest)
        self._oldest_pointer = self._listed[0].pointer if self._listed else 0
        unseen = self._unseen(self._listed)
        return unseen[max(0, len(unseen) - self._limit) :]

    def _unseen(self, jobs: Iterable[jobs_pb2.Job]) -> list[jobs_pb2.Job]:
        unseen = []
        for job in jobs:
            if self._seen.get(job.id) != job.event_sequence:
                unseen.append(job)
            self._seen[job.id] = job.event_sequence
            self._seen.move_to_end(job.id)
        while len(self._seen) > _REMEMBERED_JOBS:
            self._seen.popitem(last=False)
        return unseen
