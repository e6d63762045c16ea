"""Quotas under many clients at once: none of them is passed, and none of them refuses what fits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from database import Database
from database.records import NewJob
from qserver.identity import Identity
from qserver.jobs import Job, JobStatus
from qserver.settings import QuotaSettings
from tests.unit.database.builders import JobBuilder, a_user, claimed, finished

CLIENTS = 32
CALLS = 4
JOBS_A_CALL = 3
PATIENCE_SECONDS = 100.0


def accepted_of_all(
    database: Database, owner: Callable[[int], Identity], quotas: QuotaSettings, *, with_request_ids: bool = False
) -> int:
    """Have all clients submit at once, and give how many jobs were accepted."""
    barrier = Barrier(CLIENTS)

    def submit(client: int) -> int:
        barrier.wait(PATIENCE_SECONDS)
        accepted = 0
        for call in range(CALLS):
            new = [
                _new(owner(client), f"{client}-{call}-{n}" if with_request_ids else None) for n in range(JOBS_A_CALL)
            ]
            with database.transaction() as transaction:
                answers = transaction.jobs.submit(new, quotas)
            accepted += sum(isinstance(answer, Job) for answer in answers)
        return accepted

    with ThreadPoolExecutor(CLIENTS) as executor:
        return sum(executor.map(submit, range(CLIENTS), timeout=PATIENCE_SECONDS))


def _new(owner: Identity, request_id: str | None) -> NewJob:
    return JobBuilder(owner=owner, request_id=request_id).build()


def open_jobs(database: Database) -> int:
    """Count everybody's jobs that are not over."""
    with database.reading() as transaction:
        counted = transaction.jobs.count_by_status(None)
    return counted[JobStatus.PENDING] + counted[JobStatus.RUNNING]


class TestQuotasAtOnce:
    def test_32_clients_of_one_user_never_pass_their_quota(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=100)

        accepted = accepted_of_all(database, lambda _: ada, quotas, with_request_ids=True)

        assert accepted == open_jobs(database) == 100

    def test_32_clients_never_pass_the_submissions_of_a_minute(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_submissions_per_minute_per_user=100)

        assert accepted_of_all(database, lambda _: ada, quotas) == 100

    def test_32_users_together_never_pass_the_quota_of_the_service(self, database: Database) -> None:
        users = [a_user(database, f"user {number}") for number in range(CLIENTS)]
        quotas = QuotaSettings(max_pending_jobs_per_user=9, max_pending_jobs=100)

        accepted = accepted_of_all(database, lambda client: users[client], quotas)

        assert accepted == open_jobs(database) == 100

    def test_what_is_open_stays_within_the_quota_while_jobs_end(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=20)
        seen: list[int] = []

        def submit_and_end(_: int) -> None:
            for _ in range(CALLS):
                with database.transaction() as transaction:
                    answers = transaction.jobs.submit([_new(ada, None) for _ in range(JOBS_A_CALL)], quotas)
                seen.append(open_jobs(database))
                stored = [answer.id for answer in answers if isinstance(answer, Job)]
                for claim in claimed(database, stored[:1]):
                    finished(database, claim.lease)

        with ThreadPoolExecutor(CLIENTS) as executor:
            list(executor.map(submit_and_end, range(CLIENTS), timeout=PATIENCE_SECONDS))

        assert max(seen) == 20
