"""All that is pushed: the events of jobs, lists of jobs, and results."""

from dataclasses import dataclass

from database.changes import Change, ChangeKind
from jobs_server.job_streams import JobStreams
from jobs_server.result_streams import ResultStreams
from jobs_server.watch import Watches


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams that are open, by kind."""

    events: Watches
    jobs: JobStreams
    results: ResultStreams

    def want(self, kind: ChangeKind) -> bool:
        """Whether such a change may concern anybody. Safe in every thread: who comes later reads the database then."""
        if kind in {ChangeKind.JOBS, ChangeKind.WORK}:
            return self.events.is_anybody_there or self.jobs.followers() > 0
        return True

    def tell(self, change: Change) -> None:
        """Let them look at what changed. Called in the event loop."""
        self.events.tell(change)
        self.jobs.tell(change)
        self.results.tell(change)

    def close(self) -> None:
        """End all of them with Unavailable: this server stops, and another one goes on."""
        self.events.close()
        self.jobs.close()
        self.results.close()
