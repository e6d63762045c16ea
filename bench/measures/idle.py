"""How long a lone job takes at an idle system."""

import time
from collections.abc import Callable, Sequence

from bench.circuits import BELL
from bench.figures import QSERVER, Comparison, Figure, Found
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import SHOTS
from bench.peers.aer import run_in_a_loop
from bench.spread import percentile
from bench.tasks import Outcome, Task

_AER = "one-thread Aer, median"
_BELL = Task(BELL, SHOTS)
_MEDIAN = "one Bell circuit at an idle system, submit to result pushed, p50 of {jobs:,}"
_SLOWEST = "the same, p99"


class Idle:
    """One Bell circuit after the other, each submitted when the one before was read."""

    name = "idle"
    warms_itself = False
    jobs = 500

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give median and 99th percentile."""
        jobs = Round(1, scale).size(self.jobs)
        return [
            Figure(_MEDIAN.format(jobs=jobs), "ms", [Comparison(QSERVER, _AER, at_most=10)]),
            Figure(_SLOWEST, "ms", [Comparison(QSERVER, _AER, at_most=30)]),
        ]

    def run(self, house: House, turn: Round) -> Found:
        """Time QServer's client, and Aer in a process of its own."""
        jobs = turn.size(self.jobs)
        own = [_milliseconds(house.qserver.client.run_one) for _ in range(jobs)]
        aer = percentile(house.expert.call(time_by_hand, jobs), 50)
        median, slowest = self.figures(turn.scale)
        return Found(
            {
                median.what: {QSERVER: percentile(own, 50), _AER: aer},
                slowest.what: {QSERVER: percentile(own, 99), _AER: aer},
            }
        )


def time_by_hand(jobs: int) -> Sequence[float]:
    """Give the milliseconds of each of many Bell circuits, parsed and run on one thread in this process."""
    return [_milliseconds(_run_by_hand) for _ in range(jobs)]


def _run_by_hand(task: Task) -> Outcome:
    return run_in_a_loop([task])[0]


def _milliseconds(run: Callable[[Task], Outcome]) -> float:
    started_at = time.perf_counter()
    run(_BELL)
    return 1000 * (time.perf_counter() - started_at)
