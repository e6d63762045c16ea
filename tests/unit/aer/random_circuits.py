"""Random circuits whose measurements come last, and observables for them."""

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

from plugins.aer.direct_circuits import MAX_DIRECT_QUBITS
from qserver.jobs import Observable, PauliTerm

STANDARD_GATES = {name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)}


def random_gate(random: np.random.Generator, num_qubits: int) -> Gate:
    fitting = [gate for gate in STANDARD_GATES.values() if gate.num_qubits <= num_qubits]
    gate = fitting[random.integers(len(fitting))]
    return type(gate)(*random.uniform(-4, 4, len(gate.params)))


def random_measured(seed: int) -> QuantumCircuit:
    """Registers, idle qubits, every standard gate, barriers, resets at the start, and bits in another order.

    One in forty is as wide as may be, or nearly.
    """
    random = np.random.default_rng(seed)
    num_qubits = int(random.integers(1, 7)) if seed % 40 else MAX_DIRECT_QUBITS - seed // 40 % 3
    used = random.permutation(num_qubits)[: random.integers(1, num_qubits + 1)].tolist()
    circuit = QuantumCircuit(
        QuantumRegister(num_qubits, "q"), ClassicalRegister(2, "low"), ClassicalRegister(5, "high")
    )
    circuit.global_phase = random.uniform(-3, 3)
    if random.random() < 0.2:
        circuit.reset(used[0])
    for _ in range(random.integers(0, 12)):
        gate = random_gate(random, len(used))
        circuit.append(gate, random.choice(used, gate.num_qubits, replace=False).tolist())
        if random.random() < 0.2:
            circuit.barrier()
    for qubit in random.permutation(num_qubits)[: random.integers(1, num_qubits + 1)].tolist():
        circuit.measure(qubit, int(random.integers(circuit.num_clbits)))
    return circuit


def random_observables(seed: int, num_qubits: int) -> tuple[Observable, ...]:
    random = np.random.default_rng([seed, 1])

    def term() -> PauliTerm:
        return PauliTerm("".join(random.choice(list("IXYZ"), num_qubits)), random.uniform(-2, 2))

    return tuple(Observable(tuple(term() for _ in range(3))) for _ in range(2))
