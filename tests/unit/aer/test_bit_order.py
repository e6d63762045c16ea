"""Golden tests: which character of a bitstring shows which qubit's outcome, for every way of drawing it."""

import pytest

from qserver.results import ResultType
from tests.unit.aer.running import (
    HEADER2,
    HEADER3,
    counts_of,
    memory_of,
    observable,
    result_of,
    statevector_of,
    task_of,
)

WAYS = [
    pytest.param({"backend": "aer"}, id="drawn"),
    pytest.param({"backend": "aer_statevector", "seed": 7}, id="sampled by aer"),
    pytest.param({"backend": "aer_stabilizer"}, id="drawn from a tableau"),
    pytest.param({"backend": "aer_stabilizer", "seed": 7}, id="stabilizer sampled by aer"),
    pytest.param({"backend": "aer_density_matrix"}, id="density matrix"),
    pytest.param({"backend": "aer_matrix_product_state"}, id="matrix product state"),
]

GOLDEN = {
    "the leftmost bit is the highest": ("qreg q[3];\ncreg c[3];\nx q[0];\nmeasure q -> c;\n", "001", "1"),
    "registers stand from last to first": (
        (
            "qreg q[3];\ncreg a[2];\ncreg b[1];\nx q[0];\n"
            "measure q[0] -> a[0];\nmeasure q[1] -> a[1];\nmeasure q[2] -> b[0];\n"
        ),
        "0 01",
        "1",
    ),
    "an outcome goes to the bit it is written to": (
        "qreg q[2];\ncreg c[4];\nx q[1];\nmeasure q[1] -> c[2];\n",
        "0100",
        "4",
    ),
    "bits nobody writes are 0": ("qreg q[1];\ncreg a[2];\ncreg b[3];\nx q[0];\nmeasure q[0] -> b[1];\n", "010 00", "8"),
    "a qubit may be written to two bits": (
        "qreg q[2];\ncreg c[3];\nx q[0];\nmeasure q[0] -> c[0];\nmeasure q[0] -> c[2];\n",
        "101",
        "5",
    ),
    "a bit shows what was written last": (
        "qreg q[2];\ncreg c[1];\nx q[1];\nmeasure q[0] -> c[0];\nmeasure q[1] -> c[0];\n",
        "1",
        "1",
    ),
    "an outcome measured before other qubits' gates": (
        "qreg q[2];\ncreg c[2];\nx q[0];\nmeasure q[0] -> c[1];\nh q[1];\nh q[1];\nmeasure q[1] -> c[0];\n",
        "10",
        "2",
    ),
    "an outcome measured again after a gate": (
        "qreg q[1];\ncreg c[2];\nmeasure q[0] -> c[0];\nx q[0];\nmeasure q[0] -> c[1];\n",
        "10",
        "2",
    ),
    "a qubit reset before it is used": ("qreg q[1];\ncreg c[1];\nreset q[0];\nx q[0];\nmeasure q -> c;\n", "1", "1"),
    "a qubit reset in the middle": ("qreg q[1];\ncreg c[1];\nx q[0];\nreset q[0];\nmeasure q -> c;\n", "0", "0"),
    "barriers change nothing": (
        (
            "qreg q[2];\ncreg c[2];\nbarrier q;\nx q[1];\n"
            "measure q[1] -> c[1];\nbarrier q;\nmeasure q[0] -> c[0];\nbarrier q;\n"
        ),
        "10",
        "2",
    ),
    "a wide circuit of which little is used": (
        "qreg q[500];\ncreg c[3];\nx q[499];\ncx q[499],q[7];\n" + "measure q[499] -> c[2];\nmeasure q[7] -> c[0];\n",
        "101",
        "5",
    ),
    "registers of qubits count on": (
        (
            "qreg a[1];\nqreg b[2];\ncreg c[3];\nx b[1];\n"
            "measure a[0] -> c[0];\nmeasure b[0] -> c[1];\nmeasure b[1] -> c[2];\n"
        ),
        "100",
        "4",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("golden", GOLDEN)
def test_bits_stand_where_qiskit_prints_them(golden: str, way: dict[str, object]) -> None:
    body, bits, integer = GOLDEN[golden]
    wanted = {ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.MEMORY}

    result = result_of(task_of(HEADER2 + body, wanted, shots=5, **way))  # type: ignore[arg-type]

    assert result.counts == {bits: 5}
    assert result.quasi_dist == {integer: 1.0}
    assert memory_of(result) == [bits.replace(" ", "")] * 5


@pytest.mark.parametrize("golden", [name for name in GOLDEN if "middle" not in name and "again" not in name])
def test_probabilities_have_the_keys_of_counts(golden: str) -> None:
    body, bits, _ = GOLDEN[golden]

    result = result_of(task_of(HEADER2 + body, {ResultType.PROBABILITIES}))

    assert result.probabilities == {bits: pytest.approx(1.0)}


def test_more_than_64_bits_are_drawn_rightly() -> None:
    body = "qreg q[2];\ncreg c[100];\nx q[0];\nmeasure q[0] -> c[99];\nmeasure q[1] -> c[0];\n"

    result = result_of(task_of(HEADER2 + body, {ResultType.COUNTS, ResultType.QUASI_DIST}, shots=3))

    assert result.counts == {"1" + "0" * 99: 3}
    assert result.quasi_dist == {str(2**99): 1.0}


def test_qubit_0_is_the_lowest_bit_of_a_statevector_s_index() -> None:
    state = statevector_of(result_of(task_of(HEADER2 + "qreg q[2];\nx q[0];\n", {ResultType.STATEVECTOR})))

    assert state.tolist() == [0, 1, 0, 0]


def test_the_rightmost_letter_of_a_pauli_is_qubit_0() -> None:
    source = HEADER2 + "qreg q[3];\nx q[0];\n"
    observables = (observable(IIZ=1.0), observable(ZII=1.0), observable(IIZ=0.5, ZII=2.0))

    result = result_of(task_of(source, {ResultType.EXPVAL}, observables=observables))

    assert result.expval == pytest.approx((-1.0, 1.0, 1.5))
    assert result.expval_standard_errors == (0.0, 0.0, 0.0)


def test_a_loose_bit_stands_in_one_row_with_the_registers() -> None:
    source = HEADER3 + "qubit[2] q;\nbit[1] c;\nbit d;\nx q[1];\nc[0] = measure q[0];\nd = measure q[1];\n"

    assert counts_of(task_of(source, shots=4)) == {"10": 4}
