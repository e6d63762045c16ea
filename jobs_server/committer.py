"""Group commit: submissions that arrive at the same moment are stored in one transaction."""

from collections.abc import Sequence

import structlog

from database.records import NewJob
from jobs_server.direct_dispatch import DirectDispatch
from jobs_server.fresh_jobs import FreshJobs
from jobs_server.metrics import Metrics
from jobs_server.transactions import Transactions
from qserver.batching import Batcher
from qserver.errors import RetryableError
from qserver.jobs import Job
from qserver.settings import MIB, QuotaSettings

_log = structlog.get_logger(__name__)

_MAX_JOBS = 1000
_MAX_BYTES = 16 * MIB
"""Circuits and noise models of one transaction.

PostgreSQL takes in some 16 MiB of text a second on 2 cores, and has 10 s for it.
"""

Stored = Job | Exception


class Committer:
    """Stores jobs. A job that can't be stored takes none of its company with it."""

    def __init__(
        self,
        transactions: Transactions,
        metrics: Metrics,
        fresh_jobs: FreshJobs,
        direct_dispatch: DirectDispatch,
        *,
        quotas: QuotaSettings,
        delay_seconds: float,
    ) -> None:
        """Keep to `quotas`. Let the first job of a quiet moment wait `delay_seconds` for company.

        `fresh_jobs` is told of each. Where `direct_dispatch` takes them, jobs are published as they are stored.
        """
        self._quotas = quotas
        self._transactions = transactions
        self._metrics = metrics
        self._fresh_jobs = fresh_jobs
        self._direct_dispatch = direct_dispatch
        self._is_refusing = False
        self._batcher: Batcher[NewJob, Stored] = Batcher(
            self._store_known,
            delay_seconds=delay_seconds,
            max_items=_MAX_JOBS,
            size_bytes=_size_bytes,
            max_bytes=_MAX_BYTES,
        )

    async def store(self, jobs: Sequence[NewJob]) -> Sequence[Stored]:
        """Give each job as it is stored, or the error that kept it out.

        That is AlreadyExists, QuotaExceeded, Unavailable, or a fault of ours.
        What is given back as a Job is safe: its transaction is committed.
        """
        return await self._batcher.submit(jobs) if jobs else ()

    async def drain(self) -> None:
        """Wait until everything is answered."""
        await self._batcher.drain()

    async def _store_known(self, jobs: Sequence[NewJob]) -> Sequence[Stored]:
        self._fresh_jobs.expect(jobs)
        stored: Sequence[Stored] = ()
        try:
            stored = await self._store(jobs)
        finally:
            self._fresh_jobs.settle(jobs, stored)
        return stored

    async def _store(self, jobs: Sequence[NewJob]) -> Sequence[Stored]:
        is_direct = self._direct_dispatch.take(jobs)
        try:
            stored = await self._transactions.run_call(
                lambda transaction: transaction.jobs.submit(jobs, self._quotas, as_published=is_direct)
            )
        except RetryableError as error:  # the database is away: nobody in here is to blame
            self._tell_refusal(error)
            return [error] * len(jobs)
        except Exception as error:  # noqa: BLE001 - one of the jobs is to blame: halve until it stands alone
            if len(jobs) == 1:
                return [error]
            _log.warning("shared_transaction_failed", jobs=len(jobs), error=type(error).__name__)
            middle = len(jobs) // 2
            return [*await self._store(jobs[:middle]), *await self._store(jobs[middle:])]
        if is_direct:
            self._direct_dispatch.tell(jobs, stored)
        self._is_refusing = False
        self._metrics.commits.observe(len(jobs))
        self._metrics.submissions.inc(sum(isinstance(answer, Job) for answer in stored))
        return stored

    def _tell_refusal(self, error: RetryableError) -> None:
        if not self._is_refusing:  # the first alone: all that follow until one is stored say the same
            _log.warning("submissions_not_stored", why=error.message)
        self._is_refusing = True


def _size_bytes(job: NewJob) -> int:
    model = b"" if job.noise_model is None else job.noise_model.text
    return job.circuit.size_bytes + len(model)
