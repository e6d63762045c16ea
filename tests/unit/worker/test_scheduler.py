from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.claims import a_claim, a_group, a_plan
from worker.capacity import Capacity
from worker.groups import Lane
from worker.scheduler import MAX_WAITING_GROUPS, Need, Running, Waiting, choose, has_room, has_room_for_large, need_of

FOUR = Capacity(cores=4, places=4, memory_bytes=100)
WITH_GPU = Capacity(cores=4, places=4, memory_bytes=100, gpu_memory_bytes=1)


def narrow(seconds: float = 1.0, memory_bytes: int = 1) -> Need:
    return Need(Lane.NARROW, places=1, memory_bytes=memory_bytes, seconds=seconds)


def wide(seconds: float = 1.0) -> Need:
    return Need(Lane.WIDE, places=4, memory_bytes=1, seconds=seconds)


def gpu() -> Need:
    return Need(Lane.GPU, places=0, memory_bytes=1, seconds=1.0)


def running(*needs: Need, since: float = 0.0) -> list[Running]:
    return [Running(need, since) for need in needs]


def waiting(*needs: Need, since: float = 0.0) -> list[Waiting]:
    return [Waiting(need, since) for need in needs]


def test_the_first_that_waits_starts_first() -> None:
    assert choose(waiting(narrow(), narrow()), [], FOUR, now=0) == 0


def test_nothing_starts_when_every_place_is_taken() -> None:
    assert choose(waiting(narrow()), running(*[narrow()] * 4), FOUR, now=0) is None


def test_a_wide_group_waits_for_every_running_one() -> None:
    assert choose(waiting(wide()), running(narrow()), FOUR, now=0) is None
    assert choose(waiting(wide()), [], FOUR, now=0) == 0


def test_nothing_starts_beside_a_wide_group() -> None:
    assert choose(waiting(narrow()), running(wide()), FOUR, now=0) is None


def test_a_group_waits_for_memory() -> None:
    assert choose(waiting(narrow(memory_bytes=60)), running(narrow(memory_bytes=50)), FOUR, now=0) is None


def test_a_small_group_passes_a_wide_one_while_another_core_is_busy_for_longer() -> None:
    line = waiting(wide(), narrow(seconds=2.0), since=1.0)

    assert choose(line, running(narrow(seconds=10.0)), FOUR, now=1.0) == 1


def test_a_small_group_does_not_pass_a_wide_one_that_it_would_delay() -> None:
    line = waiting(wide(), narrow(seconds=20.0), since=1.0)

    assert choose(line, running(narrow(seconds=10.0)), FOUR, now=1.0) is None


def test_a_run_past_its_estimate_still_lets_short_groups_pass() -> None:
    line = waiting(wide(), narrow(seconds=2.0), since=1.0)

    assert choose(line, running(narrow(seconds=0.1)), FOUR, now=30.0) == 1


def test_a_small_group_passes_a_large_one_that_came_together_with_the_one_that_runs() -> None:
    large = need_of(a_group(a_claim(plan=a_plan(threads=0, memory_bytes=60))), FOUR)
    line = [*waiting(large, since=1.0), *waiting(narrow(), since=3.0)]

    assert choose(line, [Running(large, since_seconds=2.0, waited_seconds=1.0)], FOUR, now=3.0) == 1


def test_groups_that_passed_and_take_longer_than_foreseen_do_not_keep_the_wide_one_waiting() -> None:
    line = waiting(wide(), narrow(seconds=0.01), since=1.0)
    passed = running(narrow(seconds=0.01), since=2.0)

    assert choose(line, passed, FOUR, now=60.0) is None


def test_a_group_that_leaves_enough_for_the_one_ahead_may_pass_it() -> None:
    line = waiting(narrow(memory_bytes=60), narrow(seconds=1000.0, memory_bytes=10), since=1.0)

    assert choose(line, running(narrow(seconds=5.0, memory_bytes=50)), FOUR, now=1.0) == 1


def test_the_gpu_runs_one_group_at_a_time_beside_busy_cores() -> None:
    assert choose(waiting(gpu()), running(wide()), WITH_GPU, now=0) == 0
    assert choose(waiting(gpu()), running(gpu()), WITH_GPU, now=0) is None
    assert choose(waiting(gpu(), narrow(seconds=1000.0)), running(gpu()), WITH_GPU, now=0) == 1


def test_without_a_gpu_its_groups_never_start() -> None:
    assert choose(waiting(gpu()), [], FOUR, now=0) is None


def test_there_is_room_exactly_while_a_core_is_left() -> None:
    assert has_room([], running(*[narrow()] * 3), FOUR, gpu=False, now=0)
    assert not has_room([], running(*[narrow()] * 4), FOUR, gpu=False, now=0)


def test_small_ones_keep_flowing_past_a_wide_one_that_waits_for_a_long_run() -> None:
    assert has_room(waiting(wide(), since=1.0), running(narrow(seconds=60.0)), FOUR, gpu=False, now=1.0)


def test_no_more_is_claimed_when_too_many_claimed_groups_wait() -> None:
    line = waiting(*[wide()] * MAX_WAITING_GROUPS, since=1.0)

    assert not has_room(line, running(narrow(seconds=60.0)), FOUR, gpu=False, now=1.0)


def test_no_more_is_claimed_while_a_claimed_group_could_start() -> None:
    assert not has_room(waiting(narrow()), [], FOUR, gpu=False, now=0)


def test_large_groups_that_wait_keep_small_ones_from_nothing() -> None:
    large = need_of(a_group(a_claim(plan=a_plan(threads=0, memory_bytes=60))), FOUR)
    line = [Waiting(large, since_seconds=1.0, is_large=True)] * 5

    assert has_room(line, running(large), FOUR, gpu=False, now=1.0)
    assert not has_room_for_large(line)
    assert has_room_for_large(line[: MAX_WAITING_GROUPS - 1])


def test_the_gpu_has_its_own_queue() -> None:
    assert has_room(waiting(wide()), running(*[narrow()] * 4), WITH_GPU, gpu=True, now=0)
    assert not has_room([], running(gpu()), WITH_GPU, gpu=True, now=0)


def test_a_small_group_runs_beside_one_on_many_cores_and_a_second_one_waits() -> None:
    large = need_of(a_group(a_claim(plan=a_plan(threads=0, memory_bytes=60))), FOUR)

    assert choose(waiting(narrow()), running(large), FOUR, now=0) == 0
    assert choose(waiting(narrow()), running(large, narrow()), FOUR, now=0) is None
    assert choose(waiting(large), running(large), FOUR, now=0) is None


def test_a_small_group_runs_beside_one_that_needs_most_of_the_memory() -> None:
    large = need_of(a_group(a_claim(plan=a_plan(threads=0, memory_bytes=95))), FOUR)

    assert choose(waiting(narrow(memory_bytes=5)), running(large), FOUR, now=0) == 0
    assert choose(waiting(narrow(memory_bytes=6)), running(large), FOUR, now=0) is None


def test_a_group_that_needs_the_memory_of_others_runs_alone() -> None:
    large = need_of(a_group(a_claim(plan=a_plan(threads=0, memory_bytes=98))), FOUR)

    assert choose(waiting(narrow()), running(large), FOUR, now=0) is None


def test_an_estimate_above_all_memory_counts_as_all_of_it() -> None:
    group = a_group(a_claim(plan=a_plan(memory_bytes=5000)))

    need = need_of(group, FOUR)

    assert need.memory_bytes == 100
    assert choose(waiting(need), [], FOUR, now=0) == 0


needs = st.builds(narrow, st.floats(0, 100), st.integers(0, 100)) | st.builds(wide, st.floats(0, 100))


@given(st.lists(needs, max_size=6), st.lists(needs, max_size=12), st.floats(0, 1000))
def test_no_choice_ever_takes_more_than_there_is(line: list[Need], started: list[Need], now: float) -> None:
    runs: list[Running] = []
    for need in started:
        if choose(waiting(need), runs, FOUR, now=now) is not None:
            runs += running(need)

    index = choose(waiting(*line), runs, FOUR, now=now)

    taken = [run.need for run in runs] + ([line[index]] if index is not None else [])
    assert sum(need.places for need in taken) <= FOUR.places
    assert sum(need.memory_bytes for need in taken) <= FOUR.memory_bytes


@given(st.lists(needs, min_size=1, max_size=8), st.floats(0, 1000))
def test_something_always_starts_on_an_idle_worker(line: list[Need], now: float) -> None:
    assert choose(waiting(*line), [], FOUR, now=now) == 0
