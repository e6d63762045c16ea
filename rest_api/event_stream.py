"""What one event stream sends: the job's events after the last one seen, then each new one, until the final one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from database import Database
from qserver.errors import NotFound, QServerError, Unavailable
from qserver.identity import Identity
from qserver.jobs import JobEvent
from rest_api.errors import problem_of
from rest_api.event_hub import Watch
from rest_api.json_response import encode
from rest_api.views import event_view

POLL_SECONDS = 10.0  # the backstop, should an announcement be lost

_LOG: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """Events that are new. `is_over` says that none will follow them."""

    events: Sequence[JobEvent]
    is_over: bool


@dataclass(frozen=True, slots=True)
class JobEvents:
    """The events of one job, as one caller may see them."""

    database: Database
    job_id: UUID
    caller: Identity

    async def read(self, after_sequence: int) -> Reading:
        """Read what came after an event. Raises NotFound, or Unavailable."""
        return await run_in_threadpool(self._read, after_sequence)

    async def follow(
        self, first: Reading, watch: Watch, *, after_sequence: int, poll_seconds: float = POLL_SECONDS
    ) -> AsyncIterator[ServerSentEvent]:
        """Send what `first` holds, then what comes. A database that is away delays events; a deleted job ends them.

        A caller who may follow no longer gets an event `error`, which holds the problem document, and nothing after it.
        """
        reading, seen = first, after_sequence
        while watch.refusal is None:
            for event in reading.events:
                yield _message(event.shown_to(self.caller))
                seen = event.sequence
            if reading.is_over or watch.is_closed:
                return
            await watch.wait(poll_seconds)
            reading = await self._read_on(seen)
        yield _refusal(watch.refusal)

    def _read(self, after_sequence: int) -> Reading:
        with self.database.reading() as transaction:
            # The job first: once it is over, its final event is among those read after it.
            job = transaction.jobs.get(self.job_id, self.caller)
            events = transaction.jobs.followed_events(self.job_id, self.caller, after_sequence=after_sequence)
        return Reading(events, is_over=job.status.is_final)

    async def _read_on(self, after_sequence: int) -> Reading:
        try:
            return await self.read(after_sequence)
        except NotFound:
            return Reading((), is_over=True)
        except Unavailable as error:
            _LOG.warning("events_delayed", job_id=str(self.job_id), error=error.message)
            return Reading((), is_over=False)


def _message(event: JobEvent) -> ServerSentEvent:
    return ServerSentEvent(data=encode(event_view(event)).decode(), id=str(event.sequence), sep="\n")


def _refusal(error: QServerError) -> ServerSentEvent:
    """Say why the stream ends; without an id, so that a browser comes back after the last event that it saw."""
    return ServerSentEvent(data=encode(problem_of(error).members()).decode(), event="error", sep="\n")
