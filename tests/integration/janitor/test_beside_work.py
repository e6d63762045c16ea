"""Passes that remove all they may, while the same circuits come and run again: nothing that a job needs goes."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from database import Database
from janitor.service import Janitor
from qserver.settings import Settings
from tests.integration.janitor.conftest import SettingsMaker
from tests.unit.database.builders import JobBuilder, claimed, finished, submitted

AT_ONCE = 1e-9
"""Days: whatever is over is old."""

PASSES = 10
SOURCES = [b"OPENQASM 2.0;// shared by all", b"OPENQASM 2.0;// shared too"]


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
