"""Everybody gets the same circuits, in turns, and is held to the results."""

from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from bench.checks import WrongOutcomeError
from bench.figures import QSERVER, Comparison
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import EXPERT, Contestant, Run, Throughput
from bench.meter import Part
from bench.tasks import Outcome, Task

HOUSE = House(ExitStack())


class Parties:
    """Remembers who ran what, in order. All say the same of an observable, but the one that `lies` names."""

    def __init__(self, lies: str = "") -> None:
        self.ran: list[tuple[str, Sequence[Task]]] = []
        self._lies = lies

    def contestant(self, name: str, share: float = 1.0) -> Contestant:
        def run(tasks: Sequence[Task]) -> Sequence[Outcome]:
            self.ran.append((name, tasks))
            expval = [0.4 if name == self._lies else 0.5]
            return [Outcome({"0": task.shots}, {0: 1.0}, expval) for task in tasks]

        def enter(house: House) -> tuple[Sequence[Part], Run]:  # noqa: ARG001 - who takes part needs no house here
            return [], run

        return Contestant(enter, share)

    def measure(self) -> Throughput:
        contestants = {
            QSERVER: self.contestant(QSERVER),
            EXPERT: self.contestant(EXPERT),
            "slow": self.contestant("slow", share=0.1),
        }
        return Throughput("fake", "{jobs:,} tasks", 1000, tasks, contestants, [Comparison(QSERVER, EXPERT)])


def tasks(number: int, seed: int) -> Sequence[Task]:
    return [Task(f"{seed} {index}", 7, [[("Z", 1.0)]]) for index in range(number)]


def test_all_run_the_same_circuits_but_a_slow_one_a_share() -> None:
    parties = Parties()

    found = parties.measure().run(HOUSE, Round(3, 1))

    ran = dict(parties.ran)
    assert ran[QSERVER] == ran[EXPERT]
    assert len(ran[QSERVER]) == 1000
    assert list(ran["slow"]) == list(ran[QSERVER])[::10]
    assert set(found.values["1,000 tasks"]) == {QSERVER, EXPERT, "slow"}
    assert all(rate > 0 for rate in found.values["1,000 tasks"].values())
    assert list(found.cpu_milliseconds[EXPERT]) == ["client"]


def test_each_round_begins_with_another_party_and_has_other_circuits() -> None:
    parties = Parties()
    measure = parties.measure()

    for number in (1, 2, 3):
        measure.run(HOUSE, Round(number, 0.1))

    assert [name for name, _ in parties.ran[::3]] == [EXPERT, "slow", QSERVER]
    assert len({some[0].source for name, some in parties.ran if name == QSERVER}) == 3


def test_a_party_that_disagrees_ends_the_run() -> None:
    parties = Parties(lies=EXPERT)

    with pytest.raises(WrongOutcomeError, match="expert says"):
        parties.measure().run(HOUSE, Round(1, 0.1))
