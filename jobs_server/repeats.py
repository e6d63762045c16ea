"""Submissions that come again, because their client missed the answer: they get the first one's."""

from collections.abc import Sequence

from database.records import NamedSubmission
from jobs_server.admission import Submission
from jobs_server.limits import check_request_id
from jobs_server.transactions import Transactions
from qserver.batching import Batcher
from qserver.errors import AlreadyExists, QServerError, RetryableError
from qserver.jobs import Job

_MAX_LOOKUPS = 1000

_First = Job | AlreadyExists | None


class Repeats:
    """Tells submissions that were answered before, by their request_id."""

    def __init__(self, transactions: Transactions) -> None:
        """Look them up in the database; those that arrive together by one read."""
        self._transactions = transactions
        self._lookups: Batcher[NamedSubmission, _First] = Batcher(self._find, delay_seconds=0, max_items=_MAX_LOOKUPS)

    async def first_jobs(self, submissions: Sequence[Submission]) -> Sequence[Job | Exception | None]:
        """Give for each submission, in order, the job that its request_id stands for; None where it is new or has none.

        Asked before admission: what could be run then may be refused by now, and its answer is due all the same. An
        error is AlreadyExists where the first one had other content, InvalidRequest or TooLarge for a request_id that
        nothing can have, and Unavailable where nobody can tell.
        """
        named = [_named(submission) for submission in submissions]
        wanted = [each for each in named if isinstance(each, NamedSubmission)]
        if not wanted:
            return [each for each in named if not isinstance(each, NamedSubmission)]
        try:
            found = iter(await self._lookups.submit(wanted))
        except RetryableError as error:
            return [each if isinstance(each, Exception | None) else error for each in named]
        return [next(found) if isinstance(each, NamedSubmission) else each for each in named]

    async def _find(self, named: Sequence[NamedSubmission]) -> Sequence[_First]:
        return await self._transactions.read(lambda transaction: transaction.jobs.find_first(named))


def _named(submission: Submission) -> NamedSubmission | QServerError | None:
    request_id = submission.request.request_id
    if request_id is None:
        return None
    try:
        check_request_id(request_id)
    except QServerError as error:
        return error
    return NamedSubmission(submission.identity.user_id, request_id, submission.request, submission.source)
