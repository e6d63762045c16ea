"""Many submissions in one call: each gets its own answer, and no other caller waits for all of them."""

from collections.abc import Sequence

import structlog

from jobs_server import answers
from jobs_server.admission import Submission
from jobs_server.committer import Stored
from jobs_server.errors import INTERNAL, Refusal, is_expected, refusal
from jobs_server.intake import Intake
from jobs_server.large_work import LargeWork
from jobs_server.metrics import Metrics
from jobs_server.pauses import Pauses
from jobs_server.sent_batch import Part, SentBatch
from jobs_server.sent_noise import SharedModels
from jobs_server.submission_reader import SubmissionReader
from qserver.errors import QServerError
from qserver.identity import Identity
from qserver.jobs import Job
from qserver.rpc.v1 import jobs_pb2

_log = structlog.get_logger(__name__)

_METHOD = "/qserver.v1.JobService/SubmitJobs"


class Batches:
    """Takes the calls of SubmitJobs."""

    def __init__(self, intake: Intake, reader: SubmissionReader, metrics: Metrics, large_work: LargeWork) -> None:
        """Hand jobs to `intake`, and count in `metrics` what is refused."""
        self._intake = intake
        self._reader = reader
        self._metrics = metrics
        self._large_work = large_work

    async def submit(self, caller: Identity, batch: SentBatch) -> bytes:
        """Take a call part by part; gives a SubmitJobsResponse as bytes, which those of its parts are in a row.

        What was read of a part is gone before the next is unfolded.
        """
        shared = await self._reader.shared(caller, batch.noise_models)
        return b"".join([await self._part(caller, part, shared) for part in batch.parts()])

    async def _part(self, caller: Identity, part: Part, shared: SharedModels) -> bytes:
        read = await self._read(caller, part, shared)
        stored = iter(await self._intake.submit_all([item for item in read if isinstance(item, Submission)]))
        written, pauses = jobs_pb2.SubmitJobsResponse(), Pauses()
        for item in read:
            outcome = next(stored) if isinstance(item, Submission) else item
            written.answers.append(await self._answer(caller, item, outcome))
            if pauses.is_due:
                await pauses.take()
        return written.SerializeToString()

    async def _read(self, caller: Identity, part: Part, shared: SharedModels) -> Sequence[Submission | QServerError]:
        if not isinstance(part, jobs_pb2.SubmitJobsRequest):
            return part
        read, pauses = [], Pauses()
        for submission in part.submissions:
            read.append(await self._read_one(caller, submission, shared))
            if pauses.is_due:
                await pauses.take()
        return read

    async def _read_one(
        self, caller: Identity, submission: jobs_pb2.JobSubmission, shared: SharedModels
    ) -> Submission | QServerError:
        spec = submission.spec
        try:
            return await self._reader.submission(
                caller, spec, submission.source, spec_bytes=spec.ByteSize(), shared=shared
            )
        except QServerError as error:
            # Its trace would hold all that was unfolded, and is no news where the client is to blame.
            return error.with_traceback(None) if is_expected(error) else error

    async def _answer(
        self, caller: Identity, item: Submission | QServerError, outcome: Stored
    ) -> jobs_pb2.SubmissionAnswer:
        if isinstance(outcome, Job):
            size_bytes = item.spec_bytes if isinstance(item, Submission) else 0
            job = await self._large_work.do(
                caller.user_id, size_bytes, lambda: answers.job_message(outcome, caller.name)
            )
            return jobs_pb2.SubmissionAnswer(job=job)
        told = _refusal(outcome)
        self._metrics.refusals.labels(method=_METHOD, reason=told.reason).inc()
        return jobs_pb2.SubmissionAnswer(error=answers.error_detail(told))


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, QServerError) and is_expected(error):
        return refusal(error)
    _log.error("submission_failed", exc_info=error)
    return INTERNAL
