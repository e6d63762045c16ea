"""Passes that remove all they may, while the same circuits come and run again: nothing that a job needs goes."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from uuid import UUID

from sqlalchemy import func, select

from database import Database
from database.records import Completion
from database.tables import METADATA
from janitor.rows import RowSweeper
from janitor.service import Janitor
from qserver.errors import Conflict, NotFound, Reason
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus
from qserver.noise_models import NoiseModel
from qserver.settings import Settings
from tests.integration.janitor.conftest import SettingsMaker
from tests.unit.database.builders import (
    LAPSED,
    JobBuilder,
    a_finished_job,
    a_result,
    claimed,
    finished,
    submitted,
)

AT_ONCE = 1e-9
"""Days: whatever is over is old."""

PASSES = 5
"""At least so many, each beside something of what everybody else does."""

MOST_PASSES = 500
SOURCES = [b"OPENQASM 2.0;// shared by all", b"OPENQASM 2.0;// shared too"]
MODEL = NoiseModel.of({"words": "of a device " * 200})


class Others:
    """What others do beside the passes, again and again until these are over."""

    def __init__(self, number: int) -> None:
        self._turns = [0] * number
        self._is_over = False

    def take_turns(self, number: int, act: Callable[[Database], object], database: Database) -> None:
        """Act until the passes are over, and end them by failing."""
        try:
            while not self._is_over:
                act(database)
                self._turns[number] += 1
        finally:
            self.end()

    def pass_beside(self, settings: Settings, database: Database) -> None:
        for number in range(MOST_PASSES):
            if self._is_over or (number >= PASSES and min(self._turns) >= PASSES):
                return
            Janitor(settings, database).run_once()
        raise AssertionError(f"{MOST_PASSES} passes, and the others took only {self._turns} turns")

    def end(self) -> None:
        self._is_over = True


def _pass_beside(
    acts: Sequence[Callable[[Database], object]], settings: Settings, database: Database, *, janitors: int = 1
) -> None:
    others = Others(len(acts))
    with ThreadPoolExecutor(len(acts) + janitors) as executor:
        working = [executor.submit(others.take_turns, number, act, database) for number, act in enumerate(acts)]
        try:
            passing = [executor.submit(others.pass_beside, settings, database) for _ in range(janitors)]
            for each in passing:
                each.result()
        finally:
            others.end()
        for each in working:
            each.result()


def _work(database: Database) -> None:
    jobs = submitted(database, *[JobBuilder(source=source) for source in SOURCES])
    _run(database, [job.id for job in jobs])


def _run(database: Database, job_ids: list[UUID]) -> None:
    claims = claimed(database, job_ids)
    assert {claim.job.id for claim in claims} == set(job_ids)
    assert all(finished(database, claim.lease) for claim in claims)


def test_nothing_that_a_job_needs_is_removed_while_it_is_submitted_and_runs(
    database: Database, make_settings: SettingsMaker
) -> None:
    kinds = ("results", "events", "jobs", "history", "circuits")
    settings = make_settings(**{f"keep_{kind}_days": AT_ONCE for kind in kinds})

    _pass_beside([_work, _work], settings, database)

    Janitor(settings, database).run_once()
    assert sum(removal.count for removal in Janitor(settings, database).run_once()) == 0


def test_everybody_at_once_is_refused_nothing_and_leaves_nothing_behind(
    database: Database, make_settings: SettingsMaker
) -> None:
    kinds = ("results", "events", "jobs", "history", "circuits")
    settings = make_settings(**{f"keep_{kind}_days": AT_ONCE for kind in kinds})
    acts = (_repeat_requests, _run_what_waits, _lose_leases, _cancel_and_delete, _read_pages)

    _pass_beside([partial(_try, act) for act in acts], settings, database, janitors=2)

    with database.transaction() as transaction:
        transaction.jobs.abandon_leases()
        transaction.jobs.fail_waiting("aer", Reason.PLUGIN_UNAVAILABLE, "all is over")
    Janitor(settings, database).run_once()
    assert _rows_left(database) == {}


def test_a_pass_ends_however_fast_things_become_old(database: Database, make_settings: SettingsMaker) -> None:
    for _ in range(2):
        a_finished_job(database)
    asked: list[bool] = []

    def finish_another() -> bool:
        a_finished_job(database)
        asked.append(True)
        return len(asked) > 9

    settings = make_settings(keep_jobs_count=1, keep_history_count=1).janitor
    removals = list(RowSweeper(database, settings, is_stopping=finish_another).sweep())

    assert {removal.kind: removal.count for removal in removals if removal.count} == {"jobs": 1, "history": 1}
    assert not asked


def _try(act: Callable[[Database], object], database: Database) -> None:
    """Act; what another removed a moment ago may be missed."""
    with suppress(NotFound, Conflict):
        act(database)


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
