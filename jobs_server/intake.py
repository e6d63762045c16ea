"""Intake: admission and storing, for one submission or many."""

import asyncio
from collections.abc import Sequence

from database.records import NewJob
from jobs_server.admission import Admission, Submission
from jobs_server.committer import Committer, Stored
from jobs_server.repeats import Repeats
from qserver.jobs import Job


class Intake:
    """Where every door hands its submissions in."""

    def __init__(self, repeats: Repeats, admission: Admission, committer: Committer) -> None:
        """Know by `repeats` what was answered before, admit by `admission`, store by `committer`."""
        self._repeats = repeats
        self._admission = admission
        self._committer = committer

    async def submit(self, submission: Submission) -> Job:
        """Give the stored job: it is safe. Raises why it was refused; then nothing of it is stored."""
        (answer,) = await self.submit_all([submission])
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit_all(self, submissions: Sequence[Submission]) -> Sequence[Stored]:
        """Give for each submission, in order, its stored job or why it was refused; none takes another with it."""
        judged = await asyncio.gather(*map(self._judge, submissions))
        stored = iter(await self._committer.store([answer for answer in judged if isinstance(answer, NewJob)]))
        return [next(stored) if isinstance(answer, NewJob) else answer for answer in judged]

    async def _judge(self, submission: Submission) -> NewJob | Stored:
        try:
            return await self._repeats.first_job(submission) or await self._admission.admit(submission)
        except Exception as error:  # noqa: BLE001 - it is the answer to this one; the others go on
            return error
