"""Which jobs need no round of the dispatcher."""

import pytest

from jobs_server.free_routes import FreeRoutes, Room
from tests.unit.jobs_server.builders import new_job

GIB = 1024**3


@pytest.fixture
def free_routes() -> FreeRoutes:
    made = FreeRoutes()
    made.offer({"cpu": Room(jobs=2, memory_bytes=GIB), "large": Room(jobs=1, memory_bytes=4 * GIB)}, is_all_free=True)
    return made


def test_nothing_is_free_before_a_round_said_so() -> None:
    assert not FreeRoutes().take([new_job()])
    assert not FreeRoutes().needs_no_round


def test_room_is_used_up(free_routes: FreeRoutes) -> None:
    assert [free_routes.take([new_job()]) for _ in range(3)] == [True, True, False]


def test_a_job_that_was_claimed_gives_its_room_back_once(free_routes: FreeRoutes) -> None:
    jobs = [new_job(), new_job()]
    free_routes.take(jobs)

    free_routes.give_back([jobs[0].id, new_job().id])
    free_routes.give_back([jobs[0].id])

    assert [free_routes.take([new_job()]) for _ in range(2)] == [True, False]


def test_each_route_has_its_own_room(free_routes: FreeRoutes) -> None:
    assert free_routes.take([new_job(), new_job(route="large"), new_job()])
    assert not free_routes.take([new_job(route="gpu")])


def test_jobs_that_came_together_are_taken_together_or_not_at_all(free_routes: FreeRoutes) -> None:
    assert not free_routes.take([new_job(route="large"), new_job(route="large")])
    assert free_routes.take([new_job(), new_job()])


def test_nobody_passes_a_job_that_found_no_room(free_routes: FreeRoutes) -> None:
    assert not free_routes.take([new_job() for _ in range(3)])
    assert not free_routes.take([new_job()])
    assert free_routes.take([new_job(route="large")])


def test_room_given_back_where_a_job_found_none_is_the_next_rounds(free_routes: FreeRoutes) -> None:
    claimed = new_job()
    assert free_routes.take([claimed])
    assert not free_routes.take([new_job(), new_job()])

    free_routes.give_back([claimed.id])

    assert not free_routes.take([new_job()])
    assert not free_routes.needs_no_round


def test_a_job_that_no_idle_worker_can_hold_is_left_to_the_dispatcher(free_routes: FreeRoutes) -> None:
    assert not free_routes.take([new_job(memory_bytes=2 * GIB)])


def test_a_new_round_tells_anew(free_routes: FreeRoutes) -> None:
    free_routes.take([new_job() for _ in range(3)])
    free_routes.offer({"cpu": Room(jobs=1, memory_bytes=GIB)}, is_all_free=True)

    assert [free_routes.take([new_job()]) for _ in range(2)] == [True, False]


def test_rounds_may_wait_while_half_of_the_room_is_left_and_nothing_waits(free_routes: FreeRoutes) -> None:
    needs_no_round = [free_routes.needs_no_round]
    for _ in range(2):
        free_routes.take([new_job()])
        needs_no_round.append(free_routes.needs_no_round)

    assert needs_no_round == [True, True, False]


def test_a_job_that_waits_anywhere_needs_a_round(free_routes: FreeRoutes) -> None:
    free_routes.take([new_job(route="gpu")])
    has_refused = not free_routes.needs_no_round
    free_routes.offer({"cpu": Room(jobs=2, memory_bytes=GIB)}, is_all_free=False)

    assert has_refused
    assert not free_routes.needs_no_round


def test_after_a_fault_nothing_is_free(free_routes: FreeRoutes) -> None:
    free_routes.withdraw()

    assert not free_routes.take([new_job()])
