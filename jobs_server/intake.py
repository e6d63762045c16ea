"""Intake: admission and storing, for one submission or many."""

from collections.abc import Sequence

from database.records import NewJob
from jobs_server.admission import Admission, Submission
from jobs_server.committer import Committer, Stored
from jobs_server.large_work import LargeWork
from jobs_server.pubs import PubSubmission, as_one, joined, submissions_of
from jobs_server.repeats import Repeats
from qserver.jobs import Job
from qserver.settings import LimitSettings


class Intake:
    """Where every door hands its submissions in."""

    def __init__(
        self,
        repeats: Repeats,
        admission: Admission,
        committer: Committer,
        limits: LimitSettings,
        large_work: LargeWork,
    ) -> None:
        """Know by `repeats` what was answered before, admit by `admission`, store by `committer`."""
        self._repeats = repeats
        self._admission = admission
        self._committer = committer
        self._limits = limits
        self._large_work = large_work

    async def submit(self, submission: Submission) -> Job:
        """Give the stored job: it is safe. Raises why it was refused; then nothing of it is stored."""
        (answer,) = await self.submit_all([submission])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit_pubs(self, submission: PubSubmission) -> Job:
        """Give the stored job of PUBs: it is safe. Raises why it was refused; then nothing of it is stored."""
        user_id, size_bytes = submission.identity.user_id, submission.size_bytes
        whole = await self._large_work.do(user_id, size_bytes, lambda: as_one(submission))
        (first,) = await self._repeats.first_jobs([whole])
        if first is None:
            each = await self._large_work.do(user_id, size_bytes, lambda: submissions_of(submission, self._limits))
            new = joined(await self._admission.admit_all(each))
            (first,) = await self._committer.store([new])
        if isinstance(first, Exception):
            raise first
        return first

    async def submit_all(self, submissions: Sequence[Submission]) -> Sequence[Stored]:
        """Give for each submission, in order, its stored job or why it was refused; none takes another with it."""
        first = await self._repeats.first_jobs(submissions)
        fresh = [submission for submission, job in zip(submissions, first, strict=True) if job is None]
        admitted = iter(await self._admission.admit_all(fresh))
        judged = [next(admitted) if job is None else job for job in first]
        stored = iter(await self._committer.store([answer for answer in judged if isinstance(answer, NewJob)]))
        return [next(stored) if isinstance(answer, NewJob) else answer for answer in judged]
