"""Our own dialect: `qserver.v1.JobService`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from grpc import aio

from database import Transaction
from jobs_server import answers, requests
from jobs_server.answers import job_message
from jobs_server.batches import Batches
from jobs_server.caller import current_caller
from jobs_server.catalog import Catalog
from jobs_server.intake import Intake
from jobs_server.large_work import LargeWork
from jobs_server.metrics import Metrics
from jobs_server.owned_jobs import OwnedJobs
from jobs_server.pages import page_size, page_token, pointer_of
from jobs_server.pubs import receive_pubs
from jobs_server.sent_batch import SentBatch
from jobs_server.streams import Streams
from jobs_server.submission_reader import SubmissionReader
from jobs_server.transactions import Transactions
from jobs_server.upload import UploadRoom, receive
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from qserver.settings import LimitSettings

_PIECE_BYTES = 256 * 1024


class JobService(jobs_pb2_grpc.JobServiceServicer):
    """Takes jobs, and answers for them."""

    def __init__(
        self,
        *,
        intake: Intake,
        catalog: Catalog,
        transactions: Transactions,
        streams: Streams,
        room: UploadRoom,
        limits: LimitSettings,
        metrics: Metrics,
        large_work: LargeWork,
    ) -> None:
        """Hand jobs to `intake`, read them by `transactions`."""
        self._intake = intake
        self._catalog = catalog
        self._transactions = transactions
        self._streams = streams
        self._room = room
        self._limits = limits
        self._large_work = large_work
        self._reader = SubmissionReader(limits, large_work)
        self._batches = Batches(intake, self._reader, metrics, large_work)

    async def SubmitJob(
        self,
        request_iterator: AsyncIterator[jobs_pb2.SubmitJobRequest],
        context: aio.ServicerContext[jobs_pb2.SubmitJobRequest, jobs_pb2.SubmitJobResponse],
    ) -> jobs_pb2.SubmitJobResponse:
        """Take one job: its spec, then its circuit in pieces."""
        with self._room.upload() as upload:
            spec = await receive(request_iterator, upload, part=_part, header_name="the spec")
            caller, size_bytes = current_caller.get(), spec.ByteSize()
            submission = await self._reader.submission(caller, spec, upload.source(), spec_bytes=size_bytes)
            job = await self._intake.submit(submission)
        message = await self._large_work.do(caller.user_id, size_bytes, lambda: job_message(job, caller.name))
        return jobs_pb2.SubmitJobResponse(job=message)

    async def SubmitJobs(
        self,
        request: jobs_pb2.SubmitJobsRequest,
        context: aio.ServicerContext[jobs_pb2.SubmitJobsRequest, jobs_pb2.SubmitJobsResponse],
    ) -> jobs_pb2.SubmitJobsResponse:
        """Take many small jobs, and answer for each. Over the wire they come by `submit_unread`."""
        return jobs_pb2.SubmitJobsResponse.FromString(await self._submit_many(request.SerializeToString()))

    async def submit_unread(self, message: bytes, context: aio.ServicerContext[bytes, bytes]) -> bytes:
        """Do as SubmitJobs does, from bytes to bytes: of a large call only a part is unfolded at any time."""
        return await self._submit_many(message)

    async def SubmitPubs(
        self,
        request_iterator: AsyncIterator[jobs_pb2.SubmitPubsRequest],
        context: aio.ServicerContext[jobs_pb2.SubmitPubsRequest, jobs_pb2.SubmitPubsResponse],
    ) -> jobs_pb2.SubmitPubsResponse:
        """Take one job of PUBs: its spec, then PUB by PUB."""
        with self._room.upload() as upload:
            spec, pubs = await receive_pubs(request_iterator, upload, self._limits)
            caller, size_bytes = current_caller.get(), spec.ByteSize() + upload.size_bytes
            submission = await self._reader.pub_submission(caller, spec, pubs, size_bytes=size_bytes)
            job = await self._intake.submit_pubs(submission)
        message = await self._large_work.do(caller.user_id, size_bytes, lambda: job_message(job, caller.name))
        return jobs_pb2.SubmitPubsResponse(job=message)

    async def GetJob(
        self,
        request: jobs_pb2.GetJobRequest,
        context: aio.ServicerContext[jobs_pb2.GetJobRequest, jobs_pb2.GetJobResponse],
    ) -> jobs_pb2.GetJobResponse:
        """Give a job."""
        job_id, caller = requests.job_id(request.id), current_caller.get()
        found = await self._transactions.read(
            lambda transaction: OwnedJobs.read(transaction, [transaction.jobs.get(job_id, caller)], caller)
        )
        return jobs_pb2.GetJobResponse(job=found.message())

    async def ListJobs(
        self,
        request: jobs_pb2.ListJobsRequest,
        context: aio.ServicerContext[jobs_pb2.ListJobsRequest, jobs_pb2.ListJobsResponse],
    ) -> jobs_pb2.ListJobsResponse:
        """Give a page of the caller's jobs, newest first."""
        caller, size = current_caller.get(), page_size(request.page_size)
        before, statuses = pointer_of(request.page_token), requests.job_statuses(request.statuses)
        owner = requests.user_name(request.user)

        def read(transaction: Transaction) -> jobs_pb2.ListJobsResponse:
            page = transaction.jobs.list(
                caller, limit=size + 1, newest_first=True, before_pointer=before, statuses=statuses, owner=owner
            )
            found = OwnedJobs.read(transaction, page, caller)
            token = page_token(found.jobs[size - 1].pointer) if len(found.jobs) > size else ""
            return jobs_pb2.ListJobsResponse(jobs=found.messages(most=size), next_page_token=token)

        # Written in the same thread: 500 jobs may have some megabytes of metadata.
        return await self._transactions.read(read)

    async def CancelJob(
        self,
        request: jobs_pb2.CancelJobRequest,
        context: aio.ServicerContext[jobs_pb2.CancelJobRequest, jobs_pb2.CancelJobResponse],
    ) -> jobs_pb2.CancelJobResponse:
        """Stop a job."""
        job_id, caller = requests.job_id(request.id), current_caller.get()
        found = await self._transactions.run(
            lambda transaction: OwnedJobs.read(transaction, [transaction.jobs.cancel(job_id, caller)], caller)
        )
        return jobs_pb2.CancelJobResponse(job=found.message())

    async def DeleteJob(
        self,
        request: jobs_pb2.DeleteJobRequest,
        context: aio.ServicerContext[jobs_pb2.DeleteJobRequest, jobs_pb2.DeleteJobResponse],
    ) -> jobs_pb2.DeleteJobResponse:
        """Remove a job."""
        job_id, caller = requests.job_id(request.id), current_caller.get()
        await self._transactions.run(lambda transaction: transaction.jobs.delete(job_id, caller))
        return jobs_pb2.DeleteJobResponse()

    async def WatchJob(
        self,
        request: jobs_pb2.WatchJobRequest,
        context: aio.ServicerContext[jobs_pb2.WatchJobRequest, jobs_pb2.WatchJobResponse],
    ) -> AsyncGenerator[jobs_pb2.WatchJobResponse, None]:
        """Give a job's events as they happen, up to its final one."""
        job_id, after = requests.job_id(request.id), requests.sequence(request.after_sequence)
        async with aclosing(self._streams.events.events(job_id, current_caller.get(), after_sequence=after)) as events:
            async for event in events:
                yield answers.event_message(event)

    async def WatchJobs(
        self,
        request: jobs_pb2.WatchJobsRequest,
        context: aio.ServicerContext[jobs_pb2.WatchJobsRequest, jobs_pb2.WatchJobsResponse],
    ) -> AsyncGenerator[jobs_pb2.WatchJobsResponse, None]:
        """Give the caller's newest jobs, then each that is new or changes."""
        statuses = requests.job_statuses(request.statuses)
        async with aclosing(self._streams.jobs.messages(current_caller.get(), statuses)) as messages:
            async for message in messages:
                yield message

    async def GetResult(
        self,
        request: jobs_pb2.GetResultRequest,
        context: aio.ServicerContext[jobs_pb2.GetResultRequest, jobs_pb2.GetResultResponse],
    ) -> jobs_pb2.GetResultResponse:
        """Give a finished job's results."""
        job_id, caller = requests.job_id(request.id), current_caller.get()
        # Written in the same thread: a statevector's probabilities take seconds, in which others want answers.
        return await self._transactions.read(
            lambda transaction: answers.result_message(transaction.results.documents(job_id, caller))
        )

    async def GetResults(
        self,
        request: jobs_pb2.GetResultsRequest,
        context: aio.ServicerContext[jobs_pb2.GetResultsRequest, jobs_pb2.GetResultsResponse],
    ) -> AsyncGenerator[jobs_pb2.GetResultsResponse, None]:
        """Give what came of many jobs, as they stand or as they end."""
        job_ids, streams = requests.job_ids(request.ids), self._streams.results
        read = streams.as_they_end if request.wait else streams.as_they_stand
        async with aclosing(read(job_ids, current_caller.get())) as messages:
            async for message in messages:
                yield message

    async def GetNoiseModel(
        self,
        request: jobs_pb2.GetNoiseModelRequest,
        context: aio.ServicerContext[jobs_pb2.GetNoiseModelRequest, jobs_pb2.GetNoiseModelResponse],
    ) -> AsyncGenerator[jobs_pb2.GetNoiseModelResponse, None]:
        """Give a job's noise model."""
        job_id, caller = requests.job_id(request.id), current_caller.get()
        model = await self._transactions.read(lambda transaction: transaction.noise_models.of_job(job_id, caller))
        for start in range(0, len(model.text), _PIECE_BYTES):
            yield jobs_pb2.GetNoiseModelResponse(chunk=model.text[start : start + _PIECE_BYTES])

    async def ListBackends(
        self,
        request: jobs_pb2.ListBackendsRequest,
        context: aio.ServicerContext[jobs_pb2.ListBackendsRequest, jobs_pb2.ListBackendsResponse],
    ) -> jobs_pb2.ListBackendsResponse:
        """Give every backend."""
        backends = await self._catalog.backends()
        messages = [answers.backend_message(each, self._limits) for each in backends]
        return jobs_pb2.ListBackendsResponse(backends=messages)

    async def _submit_many(self, message: bytes) -> bytes:
        return await self._batches.submit(current_caller.get(), SentBatch(message, self._limits))


def _part(message: jobs_pb2.SubmitJobRequest) -> jobs_pb2.JobSpec | bytes | None:
    match message.WhichOneof("data"):
        case "spec":
            return message.spec
        case "chunk":
            return message.chunk
        case _:
            return None
