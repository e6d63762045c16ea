"""Jobs with the names of those whose they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from database import Transaction
from jobs_server.answers import job_message
from qserver.identity import Identity
from qserver.jobs import Job
from qserver.rpc.v1 import jobs_pb2


@dataclass(frozen=True, slots=True)
class OwnedJobs:
    """Jobs, and names by the ids of their owners."""

    jobs: Sequence[Job]
    names: Mapping[UUID, str]

    @classmethod
    def read(cls, transaction: Transaction, jobs: Sequence[Job], caller: Identity) -> Self:
        """Find the names; of the caller's own jobs without a question."""
        return cls(jobs, transaction.jobs.owners(jobs, caller))

    def messages(self, *, most: int | None = None) -> list[jobs_pb2.Job]:
        """Write the jobs, the first `most` of them where it is given."""
        return [job_message(job, self.names[job.owner_id]) for job in self.jobs[:most]]

    def message(self) -> jobs_pb2.Job:
        """Write the one job that these are."""
        (message,) = self.messages(most=1)
        return message
