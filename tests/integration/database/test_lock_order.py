"""Transactions that change the same rows in several steps never wait for each other in a circle.

PostgreSQL ends such a circle after a second by refusing one of them, whose caller is told to try again.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import select, text

from database import Database
from database.admin_key import store_admin_key
from database.people_records import ADMIN, NewKey
from database.records import Completion, FailedRun, Lease
from database.tables import jobs
from database.transaction import Transaction
from qserver.access.keys import make_key
from qserver.errors import Reason
from qserver.identity import EVERYTHING, Identity, Role
from qserver.settings import QuotaSettings
from tests.unit.database.builders import (
    LAPSED,
    LEASE_SECONDS,
    WORKER,
    JobBuilder,
    a_finished_job,
    a_lease,
    a_result,
    a_user,
    claimed,
)
from tests.waiting import wait_until

REQUESTS = 20
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def _waiting(
    executor: ThreadPoolExecutor, database: Database, act: Callable[[Transaction], object], *, waiting: int = 1
) -> Future[None]:
    """Have another transaction act, until it waits for something that one of ours holds: so many do by then."""

    def do() -> None:
        with database.transaction() as transaction:
            act(transaction)

    def is_waiting() -> bool:
        with database._engine.connect() as connection:
            return int(connection.execute(text(WAITING)).scalar_one()) >= waiting

    done = executor.submit(do)
    wait_until(lambda: done.done() or is_waiting(), what="the other transaction waits")
    return done


def test_request_ids_may_come_again_while_their_history_is_removed(
    database: Database, executor: ThreadPoolExecutor
) -> None:
    first, *others = [JobBuilder(request_id=f"request {number:02}") for number in range(REQUESTS)]
    for builder in (*others, first):
        a_finished_job(database, builder)

    with database.transaction() as transaction:
        transaction.jobs.submit([first.build()])
        removing = _waiting(executor, database, lambda other: other.retention.remove_old_history(keep_days=1e-9))
        transaction.jobs.submit([builder.build() for builder in others])

    removing.result()


def test_a_user_may_be_changed_while_jobs_of_theirs_and_of_an_administrator_are_stored(
    database: Database, executor: ThreadPoolExecutor
) -> None:
    user, admin = a_user(database, "ada"), a_user(database, "root", Role.ADMIN)
    quotas = QuotaSettings(max_pending_jobs_per_user=100)
    with database.transaction() as transaction:
        transaction.jobs.submit([JobBuilder(owner=user).build()], quotas)

    with database.transaction() as transaction:
        transaction.jobs.submit([JobBuilder(owner=user).build()], quotas)
        changing = _waiting(executor, database, lambda other: other.users.change("ada", is_disabled=True))
        transaction.jobs.submit([JobBuilder(owner=admin, source=b"OPENQASM 2.0;// another").build()], quotas)

    changing.result()


def test_a_key_may_be_made_with_the_administrators_while_another_takes_its_place(
    database: Database, executor: ThreadPoolExecutor
) -> None:
    store_admin_key(database, make_key())
    with database.reading() as transaction:
        admin = transaction.users.get(ADMIN)
        (first,) = transaction.keys.list(Identity(admin.id, ADMIN, Role.ADMIN))

    with database.transaction() as transaction:
        transaction.keys.add(NewKey(b"1" * 32, admin.id, "one", EVERYTHING), most=100)
        replacing = _waiting(executor, database, lambda _: store_admin_key(database, make_key()))
        made = transaction.keys.add(NewKey(b"2" * 32, admin.id, "two", EVERYTHING, made_by=first.id), most=100)

    replacing.result()
    with database.reading() as transaction:
        assert not {first.id, made.id} & {
            key.id for key in transaction.keys.list(Identity(admin.id, ADMIN, Role.ADMIN))
        }


def _renew(transaction: Transaction, leases: Sequence[Lease]) -> None:
    assert len(transaction.jobs.renew(WORKER, leases, lease_seconds=LEASE_SECONDS)) == len(leases)


def _fail(transaction: Transaction, leases: Sequence[Lease]) -> None:
    first, *others = leases
    failed = [FailedRun(lease, Reason.INTERNAL, "one message") for lease in others]
    assert len(transaction.jobs.fail([*failed, FailedRun(first, Reason.INTERNAL, "another")])) == len(leases)


def _give_back(transaction: Transaction, leases: Sequence[Lease]) -> None:
    assert len(transaction.jobs.release(leases, lose_attempt=True)) == len(leases)


def _expire(transaction: Transaction, leases: Sequence[Lease]) -> None:
    assert len(transaction.jobs.expire_leases()) == len(leases)


def _settle(transaction: Transaction, leases: Sequence[Lease]) -> None:
    first, *others = leases
    transaction.jobs.hold(leases)
    assert len(transaction.jobs.finish([Completion(lease, (a_result(),)) for lease in others])) == len(others)
    assert transaction.jobs.release([first], lose_attempt=False)


@pytest.mark.parametrize(
    ("act", "lease_seconds"),
    [(_renew, LEASE_SECONDS), (_fail, LEASE_SECONDS), (_give_back, LEASE_SECONDS), (_expire, LAPSED), (_settle, 99.0)],
)
def test_a_step_for_later_jobs_may_come_before_one_for_earlier_ones(
    database: Database,
    executor: ThreadPoolExecutor,
    act: Callable[[Transaction, Sequence[Lease]], None],
    lease_seconds: float,
) -> None:
    """All but the first job are of the first step: they have no attempt left, and their leases are of another one."""
    first = a_lease(database, JobBuilder(max_attempts=3))
    with database.transaction() as transaction:
        transaction.jobs.release([first], lose_attempt=True)
    (claim,) = claimed(database, [first.job_id], lease_seconds=lease_seconds)
    others = [a_lease(database, JobBuilder(max_attempts=1), lease_seconds=lease_seconds) for _ in range(2)]
    leases = [claim.lease, *others]

    with database._engine.begin() as holding:  # the first step stops half-way, at the last of its jobs
        holding.execute(select(jobs).where(jobs.c.id == leases[-1].job_id).with_for_update())
        acting = _waiting(executor, database, lambda ours: act(ours, leases))
        other = _waiting(executor, database, lambda other: other.jobs.abandon_leases(), waiting=2)

    acting.result()
    other.result()
