"""Results of many jobs, on PostgreSQL: what tests/unit says of them on SQLite, with real announcements."""

from tests.unit.jobs_server.test_get_results import (
    test_a_call_that_its_client_cancels_is_cleaned_up,
    test_a_job_that_ends_without_a_result_ends_the_wait,
    test_a_large_result_comes_alone,
    test_hundreds_of_results_cost_one_reading_and_few_messages,
    test_jobs_that_end_together_come_together,
    test_waiting_gives_what_is_there_and_the_rest_as_it_ends,
    test_without_waiting_each_job_is_answered_as_it_stands,
)

__all__ = [
    "test_a_call_that_its_client_cancels_is_cleaned_up",
    "test_a_job_that_ends_without_a_result_ends_the_wait",
    "test_a_large_result_comes_alone",
    "test_hundreds_of_results_cost_one_reading_and_few_messages",
    "test_jobs_that_end_together_come_together",
    "test_waiting_gives_what_is_there_and_the_rest_as_it_ends",
    "test_without_waiting_each_job_is_answered_as_it_stands",
]
