"""Quotas: what fits is stored, the rest is refused with the limit, its value and when to try again."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import update

from database import Database
from database.tables import history, usage
from database.types import SecondsFromNow
from qserver.errors import AlreadyExists, QuotaExceeded, ReachedLimit
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import Job
from qserver.quotas import QuotaUse
from qserver.settings import QuotaSettings
from tests.unit.database.builders import (
    JobBuilder,
    a_finished_job,
    a_lease,
    a_user,
    claimed,
    finished,
    submitted,
)

Answer = Job | AlreadyExists | QuotaExceeded


def submit(database: Database, quotas: QuotaSettings, *builders: JobBuilder) -> Sequence[Answer]:
    """Submit jobs under quotas, and give the answers."""
    with database.transaction() as transaction:
        return transaction.jobs.submit([builder.build() for builder in builders], quotas)


def limits_of(answers: Sequence[Answer]) -> Sequence[str | None]:
    """Name the limits that answers speak of; None for a job that was stored."""
    return [None if isinstance(each, Job) else limit_of(each).name for each in answers]


def limit_of(answer: Answer) -> ReachedLimit:
    """Give the limit that an answer speaks of."""
    assert isinstance(answer, QuotaExceeded)
    assert answer.limit is not None
    return answer.limit


def backdate(database: Database, job_id: UUID, *, ran_seconds: float, ended_seconds_ago: float) -> None:
    """Have a job that is over run so long, and end so long ago."""
    ended, started = SecondsFromNow(-ended_seconds_ago), SecondsFromNow(-ended_seconds_ago - ran_seconds)
    statement = update(history).where(history.c.job_id == job_id).values(started_at=started, finished_at=ended)
    with database._engine.begin() as connection:
        connection.execute(statement)


def let_time_pass(database: Database, column: str, seconds: float) -> None:
    """Have what was noted in the rows of usage be so much older."""
    with database._engine.begin() as connection:
        connection.execute(update(usage).values({column: SecondsFromNow(-seconds)}))


class TestQuotas:
    def test_the_first_jobs_of_a_call_fit_and_the_others_are_refused(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=3)

        answers = submit(database, quotas, *[JobBuilder(owner=ada)] * 5)

        assert limits_of(answers) == [None, None, None, *["max_pending_jobs_per_user"] * 2]
        assert limit_of(answers[3]) == ReachedLimit("max_pending_jobs_per_user", 3, 5)
        assert str(answers[3]) == (
            "user ada may have 3 jobs that wait or run, and has that many (QSERVER_MAX_PENDING_JOBS_PER_USER);"
            " try again in 5 s"
        )

    def test_a_user_at_a_limit_stops_nobody_else(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        quotas = QuotaSettings(max_pending_jobs_per_user=1)
        submit(database, quotas, JobBuilder(owner=ada))

        answers = submit(database, quotas, JobBuilder(owner=ada), JobBuilder(owner=bob))

        assert limits_of(answers) == ["max_pending_jobs_per_user", None]

    def test_an_administrator_has_the_quotas_of_the_service_alone(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=1, max_pending_jobs=3)

        answers = submit(database, quotas, *[JobBuilder(owner=ANONYMOUS)] * 2, *[JobBuilder(owner=ada)] * 2)
        later = submit(database, quotas, *[JobBuilder(owner=ANONYMOUS)])

        assert limits_of(answers) == [None, None, None, "max_pending_jobs_per_user"]
        assert limits_of(later) == ["max_pending_jobs"]

    def test_what_ends_or_is_deleted_makes_room(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=3)
        one, two, three = (job for job in submit(database, quotas, *[JobBuilder(owner=ada)] * 3))
        assert isinstance(one, Job) and isinstance(two, Job) and isinstance(three, Job)  # noqa: PT018 - for mypy
        (claim,) = claimed(database, [one.id])
        running = submit(database, quotas, JobBuilder(owner=ada))

        finished(database, claim.lease)
        with database.transaction() as transaction:
            transaction.jobs.cancel(two.id, ada)
            transaction.jobs.delete(three.id, ada)

        assert limits_of(running) == ["max_pending_jobs_per_user"]
        assert limits_of(submit(database, quotas, *[JobBuilder(owner=ada)] * 4))[2:] == [
            None,
            "max_pending_jobs_per_user",
        ]

    def test_jobs_of_every_kind_that_are_not_over_count(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=5)
        submitted(database, JobBuilder(owner=ada), JobBuilder(owner=ada, route="gpu"))
        a_lease(database, JobBuilder(owner=ada))
        with database.transaction() as transaction:
            transaction.dispatch.pick("gpu", limit_jobs=1, limit_seconds=1.0, memory_bytes=2**40)
        submitted(database, JobBuilder(owner=ada, route="large"))
        with database.transaction() as transaction:
            transaction.dispatch.pick("large", limit_jobs=1, limit_seconds=1.0, memory_bytes=1)  # is set aside

        answers = submit(database, quotas, *[JobBuilder(owner=ada)] * 2)

        assert limits_of(answers) == [None, "max_pending_jobs_per_user"]

    def test_a_refused_job_can_be_sent_again_under_its_request_id(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=1)
        (first,) = submit(database, quotas, JobBuilder(owner=ada))
        mine = JobBuilder(owner=ada, request_id="mine")
        refused = submit(database, quotas, mine, mine)
        assert isinstance(first, Job)
        with database.transaction() as transaction:
            transaction.jobs.cancel(first.id, ada)

        (again,) = submit(database, quotas, mine)
        repeated = submit(database, quotas, mine)

        assert limits_of(refused) == ["max_pending_jobs_per_user"] * 2
        assert isinstance(again, Job)
        assert repeated == [again]

    def test_a_job_that_was_answered_before_is_no_new_one(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_submissions_per_minute_per_user=2)
        mine = JobBuilder(owner=ada, request_id="mine")

        answers = [submit(database, quotas, mine)[0] for _ in range(3)]

        assert answers[0] == answers[1] == answers[2]

    def test_submissions_of_a_minute_are_limited_until_it_is_over(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_submissions_per_minute_per_user=2)
        now = submit(database, quotas, *[JobBuilder(owner=ada)] * 3)

        let_time_pass(database, "minute_at", 61)
        later = submit(database, quotas, *[JobBuilder(owner=ada)] * 3)

        assert limits_of(now) == limits_of(later) == [None, None, "max_submissions_per_minute_per_user"]
        assert 50 <= limit_of(now[2]).retry_after_seconds <= 60

    def test_a_count_is_believed_for_a_while_where_there_is_much_to_count(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=200_000)
        submit(database, quotas, JobBuilder(owner=ada))
        with database._engine.begin() as connection:
            connection.execute(update(usage).values(pending_at_most=200_000))

        at_once = submit(database, quotas, JobBuilder(owner=ada))
        let_time_pass(database, "pending_counted_at", 11)
        later = submit(database, quotas, JobBuilder(owner=ada))

        assert 5 <= limit_of(at_once[0]).retry_after_seconds <= 10
        assert limits_of(later) == [None]

    def test_results_that_are_stored_or_may_come_are_limited(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_stored_results_per_user=2)
        stored = a_finished_job(database, JobBuilder(owner=ada))
        full = submit(database, quotas, *[JobBuilder(owner=ada)] * 2)

        with database.transaction() as transaction:
            transaction.jobs.delete(stored, ada)

        assert limits_of(full) == [None, "max_stored_results_per_user"]
        assert limits_of(submit(database, quotas, JobBuilder(owner=ada))) == [None]

    def test_no_job_is_taken_while_the_bytes_of_results_are_used_up(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        quotas = QuotaSettings(max_stored_result_bytes_per_user=10)
        stored = a_finished_job(database, JobBuilder(owner=ada))
        full = submit(database, quotas, JobBuilder(owner=ada), JobBuilder(owner=bob))
        with database.transaction() as transaction:
            transaction.jobs.delete(stored, ada)

        soon = submit(database, quotas, JobBuilder(owner=ada))
        let_time_pass(database, "measured_at", 11)
        later = submit(database, quotas, JobBuilder(owner=ada))

        assert limits_of(full) == ["max_stored_result_bytes_per_user", None]
        assert limits_of(soon) == ["max_stored_result_bytes_per_user"]
        assert limits_of(later) == [None]

    def test_time_that_jobs_ran_within_a_day_is_limited(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        quotas = QuotaSettings(max_job_seconds_per_day_per_user=100)
        old, first, last = (a_finished_job(database, JobBuilder(owner=ada)) for _ in range(3))
        backdate(database, old, ran_seconds=1000, ended_seconds_ago=90_000)
        backdate(database, first, ran_seconds=60, ended_seconds_ago=80_000)
        backdate(database, last, ran_seconds=60, ended_seconds_ago=10)

        answers = submit(database, quotas, JobBuilder(owner=ada), JobBuilder(owner=bob))

        assert limits_of(answers) == ["max_job_seconds_per_day_per_user", None]
        assert limit_of(answers[0]).retry_after_seconds == pytest.approx(86_400 - 80_000, abs=60)

    def test_jobs_that_nobody_counted_are_counted_once_quotas_are_kept_again(self, database: Database) -> None:
        ada = a_user(database, "ada")
        quotas = QuotaSettings(max_pending_jobs_per_user=3)
        submit(database, quotas, JobBuilder(owner=ada))
        submitted(database, *[JobBuilder(owner=ada)] * 5)  # while no quota was set

        with database.transaction() as transaction:
            transaction.quotas.forget()

        assert limits_of(submit(database, quotas, JobBuilder(owner=ada))) == ["max_pending_jobs_per_user"]

    def test_an_administrator_who_becomes_a_user_has_what_they_have(self, database: Database) -> None:
        quotas = QuotaSettings(max_pending_jobs_per_user=2)
        ada = a_user(database, "ada")
        a_user(database, "root", Role.ADMIN)
        submit(database, quotas, JobBuilder(owner=ada))
        with database.transaction() as transaction:
            transaction.users.change("ada", role=Role.ADMIN)
        submit(database, quotas, *[JobBuilder(owner=Identity(ada.user_id, "ada", Role.ADMIN))] * 5)

        with database.transaction() as transaction:
            transaction.users.change("ada", role=Role.USER)

        assert limits_of(submit(database, quotas, JobBuilder(owner=ada))) == ["max_pending_jobs_per_user"]

    def test_uses_are_those_of_the_caller_and_of_the_service(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        quotas = QuotaSettings(
            max_pending_jobs_per_user=9,
            max_running_jobs_per_user=8,
            max_submissions_per_minute_per_user=7,
            max_stored_results_per_user=6,
            max_stored_result_bytes_per_user=10**6,
            max_job_seconds_per_day_per_user=1000,
            max_pending_jobs=100,
        )
        submit(database, quotas, JobBuilder(owner=ada), JobBuilder(owner=ada), JobBuilder(owner=bob))
        a_lease(database, JobBuilder(owner=ada))
        stored = a_finished_job(database, JobBuilder(owner=ada))
        backdate(database, stored, ran_seconds=60, ended_seconds_ago=10)

        with database.reading() as transaction:
            uses = {use.name: use for use in transaction.quotas.uses(ada, quotas) if use.limit is not None}
            of_admin = [use.name for use in transaction.quotas.uses(ANONYMOUS, quotas) if use.limit is not None]

        assert uses["max_pending_jobs_per_user"] == QuotaUse("max_pending_jobs_per_user", 9, 3)
        assert {name.removesuffix("_per_user"): use.used for name, use in uses.items() if "per_user" in name} == {
            "max_pending_jobs": 3,
            "max_running_jobs": 1,
            "max_submissions_per_minute": 2,
            "max_stored_results": 1,
            "max_stored_result_bytes": pytest.approx(500, abs=499),
            "max_job_seconds_per_day": pytest.approx(60, abs=1),
        }
        assert uses["max_pending_jobs"].used == 4
        assert of_admin == ["max_pending_jobs"]

    def test_the_quota_of_running_jobs_is_told_by_the_role_in_force(self, database: Database) -> None:
        ada, root = a_user(database, "ada"), a_user(database, "root", Role.ADMIN)
        quotas = QuotaSettings(max_pending_jobs_per_user=9, max_running_jobs_per_user=8)

        def told(identity: Identity) -> list[str]:
            with database.reading() as transaction:
                return [use.name for use in transaction.quotas.uses(identity, quotas) if use.limit is not None]

        # Tokens of another role than the one seen last.
        assert told(replace(ada, role=Role.ADMIN)) == ["max_running_jobs_per_user"]
        assert told(replace(root, role=Role.USER)) == ["max_pending_jobs_per_user"]
        assert told(ANONYMOUS) == []
