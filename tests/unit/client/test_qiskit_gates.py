"""Gates that QPY can't make again reach the server as what they stand for."""

import io

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Gate
from qiskit.circuit.library import (
    AndGate,
    Isometry,
    LinearPauliRotationsGate,
    MSGate,
    MultiplierGate,
    StatePreparation,
    UCGate,
    UCPauliRotGate,
    efficient_su2,
)
from qiskit.quantum_info import Operator

from qserver.client.qiskit_circuits import qpy_of
from qserver.client.qiskit_gates import written_out

X, HADAMARD = np.array([[0, 1], [1, 0]]), np.array([[1, 1], [1, -1]]) / np.sqrt(2)
UNIFORM = UCGate([X, HADAMARD])


def of_a_gate(gate: Gate) -> QuantumCircuit:
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, range(gate.num_qubits))
    return circuit


@pytest.mark.parametrize(
    "gate",
    [
        UNIFORM,
        UNIFORM.control(1),
        of_a_gate(UNIFORM).to_gate(label="mine"),
        UCPauliRotGate([0.1, 0.2], "X"),
        Isometry(HADAMARD, 0, 0),
        StatePreparation([0.6, 0.8]).inverse(),
        LinearPauliRotationsGate(1, 0.1, 0.2),
        MSGate(2, 0.3),
        MultiplierGate(1),
        AndGate(2),
    ],
    ids=lambda gate: gate.name,
)
def test_what_is_read_back_does_what_the_gate_does(gate: Gate) -> None:
    circuit = of_a_gate(gate)

    (found,) = qpy.load(io.BytesIO(qpy_of(circuit)))

    assert Operator(found).equiv(Operator(circuit))


def test_gates_within_control_flow_are_written_out_too() -> None:
    circuit = QuantumCircuit(2, 1)
    with circuit.if_test((0, True)):
        circuit.append(UNIFORM, [0, 1])

    (found,) = qpy.load(io.BytesIO(qpy_of(circuit)))

    assert Operator(found.data[0].operation.blocks[0]).equiv(Operator(UNIFORM))


def test_a_circuit_of_other_gates_is_left_as_it_is() -> None:
    circuit = efficient_su2(3)
    circuit.unitary(HADAMARD, [0])
    circuit.mcx([0, 1], 2)
    circuit.measure_all()

    assert written_out(circuit) is circuit
