"""What people hold as a circuit becomes bytes in a format that is known."""

import io
from pathlib import Path

import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.quantum_info import Pauli, SparseObservable, SparsePauliOp

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.client import qiskit_circuits
from qserver.client.circuits import CircuitWriter, UnreadSource
from qserver.client.observables import AnyObservable, to_observables
from qserver.errors import InvalidRequest, Reason
from qserver.jobs import Observable, PauliTerm

QASM2 = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; h q[0]; measure q -> c;'
QASM3 = "// a comment\nOPENQASM 3.0;\nqubit q;\nbit c;\nc = measure q;"


def _bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize(
    ("text", "circuit_format"), [(QASM2, CircuitFormat.OPENQASM2), (QASM3, CircuitFormat.OPENQASM3)]
)
def test_openqasm_is_taken_as_text_as_bytes_and_from_a_file(
    tmp_path: Path, text: str, circuit_format: CircuitFormat
) -> None:
    path = tmp_path / "circuit.qasm"
    path.write_text(text)
    writer = CircuitWriter()

    found = [writer.write(each) for each in (text, text.encode(), path, str(path))]

    assert found == [CircuitSource(circuit_format, text.encode())] * 4


def test_text_of_no_known_format_is_left_to_the_server() -> None:
    assert CircuitWriter().write("flip a coin\n") == UnreadSource(b"flip a coin\n")


def test_a_path_without_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"can't read the circuit .*nothing\.qasm"):
        CircuitWriter().write(tmp_path / "nothing.qasm")


def test_qiskit_comes_back_as_it_was_sent() -> None:
    circuit = _bell()

    written = CircuitWriter().write(circuit)

    assert isinstance(written, CircuitSource)
    assert written.circuit_format is CircuitFormat.QPY
    assert qpy.load(io.BytesIO(written.source)) == [circuit]


def test_qpy_is_written_in_the_oldest_version_that_servers_read() -> None:
    assert qiskit_circuits.write(_bell()).source[6] == qiskit_circuits.OLDEST_VERSION


def test_what_that_version_cannot_hold_is_written_in_the_oldest_that_can() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(circuit.add_stretch("pause"), 0)  # came with version 14

    assert qiskit_circuits.write(circuit).source[6] == 14


def test_qpy_is_written_in_a_version_that_the_server_lists() -> None:
    assert CircuitWriter(qpy_versions=(15, 16)).write(_bell()).source[6] == 15


def test_equal_circuits_are_equal_bytes_whatever_qiskit_names_them() -> None:
    first, second = _bell(), _bell()

    assert first.name != second.name
    assert qiskit_circuits.write(first) == qiskit_circuits.write(second)


def test_a_server_with_no_version_in_common_is_told_of_with_what_to_do() -> None:
    with pytest.raises(InvalidRequest, match=rf"QPY 13 to {qpy.QPY_VERSION}, the server reads 90 to 91: install"):
        qiskit_circuits.write(_bell(), qpy_versions=(90, 91))


def test_what_no_common_version_holds_is_told_of() -> None:
    circuit = QuantumCircuit(1)
    circuit.delay(circuit.add_stretch("pause"), 0)

    with pytest.raises(InvalidRequest, match=r"needs a newer QPY than both sides know: .* the server reads 13 to 13"):
        qiskit_circuits.write(circuit, qpy_versions=(13,))


def test_free_parameters_are_named() -> None:
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("angle"), 0)

    with pytest.raises(InvalidRequest, match="angle"):
        CircuitWriter().write(circuit)


@pytest.mark.parametrize("thing", [5, None, object(), Pauli("X")])
def test_what_is_no_circuit_is_named(thing: object) -> None:
    with pytest.raises(InvalidRequest, match=r"no circuit|no QuantumCircuit"):
        CircuitWriter().write(thing)


def test_the_first_of_many_that_cannot_be_written_is_named() -> None:
    with pytest.raises(InvalidRequest, match="circuit 1: "):
        CircuitWriter().write_all([QASM2, 5])


def test_the_same_object_is_written_once() -> None:
    circuit, written = _bell(), []

    def write(given: QuantumCircuit) -> CircuitSource:
        written.append(given)
        return CircuitSource(CircuitFormat.QPY, b"QISKIT")

    CircuitWriter({"qiskit": write}).write_all([circuit] * 1000)

    assert len(written) == 1


ZZ, MIXED = Observable((PauliTerm("ZZ", 1.0),)), Observable((PauliTerm("ZZ", 0.5), PauliTerm("XI", -1.0)))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, []),
        ("ZZ", [ZZ]),
        (["ZZ", "ZZ"], [ZZ, ZZ]),
        ({"ZZ": 0.5, "XI": -1}, [MIXED]),
        ([("ZZ", 0.5), ("XI", -1)], [MIXED]),
        ([[("ZZ", 0.5), ("XI", -1)], "ZZ"], [MIXED, ZZ]),
        (SparsePauliOp(["ZZ", "XI"], [0.5, -1]), [MIXED]),
        ([SparsePauliOp("ZZ"), Pauli("ZZ"), ZZ], [ZZ, ZZ, ZZ]),
        (SparseObservable.from_list([("ZZ", 0.5), ("XI", -1)]), [MIXED]),
        (SparseObservable("0X"), [Observable((PauliTerm("IX", 0.5), PauliTerm("ZX", 0.5)))]),
    ],
)
def test_observables_are_read_in_every_form(given: AnyObservable, found: list[Observable]) -> None:
    assert to_observables(given) == found


@pytest.mark.parametrize("given", [5, [5], {"ZZ": "much"}, {"ZZ": 1j}, [("ZZ",)]])
def test_what_is_no_observable_is_refused(given: AnyObservable) -> None:
    with pytest.raises(InvalidRequest, match="observable") as refused:
        to_observables(given)

    assert refused.value.reason is Reason.INVALID_OBSERVABLE
