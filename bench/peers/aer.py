"""Aer called by hand: as its documentation shows it, and as an expert does who knows where the time goes."""

from collections.abc import Mapping, Sequence
from functools import cache

from qiskit import QuantumCircuit, qasm2
from qiskit.quantum_info import SparsePauliOp
from qiskit.result import Result
from qiskit_aer import AerSimulator

from bench.tasks import Outcome, Task

_IN_ONE_RUN = 250


def run_as_documented(tasks: Sequence[Task]) -> Sequence[Outcome]:
    """Run one circuit after the other with default options, in this process."""
    simulator = AerSimulator()
    return [_run_one(simulator, task) for task in tasks]


def run_in_a_loop(tasks: Sequence[Task]) -> Sequence[Outcome]:
    """Run one circuit after the other on one thread, in this process."""
    return [run_task(task) for task in tasks]


def run_task(task: Task) -> Outcome:
    """Run one circuit on one thread, with a simulator that the process keeps."""
    return _run_one(_one_thread(), task)


def run_like_an_expert(tasks: Sequence[Task]) -> Sequence[Outcome]:
    """Run many circuits at a time on one thread, in this process. All tasks have the same number of shots."""
    outcomes: list[Outcome] = []
    for start in range(0, len(tasks), _IN_ONE_RUN):
        some = tasks[start : start + _IN_ONE_RUN]
        result = _one_thread().run([_prepared(task) for task in some], shots=some[0].shots).result()
        outcomes += [_outcome(result, index, task) for index, task in enumerate(some)]
    return outcomes


@cache
def _one_thread() -> AerSimulator:
    return AerSimulator(method="statevector", max_parallel_threads=1)


def _run_one(simulator: AerSimulator, task: Task) -> Outcome:
    return _outcome(simulator.run(_prepared(task), shots=task.shots).result(), 0, task)


def _prepared(task: Task) -> QuantumCircuit:
    """Read the text; what observables are worth is saved before the measurements, so that one run gives it all."""
    circuit = qasm2.loads(task.source)
    if not task.observables:
        return circuit
    qubits = range(circuit.num_qubits)
    del circuit.data[-circuit.num_qubits :]  # the measurements
    for number, terms in enumerate(task.observables):
        circuit.save_expectation_value(SparsePauliOp.from_list(list(terms)), qubits, label=f"expval{number}")
    circuit.measure(qubits, qubits)
    return circuit


def _outcome(result: Result, index: int, task: Task) -> Outcome:
    counts: Mapping[str, int] = result.get_counts(index)
    if not task.observables:
        return Outcome(counts, {}, ())
    data = result.data(index)
    expval = [float(data[f"expval{number}"]) for number in range(len(task.observables))]
    quasi_dist = {int(bits, 2): number / task.shots for bits, number in counts.items()}
    return Outcome(dict(counts), quasi_dist, expval)
