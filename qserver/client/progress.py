"""How far a call that may be interrupted has come: what is still to be asked for, whatever the connection did."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from qserver import wire
from qserver.client.faults import error_of_detail, error_without_result
from qserver.client.outcomes import Outcome, Submitted
from qserver.client.results import Result
from qserver.client.submissions import Batch
from qserver.errors import InvalidRequest, QServerError, RetryableError, Unavailable, WaitTimeout
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2

RequestT_co = TypeVar("RequestT_co", covariant=True)
MessageT_contra = TypeVar("MessageT_contra", contravariant=True)
HeardT_co = TypeVar("HeardT_co", covariant=True)

PAGE_JOBS = 500
"""Jobs that one call of ListJobs is asked for."""

MOST_IDS = 5_000
"""Jobs that one call of GetResults is asked for; the server takes 10,000."""


class SendingProgress:
    """A batch on its way to the server."""

    def __init__(self, batch: Batch) -> None:
        """Have nothing answered yet."""
        self._left = dict(enumerate(batch.submissions))
        self._noise_models = [batch.noise_model] if batch.noise_model else []
        self._answers: dict[int, Submitted] = {}

    def is_done(self) -> bool:
        """Whether every submission was answered."""
        return not self._left

    def request(self) -> jobs_pb2.SubmitJobsRequest:
        """Ask for what is left. Names make it safe: what the server has already is answered with its job."""
        return jobs_pb2.SubmitJobsRequest(submissions=self._left.values(), noise_models=self._noise_models)

    def hear(self, answers: Sequence[jobs_pb2.SubmissionAnswer]) -> None:
        """Keep answers; those that say "later" are still to be asked for."""
        for position, answer in zip(tuple(self._left), answers, strict=True):
            found = answer.job if answer.HasField("job") else error_of_detail(answer.error)
            self._answers[position] = found
            if not isinstance(found, RetryableError):
                del self._left[position]

    def fail(self, error: QServerError) -> None:
        """Hear that the call failed as a whole; one that may succeed later leaves everything to be asked for."""
        self._answers.update(dict.fromkeys(self._left, error))
        if not isinstance(error, RetryableError):
            self.give_up()

    def give_up(self) -> None:
        """Let what was heard last stand."""
        self._left.clear()

    def answers(self) -> list[Submitted]:
        """Give the answers, in order."""
        return [self._answers[position] for position in sorted(self._answers)]


class Following(Protocol[RequestT_co, MessageT_contra, HeardT_co]):
    """What a stream brings that is opened again for what is missing, until nothing is."""

    def is_done(self) -> bool:
        """Whether nothing is missing."""

    def request(self) -> RequestT_co:
        """Ask for what is missing."""

    def hear(self, message: MessageT_contra) -> Iterable[HeardT_co]:
        """Give what a message brings that wasn't there before."""

    def check_end(self) -> None:
        """Hear that the stream ended well. Raises where it should not have."""

    def timeout(self) -> WaitTimeout:
        """Say that it takes too long."""


class WaitingProgress:
    """Jobs whose results somebody waits for."""

    def __init__(self, job_ids: Iterable[str]) -> None:
        """Wait for all of them."""
        self._left = dict.fromkeys(job_ids)
        self._asked: frozenset[str] = frozenset()

    def is_done(self) -> bool:
        """Whether every job was answered."""
        return not self._left

    def request(self) -> jobs_pb2.GetResultsRequest:
        """Ask for the results that are missing, each as soon as it is there."""
        wanted = [job_id for job_id, _ in zip(self._left, range(MOST_IDS), strict=False)]
        self._asked = frozenset(wanted)
        return jobs_pb2.GetResultsRequest(ids=wanted, wait=True)

    def hear(self, message: jobs_pb2.GetResultsResponse) -> Iterator[tuple[str, Outcome]]:
        """Give what a message brings that wasn't there before."""
        for answer in message.results:
            if answer.id in self._left:
                del self._left[answer.id]
                yield answer.id, _outcome(answer)

    def check_end(self) -> None:
        """Hear that the stream ended well. Raises QServerError where it left jobs out: asking again won't help."""
        if missing := self._asked & self._left.keys():
            raise QServerError(f"the server left out {len(missing)} jobs, {min(missing)} among them")

    def timeout(self) -> WaitTimeout:
        """Say that it takes too long."""
        return took_too_long(*self._left)


class WatchingProgress:
    """A job whose events somebody follows."""

    def __init__(self, job_id: str, after_sequence: int) -> None:
        """Have seen the events up to that one."""
        self._job_id = job_id
        self._seen = after_sequence
        self._is_over = False

    def is_done(self) -> bool:
        """Whether its last event was seen."""
        return self._is_over

    def request(self) -> jobs_pb2.WatchJobRequest:
        """Ask for what comes after the last event that was seen."""
        return jobs_pb2.WatchJobRequest(id=self._job_id, after_sequence=self._seen)

    def hear(self, event: jobs_pb2.WatchJobResponse) -> Iterator[jobs_pb2.WatchJobResponse]:
        """Take an event in, and give it."""
        self._seen = event.sequence
        self._is_over = event.status in wire.FINAL_STATUSES
        yield event

    def check_end(self) -> None:
        """Hear that the stream ended. Raises Unavailable where the job's last event is missing."""
        if not self._is_over:
            raise Unavailable(f"the server stopped telling of job {self._job_id} before it was over")

    def timeout(self) -> WaitTimeout:
        """Say that it takes too long."""
        return took_too_long(self._job_id)


class ListingProgress:
    """A list that comes page by page, newest first."""

    def __init__(self, statuses: Iterable[JobStatus | str], limit: int | None, user: str = "") -> None:
        """Ask for at most `limit` jobs, for all where it is None; only for those in `statuses` and of `user`, if any.

        Raises InvalidRequest for a status that doesn't exist.
        """
        self._left = limit
        self._request = jobs_pb2.ListJobsRequest(
            page_size=min(limit or PAGE_JOBS, PAGE_JOBS), statuses=wanted_statuses(statuses), user=user
        )
        self._is_done = False

    def is_done(self) -> bool:
        """Whether there is no other page, or enough was given."""
        return self._is_done

    def request(self) -> jobs_pb2.ListJobsRequest:
        """Ask for the next page."""
        return self._request

    def hear(self, page: jobs_pb2.ListJobsResponse) -> Sequence[jobs_pb2.Job]:
        """Give what is wanted of a page."""
        jobs = page.jobs[: self._left]
        if self._left is not None:
            self._left -= len(jobs)
        self._is_done = self._left == 0 or not page.next_page_token
        self._request.page_token = page.next_page_token
        return jobs


def took_too_long(first: str, *others: str) -> WaitTimeout:
    """Say which jobs are not over yet."""
    who = f"job {first} and {len(others):,} others are" if others else f"job {first} is"
    error = WaitTimeout(f"{who} not over yet; what was submitted goes on, and may be waited for again")
    error.job_id = first
    return error


def wanted_statuses(statuses: Iterable[JobStatus | str]) -> Sequence[jobs_pb2.JobStatus.ValueType]:
    """Write the statuses that are asked for, or the one. Raises InvalidRequest for one that doesn't exist."""
    named = [statuses] if isinstance(statuses, str) else statuses
    return [wire.STATUSES[_status(status)] for status in named]


def _status(name: JobStatus | str) -> JobStatus:
    try:
        return JobStatus(name)
    except ValueError:
        raise InvalidRequest(f"status '{name}' is unknown; known: {', '.join(JobStatus)}") from None


def _outcome(answer: jobs_pb2.JobResult) -> Outcome:
    if answer.HasField("result"):
        return tuple(Result(answer.id, message) for message in answer.result.pub_results)
    return error_without_result(answer.error, answer.id)
