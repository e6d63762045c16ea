"""Who runs next."""

from dataclasses import replace
from uuid import UUID

from database import Database
from database.dispatch_records import Picked
from qserver.identity import ANONYMOUS
from tests.unit.database.builders import ROUTE, JobBuilder, a_plan, a_user, a_worker, claimed, submitted

LIVE_SECONDS = 60.0
NO_LIMIT = 1e9


def picked(
    database: Database, *, jobs: int = 100, seconds: float = NO_LIMIT, route: str = ROUTE, memory_bytes: int = 2**40
) -> list[UUID]:
    return list(pick(database, jobs=jobs, seconds=seconds, route=route, memory_bytes=memory_bytes).job_ids)


def pick(
    database: Database, *, jobs: int = 100, seconds: float = NO_LIMIT, route: str = ROUTE, memory_bytes: int = 2**40
) -> Picked:
    with database.transaction() as transaction:
        return transaction.dispatch.pick(route, limit_jobs=jobs, limit_seconds=seconds, memory_bytes=memory_bytes)


class TestPick:
    def test_jobs_of_one_owner_go_in_the_order_of_submission(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder()] * 3)

        assert picked(database) == [job.id for job in jobs]

    def test_a_picked_job_is_not_picked_again(self, database: Database) -> None:
        submitted(database)
        picked(database)

        assert picked(database) == []

    def test_it_tells_whether_more_may_wait(self, database: Database) -> None:
        submitted(database, *[JobBuilder()] * 3)
        cut_short = [
            pick(database, jobs=1).has_used_up,
            pick(database, seconds=a_plan().seconds / 2).has_used_up,
            pick(database).has_used_up,
            pick(database).has_used_up,
        ]

        assert cut_short == [True, True, False, False]

    def test_nothing_is_picked_where_nothing_waits(self, database: Database) -> None:
        assert picked(database) == []
        assert picked(database, jobs=0) == []

    def test_a_higher_priority_goes_first(self, database: Database) -> None:
        low, high, normal = submitted(database, JobBuilder(priority=-1), JobBuilder(priority=5), JobBuilder())

        assert picked(database) == [high.id, normal.id, low.id]

    def test_a_priority_counts_across_owners(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        jobs = submitted(
            database, JobBuilder(owner=ada), JobBuilder(owner=bob, priority=1), JobBuilder(owner=bob, priority=1)
        )

        assert picked(database) == [jobs[1].id, jobs[2].id, jobs[0].id]

    def test_owners_take_turns(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        many = submitted(database, *[JobBuilder(owner=ada)] * 4)
        few = submitted(database, *[JobBuilder(owner=bob)] * 2)

        order = picked(database)

        assert order == [many[0].id, few[0].id, many[1].id, few[1].id, many[2].id, many[3].id]

    def test_turns_go_on_in_the_next_pick(self, database: Database) -> None:
        owners = [a_user(database, name) for name in ("ada", "bob", "eve")]
        jobs = submitted(database, *[JobBuilder(owner=owner) for _ in range(2) for owner in owners])

        order = [job_id for _ in range(6) for job_id in picked(database, jobs=1)]

        assert order == [job.id for job in jobs]

    def test_more_owners_than_places_are_all_served(self, database: Database) -> None:
        owners = [a_user(database, f"user-{number}") for number in range(7)]
        jobs = {job.id: job for job in submitted(database, *[JobBuilder(owner=o) for o in owners for _ in range(3)])}

        first_seven = [jobs[job_id].owner_id for _ in range(4) for job_id in picked(database, jobs=2)][:7]

        assert sorted(first_seven) == sorted(owner.user_id for owner in owners)

    def test_a_new_owner_waits_for_no_queue_of_another(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        submitted(database, *[JobBuilder(owner=ada)] * 50)
        picked(database, jobs=10)
        (new,) = submitted(database, JobBuilder(owner=bob))

        order = picked(database, jobs=10)

        assert order[0] == new.id

    def test_estimated_work_is_limited(self, database: Database) -> None:
        submitted(database, *[JobBuilder(plan=a_plan(seconds=1.0))] * 5)

        assert len(picked(database, seconds=2.5)) == 3

    def test_one_job_is_always_picked(self, database: Database) -> None:
        submitted(database, *[JobBuilder(plan=a_plan(seconds=100.0))] * 2)

        assert len(picked(database, seconds=0.25)) == 1

    def test_a_job_that_needs_more_memory_is_passed_over(self, database: Database) -> None:
        ada = a_user(database, "ada")
        large = JobBuilder(priority=1, plan=a_plan(memory_bytes=4097))
        fits = JobBuilder(plan=a_plan(memory_bytes=4096))
        jobs = submitted(database, large, fits, replace(large, owner=ada), replace(fits, owner=ada))

        assert picked(database, memory_bytes=4096) == [jobs[1].id, jobs[3].id]
        assert picked(database) == [jobs[0].id, jobs[2].id]

    def test_the_first_that_fits_is_found_behind_any_number_that_do_not(self, database: Database) -> None:
        submitted(database, *[JobBuilder(plan=a_plan(memory_bytes=4097))] * 300)
        (fits,) = submitted(database, JobBuilder(plan=a_plan(memory_bytes=4096)))

        assert picked(database, jobs=1, memory_bytes=4096) == [fits.id]

    def test_jobs_for_which_there_is_memory_again_have_kept_their_places(self, database: Database) -> None:
        large = JobBuilder(plan=a_plan(memory_bytes=4097))
        jobs = submitted(database, large, JobBuilder(), replace(large, priority=1))
        picked(database, jobs=1, memory_bytes=4096)
        (newer,) = submitted(database, large)

        assert picked(database, memory_bytes=4097) == [jobs[2].id, jobs[0].id, newer.id]

    def test_a_job_that_was_set_aside_can_be_claimed_and_ended(self, database: Database) -> None:
        canceled, run = submitted(database, *[JobBuilder(plan=a_plan(memory_bytes=4097))] * 2)
        picked(database, memory_bytes=4096)

        with database.transaction() as transaction:
            transaction.jobs.cancel(canceled.id, ANONYMOUS)

        assert len(claimed(database, [canceled.id, run.id])) == 1

    def test_routes_stand_apart(self, database: Database) -> None:
        _, large = submitted(database, JobBuilder(), JobBuilder(route="large"))

        assert picked(database, route="large") == [large.id]

    def test_a_canceled_job_is_not_picked(self, database: Database) -> None:
        (job,) = submitted(database)
        with database.transaction() as transaction:
            transaction.jobs.cancel(job.id, ANONYMOUS)

        assert picked(database) == []

    def test_a_released_job_is_picked_again(self, database: Database) -> None:
        (job,) = submitted(database)
        picked(database)
        (claim,) = claimed(database, [job.id])
        with database.transaction() as transaction:
            transaction.jobs.release([claim.lease], lose_attempt=True)

        assert picked(database) == [job.id]

    def test_a_job_stored_as_published_is_not_picked(self, database: Database) -> None:
        new = JobBuilder().build()
        with database.transaction() as transaction:
            transaction.jobs.submit([new], as_published=True)

        assert picked(database) == []

        with database.transaction() as transaction:
            transaction.dispatch.unpublish(ROUTE, older_than_seconds=0)
        assert picked(database) == [new.id]


class TestUnpublish:
    def test_a_lost_message_is_published_again(self, database: Database) -> None:
        (job,) = submitted(database)
        picked(database)

        with database.transaction() as transaction:
            number = transaction.dispatch.unpublish(ROUTE, older_than_seconds=0)

        assert number == 1
        assert picked(database) == [job.id]

    def test_a_young_message_is_given_time(self, database: Database) -> None:
        submitted(database)
        picked(database)

        with database.transaction() as transaction:
            number = transaction.dispatch.unpublish(None, older_than_seconds=60)

        assert number == 0

    def test_messages_that_still_wait_are_left_alone(self, database: Database) -> None:
        lost, *_ = submitted(database, *[JobBuilder()] * 3)
        picked(database, jobs=1)
        picked(database)

        with database.transaction() as transaction:
            number = transaction.dispatch.unpublish(ROUTE, but_newest=2)

        assert number == 1
        assert picked(database) == [lost.id]

    def test_another_routes_messages_stay(self, database: Database) -> None:
        submitted(database)
        picked(database)

        with database.transaction() as transaction:
            number = transaction.dispatch.unpublish("large", older_than_seconds=0)

        assert number == 0


class TestLoads:
    def test_published_work_and_live_workers_are_told(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder(plan=a_plan(seconds=0.5))] * 3)
        picked(database)
        claimed(database, [jobs[0].id])
        with database.transaction() as transaction:
            transaction.workers.register(a_worker(routes=frozenset({ROUTE, "large"})))

        with database.reading() as transaction:
            loads = transaction.dispatch.loads(live_within_seconds=LIVE_SECONDS)

        assert [(load.route, load.published_jobs, load.published_seconds, load.live_workers) for load in loads] == [
            ("cpu", 2, 1.0, 1),
            ("large", 0, 0.0, 1),
        ]

    def test_a_silent_or_draining_worker_is_not_live(self, database: Database) -> None:
        with database.transaction() as transaction:
            worker = a_worker()
            transaction.workers.register(worker)
            silent = transaction.dispatch.loads(live_within_seconds=-1)
            transaction.workers.heartbeat(
                worker.id, running_jobs=0, installations={}, routes=worker.routes, plugins=(), is_draining=True
            )
            draining = transaction.dispatch.loads(live_within_seconds=LIVE_SECONDS)

        assert (silent, draining) == ([], [])
