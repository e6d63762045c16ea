"""Every gate of the standard includes and of Qiskit's legacy extension does what its matrix says, on every method."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, Pauli, Statevector

from plugins.aer.inspector import parse
from qserver.circuits import CircuitFormat
from qserver.jobs import Observable, PauliTerm
from qserver.results import ResultType
from tests.unit.aer.running import HEADER2, HEADER3, result_of, statevector_of, task_of

ANGLES = (0.3, 1.1, -0.7, 2.3)
QELIB1 = {
    **dict.fromkeys(("x", "y", "z", "h", "s", "sdg", "t", "tdg", "id"), (0, 1)),
    **dict.fromkeys(("rx", "ry", "rz", "u1"), (1, 1)),
    "u2": (2, 1),
    "u3": (3, 1),
    "u0": (1, 1),
    **dict.fromkeys(("cx", "cy", "cz", "ch"), (0, 2)),
    **dict.fromkeys(("crz", "cu1"), (1, 2)),
    "cu3": (3, 2),
    "ccx": (0, 3),
}
STDGATES = {
    **dict.fromkeys(("x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "id"), (0, 1)),
    **dict.fromkeys(("p", "rx", "ry", "rz", "phase", "u1"), (1, 1)),
    "u2": (2, 1),
    "u3": (3, 1),
    **dict.fromkeys(("cx", "cy", "cz", "ch", "swap", "CX"), (0, 2)),
    **dict.fromkeys(("cp", "crx", "cry", "crz", "cphase"), (1, 2)),
    "cu": (4, 2),
    **dict.fromkeys(("ccx", "cswap"), (0, 3)),
}
LEGACY = {
    gate.name: (gate.num_params, gate.num_qubits)
    for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS
    if gate.name != "delay"  # must be declared by the text itself
}
DENSE_BACKENDS = ("aer", "aer_statevector", "aer_density_matrix", "aer_matrix_product_state")


def _call(name: str, num_params: int, num_qubits: int) -> str:
    angles = ("2",) if name == "u0" else tuple(map(str, ANGLES[:num_params]))  # u0 waits for whole gate lengths
    params = f"({','.join(angles)})" if num_params else ""
    return f"{name}{params} {','.join(f'q[{qubit}]' for qubit in reversed(range(num_qubits)))};\n"


def _preparation(num_qubits: int) -> str:
    """A product state with no symmetry, so that no gate acts trivially on it."""
    return "".join(
        f"ry({0.4 + 0.3 * qubit}) q[{qubit}];\nrz({0.9 - 0.5 * qubit}) q[{qubit}];\n" for qubit in range(num_qubits)
    )


def _cases() -> Iterator[tuple[str, str]]:
    for name, (num_params, num_qubits) in (QELIB1 | LEGACY).items():
        body = f"qreg q[{num_qubits}];\n" + _preparation(num_qubits) + _call(name, num_params, num_qubits)
        yield f"openqasm2-{name}", HEADER2 + body
    for name, (num_params, num_qubits) in STDGATES.items():
        body = f"qubit[{num_qubits}] q;\n" + _preparation(num_qubits) + _call(name, num_params, num_qubits)
        yield f"openqasm3-{name}", HEADER3 + body


CASES = dict(_cases())


def _expected(source: str) -> Statevector:
    circuit_format = CircuitFormat.OPENQASM3 if "OPENQASM 3" in source else CircuitFormat.OPENQASM2
    return Statevector(parse(source.encode(), circuit_format))


@pytest.mark.parametrize("case", sorted(CASES))
def test_each_gate_makes_the_state_that_qiskit_computes(case: str) -> None:
    expected = _expected(CASES[case])

    for backend in ("aer_statevector", "aer_matrix_product_state"):
        state = statevector_of(result_of(task_of(CASES[case], {ResultType.STATEVECTOR}, backend=backend)))

        np.testing.assert_allclose(abs(np.vdot(state, expected.data)), 1.0, atol=1e-9, err_msg=backend)


@pytest.mark.parametrize("case", sorted(CASES))
def test_each_gate_gives_the_expectation_values_of_its_state_on_every_dense_method(case: str) -> None:
    expected = _expected(CASES[case])
    paulis = ("XYZXY"[: expected.num_qubits], "ZZXYZ"[: expected.num_qubits], "YXXZX"[: expected.num_qubits])
    observables = tuple(Observable((PauliTerm(pauli, 1.0),)) for pauli in paulis)
    exact = [float(np.real(expected.expectation_value(Pauli(pauli)))) for pauli in paulis]

    for backend in DENSE_BACKENDS:
        result = result_of(task_of(CASES[case], {ResultType.EXPVAL}, backend=backend, observables=observables))

        np.testing.assert_allclose(result.expval or (), exact, atol=1e-8, err_msg=backend)


def test_the_statevector_keeps_the_global_phase_of_gates_that_are_written_out() -> None:
    source = HEADER2 + "gate mine a { rz(0.7) a; u1(0.2) a; }\nqreg q[1];\nh q[0];\nmine q[0];\n"

    state = statevector_of(result_of(task_of(source, {ResultType.STATEVECTOR})))

    np.testing.assert_allclose(state, Statevector(parse(source.encode(), CircuitFormat.OPENQASM2)).data, atol=1e-12)


STANDARD_GATES = sorted(set(get_standard_gate_name_mapping()) - {"measure", "reset", "delay"})


@pytest.mark.parametrize("name", STANDARD_GATES)
def test_each_standard_gate_of_qiskit_runs_after_qpy(name: str) -> None:
    operation = get_standard_gate_name_mapping()[name]
    gate = operation.base_class(*ANGLES[: len(operation.params)])
    circuit = QuantumCircuit(max(1, gate.num_qubits))
    for qubit in range(circuit.num_qubits):
        circuit.ry(0.4 + 0.3 * qubit, qubit)
    circuit.append(gate, range(gate.num_qubits))

    state = statevector_of(result_of(task_of(circuit, {ResultType.STATEVECTOR})))

    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-9)


def test_a_circuit_and_its_inverse_give_all_zeros() -> None:
    forward = "u3(0.3,1.1,2.2) q[0];\nch q[0],q[1];\nccx q[0],q[1],q[2];\ncu3(0.1,0.2,0.3) q[2],q[0];\n"
    circuit = parse((HEADER2 + "qreg q[3];\n" + forward).encode(), CircuitFormat.OPENQASM2)
    closed = circuit.compose(circuit.inverse())
    closed.measure_all()

    counts = result_of(task_of(closed, {ResultType.COUNTS})).counts

    assert counts == {"000": 1000}
    assert math.isclose(abs(np.trace(Operator(circuit.compose(circuit.inverse())).data)), 8.0)


@pytest.mark.parametrize(
    "source",
    [
        "OPENQASM 2.0;\ngate h a { U(0.4,0,0) a; }\nqreg q[1];\ncreg c[1];\nh q[0];\n",
        "OPENQASM 3.0;\ngate h a { U(0.4,0,0) a; }\nqubit[1] q;\nh q[0];\n",
        HEADER2 + "gate ryy(t) a,b { x a; ry(t) b; }\nqreg q[2];\nryy(0.4) q[0],q[1];\n",
        HEADER2 + "gate cx_oracle a,b { ch a,b; }\nqreg q[2];\nx q[0];\ncx_oracle q[0],q[1];\n",
    ],
)
def test_a_gate_of_the_clients_own_means_what_the_client_wrote(source: str) -> None:
    expected = {
        "h": [math.cos(0.2), math.sin(0.2)],
        "ryy": [0, math.cos(0.2), 0, math.sin(0.2)],
        "cx_oracle": [0, math.sqrt(0.5), 0, math.sqrt(0.5)],
    }
    name = next(word for word in expected if f"gate {word}" in source)

    state = statevector_of(result_of(task_of(source, {ResultType.STATEVECTOR})))

    np.testing.assert_allclose(np.abs(state), expected[name], atol=1e-9)
