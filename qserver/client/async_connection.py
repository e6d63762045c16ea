"""A server as asyncio programs call it: again after a lost connection, with the right words when it fails."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from grpc import aio

from qserver.client.access import Access
from qserver.client.channels import open_async_channel
from qserver.client.faults import StreamIsOld, error_of_stream, worded
from qserver.client.http import AsyncHttpDoor
from qserver.client.list_progress import FollowingProgress
from qserver.client.outcomes import Outcome, Submitted
from qserver.client.patience import Attempts, Deadline, Patience
from qserver.client.progress import Following, SendingProgress, WaitingProgress, WatchingProgress
from qserver.client.qpy_versions import NOT_SAID, QpyVersions, qpy_versions_of
from qserver.client.submissions import Batch, batches_of, pieces_of
from qserver.errors import InvalidRequest, PermissionDenied, QServerError, RetryableError
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2
from qserver.rpc.v1.jobs_pb2_grpc import JobServiceStub

if TYPE_CHECKING:
    from qserver.rpc.v1.jobs_pb2_grpc import JobServiceAsyncStub

_CALLS_IN_FLIGHT = 4

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Heard = TypeVar("Heard")


class AsyncConnection:
    """One channel, opened with the first call. Belongs to the event loop of that call."""

    def __init__(self, access: Access, patience: Patience) -> None:
        """Connect to nobody yet."""
        self._access = access
        self._patience = patience
        self.http = AsyncHttpDoor(access)
        self._opening = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._channel: aio.Channel | None = None
        self._stub: JobServiceAsyncStub | None = None
        self._qpy_versions: QpyVersions | None = None

    async def close(self) -> None:
        """Disconnect; open calls end."""
        await self.http.close()
        if self._channel is not None:
            await self._channel.close()

    async def call(
        self, rpc: "Callable[[JobServiceAsyncStub], aio.UnaryUnaryMultiCallable[Request, Answer]]", request: Request
    ) -> Answer:
        """Make a call that is safe to repeat, until it is answered or given up.

        Raises what the server refuses with, or Unavailable.
        """
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while True:
            try:
                return await self._attempt(rpc, request)
            except RetryableError as error:
                await _pause(attempts, error)

    async def qpy_versions(self, backend: str) -> tuple[int, ...]:
        """Give the versions of QPY that a backend reads, asking once; none where they aren't known.

        Raises what the server refuses with, or Unavailable.
        """
        if self._qpy_versions is None:
            try:
                answer = await self.call(lambda stub: stub.ListBackends, jobs_pb2.ListBackendsRequest())
                self._qpy_versions = qpy_versions_of(answer)
            except PermissionDenied:  # a key that may submit, and read nothing
                self._qpy_versions = NOT_SAID
        return self._qpy_versions.get(backend, ())

    async def submit(self, submissions: Sequence[jobs_pb2.JobSubmission], noise_model: bytes = b"") -> list[Submitted]:
        """Send submissions in as many calls as they need; gives for each, in order, its job or why it was refused.

        `noise_model` is the text of the one that they name, if any. What nobody answers for is refused with
        Unavailable: sent again under the same name it runs once.
        """
        batches = list(batches_of(submissions, noise_model))
        room = asyncio.Semaphore(_CALLS_IN_FLIGHT)

        async def send(batch: Batch) -> list[Submitted]:
            async with room:
                return await self._send(batch)

        return list(chain.from_iterable(await asyncio.gather(*map(send, batches))))

    async def outcomes(self, job_ids: Sequence[str], deadline: Deadline) -> AsyncGenerator[tuple[str, Outcome], None]:
        """Give what came of each job as soon as it is over, however often the connection is lost.

        Raises WaitTimeout once `deadline` has passed, Unavailable where nobody answers for too long.
        """
        found = self._follow(WaitingProgress(job_ids), lambda stub: stub.GetResults, deadline)
        async with aclosing(found) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def events(
        self, job_id: str, after_sequence: int, deadline: Deadline
    ) -> AsyncGenerator[jobs_pb2.WatchJobResponse, None]:
        """Give a job's events after a sequence number up to its final one, however often the connection is lost.

        Raises WaitTimeout once `deadline` has passed, NotFound where there is no such job.
        """
        found = self._follow(WatchingProgress(job_id, after_sequence), lambda stub: stub.WatchJob, deadline)
        async with aclosing(found) as events:
            async for event in events:
                yield event

    async def job_list(
        self, statuses: Iterable[JobStatus | str], limit: int, user: str
    ) -> AsyncGenerator[jobs_pb2.Job, None]:
        """Give the newest jobs, then each that is new or changed, for ever, however often the connection is lost."""
        found = self._follow(FollowingProgress(statuses, limit, user), lambda stub: stub.WatchJobs, Deadline(None))
        async with aclosing(found) as jobs:
            async for job in jobs:
                yield job

    async def _follow(
        self,
        progress: Following[Request, Answer, Heard],
        rpc: "Callable[[JobServiceAsyncStub], aio.UnaryStreamMultiCallable[Request, Answer]]",
        deadline: Deadline,
    ) -> AsyncGenerator[Heard, None]:
        """Give what a stream brings, opened again for what is missing however often the connection is lost."""
        attempts = Attempts(self._patience, give_up_seconds=self._patience.reconnect_seconds, deadline=deadline)
        while not progress.is_done():
            if deadline.has_passed:
                raise progress.timeout()
            try:
                async with aclosing(self._messages(rpc, progress.request(), deadline)) as messages:
                    async for message in messages:
                        attempts.succeed()
                        for heard in progress.hear(message):
                            yield heard
                progress.check_end()
            except StreamIsOld:
                attempts.succeed()
            except RetryableError as error:
                await _pause(attempts, error)

    async def _send(self, batch: Batch) -> list[Submitted]:
        return [await self._stream_up(batch)] if batch.is_streamed else await self._send_together(batch)

    async def _send_together(self, batch: Batch) -> list[Submitted]:
        progress = SendingProgress(batch)
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while not progress.is_done():
            try:
                answer = await self._attempt(lambda stub: stub.SubmitJobs, progress.request())
                progress.hear(answer.answers)
            except QServerError as error:
                progress.fail(error)
            if not progress.is_done() and not await _has_paused(attempts):
                progress.give_up()
        return progress.answers()

    async def _stream_up(self, batch: Batch) -> Submitted:
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while True:
            try:
                return await self._streamed(batch)
            except RetryableError as error:
                if not await _has_paused(attempts):
                    return error
            except QServerError as error:
                return error

    async def _streamed(self, batch: Batch) -> jobs_pb2.Job:
        call = (await self._connected()).SubmitJob
        seconds, metadata = self._patience.upload_seconds, self._access.authorization
        with worded(self._access):
            return (
                await call(pieces_of(batch.submissions[0], batch.noise_model), timeout=seconds, metadata=metadata)
            ).job

    async def _attempt(
        self, rpc: "Callable[[JobServiceAsyncStub], aio.UnaryUnaryMultiCallable[Request, Answer]]", request: Request
    ) -> Answer:
        call = rpc(await self._connected())
        with worded(self._access):
            return await call(request, timeout=self._patience.answer_seconds, metadata=self._access.authorization)

    async def _messages(
        self,
        rpc: "Callable[[JobServiceAsyncStub], aio.UnaryStreamMultiCallable[Request, Answer]]",
        request: Request,
        deadline: Deadline,
    ) -> AsyncGenerator[Answer, None]:
        seconds = deadline.left(self._patience.stream_seconds)
        stream = rpc(await self._connected())(request, timeout=seconds, metadata=self._access.authorization)
        try:
            async for message in stream:
                yield message
        except aio.AioRpcError as error:
            raise error_of_stream(error, self._access) from error
        finally:
            stream.cancel()

    async def _connected(self) -> "JobServiceAsyncStub":
        self._stay_in_one_loop()
        async with self._opening:
            if self._stub is None:
                address = self._access.grpc or await self.http.find_grpc(self._access.http)
                self._channel = open_async_channel(address, self._access, self._patience)
                self._stub = JobServiceStub(self._channel)
            return self._stub

    def _stay_in_one_loop(self) -> None:
        """Take the loop of the first call. Raises InvalidRequest in another: the channel lives in that one."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise InvalidRequest(
                "this AsyncClient belongs to the event loop of its first call, which is not this one: "
                "make an AsyncClient in each asyncio.run"
            )


async def _pause(attempts: Attempts, error: RetryableError) -> None:
    """Wait before the next attempt. Raises `error` where there should be none."""
    if not await _has_paused(attempts):
        raise error


async def _has_paused(attempts: Attempts) -> bool:
    """Wait before the next attempt; False, at once, where there should be none."""
    delay_seconds = attempts.next_delay_seconds()
    if delay_seconds is not None:
        await asyncio.sleep(delay_seconds)
    return delay_seconds is not None
