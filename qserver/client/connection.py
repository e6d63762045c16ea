"""A server as blocking programs call it: again after a lost connection, with the right words when it fails."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Lock
from typing import TypeVar

import grpc

from qserver.client.access import Access
from qserver.client.channels import open_channel
from qserver.client.faults import StreamIsOld, error_of_stream, worded
from qserver.client.http import HttpDoor
from qserver.client.list_progress import FollowingProgress
from qserver.client.outcomes import Outcome, Submitted
from qserver.client.patience import Attempts, Deadline, Patience
from qserver.client.progress import Following, SendingProgress, WaitingProgress, WatchingProgress
from qserver.client.qpy_versions import NOT_SAID, QpyVersions, qpy_versions_of
from qserver.client.submissions import Batch, batches_of, pieces_of
from qserver.errors import PermissionDenied, QServerError, RetryableError
from qserver.jobs import JobStatus
from qserver.rpc.v1 import jobs_pb2
from qserver.rpc.v1.jobs_pb2_grpc import JobServiceStub

_CALLS_IN_FLIGHT = 4

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Heard = TypeVar("Heard")


class Connection:
    """One channel, opened with the first call. Safe to use from several threads."""

    def __init__(self, access: Access, patience: Patience) -> None:
        """Connect to nobody yet."""
        self._access = access
        self._patience = patience
        self.http = HttpDoor(access)
        self._opening = Lock()
        self._channel: grpc.Channel | None = None
        self._stub: JobServiceStub | None = None
        self._qpy_versions: QpyVersions | None = None

    def close(self) -> None:
        """Disconnect; open calls end."""
        self.http.close()
        if self._channel is not None:
            self._channel.close()

    def call(
        self, rpc: "Callable[[JobServiceStub], grpc.UnaryUnaryMultiCallable[Request, Answer]]", request: Request
    ) -> Answer:
        """Make a call that is safe to repeat, until it is answered or given up.

        Raises what the server refuses with, or Unavailable.
        """
        return self._repeated(lambda: self._attempt(rpc, request))

    def qpy_versions(self, backend: str) -> tuple[int, ...]:
        """Give the versions of QPY that a backend reads, asking once; none where they aren't known.

        Raises what the server refuses with, or Unavailable.
        """
        if self._qpy_versions is None:
            try:
                answer = self.call(lambda stub: stub.ListBackends, jobs_pb2.ListBackendsRequest())
                self._qpy_versions = qpy_versions_of(answer)
            except PermissionDenied:  # a key that may submit, and read nothing
                self._qpy_versions = NOT_SAID
        return self._qpy_versions.get(backend, ())

    def submit(self, submissions: Sequence[jobs_pb2.JobSubmission], noise_model: bytes = b"") -> list[Submitted]:
        """Send submissions in as many calls as they need; gives for each, in order, its job or why it was refused.

        `noise_model` is the text of the one that they name, if any. What nobody answers for is refused with
        Unavailable: sent again under the same name it runs once.
        """
        batches = list(batches_of(submissions, noise_model))
        if len(batches) == 1:
            return self._send(batches[0])
        with ThreadPoolExecutor(_CALLS_IN_FLIGHT, thread_name_prefix="qserver-submit") as calls:
            return list(chain.from_iterable(calls.map(self._send, batches)))

    def submit_pubs(self, messages: Sequence[jobs_pb2.SubmitPubsRequest]) -> jobs_pb2.Job:
        """Send a job of PUBs, which must have a request_id: where its answer is lost it is sent again, and runs once.

        Raises what the server refuses with, or Unavailable.
        """
        return self._repeated(lambda: self._stream_pubs(messages))

    def outcomes(self, job_ids: Sequence[str], deadline: Deadline) -> Iterator[tuple[str, Outcome]]:
        """Give what came of each job as soon as it is over, however often the connection is lost.

        Raises WaitTimeout once `deadline` has passed, Unavailable where nobody answers for too long.
        """
        return self._follow(WaitingProgress(job_ids), lambda stub: stub.GetResults, deadline)

    def events(self, job_id: str, after_sequence: int, deadline: Deadline) -> Iterator[jobs_pb2.WatchJobResponse]:
        """Give a job's events after a sequence number up to its final one, however often the connection is lost.

        Raises WaitTimeout once `deadline` has passed, NotFound where there is no such job.
        """
        return self._follow(WatchingProgress(job_id, after_sequence), lambda stub: stub.WatchJob, deadline)

    def job_list(self, statuses: Iterable[JobStatus | str], limit: int, user: str) -> Iterator[jobs_pb2.Job]:
        """Give the newest jobs, then each that is new or changed, for ever, however often the connection is lost."""
        return self._follow(FollowingProgress(statuses, limit, user), lambda stub: stub.WatchJobs, Deadline(None))

    def _follow(
        self,
        progress: Following[Request, Answer, Heard],
        rpc: "Callable[[JobServiceStub], grpc.UnaryStreamMultiCallable[Request, Answer]]",
        deadline: Deadline,
    ) -> Iterator[Heard]:
        """Give what a stream brings, opened again for what is missing however often the connection is lost."""
        attempts = Attempts(self._patience, give_up_seconds=self._patience.reconnect_seconds, deadline=deadline)
        while not progress.is_done():
            if deadline.has_passed:
                raise progress.timeout()
            try:
                for message in self._messages(rpc, progress.request(), deadline):
                    attempts.succeed()
                    yield from progress.hear(message)
                progress.check_end()
            except StreamIsOld:
                attempts.succeed()
            except RetryableError as error:
                _pause(attempts, error)

    def _repeated(self, attempt: Callable[[], Answer]) -> Answer:
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while True:
            try:
                return attempt()
            except RetryableError as error:
                _pause(attempts, error)

    def _send(self, batch: Batch) -> list[Submitted]:
        return [self._stream_up(batch)] if batch.is_streamed else self._send_together(batch)

    def _send_together(self, batch: Batch) -> list[Submitted]:
        progress = SendingProgress(batch)
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while not progress.is_done():
            try:
                progress.hear(self._attempt(lambda stub: stub.SubmitJobs, progress.request()).answers)
            except QServerError as error:
                progress.fail(error)
            if not progress.is_done() and not _has_paused(attempts):
                progress.give_up()
        return progress.answers()

    def _stream_up(self, batch: Batch) -> Submitted:
        attempts = Attempts(self._patience, give_up_seconds=self._patience.call_seconds)
        while True:
            try:
                return self._streamed(batch)
            except RetryableError as error:
                if not _has_paused(attempts):
                    return error
            except QServerError as error:
                return error

    def _streamed(self, batch: Batch) -> jobs_pb2.Job:
        return self._upload(self._connected().SubmitJob, pieces_of(batch.submissions[0], batch.noise_model)).job

    def _stream_pubs(self, messages: Sequence[jobs_pb2.SubmitPubsRequest]) -> jobs_pb2.Job:
        return self._upload(self._connected().SubmitPubs, iter(messages)).job

    def _upload(self, call: "grpc.StreamUnaryMultiCallable[Request, Answer]", messages: Iterator[Request]) -> Answer:
        with worded(self._access):
            return call(messages, timeout=self._patience.upload_seconds, metadata=self._access.authorization)

    def _attempt(
        self, rpc: "Callable[[JobServiceStub], grpc.UnaryUnaryMultiCallable[Request, Answer]]", request: Request
    ) -> Answer:
        call = rpc(self._connected())
        with worded(self._access):
            return call(request, timeout=self._patience.answer_seconds, metadata=self._access.authorization)

    def _messages(
        self,
        rpc: "Callable[[JobServiceStub], grpc.UnaryStreamMultiCallable[Request, Answer]]",
        request: Request,
        deadline: Deadline,
    ) -> Iterator[Answer]:
        seconds = deadline.left(self._patience.stream_seconds)
        stream = rpc(self._connected())(request, timeout=seconds, metadata=self._access.authorization)
        try:
            yield from stream
        except grpc.RpcError as error:
            raise error_of_stream(error, self._access) from error
        finally:
            stream.cancel()

    def _connected(self) -> JobServiceStub:
        with self._opening:
            if self._stub is None:
                address = self._access.grpc or self.http.find_grpc(self._access.http)
                self._channel = open_channel(address, self._access, self._patience)
                self._stub = JobServiceStub(self._channel)
            return self._stub


def _pause(attempts: Attempts, error: RetryableError) -> None:
    """Wait before the next attempt. Raises `error` where there should be none."""
    if not _has_paused(attempts):
        raise error


def _has_paused(attempts: Attempts) -> bool:
    """Wait before the next attempt; False, at once, where there should be none."""
    delay_seconds = attempts.next_delay_seconds()
    if delay_seconds is not None:
        time.sleep(delay_seconds)
    return delay_seconds is not None
