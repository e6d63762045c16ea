"""One circuit that needs every core: how much QServer adds, and how much faster `auto` is."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.checks import check_outcomes
from bench.circuits import dense_circuit
from bench.figures import QSERVER, Comparison, Figure, Found, NotRunError
from bench.grpc_client import to_spec
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import SHOTS
from bench.meter import measure
from bench.peers.large_aer import LargeRun, best_options, run_large
from bench.quantum_volume import quantum_volume_circuit
from bench.tasks import Task

_AER = "Aer at its best options"
_LEAST_QUBITS = 14
_FEWER_TO_CHOOSE = 2
"""Options are chosen with a circuit of so many qubits less, in a quarter of the time."""


@dataclass(frozen=True, slots=True)
class LargeCircuit:
    """The same circuit on QServer and by hand, one after the other: a pair a round."""

    name: str
    what: str
    qubits: int
    circuit: Callable[[int, int], str]
    """Gives the circuit of a number of qubits and a seed."""
    backend: str
    precisions: tuple[str, ...]
    """What Aer by hand may compute in: where QServer computes in double precision, it does too."""
    wall: Comparison
    cpu: Comparison | None = None
    warms_itself: bool = False

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give seconds on the clock, and CPU seconds where they have a target."""
        what = self.what.format(qubits=self._qubits_at(scale))
        wall = Figure(f"{what}, time on the clock", "s", [self.wall])
        return [Figure(f"{what}, CPU time", "s", [self.cpu]), wall] if self.cpu else [wall]

    def run(self, house: House, turn: Round) -> Found:
        """Run the pair, in turns the one or the other first. Raises NotRunError where the backend is missing."""
        if self.backend not in house.qserver.client.backends():
            raise NotRunError(f"backend {self.backend!r} is not served")
        task = Task(self.circuit(self._qubits_at(turn.scale), turn.seed(self.name)), SHOTS)
        by_hand = partial(self._run_by_hand, house, task, turn.scale)
        by_qserver = partial(self._submit, house, task)
        order = (by_qserver, by_hand) if turn.number % 2 else (by_hand, by_qserver)
        runs = dict(each() for each in order)
        return self._found(runs, turn.scale)

    def _submit(self, house: House, task: Task) -> tuple[str, LargeRun]:
        spec = partial(to_spec, backend=self.backend)
        measured = measure(house.qserver.parts, lambda: house.qserver.client.run_one(task, spec))
        check_outcomes(QSERVER, [task], [measured.given])
        return QSERVER, LargeRun(measured.given, measured.seconds, measured.served_cpu_seconds)

    def _run_by_hand(self, house: House, task: Task, scale: float) -> tuple[str, LargeRun]:
        smaller = self.circuit(self._qubits_at(scale) - _FEWER_TO_CHOOSE, 0)
        options = house.expert.call(best_options, smaller, SHOTS, self.precisions)
        run = house.expert.call(run_large, task, options)
        check_outcomes(_AER, [task], [run.outcome])
        return _AER, run

    def _found(self, runs: dict[str, LargeRun], scale: float) -> Found:
        values = {
            "s": {party: run.seconds for party, run in runs.items()},
            "cpu": {party: run.cpu_seconds for party, run in runs.items()},
        }
        figures = self.figures(scale)
        return Found({figure.what: values["cpu" if figure.comparisons[0] is self.cpu else "s"] for figure in figures})

    def _qubits_at(self, scale: float) -> int:
        return max(_LEAST_QUBITS, self.qubits + math.floor(math.log2(scale)))


def _quantum_volume(qubits: int, seed: int) -> str:
    return quantum_volume_circuit(qubits, seed=seed)


def _dense(qubits: int, seed: int) -> str:
    return dense_circuit(qubits, depth=20, seed=seed)


QUANTUM_VOLUME = LargeCircuit(
    "quantum_volume",
    "one quantum-volume circuit of {qubits} qubits",
    qubits=24,
    circuit=_quantum_volume,
    backend="aer",
    precisions=("double",),
    wall=Comparison(QSERVER, _AER),
    cpu=Comparison(QSERVER, _AER, at_most=1.03),
)
QUANTUM_VOLUME_AUTO = LargeCircuit(
    "quantum_volume_auto",
    "one quantum-volume circuit of {qubits} qubits on `auto`",
    qubits=24,
    circuit=_quantum_volume,
    backend="auto",
    precisions=("double", "single"),
    wall=Comparison(_AER, QSERVER, at_least=8),
)
DENSE_AUTO = LargeCircuit(
    "dense_auto",
    "one dense circuit of {qubits} qubits and depth 20 on `auto`",
    qubits=25,
    circuit=_dense,
    backend="auto",
    precisions=("double", "single"),
    wall=Comparison(_AER, QSERVER, at_least=8),
)
