"""Passes that remove all they may, while the same circuits come and run again: nothing that a job needs goes."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

from sqlalchemy import func, select

from database import Database
from database.records import Completion
from database.tables import METADATA
from janitor.service import Janitor
from qserver.errors import Conflict, NotFound, Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.noise_models import NoiseModel
from qserver.settings import Settings
from tests.integration.janitor.conftest import SettingsMaker
from tests.unit.database.builders import LAPSED, JobBuilder, a_result, claimed, finished, submitted

AT_ONCE = 1e-9
"""Days: whatever is over is old."""

PASSES = 5
SOURCES = [b"OPENQASM 2.0;// shared by all", b"OPENQASM 2.0;// shared too"]
MODEL = NoiseModel.of({"words": "of a device " * 200})


def _pass_again_and_again(settings: Settings, database: Database) -> None:
    for _ in range(PASSES):
        Janitor(settings, database).run_once()


def _work(database: Database, is_over: list[bool]) -> int:
    """Submit, claim and finish jobs until `is_over` holds something; gives how many were done."""
    done = 0
    while not is_over:
        jobs = submitted(database, *[JobBuilder(source=source) for source in SOURCES])
        done += _run(database, [job.id for job in jobs])
    return done


def _run(database: Database, job_ids: list[UUID]) -> int:
    claims = claimed(database, job_ids)
    assert {claim.job.id for claim in claims} == set(job_ids)
    assert all(finished(database, claim.lease) for claim in claims)
    return len(claims)


def test_nothing_that_a_job_needs_is_removed_while_it_is_submitted_and_runs(
    database: Database, make_settings: SettingsMaker
) -> None:
    kinds = ("results", "events", "jobs", "history", "circuits")
    settings = make_settings(**{f"keep_{kind}_days": AT_ONCE for kind in kinds})
    is_over: list[bool] = []
    with ThreadPoolExecutor(3) as executor:
        workers = [executor.submit(_work, database, is_over) for _ in range(2)]
        try:
            _pass_again_and_again(settings, database)
        finally:
            is_over.append(True)
        done = [worker.result() for worker in workers]

    assert min(done) > 0
    Janitor(settings, database).run_once()
    assert sum(removal.count for removal in Janitor(settings, database).run_once()) == 0


def test_everybody_at_once_is_refused_nothing_and_leaves_nothing_behind(
    database: Database, make_settings: SettingsMaker
) -> None:
    kinds = ("results", "events", "jobs", "history", "circuits")
    settings = make_settings(**{f"keep_{kind}_days": AT_ONCE for kind in kinds})
    is_over: list[bool] = []
    actors = (_repeat_requests, _run_what_waits, _lose_leases, _cancel_and_delete, _read_pages)
    with ThreadPoolExecutor(len(actors) + 2) as executor:
        others = [executor.submit(_again_and_again, act, database, is_over) for act in actors]
        try:
            janitors = [executor.submit(_pass_again_and_again, settings, database) for _ in range(2)]
            for janitor in janitors:
                janitor.result()
        finally:
            is_over.append(True)
        turns = [other.result() for other in others]

    assert min(turns) > 0
    with database.transaction() as transaction:
        transaction.jobs.abandon_leases()
        transaction.jobs.fail_waiting("aer", Reason.PLUGIN_UNAVAILABLE, "all is over")
    Janitor(settings, database).run_once()
    assert _rows_left(database) == {}


def _again_and_again(act: Callable[[Database], object], database: Database, is_over: list[bool]) -> int:
    """Act until `is_over` holds something; gives how often. What another removed a moment ago may be missed."""
    turns = 0
    while not is_over:
        with suppress(NotFound, Conflict):
            act(database)
        turns += 1
    return turns


def _repeat_requests(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.jobs.submit(
            [
                JobBuilder(source=source, request_id=f"request {number}", noise_model=MODEL, cache=True).build()
                for number, source in enumerate(SOURCES * 5)
            ]
        )


def _jobs(database: Database, *statuses: JobStatus) -> list[UUID]:
    with database.reading() as transaction:
        return [job.id for job in transaction.jobs.list(ANONYMOUS, limit=5, statuses=frozenset(statuses))]


def _run_what_waits(database: Database) -> None:
    claims = claimed(database, _jobs(database, JobStatus.PENDING))
    assert all(claim.noise_model == MODEL for claim in claims)
    with database.transaction() as transaction:
        transaction.jobs.finish([Completion(claim.lease, (a_result(),)) for claim in claims])


def _lose_leases(database: Database) -> None:
    claimed(database, _jobs(database, JobStatus.PENDING), lease_seconds=LAPSED)
    with database.transaction() as transaction:
        transaction.jobs.expire_leases()


def _cancel_and_delete(database: Database) -> None:
    for job_id in _jobs(database, *JobStatus):
        with database.transaction() as transaction:
            transaction.jobs.cancel(job_id, ANONYMOUS)
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)


def _read_pages(database: Database) -> None:
    with database.reading() as transaction:
        details = transaction.jobs.details(ANONYMOUS, limit=50, offset=0)
        transaction.history.list(ANONYMOUS, limit=50, offset=0)
        transaction.jobs.list_results(ANONYMOUS, limit=50)
        assert {detail.source for detail in details} <= set(SOURCES)
        for detail in details[:3]:
            assert transaction.noise_models.of_job(detail.job.id, ANONYMOUS) == MODEL


def _rows_left(database: Database) -> Mapping[str, int]:
    """Count what is left of jobs, table by table."""
    tables = ("jobs", "pubs", "job_events", "results", "history", "submissions", "circuits", "noise_models")
    with database._engine.connect() as connection:
        counted = {
            name: connection.execute(select(func.count()).select_from(METADATA.tables[name])).scalar_one()
            for name in (*tables, "result_arrays", "job_noise_models")
        }
    return {name: number for name, number in counted.items() if number}
