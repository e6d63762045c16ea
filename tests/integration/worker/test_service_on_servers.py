"""What must hold on any database and broker, held against PostgreSQL and RabbitMQ: see tests/unit/worker."""

from tests.unit.worker.test_faulty_jobs import (
    test_a_canceled_job_frees_its_core_within_a_second,
    test_a_crash_under_a_group_hurts_nobody_else,
    test_a_job_past_its_time_limit_fails_with_a_sentence,
    test_a_job_that_crashes_every_time_fails_after_its_last_attempt,
    test_a_job_that_returns_too_much_fails_alone,
    test_a_job_that_wants_too_much_memory_fails_alone,
    test_canceling_one_of_a_group_costs_the_others_nothing,
)
from tests.unit.worker.test_offers import (
    test_a_worker_registers_tells_that_it_lives_and_takes_its_leave,
)
from tests.unit.worker.test_service import (
    test_a_job_that_was_canceled_while_it_waited_is_never_started,
    test_duplicates_of_every_message_run_each_job_once,
    test_jobs_are_run_and_their_results_stored,
    test_results_are_kept_while_the_database_is_away,
)
from tests.unit.worker.test_stopping import (
    test_draining_lets_a_running_job_end_and_takes_no_other,
    test_what_is_not_done_when_the_drain_is_over_goes_back_without_losing_an_attempt,
)

__all__ = [
    "test_a_canceled_job_frees_its_core_within_a_second",
    "test_a_crash_under_a_group_hurts_nobody_else",
    "test_a_job_past_its_time_limit_fails_with_a_sentence",
    "test_a_job_that_crashes_every_time_fails_after_its_last_attempt",
    "test_a_job_that_returns_too_much_fails_alone",
    "test_a_job_that_wants_too_much_memory_fails_alone",
    "test_a_job_that_was_canceled_while_it_waited_is_never_started",
    "test_a_worker_registers_tells_that_it_lives_and_takes_its_leave",
    "test_canceling_one_of_a_group_costs_the_others_nothing",
    "test_draining_lets_a_running_job_end_and_takes_no_other",
    "test_duplicates_of_every_message_run_each_job_once",
    "test_jobs_are_run_and_their_results_stored",
    "test_results_are_kept_while_the_database_is_away",
    "test_what_is_not_done_when_the_drain_is_over_goes_back_without_losing_an_attempt",
]
