"""Peers run in processes that are kept."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from bench.circuits import small_circuits
from bench.peers.expert import Expert
from bench.peers.kept_process import KeptProcess
from bench.tasks import Task


@pytest.fixture
def process() -> Iterator[KeptProcess]:
    with closing(KeptProcess()) as process:
        yield process


def test_it_gives_what_a_function_gives(process: KeptProcess) -> None:
    assert [process.call(divmod, 7, 3), process.call(divmod, 9, 2)] == [(2, 1), (4, 1)]


def test_it_raises_what_a_function_raises_and_goes_on(process: KeptProcess) -> None:
    with pytest.raises(ZeroDivisionError):
        process.call(divmod, 7, 0)

    assert process.call(divmod, 7, 7) == (1, 0)


def test_the_experts_halves_come_back_in_order() -> None:
    tasks = [Task(source, shots) for shots, source in enumerate(small_circuits(4, seed=1), start=1)]
    same_shots = [Task(task.source, 5) for task in tasks]

    with closing(Expert()) as expert:
        looped = expert.run_in_a_loop(tasks)
        halved = expert.run(same_shots)

    assert [sum(outcome.counts.values()) for outcome in looped] == [1, 2, 3, 4]
    assert [sum(outcome.counts.values()) for outcome in halved] == [5] * 4
