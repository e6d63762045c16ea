"""Rewriting gates so that noise meets each of them once, whichever method runs them.

Noise follows gates by name. Where a method doesn't know a gate, its definition would meet the noise of every gate in
it, so that a method, chosen by numbers of qubits and shots, changed the machine that is simulated. Here one instruction
does what the gate does and carries the gate's name as its label, by which noise is found before the name (seen with Aer
0.18; `unitary` has no other way to have noise).
"""

from collections.abc import Set as AbstractSet

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate, ParameterExpression
from qiskit.circuit.library import CXGate, IGate, UnitaryGate
from qiskit.quantum_info import Operator

from plugins.aer.circuit_walk import Rule, definition_of
from plugins.aer.cliffords import clifford_rule
from plugins.aer.gate_widths import ONE_QUBIT_GATES, TWO_QUBIT_GATES

NOISELESS = "noiseless"
"""A label that no noise is ever given to."""


def unlabelled(instruction: CircuitInstruction) -> QuantumCircuit | None:
    """Take a client's own label off a gate: noise would be looked for under it, and the gate escape its own."""
    if instruction.label is None or not isinstance(instruction.operation, Gate):
        return None
    gate = instruction.operation.to_mutable()
    gate.label = None
    circuit = QuantumCircuit(len(instruction.qubits))
    circuit.append(gate, circuit.qubits, copy=False)
    return circuit


def noisy_rule(allowed: AbstractSet[str]) -> Rule:
    """Keep what is allowed; give other standard gates of one or two qubits as one unitary, and write out the rest."""

    def rule(instruction: CircuitInstruction) -> QuantumCircuit | None:
        if instruction.name in allowed or _carries_noise(instruction):
            return None
        if instruction.label == NOISELESS:
            return _without_noise(definition_of(instruction.operation))
        if not _is_narrow(instruction):
            return definition_of(instruction.operation)
        if _depends_on_loop(instruction):
            return _with_noise_behind(_without_noise(definition_of(instruction.operation)), instruction.name)
        circuit = QuantumCircuit(len(instruction.qubits))
        unitary = UnitaryGate(Operator(instruction.operation), label=instruction.name)
        circuit.append(unitary, circuit.qubits, copy=False)
        return circuit

    return rule


def noisy_clifford_rule(instruction: CircuitInstruction) -> QuantumCircuit | None:
    """Write Clifford gates with those of a stabilizer simulation; noise waits for an identity behind them."""
    written = clifford_rule(instruction)
    if written is None or not _is_narrow(instruction):
        return written
    return _with_noise_behind(_without_noise(written), instruction.name)


def _without_noise(written: QuantumCircuit) -> QuantumCircuit:
    circuit = QuantumCircuit(written.num_qubits, global_phase=written.global_phase)
    for inner in written.data:
        gate = inner.operation.to_mutable()
        gate.label = NOISELESS
        circuit.append(gate, [written.find_bit(qubit).index for qubit in inner.qubits], copy=False)
    return circuit


def _with_noise_behind(circuit: QuantumCircuit, name: str) -> QuantumCircuit:
    """Append an identity that meets the noise of the gate called `name`; `circuit` has one qubit or two."""
    if circuit.num_qubits == 1:
        circuit.append(IGate(label=name), circuit.qubits)
    else:
        circuit.append(CXGate(label=NOISELESS), circuit.qubits)
        circuit.append(CXGate(label=name), circuit.qubits)
    return circuit


def _depends_on_loop(instruction: CircuitInstruction) -> bool:
    """Say whether the gate has no matrix of its own, since a `for` around it sets its angle."""
    return any(isinstance(param, ParameterExpression) and param.parameters for param in instruction.params)


def _carries_noise(instruction: CircuitInstruction) -> bool:
    names = {1: ONE_QUBIT_GATES, 2: TWO_QUBIT_GATES}.get(len(instruction.qubits), frozenset())
    return instruction.name == "unitary" and instruction.label in names


def _is_narrow(instruction: CircuitInstruction) -> bool:
    return instruction.is_standard_gate() and instruction.name in ONE_QUBIT_GATES | TWO_QUBIT_GATES
