"""Small circuits as calls of Aer's state class: which are, and what each of their instructions becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit

from plugins.aer.demand import Demand
from plugins.aer.gate_calls import GATE_CALLS, PHASES, Amplitudes, GateCall, call_of_matrix
from plugins.aer.methods import Device, FloatPrecision, Method
from plugins.aer.openqasm2_steps import tell_steps
from qserver.plugins import Plan
from qserver.results import ResultType

MAX_DIRECT_QUBITS = 12
"""Up to here gates one by one take no longer than the controller's path (12 qubits, 10 layers of u and cx: 2.85 ms
against 2.90, without what Python does around it); fusion, which only the controller has, begins at 14 qubits."""
MAX_DIRECT_TERM_AMPLITUDES = 2**17
"""Terms of observables times amplitudes: beyond it Aer's own sum over the state is faster than ours."""


@dataclass(frozen=True, slots=True)
class DirectCircuit:
    """A circuit without its measurements, as calls on a state of `kept_qubits` alone, and what is measured at its end.

    `kept_qubits` are indices in the circuit, in rising order: place k of the state is the k-th of them. `outcomes` maps
    each written classical bit to the qubit of the circuit it shows. `phase` is that of the whole, in radians, which no
    call makes.
    """

    calls: Sequence[tuple[GateCall, list[int], Sequence[float]]]
    kept_qubits: Sequence[int]
    outcomes: dict[int, int]
    phase: float


def is_direct(demand: Demand, plan: Plan) -> bool:
    """Whether all that is asked for can be told from the final state of a small circuit, in double precision."""
    is_plain = (
        plan.method == Method.STATEVECTOR
        and plan.device == Device.CPU
        and demand.options.float_precision is FloatPrecision.DOUBLE
        and demand.dense_qubits <= MAX_DIRECT_QUBITS
        and not demand.profile.parameters
        and demand.is_deterministic(Method.STATEVECTOR)
    )
    if not is_plain or (demand.wants_sample and not demand.draws_exactly(Method.STATEVECTOR)):
        return False
    if not demand.wants(ResultType.EXPVAL):
        return True
    num_terms = sum(len(observable.terms) for observable in demand.request.observables)
    return num_terms << demand.dense_qubits <= MAX_DIRECT_TERM_AMPLITUDES


def direct_circuit(circuit: QuantumCircuit, *, keeps_idle_qubits: bool) -> DirectCircuit | None:
    """Write a circuit as calls, or give None: it holds more than standard gates, barriers and final measurements.

    Idle qubits, those that at most a barrier touches, are left out unless all are to be kept; one qubit stays.
    """
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    builder = DirectBuilder(float(circuit.global_phase))
    builder.quantum_register(circuit.num_qubits)
    for instruction in circuit.data:
        name = instruction.name
        if name == "barrier":
            continue
        qubits = [index[qubit] for qubit in instruction.qubits]
        if name == "measure":
            builder.measure(qubits[0], circuit.find_bit(instruction.clbits[0]).index)
        elif not instruction.is_standard_gate() or builder.is_measured(qubits):
            return None
        elif name in GATE_CALLS:
            builder.gate(name, qubits, instruction.params)
        else:
            builder.matrix(instruction.matrix, qubits)
    return builder.build(keeps_idle_qubits=keeps_idle_qubits)


def read_calls(text: str, *, keeps_idle_qubits: bool) -> DirectCircuit | None:
    """Write a text of OpenQASM 2 that was inspected before as calls, as `direct_circuit` does with a loaded circuit.

    Gives None where it is none that `tell_steps` reads.
    """
    builder = DirectBuilder()
    return builder.build(keeps_idle_qubits=keeps_idle_qubits) if tell_steps(text, builder) else None


class DirectBuilder:
    """Collects the calls of one circuit, whose qubits and classical bits are named by their index."""

    def __init__(self, phase: float = 0.0) -> None:
        """Begin with a global phase, in radians."""
        self._calls: list[tuple[GateCall, list[int], Sequence[float]]] = []
        self._outcomes: dict[int, int] = {}
        self._measured: set[int] = set()
        self._active: set[int] = set()
        self._phase = phase
        self._num_qubits = 0

    def gate(self, name: str, qubits: list[int], params: Sequence[float]) -> None:
        """Add a gate of GATE_CALLS. None of its qubits may have been measured."""
        if len(self._active) < self._num_qubits:
            self._active.update(qubits)
        self._calls.append((GATE_CALLS[name], qubits, params))
        if name in PHASES:
            self._phase += float(PHASES[name](params))

    def matrix(self, matrix: Amplitudes, qubits: list[int]) -> None:
        """Add a gate by its matrix. None of its qubits may have been measured."""
        self._active.update(qubits)
        self._calls.append((call_of_matrix(matrix), qubits, ()))

    def measure(self, qubit: int, clbit: int) -> None:
        """Add a measurement; a bit written twice shows the later one."""
        self._active.add(qubit)
        self._measured.add(qubit)
        self._outcomes[clbit] = qubit

    def quantum_register(self, size: int) -> None:
        """Add qubits."""
        self._num_qubits += size

    def classical_register(self, name: str, size: int) -> None:
        """Do nothing: outcomes name their bits."""

    def barrier(self, qubits: list[int]) -> None:
        """Do nothing: it means nothing to a state."""

    def is_measured(self, qubits: list[int]) -> bool:
        """Whether one of the qubits has been measured."""
        return not self._measured.isdisjoint(qubits)

    def build(self, *, keeps_idle_qubits: bool) -> DirectCircuit:
        """Give the circuit, of all its qubits or of those that anything acted on, but at least one."""
        if keeps_idle_qubits or len(self._active) == self._num_qubits:
            return DirectCircuit(self._calls, range(self._num_qubits), self._outcomes, self._phase)
        kept = sorted(self._active) or [0]
        place = {qubit: position for position, qubit in enumerate(kept)}
        moved = [(call, [place[qubit] for qubit in qubits], params) for call, qubits, params in self._calls]
        return DirectCircuit(moved, kept, self._outcomes, self._phase)
