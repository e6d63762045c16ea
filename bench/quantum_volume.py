"""Quantum-volume circuits (Cross et al., arXiv:1811.12926, figure 1), as OpenQASM 2 text."""

from qiskit import QuantumCircuit, qasm2, transpile
from qiskit.circuit.library import quantum_volume


def quantum_volume_circuit(qubits: int, *, seed: int) -> str:
    """Give as many layers of random two-qubit unitaries as there are qubits, in `u3` and `cx`, all measured."""
    gates = transpile(quantum_volume(qubits, seed=seed), basis_gates=["u3", "cx"], optimization_level=1)
    circuit = QuantumCircuit(qubits, qubits)
    circuit.compose(gates, inplace=True)
    circuit.measure(range(qubits), range(qubits))
    text: str = qasm2.dumps(circuit)
    return text
