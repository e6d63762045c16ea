"""The life of a job, in any order of events, on PostgreSQL."""

from qserver.settings import DatabaseSettings
from tests.integration.database.conftest import open_empty_database
from tests.unit.database.contract.life import check_life_of_jobs


def test_no_order_of_events_loses_a_job_or_leaves_an_illegal_state(database_settings: DatabaseSettings) -> None:
    check_life_of_jobs(lambda: open_empty_database(database_settings), examples=10)
