"""Many at once: each thing happens once all the same."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Engine, event

from database import Database
from qserver.errors import Conflict
from qserver.identity import ANONYMOUS, Role
from qserver.jobs import Job, JobStatus
from tests.unit.database.builders import (
    LAPSED,
    ROUTE,
    JobBuilder,
    a_finished_job,
    a_lease,
    a_user,
    claimed,
    finished,
    submitted,
)

THREADS = 6
PATIENCE_SECONDS = 60.0
T = TypeVar("T")


def all_at_once(do: Callable[[int], T]) -> Sequence[T]:
    """Call `do` in several threads that start together; give their answers."""
    barrier = Barrier(THREADS)

    def start(number: int) -> T:
        barrier.wait(PATIENCE_SECONDS)
        return do(number)

    with ThreadPoolExecutor(THREADS) as executor:
        return list(executor.map(start, range(THREADS), timeout=PATIENCE_SECONDS))


def test_each_job_is_claimed_exactly_once(database: Database) -> None:
    job_ids = [job.id for job in submitted(database, *[JobBuilder()] * 200)]

    def claim(number: int) -> list[UUID]:
        # Each worker got the messages in an order of its own.
        order = job_ids[number * 30 :] + job_ids[: number * 30]
        batches = (order[start : start + 25] for start in range(0, len(order), 25))
        return [claim.job.id for batch in batches for claim in claimed(database, batch, worker_id=uuid4())]

    claims = [job_id for taken in all_at_once(claim) for job_id in taken]

    assert len(claims) == len(job_ids)
    assert set(claims) == set(job_ids)


def test_each_job_is_picked_exactly_once(database: Database) -> None:
    owners = [a_user(database, f"user-{number}") for number in range(5)]
    jobs = submitted(database, *[JobBuilder(owner=owner) for owner in owners for _ in range(20)])

    def pick(_: int) -> list[UUID]:
        picked: list[UUID] = []
        while batch := _pick(database):
            picked.extend(batch)
        return picked

    picks = [job_id for picked in all_at_once(pick) for job_id in picked]

    assert len(picks) == len(jobs)
    assert set(picks) == {job.id for job in jobs}


def _pick(database: Database) -> Sequence[UUID]:
    with database.transaction() as transaction:
        return transaction.dispatch.pick(ROUTE, limit_jobs=7, limit_seconds=1e9, memory_bytes=2**40).job_ids


def test_one_request_id_makes_one_job(database: Database) -> None:
    def submit(_: int) -> UUID:
        (job,) = submitted(database, JobBuilder(request_id="mine"))
        return job.id

    job_ids = set(all_at_once(submit))

    with database.reading() as transaction:
        stored = {job.id for job in transaction.jobs.list(ANONYMOUS, limit=99)}
    assert len(job_ids) == 1
    assert stored == job_ids


def test_batches_with_the_same_circuits_and_request_ids_do_not_lock_each_other_out(database: Database) -> None:
    def submit(number: int) -> list[UUID]:
        builders = [JobBuilder(request_id=f"r{k}", source=b"%d" % k) for k in range(50)]
        ordered = builders if number % 2 else builders[::-1]
        return sorted(job.id for job in submitted(database, *ordered))

    answers = all_at_once(submit)

    assert all(answer == answers[0] for answer in answers)


def test_a_job_ends_once_however_many_end_it(database: Database) -> None:
    lease = a_lease(database)

    def end(number: int) -> bool:
        if number % 2:
            return finished(database, lease)
        with database.transaction() as transaction:
            return bool(transaction.jobs.release([lease], lose_attempt=True))

    ended = all_at_once(end)

    assert sum(ended) == 1
    with database.reading() as transaction:
        assert len(transaction.jobs.events(lease.job_id, ANONYMOUS, after_sequence=0)) == 3


def test_a_job_that_ends_while_its_events_are_read_tells_all_of_them(database: Database) -> None:
    (job,) = submitted(database)

    @event.listens_for(Engine, "after_cursor_execute", once=True)
    def end(*_: object) -> None:
        (claim,) = claimed(database, [job.id])
        finished(database, claim.lease)

    with database.reading() as transaction:
        told = transaction.jobs.followed_events(job.id, ANONYMOUS, after_sequence=1)

    assert [(each.sequence, each.status) for each in told] == [(2, JobStatus.RUNNING), (3, JobStatus.FINISHED)]


def test_lost_leases_are_put_back_once(database: Database) -> None:
    leases = [a_lease(database, lease_seconds=LAPSED) for _ in range(20)]

    def expire(_: int) -> Sequence[UUID]:
        with database.transaction() as transaction:
            return transaction.jobs.expire_leases()

    lost = [job_id for expired in all_at_once(expire) for job_id in expired]

    assert sorted(lost) == sorted(lease.job_id for lease in leases)


def test_passes_of_retention_beside_each_other_remove_each_thing_once(database: Database) -> None:
    for _ in range(20):
        a_finished_job(database)

    def remove(_: int) -> int:
        with database.transaction() as transaction:
            return transaction.retention.remove_old_jobs(keep_days=1e-9).count

    assert sum(all_at_once(remove)) == 20


def test_a_circuit_in_use_survives_retention(database: Database) -> None:
    def work(number: int) -> Sequence[Job]:
        found: list[Job] = []
        for turn in range(10):
            if number % 2:
                with database.transaction() as transaction:
                    transaction.retention.remove_unused_circuits(keep_days=1e-9)
            else:
                found.extend(submitted(database, JobBuilder(source=b"%d" % turn)))
        return found

    jobs = [job for found in all_at_once(work) for job in found]

    with database.reading() as transaction:
        details = transaction.jobs.details(ANONYMOUS, limit=999, offset=0)
        assert transaction.jobs.count_by_status(None)[JobStatus.PENDING] == len(jobs)
    assert len(details) == len(jobs)


def test_a_result_that_somebody_is_removing_is_not_waited_for(database: Database) -> None:
    equal = JobBuilder(cache=True)
    first = a_finished_job(database, equal)

    with database.transaction() as transaction:
        transaction.jobs.delete(first, ANONYMOUS)
        (job,) = submitted(database, equal)

    assert job.status is JobStatus.PENDING


def test_equal_jobs_of_many_calls_are_answered_while_others_delete(database: Database) -> None:
    equal = JobBuilder(cache=True)
    a_finished_job(database, equal)

    def submit(number: int) -> Sequence[Job]:
        answered: list[Job] = []
        for _ in range(10):
            answered.extend(submitted(database, *[equal] * 5))
            with database.transaction() as transaction:
                transaction.jobs.delete(answered[5 * number % len(answered)].id, ANONYMOUS)
                answered.pop(5 * number % len(answered))
        return answered

    jobs = [job for answered in all_at_once(submit) for job in answered if job.status is JobStatus.FINISHED]

    assert jobs
    with database.reading() as transaction:
        assert all(transaction.results.get(job.id, ANONYMOUS).results[0].arrays for job in jobs)


def test_administrators_who_step_down_together_leave_one(database: Database) -> None:
    with database.transaction() as transaction:
        for number in range(THREADS):
            transaction.users.add(f"admin-{number}", Role.ADMIN)

    def step_down(number: int) -> bool:
        try:
            with database.transaction() as transaction:
                transaction.users.change(f"admin-{number}", role=Role.USER)
        except Conflict:
            return False
        return True

    assert sum(all_at_once(step_down)) == THREADS - 1
    with database.reading() as transaction:
        assert [user.role for user in transaction.users.list()].count(Role.ADMIN) == 1
