"""32 clients of one user press on every quota, while jobs end, are canceled and removed, and the user's role changes.

Looked at from outside all the while, by statements of their own: no quota is passed at any moment. Afterwards every
number is right, and there is as much room as there should be.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Barrier, Event, Thread
from uuid import UUID

import pytest
from sqlalchemy import text

from database import Database
from database.records import FailedRun
from qserver.errors import QuotaExceeded, Reason, Unavailable
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import Job
from qserver.settings import DatabaseSettings, QuotaSettings
from tests.integration.database.conftest import open_empty_database
from tests.unit.database.builders import JobBuilder, a_finished_job, a_user, claimed, finished
from tests.unit.database.contract.quotas import backdate

CLIENTS = 32
ROUNDS = 8
PATIENCE_SECONDS = 300.0
PENDING, STORED = 20, 40
OPEN_ALL_THE_WHILE = 17
BY_QUOTA = {
    "max_pending_jobs_per_user": QuotaSettings(max_pending_jobs_per_user=PENDING),
    "max_stored_results_per_user": QuotaSettings(max_pending_jobs_per_user=0, max_stored_results_per_user=STORED),
}

_COUNTS = """
    SELECT (SELECT count(*) FROM jobs WHERE owner_id = :owner AND status IN ('pending', 'running')) AS open,
           (SELECT count(*) FROM results JOIN jobs ON jobs.id = results.job_id
            WHERE jobs.owner_id = :owner AND results.pub_index = 0) AS stored
"""


@dataclass
class Watcher:
    """Counts, again and again, what a user has, each time in one statement."""

    database: Database
    owner: Identity
    seen: list[tuple[int, int]] = field(default_factory=list)

    def look(self) -> tuple[int, int]:
        """Give the number of jobs that are not over, and of stored results."""
        with self.database._engine.connect() as connection:
            open_jobs, stored = connection.execute(text(_COUNTS), {"owner": self.owner.user_id}).one()
        self.seen.append((open_jobs, stored))
        return open_jobs, stored

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on for the time of the block."""
        is_over = Event()

        def look_on() -> None:
            while not is_over.is_set():
                self.look()

        thread = Thread(target=look_on)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


@pytest.fixture
def database(database_settings: DatabaseSettings) -> Iterator[Database]:
    """A database with a connection for each client, so that all of them are in their transactions at once."""
    made = open_empty_database(database_settings.model_copy(update={"database_pool_size": CLIENTS + 2}))
    yield made
    made.close()


def submit(database: Database, owner: Identity, number: int, quotas: QuotaSettings) -> list[Job | Exception]:
    """Submit jobs in one call, and give what became of each; again where 32 others were waited for too long."""
    new = [JobBuilder(owner=owner).build() for _ in range(number)]
    while True:
        with suppress(Unavailable), database.transaction() as transaction:
            return list(transaction.jobs.submit(new, quotas))


def all_at_once(do: Callable[[int], None], clients: int = CLIENTS) -> None:
    """Call `do` for each client, all at the same moment. Raises what any of them raised."""
    barrier = Barrier(clients)

    def start(client: int) -> None:
        barrier.wait(PATIENCE_SECONDS)
        do(client)

    with ThreadPoolExecutor(clients) as executor:
        list(executor.map(start, range(clients), timeout=PATIENCE_SECONDS))


def _finish(database: Database, job_ids: list[UUID], _owner: Identity) -> None:
    for claim in claimed(database, job_ids):
        finished(database, claim.lease)


def _fail(database: Database, job_ids: list[UUID], _owner: Identity) -> None:
    failures = [FailedRun(claim.lease, Reason.PLUGIN_ERROR, "no") for claim in claimed(database, job_ids)]
    with database.transaction() as transaction:
        transaction.jobs.fail(failures)


def _release(database: Database, job_ids: list[UUID], _owner: Identity) -> None:
    leases = [claim.lease for claim in claimed(database, job_ids)]
    with database.transaction() as transaction:
        transaction.jobs.release(leases, lose_attempt=False, reason=Reason.WORKER_LOST, message="drained")


def _cancel(database: Database, job_ids: list[UUID], owner: Identity) -> None:
    for job_id in job_ids:
        with database.transaction() as transaction:
            transaction.jobs.cancel(job_id, owner)


def _finish_and_delete(database: Database, job_ids: list[UUID], owner: Identity) -> None:
    _finish(database, job_ids, owner)
    for job_id in job_ids:
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, owner)


ENDINGS = (_finish, _fail, _release, _cancel, _finish_and_delete)


class TestUnderAttack:
    @pytest.mark.parametrize("limit", BY_QUOTA)
    def test_no_quota_is_passed_while_jobs_end_in_every_way_and_the_role_changes(
        self, database: Database, limit: str
    ) -> None:
        ada, quotas, refusals = a_user(database, "ada"), BY_QUOTA[limit], list[QuotaExceeded]()
        a_user(database, "root", Role.ADMIN)
        watcher = Watcher(database, ada)
        submit(database, ada, OPEN_ALL_THE_WHILE, quotas)

        def press(client: int) -> None:
            chance = random.Random(client)  # noqa: S311 - the same each time
            for _ in range(ROUNDS):
                answers = submit(database, ada, chance.randint(1, 5), quotas)
                refusals.extend(answer for answer in answers if isinstance(answer, QuotaExceeded))
                chance.choice(ENDINGS)(database, [answer.id for answer in answers if isinstance(answer, Job)], ada)
                if client == 0:
                    with database.transaction() as transaction:
                        transaction.users.change("ada", role=chance.choice(list(Role)))

        with watcher.watching():
            all_at_once(press)

        assert {refusal.limit.name for refusal in refusals if refusal.limit is not None} == {limit}
        assert all(refusal.limit and 1 <= refusal.limit.retry_after_seconds <= 60 for refusal in refusals)
        if quotas.max_pending_jobs_per_user:
            assert max(open_jobs for open_jobs, _ in watcher.seen) <= PENDING
        else:
            assert max(map(sum, watcher.seen)) <= STORED
        _check_what_is_left(database, watcher, ada, limit)

    def test_submissions_of_a_minute_are_counted_while_the_jobs_go_again(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_submissions_per_minute_per_user=100)
        taken: list[UUID] = []

        def press(_client: int) -> None:
            for _ in range(ROUNDS):
                accepted = [each.id for each in submit(database, ada, 2, quotas) if isinstance(each, Job)]
                taken.extend(accepted)
                _cancel(database, accepted, ada)

        all_at_once(press)

        assert len(taken) == 100
        assert _use(database, ada, quotas, "max_submissions_per_minute_per_user") == 100

    def test_used_up_bytes_and_seconds_refuse_every_client(self, database: Database) -> None:
        ada, eve = a_user(database, "ada"), a_user(database, "eve")
        for owner in (ada, eve):
            backdate(database, a_finished_job(database, JobBuilder(owner=owner)), ran_seconds=60, ended_seconds_ago=10)
        by_seconds = QuotaSettings(max_job_seconds_per_day_per_user=50)
        by_bytes = QuotaSettings(max_stored_result_bytes_per_user=1)
        answers: list[Job | Exception] = []

        def press(client: int) -> None:
            owner, quotas = ((ada, by_seconds), (eve, by_bytes))[client % 2]
            answers.extend(submit(database, owner, 3, quotas))

        all_at_once(press)

        assert len(answers) == CLIENTS * 3
        limits = Counter(answer.limit for answer in answers if isinstance(answer, QuotaExceeded))
        told = {limit.name: limit.retry_after_seconds for limit in limits if limit is not None}
        assert set(told) == {"max_job_seconds_per_day_per_user", "max_stored_result_bytes_per_user"}
        assert sum(limits.values()) == CLIENTS * 3
        assert told["max_job_seconds_per_day_per_user"] == pytest.approx(86_390, abs=120)


def _check_what_is_left(database: Database, watcher: Watcher, ada: Identity, limit: str) -> None:
    """Check that the numbers told are the true ones, and that exactly what fits is taken from now on."""
    open_jobs, stored = watcher.look()
    used, most = (open_jobs, PENDING) if limit == "max_pending_jobs_per_user" else (open_jobs + stored, STORED)
    assert _use(database, ada, BY_QUOTA[limit], limit) == used - (0 if most == PENDING else open_jobs)
    for room in (most - used, most):
        taken = submit(database, ada, most + 1, BY_QUOTA[limit])
        assert sum(isinstance(answer, Job) for answer in taken) == room
        _remove_everything(database, ada)
        assert watcher.look() == (0, 0)


def _remove_everything(database: Database, ada: Identity) -> None:
    with database._engine.connect() as connection:
        job_ids = connection.execute(
            text("SELECT id FROM jobs WHERE owner_id = :owner"), {"owner": ada.user_id}
        ).scalars()
        every_id = list(job_ids)
    for job_id in every_id:
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)


def _use(database: Database, ada: Identity, quotas: QuotaSettings, name: str) -> float | None:
    with database.reading() as transaction:
        (use,) = (use for use in transaction.quotas.uses(ada, quotas) if use.name == name)
    return use.used
