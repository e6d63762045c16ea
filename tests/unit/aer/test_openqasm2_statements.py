"""OpenQASM 2 read statement by statement: held against Qiskit's parser, on good texts and on broken ones."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugins.aer.openqasm2_statements import MAX_BITS, read_statements
from plugins.aer.openqasm2_steps import read_steps
from plugins.aer.plain_circuits import PlainCircuit
from plugins.aer.plain_profiles import plain_profile
from plugins.aer.profiling import profile
from tests.unit.aer.running import HEADER2
from tests.unit.aer.test_openqasm2_steps import GATES, NATIVE, WITHOUT_CALL, circuit_of

DECLARED = HEADER2 + "qreg a[3];\ncreg c[3];\nqreg b[2];\ncreg d[3];\n"
NUMBERS = (
    "0",
    "1",
    "-2",
    "0.5",
    "-0.25",
    "1e-05",
    "3.5E+2",
    " 2.0 ",
    "\n1.5",
    "18446744073709551616",
    "0.1234567890123456789",
)
MARKS = "0123456789.,;()[]{}-+*/eE_ \t\n\"'abcdhpuxqm>=\x0b\x1f\xa0²"


def plain_text(seed: int) -> str:
    """Give gates of every kind that has a call, numbers as people and programs write them, barriers, measurements."""
    random = np.random.default_rng(seed)
    gates = [gate for gate in GATES if gate.name not in WITHOUT_CALL]
    qubits = random.permutation(["a[0]", "a[1]", "a[2]", "b[0]", "b[1]"]).tolist()
    lines = []
    for _ in range(random.integers(0, 12)):
        gate = gates[random.integers(len(gates))]
        numbers = random.choice([*NUMBERS, repr(random.uniform(-7, 7)), repr(random.normal())], gate.num_params)
        operands = random.choice([",", ", "]).join(random.choice(qubits, gate.num_qubits, replace=False))
        lines.append(f"{gate.name}({','.join(numbers)}) {operands};" if gate.num_params else f"{gate.name} {operands};")
    lines += [f"barrier {','.join(qubits[: seed % 4])};"] * (seed % 4 > 0)
    lines += [f"measure {qubit} -> {bit};" for qubit, bit in zip(qubits[:2], ("c[1]", "d[2]"), strict=True)]
    between = "\n" if seed % 3 else " "
    return DECLARED + between.join([*lines, "measure a->c;"] if seed % 2 else lines)


def as_lists(circuit: PlainCircuit | None) -> object:
    if circuit is None:
        return None
    steps = [(name, list(qubits), list(params)) for name, qubits, params in circuit.steps]
    return list(circuit.quantum_registers), list(circuit.classical_registers), steps, list(circuit.measurements)


@pytest.mark.parametrize("seed", range(300))
def test_a_plain_text_is_read_as_the_parser_reads_it(seed: int) -> None:
    text = plain_text(seed)

    found = read_statements(text)

    assert found is not None
    assert as_lists(found) == as_lists(read_steps(text))
    assert all(type(param) is float for _, _, params in found.steps for param in params)


@pytest.mark.parametrize("seed", range(300))
def test_a_plain_text_has_the_profile_of_its_circuit(seed: int) -> None:
    text = plain_text(seed)

    assert plain_profile(text) == profile(circuit_of(text))


@given(st.integers(0, 30), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(MARKS)), max_size=3))
@example(1, [(0.0, 1, " ")])
def test_a_broken_text_is_left_to_the_parser_or_read_as_it_reads_it(
    seed: int, changes: list[tuple[float, int, str]]
) -> None:
    text = plain_text(seed)
    for share, removed, mark in changes:
        place = int(share * len(text))
        text = text[:place] + mark + text[place + removed :]

    found = read_statements(text)

    assert found is None or as_lists(found) == as_lists(read_steps(text))


@pytest.mark.parametrize(
    "statement",
    [
        "rx(pi/2) a[0]",
        "rx(-(1)) a[0]",
        "rx(1_0.5) a[0]",
        "rx(007) a[0]",
        "rx(inf) a[0]",
        "rx(NaN) a[0]",
        "rx(1e999) a[0]",
        "rx([1.0]) a[0]",
        "rx(true) a[0]",
        "rx(1.0)(2.0) a[0]",
        "rx(1.0 a[0]",
        "rx() a[0]",
        "rx(1.0,2.0) a[0]",
        "rx(1.0) a[0],a[1]",
        "u2(1],[2) a[0]",
        "u2(1],[2) a[0];u2(3,[4) a[0];rx(5]) a[0]",
        "u2(1]],[[2,3) a[0]",
        "h a",
        "h a[3]",
        "h q[0]",
        "cx a[0],a[0]",
        "cx a[0]",
        "cx a[0],a[1],",
        "h a[0],a[1]",
        "rx a[0]",
        "h(1) a[0]",
        "barrier a",
        "barrier a[0],a[0]",
        "barrier",
        "",
        "mine a[0]",
        "h a[0]\x0b",
        "// h a[0]",
        "reset a[0]",
        "if(c==1) h a[0]",
        "measure a[0] -> c",
        "measure a -> c[0]",
        "measure b -> c",
        "measure a[0]",
        "measurea->c",
        "measure a[0] -> c[0];h a[1]",
        "measure a[0] -> c[0];measure",
        "measure a[0] -> c[0];qreg e[1]",
        "h a[0];qreg e[1]",
    ],
)
def test_what_is_not_known_is_left_to_the_parser(statement: str) -> None:
    assert read_statements(f"{DECLARED}h a[0];\n{statement};\n") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        NATIVE,  # has no standard gates
        "OPENQASM 2.0;qreg q[1];h q[0];",
        "OPENQASM 2.0;qreg included[1];h included[0];",
        HEADER2 + "qreg q[1];h q[0]",
        HEADER2 + "qreg q[1];qreg q[1];h q[0];",
        HEADER2 + "qreg h[1];h h[0];",
        HEADER2 + f"qreg q[{MAX_BITS + 1}];h q[0];",
        HEADER2 + "".join(f"qreg q{number}[1];" for number in range(99)) + "h q0[0];",
    ],
)
def test_declarations_that_are_wrong_or_many_are_left_to_the_parser(text: str) -> None:
    assert read_statements(text) is None


def test_statements_are_kept_up_to_a_bound_and_read_on_beyond_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.aer.openqasm2_statements.MAX_KEPT", 1)
    text = HEADER2 + "qreg few[4];creg bits[4];h few[0];h few[1];rx(1.5) few[2];ry(2.5) few[3];measure few -> bits;"

    for _ in range(2):
        assert as_lists(read_statements(text)) == as_lists(read_steps(text))
