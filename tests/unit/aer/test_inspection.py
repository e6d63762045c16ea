"""Profiles, and what becomes of a circuit on its way into QPY."""

import io
import subprocess
import sys

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Clifford, Statevector, random_clifford, schmidt_decomposition
from qiskit_aer.library import SetStatevector

from plugins.aer.inspector import (
    PLAIN_OPENQASM2_BYTES,
    SHORT_OPENQASM2_BYTES,
    STORED_QPY_VERSION,
    inspect,
    load_circuit,
)
from plugins.aer.loaders import load_qpy
from plugins.aer.profiling import profile
from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, ClassicalRegister
from qserver.errors import InvalidCircuit
from tests.unit.aer.running import BELL, HEADER2, HEADER3, format_of, qpy_of, task_of

LONG_BELL = BELL.encode() + b"//".ljust(PLAIN_OPENQASM2_BYTES)


def profile_of(source: str | QuantumCircuit) -> CircuitProfile:
    if isinstance(source, QuantumCircuit):
        found = inspect(qpy_of(source), CircuitFormat.QPY)
    else:
        found = inspect(source.encode(), format_of(source))
    assert found.profile is not None
    return found.profile


def test_a_profile_tells_all_of_a_bell_pair() -> None:
    assert profile_of(BELL) == CircuitProfile(
        num_qubits=2,
        num_clbits=2,
        depth=3,
        size=4,
        gate_counts={"h": 1, "cx": 1, "measure": 2},
        num_multi_qubit_gates=1,
        is_clifford=True,
        has_only_final_measurements=True,
        has_mid_circuit_measurement=False,
        has_reset=False,
        has_control_flow=False,
        num_measured_clbits=2,
        classical_registers=(ClassicalRegister("c", 2),),
        parameters=(),
        basis_counts={},
        max_interaction_distance=1,
        entanglement_bits=1,
        num_active_qubits=2,
    )


def test_the_same_circuit_has_one_profile_in_every_format() -> None:
    openqasm3 = HEADER3 + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"
    imported = openqasm3.replace("cx q[0]", "ctrl @ x q[0]")
    loaded = load_qpy(inspect(LONG_BELL, CircuitFormat.OPENQASM2).qpy or b"")

    assert profile_of(BELL) == profile_of(openqasm3) == profile_of(imported) == profile_of(loaded)


@pytest.mark.parametrize(
    ("body", "is_final", "has_reset"),
    [
        ("h q;\nmeasure q -> c;\n", True, False),
        ("h q;\nmeasure q[0] -> c[0];\nh q[1];\nmeasure q[1] -> c[1];\n", True, False),
        ("h q;\nmeasure q[0] -> c[0];\nh q[0];\n", False, False),
        ("h q;\nmeasure q[0] -> c[0];\nbarrier q;\nmeasure q[0] -> c[1];\n", True, False),
        ("h q;\nmeasure q[0] -> c[0];\nif(c==1) x q[1];\n", False, False),
        ("reset q;\nbarrier q;\nh q;\nmeasure q -> c;\n", True, False),
        ("reset q;\nreset q;\nh q;\nmeasure q -> c;\n", True, False),
        ("h q[0];\nreset q[0];\nreset q[1];\n", True, True),
        ("h q;\nmeasure q -> c;\nreset q[0];\n", False, True),
    ],
)
def test_measurements_and_resets_are_told_by_where_they_stand(body: str, is_final: bool, has_reset: bool) -> None:  # noqa: FBT001
    found = profile_of(HEADER2 + "qreg q[2];\ncreg c[2];\n" + body)

    assert found.has_only_final_measurements is is_final
    assert found.has_mid_circuit_measurement is not is_final
    assert found.has_reset is has_reset


def test_outcomes_inside_of_control_flow_are_counted() -> None:
    source = HEADER3 + "qubit[2] q;\nbit[3] c;\nc[0] = measure q[0];\nif (c[0]) { c[2] = measure q[1]; }\n"

    found = profile_of(source)

    assert found.num_measured_clbits == 2
    assert found.has_control_flow


@pytest.mark.parametrize(
    ("gates", "is_clifford"),
    [
        ("h q[0]; s q[0]; cx q[0],q[1]; swap q[0],q[1];", True),
        ("rz(pi/2) q[0]; u3(pi/2,0,pi) q[0]; cu1(pi) q[0],q[1]; rx(-pi) q[1]; rzz(pi/2) q[0],q[1];", True),
        ("t q[0];", False),
        ("rz(0.3) q[0];", False),
        ("ccx q[0],q[1],q[2];", False),
        ("bell q[0],q[1];", True),
        ("odd q[0];", False),
    ],
)
def test_clifford_circuits_are_told_by_their_gates(gates: str, is_clifford: bool) -> None:  # noqa: FBT001
    definitions = "gate bell a,b { h a; cx a,b; }\ngate odd a { h a; t a; }\n"

    assert profile_of(HEADER2 + definitions + "qreg q[3];\n" + gates).is_clifford is is_clifford


def test_random_clifford_circuits_of_qiskit_are_clifford() -> None:
    for seed in range(5):
        circuit = QuantumCircuit(4)
        circuit.append(random_clifford(4, seed=seed), range(4))

        assert profile(circuit).is_clifford
        assert Clifford(circuit).num_qubits == 4


def test_unbound_inputs_are_named() -> None:
    assert profile_of(HEADER3 + "input float[64] theta;\nqubit q;\nrx(theta) q;\n").parameters == ("theta",)
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("alpha") + Parameter("beta"), 0)
    assert profile_of(circuit).parameters == ("alpha", "beta")
    with pytest.raises(InvalidCircuit, match="2 unbound parameters: alpha, beta"):
        task_of(circuit)


def test_gates_are_counted_as_written_and_as_run() -> None:
    source = HEADER2 + "gate twice a,b { cx a,b; cx a,b; h a; }\nqreg q[2];\ntwice q[0],q[1];\ntwice q[1],q[0];\n"

    found = profile_of(source)

    assert found.gate_counts == {"twice": 2}
    assert found.basis_counts == {"cx": 4, "h": 2}
    assert found.size == 6


def test_qubits_that_only_barriers_touch_are_idle() -> None:
    found = profile_of(HEADER2 + "qreg q[50];\nbarrier q;\ncx q[3],q[40];\n")

    assert found.num_active_qubits == 2
    assert found.max_interaction_distance == 37


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_on_entanglement_holds(seed: int) -> None:
    circuit = random_circuit(5, 3, max_operands=3, seed=seed)
    state = Statevector(circuit)
    bits = profile(circuit).entanglement_bits

    ranks = [len(schmidt_decomposition(state, list(range(cut)))) for cut in range(1, 5)]

    assert bits is not None
    assert max(ranks) <= 2**bits


@pytest.mark.parametrize("seed", range(5))
def test_depth_and_gates_are_counted_as_qiskit_counts_them(seed: int) -> None:
    circuit = random_circuit(5, 6, measure=True, conditional=seed % 2 == 1, reset=True, seed=seed)
    circuit.barrier()
    circuit.h(0)

    found = profile(circuit)

    assert found.depth == circuit.depth()
    assert found.gate_counts == dict(circuit.count_ops())
    assert found.num_multi_qubit_gates == sum(len(each.qubits) > 1 and each.name != "barrier" for each in circuit.data)


def test_a_chain_of_one_layer_has_little_entanglement() -> None:
    gates = "".join(f"cx q[{i}],q[{i + 1}];\n" for i in range(99))

    assert profile_of(HEADER2 + "qreg q[100];\nh q[0];\n" + gates).entanglement_bits == 1


def test_qpy_is_stored_in_the_oldest_version_that_older_workers_read() -> None:
    found = inspect(LONG_BELL, CircuitFormat.OPENQASM2)

    assert found.qpy is not None
    assert found.qpy[6] == STORED_QPY_VERSION >= 13
    assert qpy.load(io.BytesIO(found.qpy))[0].count_ops() == {"measure": 2, "h": 1, "cx": 1}


def test_equal_sources_give_equal_qpy() -> None:
    first, second = (inspect(LONG_BELL, CircuitFormat.OPENQASM2).qpy for _ in range(2))

    assert first is not None
    assert first == second


@pytest.mark.parametrize("definition", ["", "gate h a { U(pi,0,pi) a; }", "gate h a { U(0.1,0.2,0.3) a; }"])
def test_what_is_loaded_to_run_is_what_was_inspected(definition: str) -> None:
    head = "OPENQASM 2.0;\n" + definition if definition else HEADER2
    source = f"{head}\nqreg q[1];\ncreg c[1];\nh q[0];\nmeasure q -> c;\n".encode()
    long = source + b"//".ljust(PLAIN_OPENQASM2_BYTES)
    written, short = (inspect(text, CircuitFormat.OPENQASM2) for text in (long, source))

    loaded = [
        load_circuit(Circuit(CircuitFormat.OPENQASM2, text, found))
        for text, found in ((long, written), (source, short))
    ]

    assert written.qpy is not None
    assert written.profile == short.profile
    assert loaded[0] == loaded[1]
    assert ("u" in loaded[0].count_ops()) is bool(definition)


@pytest.mark.parametrize(("num_qubits", "has_qpy"), [(2, False), (12, False), (13, True)])
def test_a_plain_text_that_is_run_from_its_steps_is_stored_without_a_qpy(num_qubits: int, has_qpy: bool) -> None:  # noqa: FBT001
    text = f"{HEADER2}qreg q[{num_qubits}];\nh q;\n".encode() + b"//".ljust(SHORT_OPENQASM2_BYTES)

    assert (inspect(text, CircuitFormat.OPENQASM2).qpy is not None) is has_qpy


def test_a_short_text_is_stored_without_a_qpy() -> None:
    assert inspect(BELL.encode(), CircuitFormat.OPENQASM2).qpy is None
    assert inspect(f"{HEADER2}qreg q[30];\nreset q[0];\n".encode(), CircuitFormat.OPENQASM2).qpy is None


def test_inspecting_needs_no_aer() -> None:
    program = f"""
import sys
sys.modules["qiskit_aer"] = None
from plugins.aer.plugin import AerPlugin
from qserver.circuits import CircuitFormat
AerPlugin().inspect({BELL.encode()!r}, CircuitFormat.OPENQASM2)
AerPlugin().check_options({{"noise_model": {{"errors": []}}}})
print("inspected")
"""

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert (found.stdout, found.stderr) == ("inspected\n", "")


def test_a_state_that_is_set_in_aers_own_way_is_refused_in_a_sentence() -> None:
    circuit = QuantumCircuit(1)
    circuit.append(SetStatevector(Statevector([1, 0])), [0])
    circuit.measure_all()
    written = io.BytesIO()
    qpy.dump(circuit, written, version=13)

    with pytest.raises(InvalidCircuit, match=r"set_statevector sets a state in Aer's own format.* or by initialize"):
        inspect(written.getvalue(), CircuitFormat.QPY)
