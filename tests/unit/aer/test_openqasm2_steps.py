"""OpenQASM 2 read as calls of Aer's state class: held against Qiskit's own circuit of the same text."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm2
from qiskit.quantum_info import Statevector

from plugins.aer import openqasm2_steps, preparation
from plugins.aer.direct_circuits import read_calls
from plugins.aer.openqasm2_steps import can_read_steps
from qserver.results import ResultType
from tests.unit.aer.running import BELL, HEADER2, counts_of, result_of, task_of

GATES = [gate for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if gate.name not in {"u0", "delay"}]
WITHOUT_CALL = {"c3sqrtx", "c3x", "c4x", "rc3x", "rccx", "rxx", "rzz"}
NATIVE = "OPENQASM 2.0;\nqreg q[2];\ncreg c[2];\nU(pi/2,0,pi) q[0];\nCX q[0],q[1];\nmeasure q -> c;\n"
TOLERANCE = 1e-12


def random_text(seed: int, gates: list[qasm2.CustomInstruction] = GATES) -> str:
    """Two quantum registers, gates on a part of their five qubits, in every way that parameters can be written."""
    random = np.random.default_rng(seed)
    qubits = random.permutation(["a[0]", "a[1]", "a[2]", "b[0]", "b[1]"]).tolist()
    lines = ["qreg a[3];", "creg c[3];", "qreg b[2];", "creg d[3];"]
    for _ in range(random.integers(1, 10)):
        gate = gates[random.integers(len(gates))]
        angles = ",".join(f"{random.uniform(-2, 2):.4f}*pi/2+1e-1" for _ in range(gate.num_params))
        operands = ",".join(random.choice(qubits, gate.num_qubits, replace=False))
        lines += [f"{gate.name}({angles}) {operands};" if angles else f"{gate.name} {operands};", "barrier a;"]
    lines += [f"measure {qubit} -> {bit};" for qubit, bit in zip(qubits, ("c[1]", "d[2]", "d[0]"), strict=False)]
    return HEADER2 + "\n".join(lines)


def circuit_of(text: str) -> QuantumCircuit:
    return qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)


def test_this_qiskit_is_one_whose_parser_is_read_from() -> None:
    assert can_read_steps()


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_each_gate_of_openqasm_2_is_the_one_that_qiskit_loads(gate: qasm2.CustomInstruction) -> None:
    for seed in range(3):
        text = random_text(seed, [gate])
        assert (read_calls(text, keeps_idle_qubits=True) is None) == (gate.name in WITHOUT_CALL)
        expected = Statevector(circuit_of(text).remove_final_measurements(inplace=False)).data

        (array,) = result_of(task_of(text, {ResultType.STATEVECTOR}, backend="aer_statevector")).arrays

        np.testing.assert_allclose(np.frombuffer(array.data, np.complex128), expected, atol=TOLERANCE)


def test_random_texts_give_the_probabilities_that_their_circuits_give(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [random_text(seed) for seed in range(100)]
    tasks = [task_of(text, {ResultType.PROBABILITIES}, backend="aer_statevector") for text in texts]
    read = [result_of(task).probabilities or {} for task in tasks]

    monkeypatch.setattr(preparation, "can_run_directly", lambda: False)
    loaded = [result_of(task).probabilities or {} for task in tasks]

    assert sum(read_calls(text, keeps_idle_qubits=False) is not None for text in texts) > 20
    for ours, theirs in zip(read, loaded, strict=True):
        for key in {*ours, *theirs}:
            assert abs(ours.get(key, 0.0) - theirs.get(key, 0.0)) < TOLERANCE


def test_the_two_gates_of_the_language_itself_need_no_include() -> None:
    calls = read_calls(NATIVE, keeps_idle_qubits=False)

    assert calls is not None
    assert len(calls.calls) == 2
    assert set(counts_of(task_of(NATIVE, shots=100))) == {"00", "11"}


def test_idle_qubits_and_wide_registers_cost_nothing() -> None:
    text = HEADER2 + "qreg q[40];\ncreg c[2];\nx q[33];\nbarrier q;\nmeasure q[33] -> c[1];\nmeasure q[7] -> c[0];"

    calls = read_calls(text, keeps_idle_qubits=False)

    assert calls is not None
    assert list(calls.kept_qubits) == [7, 33]
    assert counts_of(task_of(text, shots=10)) == {"10": 10}


def test_a_gate_of_the_client_s_own_is_taken_by_its_definition() -> None:
    text = HEADER2.replace('include "qelib1.inc";', "gate h a { U(pi,0,pi) a; }") + (
        "qreg q[1];\ncreg c[1];\nh q[0];\nmeasure q -> c;"
    )

    assert read_calls(text, keeps_idle_qubits=False) is None
    assert counts_of(task_of(text, shots=10)) == {"1": 10}


@pytest.mark.parametrize(
    "line",
    [
        "reset q[0];",
        "if (c == 1) x q[0];",
        "measure q[0] -> c[0]; x q[0];",
        "opaque mine a;",
        "u0(1) q[0];",
        "delay(3) q[0];",
        "nothing q[0];",
        "h q[2];",
        "h q[0]",
    ],
)
def test_what_is_no_call_or_no_openqasm_2_is_left_to_the_loader(line: str) -> None:
    assert read_calls(f"{HEADER2}qreg q[2];\ncreg c[2];\n{line}\nmeasure q -> c;", keeps_idle_qubits=False) is None


@pytest.mark.parametrize(("name", "value"), [("READER", None), ("KNOWN_QISKIT_SERIES", frozenset({"1.4"}))])
def test_where_the_parser_is_not_known_the_loader_reads(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(openqasm2_steps, name, value)
    can_read_steps.cache_clear()

    calls, counts = read_calls(BELL, keeps_idle_qubits=False), counts_of(task_of(BELL, shots=100))

    monkeypatch.undo()
    can_read_steps.cache_clear()
    assert calls is None
    assert set(counts) == {"00", "11"}
