"""Aer called by hand: as its documentation shows it, and as an expert does who knows where the time goes."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from qiskit import qasm2
from qiskit_aer import AerSimulator

_IN_ONE_RUN = 250

Counts = Mapping[str, int]


def run_as_documented(sources: Sequence[str], shots: int) -> Sequence[Counts]:
    """Run one circuit after the other with default options, in this process."""
    simulator = AerSimulator()
    return [_counts_of_one(simulator, source, shots) for source in sources]


def _counts_of_one(simulator: AerSimulator, source: str, shots: int) -> Counts:
    counts: Counts = simulator.run(qasm2.loads(source), shots=shots).result().get_counts()
    return counts


def run_like_an_expert(sources: Sequence[str], shots: int) -> Sequence[Counts]:
    """Run many circuits at a time on one thread, in this process."""
    simulator = AerSimulator(method="statevector", max_parallel_threads=1)
    counts: list[Counts] = []
    for start in range(0, len(sources), _IN_ONE_RUN):
        circuits = [qasm2.loads(source) for source in sources[start : start + _IN_ONE_RUN]]
        result = simulator.run(circuits, shots=shots).result()
        counts += [result.get_counts(index) for index in range(len(circuits))]
    return counts


class Expert:
    """Two processes that are kept warm, a half of the circuits each."""

    processes = 2

    def __enter__(self) -> Self:
        """Start the processes and have them load what they need."""
        self._pool = ProcessPoolExecutor(self.processes, mp_context=get_context("spawn"))
        list(self._pool.map(run_like_an_expert, [()] * self.processes, [1] * self.processes))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self._pool.shutdown()

    def run(self, sources: Sequence[str], shots: int) -> int:
        """Run all circuits; gives how many results there are."""
        halves = [sources[index :: self.processes] for index in range(self.processes)]
        return sum(map(len, self._pool.map(run_like_an_expert, halves, [shots] * self.processes)))
