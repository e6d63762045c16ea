"""New jobs as rows: both ways of storing them write the same columns."""

from database.jobs.new_rows import JOB_NAMES, job_row
from tests.unit.database.builders import JobBuilder


def test_what_is_stored_at_once_names_each_column_of_a_row() -> None:
    assert set(job_row(JobBuilder().build())) == set(JOB_NAMES)
