"""Jobs as asyncio programs hold them: an id and a way to ask."""

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, suppress
from typing import overload

from qserver.client.async_connection import AsyncConnection
from qserver.client.display import job_html
from qserver.client.job_info import JobInfo, JobUpdate, job_info, job_update
from qserver.client.live_display import show_in_loop
from qserver.client.outcomes import Outcome, naming, succeeded, succeeded_once
from qserver.client.patience import Deadline
from qserver.client.results import Result
from qserver.errors import Conflict
from qserver.jobs import JobStatus
from qserver.json_types import JsonValue
from qserver.rpc.v1 import jobs_pb2


class AsyncJob:
    """A job on the server. Making one asks nothing; two with the same id are the same job."""

    def __init__(self, connection: AsyncConnection, job_id: str) -> None:
        """Name a job of the server at the other end of `connection`."""
        self._connection = connection
        self.id = job_id

    def __repr__(self) -> str:
        """Name it."""
        return f"AsyncJob({self.id!r})"

    def _ipython_display_(self) -> None:
        """Show in a notebook where it is, and go on until its result is there."""
        show_in_loop(self)

    async def html(self) -> str:
        """Write where it is, and its result once it has one, as a notebook shows it. Raises as `info` does."""
        info = await self.info()
        results = await self.pub_results() if info.status is JobStatus.FINISHED else ()
        return job_html(info, "".join(result._repr_html_() for result in results))

    def __eq__(self, other: object) -> bool:
        """Compare by id."""
        return isinstance(other, AsyncJob) and self.id == other.id

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self.id)

    def __await__(self) -> Generator[object, None, Result]:
        """Wait for its result: `await job`. Raises as `result` does."""
        return self.result().__await__()

    async def info(self) -> JobInfo:
        """Ask for all that is known of it. Raises NotFound where it was deleted, or is somebody else's."""
        with naming(self.id):
            answer = await self._connection.call(lambda stub: stub.GetJob, jobs_pb2.GetJobRequest(id=self.id))
        return job_info(answer.job)

    async def status(self) -> JobStatus:
        """Ask where it is. Raises as `info` does."""
        return (await self.info()).status

    async def result(self, timeout_seconds: float | None = None) -> Result:
        """Wait for it and give its result, whatever becomes of the connection meanwhile. Safe to repeat.

        Raises ExecutionError, with the reason, where it failed; JobCanceled where it was canceled; WaitTimeout where
        `timeout_seconds` is over first (the job goes on); NotFound where there is no such job, or its result was
        removed.
        """
        return succeeded_once(self.id, await self.pub_results(timeout_seconds))

    async def pub_results(self, timeout_seconds: float | None = None) -> tuple[Result, ...]:
        """Wait for it and give one result for each of its PUBs, in order. Raises as `result` does."""
        with naming(self.id):
            outcomes = await gathered(self._connection.outcomes([self.id], Deadline(timeout_seconds)))
        return succeeded(outcomes[self.id])

    async def events(
        self, after_sequence: int = 0, timeout_seconds: float | None = None
    ) -> AsyncGenerator[JobUpdate, None]:
        """Give its changes after one, each as it comes, up to the final one; what is past comes at once.

        Raises WaitTimeout where `timeout_seconds` is over first, NotFound where there is no such job.
        """
        with naming(self.id):
            found = self._connection.events(self.id, after_sequence, Deadline(timeout_seconds))
            async with aclosing(found) as events:
                async for event in events:
                    yield job_update(event)

    async def noise_model(self) -> JsonValue:
        """Give the noise model that it was sent with: `info` says the hash and size of a large one alone.

        Raises NotFound where it has none.
        """
        with naming(self.id):
            return await self._connection.http.get(f"/api/v1/job/{self.id}/noise-model")

    async def cancel(self) -> JobInfo:
        """Stop it, waiting or running; one that is canceled already stays so. Raises Conflict where it is over."""
        with naming(self.id):
            try:
                request = jobs_pb2.CancelJobRequest(id=self.id)
                return job_info((await self._connection.call(lambda stub: stub.CancelJob, request)).job)
            except Conflict:
                info = await self.info()
                if info.status is not JobStatus.CANCELED:  # else an answer was lost, and the call was made again
                    raise
                return info

    async def delete(self) -> None:
        """Remove it with its results, canceling it first where it waits. Raises Conflict while it runs."""
        with naming(self.id):
            await self._connection.call(lambda stub: stub.DeleteJob, jobs_pb2.DeleteJobRequest(id=self.id))


class AsyncJobs(Sequence[AsyncJob]):
    """Jobs of one submission, in the order of its circuits. Each is made when it is looked at: there may be many."""

    def __init__(self, connection: AsyncConnection, job_ids: Sequence[str]) -> None:
        """Name jobs of the server at the other end of `connection`."""
        self._connection = connection
        self.ids = tuple(job_ids)

    def __repr__(self) -> str:
        """Say how many they are."""
        return f"AsyncJobs({len(self):,} jobs)"

    def __len__(self) -> int:
        """Count them."""
        return len(self.ids)

    @overload
    def __getitem__(self, position: int) -> AsyncJob: ...
    @overload
    def __getitem__(self, position: slice) -> "AsyncJobs": ...
    def __getitem__(self, position: int | slice) -> "AsyncJob | AsyncJobs":
        """Give one job, or some."""
        if isinstance(position, slice):
            return AsyncJobs(self._connection, self.ids[position])
        return AsyncJob(self._connection, self.ids[position])

    async def results(self, timeout_seconds: float | None = None) -> list[Result]:
        """Wait for all, and give their results in order. Raises as `AsyncJob.result` does for the first that failed."""
        outcomes = await gathered(self.as_completed(timeout_seconds))
        return [succeeded_once(job_id, outcomes[job_id]) for job_id in self.ids]

    def as_completed(self, timeout_seconds: float | None = None) -> AsyncGenerator[tuple[str, Outcome], None]:
        """Give the id and the outcome of each as soon as it is over: a tuple of one result a PUB, or the error.

        Raises WaitTimeout where `timeout_seconds` is over first. A job that stands here twice is given once.
        """
        return self._connection.outcomes(self.ids, Deadline(timeout_seconds))

    async def cancel(self) -> None:
        """Stop those that are not over yet."""
        for job in self:
            with suppress(Conflict):
                await job.cancel()


async def gathered(outcomes: AsyncGenerator[tuple[str, Outcome], None]) -> dict[str, Outcome]:
    """Collect outcomes by their jobs' ids."""
    async with aclosing(outcomes) as found:
        return {job_id: outcome async for job_id, outcome in found}
