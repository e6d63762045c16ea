"""Small circuits as calls of Aer's state class: which are, and what each of their instructions becomes."""

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction

from plugins.aer.demand import Demand
from plugins.aer.gate_calls import GATE_CALLS, PHASES, GateCall, call_of_matrix
from plugins.aer.methods import Device, FloatPrecision, Method
from plugins.aer.openqasm2_statements import read_plain
from plugins.aer.plain_circuits import BARRIER
from qserver.plugins import Plan
from qserver.results import ResultType

MAX_DIRECT_QUBITS = 12
"""Up to here gates one by one take no longer than the controller's path (12 qubits, 10 layers of u and cx: 2.85 ms
against 2.90, without what Python does around it); fusion, which only the controller has, begins at 14 qubits."""
MAX_DIRECT_TERM_AMPLITUDES = 2**17
"""Terms of observables times amplitudes: beyond it Aer's own sum over the state is faster than ours."""


Call = tuple[GateCall, Sequence[int], Sequence[float]]


@dataclass(frozen=True, slots=True)
class DirectCircuit:
    """A circuit without its measurements, as calls on a state of `kept_qubits` alone, and what is measured at its end.

    `kept_qubits` are indices in the circuit, in rising order: place k of the state is the k-th of them. `outcomes` maps
    each written classical bit to the qubit of the circuit it shows. `phase` is that of the whole, in radians, which no
    call makes.
    """

    calls: Sequence[Call]
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
    calls: list[Call] = []
    phase = float(circuit.global_phase)
    outcomes: dict[int, int] = {}
    measured: set[int] = set()
    for instruction in circuit.data:
        name = instruction.name
        if name == BARRIER:
            continue
        qubits = [index[qubit] for qubit in instruction.qubits]
        if name == "measure":
            measured.add(qubits[0])
            outcomes[circuit.find_bit(instruction.clbits[0]).index] = qubits[0]
        elif not instruction.is_standard_gate() or not measured.isdisjoint(qubits):
            return None
        else:
            phase += _phase(name, instruction.params)
            calls.append((_gate_call(instruction), qubits, instruction.params))
    active = measured.union(*(qubits for _, qubits, _ in calls))
    kept = range(circuit.num_qubits) if keeps_idle_qubits else sorted(active) or [0]
    return _on_qubits(kept, DirectCircuit(calls, range(circuit.num_qubits), outcomes, phase))


def read_calls(text: str, *, keeps_idle_qubits: bool) -> DirectCircuit | None:
    """Write a text of OpenQASM 2 that was inspected before as calls, as `direct_circuit` does with a loaded circuit.

    Gives None where it is none that `read_plain` reads.
    """
    circuit = read_plain(text)
    if circuit is None:
        return None
    calls = [(GATE_CALLS[name], qubits, params) for name, qubits, params in circuit.steps if name != BARRIER]
    outcomes = {clbit: qubit for qubit, clbit, _ in circuit.measurements}
    phase = sum(_phase(name, params) for name, _, params in circuit.steps if name in PHASES)
    kept = range(circuit.num_qubits) if keeps_idle_qubits else sorted(circuit.active_qubits()) or [0]
    return _on_qubits(kept, DirectCircuit(calls, range(circuit.num_qubits), outcomes, phase))


def _gate_call(instruction: CircuitInstruction) -> GateCall:
    return GATE_CALLS.get(instruction.name) or call_of_matrix(instruction.matrix)


def _phase(name: str, params: Sequence[float]) -> float:
    return float(PHASES[name](params)) if name in PHASES else 0.0


def _on_qubits(kept: Sequence[int], circuit: DirectCircuit) -> DirectCircuit:
    """Leave all other qubits out, which nothing acts on."""
    if len(kept) == len(circuit.kept_qubits):
        return circuit
    place = {qubit: position for position, qubit in enumerate(kept)}
    moved = [(call, [place[qubit] for qubit in qubits], params) for call, qubits, params in circuit.calls]
    return DirectCircuit(moved, kept, circuit.outcomes, circuit.phase)
