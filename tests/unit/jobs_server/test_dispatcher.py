"""Who runs next."""

from datetime import UTC, datetime, timedelta

from jobs_server.dispatcher import Dispatcher
from jobs_server.free_routes import FreeRoutes
from jobs_server.metrics import Metrics
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from tests.unit.jobs_server.builders import claim, new_job
from tests.unit.jobs_server.dispatching import SETTINGS, Dispatching


def test_jobs_wait_until_there_is_a_worker(dispatching: Dispatching) -> None:
    jobs = dispatching.add_jobs(new_job(), new_job())
    dispatching.dispatcher.run_once()
    before = dispatching.publisher.take()

    dispatching.add_workers()
    dispatching.dispatcher.run_once()

    assert (before, dispatching.publisher.take()) == ([], jobs)


def test_the_mark_of_a_published_job_is_not_waited_for(dispatching: Dispatching) -> None:
    jobs = dispatching.add_jobs(new_job())
    dispatching.add_workers()
    before = dispatching.database.hasty_transactions

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == jobs
    assert dispatching.database.hasty_transactions == before + 1


def test_a_newcomer_waits_for_one_batch_and_not_for_a_thousand_jobs(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    dispatching.add_jobs(*(new_job() for _ in range(1000)))
    dispatching.dispatcher.run_once()
    (newcomer,) = dispatching.add_jobs(new_job(dispatching.database.add_person("newcomer")))

    first = dispatching.publisher.take()
    claim(dispatching.database, first, dispatching.worker)
    dispatching.dispatcher.run_once()
    second = dispatching.publisher.take()

    assert newcomer not in first
    assert newcomer in second
    assert len(second) == 64


def test_a_round_tells_whether_jobs_are_left_that_there_is_no_room_for(dispatching: Dispatching) -> None:
    dispatching.add_jobs(new_job())
    without_workers = dispatching.dispatcher.run_once()
    dispatching.add_workers()
    with_room = dispatching.dispatcher.run_once()
    dispatching.add_jobs(*(new_job() for _ in range(64)))
    filling_up = dispatching.dispatcher.run_once()
    while_full = dispatching.dispatcher.run_once()

    assert (without_workers, with_room, filling_up, while_full) == (False, False, True, True)


def test_higher_priority_goes_first(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    low, high = dispatching.add_jobs(new_job(), new_job(priority=5))

    dispatching.dispatcher.run_once()

    assert dispatching.publisher.take() == [high, low]


def test_a_job_past_its_latest_start_fails_though_the_broker_is_away(dispatching: Dispatching) -> None:
    (late,) = dispatching.add_jobs(new_job(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    dispatching.add_workers()
    dispatching.publisher.is_away = True

    dispatching.dispatcher.run_once()

    with dispatching.database.reading() as transaction:
        assert transaction.jobs.get(late, ANONYMOUS).status is JobStatus.FAILED


def test_a_job_stored_while_its_plugin_was_removed_fails(dispatching: Dispatching) -> None:
    with dispatching.database.transaction() as transaction:
        transaction.plugins.remove("aer")
    (orphan,) = dispatching.add_jobs(new_job())

    dispatching.dispatcher.run_once()

    with dispatching.database.reading() as transaction:
        assert transaction.jobs.get(orphan, ANONYMOUS).status is JobStatus.FAILED


def test_two_dispatchers_publish_each_job_once(dispatching: Dispatching) -> None:
    dispatching.add_workers(4)
    jobs = dispatching.add_jobs(*(new_job() for _ in range(100)))
    other = Dispatching(dispatching.database)

    dispatching.dispatcher.run_once()
    other.dispatcher.run_once()

    assert sorted([*dispatching.publisher.take(), *other.publisher.take()]) == sorted(jobs)


def test_so_many_jobs_of_a_user_are_with_workers_until_one_ends(dispatching: Dispatching) -> None:
    dispatching.add_workers()
    ada = dispatching.database.add_person("ada")
    jobs = dispatching.add_jobs(*(new_job(ada) for _ in range(5)))
    dispatcher = Dispatcher(
        dispatching.database,
        dispatching.publisher,
        SETTINGS,
        live_within_seconds=20,
        clock=dispatching.clock,
        metrics=Metrics(),
        free_routes=FreeRoutes(),
        most_running_per_user=2,
    )
    dispatcher.run_once()
    first = dispatching.publisher.take()
    claim(dispatching.database, first, dispatching.worker)
    dispatcher.run_once()
    while_they_run = dispatching.publisher.take()

    with dispatching.database.transaction() as transaction:
        transaction.jobs.cancel(jobs[0], ada)
    dispatcher.run_once()

    assert (first, while_they_run, dispatching.publisher.take()) == (jobs[:2], [], [jobs[2]])
