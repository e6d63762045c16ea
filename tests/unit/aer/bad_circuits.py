"""Circuits that must be refused, each with its sentence and its place."""

import struct
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CXGate

from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit, InvalidRequest, TooLarge
from tests.unit.aer.running import HEADER2, HEADER3, qpy_of

QASM2, QASM3, QPY = CircuitFormat.OPENQASM2, CircuitFormat.OPENQASM3, CircuitFormat.QPY


@dataclass(frozen=True)
class Bad:
    name: str
    circuit_format: CircuitFormat
    source: str | bytes
    sentence: str
    line: int | None = None
    column: int | None = None
    error: type[InvalidRequest] = InvalidCircuit


def _doubling(header: str, register: str) -> str:
    gates = ["gate g0 a { h a; h a; }"] + [f"gate g{i} a {{ g{i - 1} a; g{i - 1} a; }}" for i in range(1, 40)]
    return header + "\n".join(gates) + f"\n{register}\ng39 q[0];\n"


def _tower(height: int) -> str:
    gates = ["gate g0 a { h a; }"] + [f"gate g{i} a {{ g{i - 1} a; }}" for i in range(1, height)]
    return HEADER2 + "\n".join(gates) + f"\nqreg q[1];\ng{height - 1} q[0];\n"


def _old_qpy() -> bytes:
    return b"QISKIT" + bytes([12]) + qpy_of(QuantumCircuit(1))[7:]


def _two_circuits() -> bytes:
    one = bytearray(qpy_of(QuantumCircuit(1)))
    struct.pack_into("!Q", one, 10, 2)
    return bytes(one)


def _with_while() -> bytes:
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop((circuit.clbits[0], 0)):
        circuit.measure(0, 0)
    return qpy_of(circuit)


def _with_variable() -> bytes:
    circuit = QuantumCircuit(1, 1)
    circuit.add_var("a", expr.lift(True))
    return qpy_of(circuit)


def _with_variable_in_block() -> bytes:
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    body = QuantumCircuit(1, 1)
    body.add_var("a", expr.lift(True))
    circuit.if_test((0, 1), body, [0], [0])
    return qpy_of(circuit)


def _with_opaque() -> bytes:
    circuit = QuantumCircuit(1)
    circuit.append(Gate("mystery", 1, []), [0])
    return qpy_of(circuit)


def _with_long_loop() -> bytes:
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(10**12)):
        circuit.x(0)
    return qpy_of(circuit)


def _with_a_qubit_twice() -> bytes:
    circuit = QuantumCircuit(2)
    circuit._append(CircuitInstruction(CXGate(), (circuit.qubits[0], circuit.qubits[0])))
    return qpy_of(circuit)


BAD = [
    Bad("empty", QASM2, "", "must begin with 'OPENQASM 2.0;'", 1, 1),
    Bad("not utf-8", QASM2, HEADER2.encode() + b"\n// caf\xe9\n", "no UTF-8: wrong byte at position 43", 4),
    Bad("nul", QASM2, HEADER2 + "qreg q[1];\n\0", "NUL byte", 4, 1),
    Bad("other version", QASM2, "OPENQASM 3.0;\n", "the header says OpenQASM 3", 1, 10),
    Bad("unknown gate", QASM2, HEADER2 + "qreg q[2];\nfoo q[0];\n", "'foo' is not defined in this scope", 4, 1),
    Bad("no semicolon", QASM2, HEADER2 + "qreg q[2]\nh q[0];\n", "needed ';', but instead saw an identifier", 4, 1),
    Bad("index", QASM2, HEADER2 + "qreg q[2];\nh q[5];\n", "index 5 is out-of-range for register 'q' of size 2", 4, 5),
    Bad("foreign include", QASM2, 'OPENQASM 2.0;\ninclude "/etc/passwd";\n', 'only "qelib1.inc" may be included', 2, 1),
    Bad("include of another dialect", QASM2, 'OPENQASM 2.0;\ninclude "stdgates.inc";\n', "qelib1.inc", 2, 1),
    Bad("include without quotes", QASM3, "OPENQASM 3.0;\n include <x>;\n", 'only "stdgates.inc" may be included', 2, 2),
    Bad(
        "huge register", QASM2, HEADER2 + "qreg q[99999999999999999999];\n", "a register of 999999999999... bits", 3, 1
    ),
    Bad(
        "wide register", QASM3, HEADER3 + "qubit[10001] q;\n", "registers hold 10,001 qubits; the limit is 10,000", 3, 1
    ),
    Bad("many bits", QASM2, HEADER2 + "qreg q[1];\ncreg c[9000];\ncreg d[9000];\n", "hold 18,000 bits", 5, 1),
    Bad("computed size", QASM3, HEADER3 + "const uint n = 3;\nqubit[n] q;\n", "must be a plain number", 4, 1),
    Bad("deep nesting", QASM3, HEADER3 + "qubit q;\nrx(" + "(" * 100_000 + "1", "nested more than 40 deep", 4, 43),
    Bad(
        "nesting after closing", QASM3, HEADER3 + "qubit q;\n" + ")" * 99 + "(" * 99, "nested more than 40 deep", 4, 140
    ),
    Bad("many signs", QASM2, HEADER2 + "qreg q[1];\nrx(" + "-" * 100_000 + "1) q[0];\n", "signs in a row", 4, 4),
    Bad("tower of powers", QASM2, HEADER2 + "qreg q[1];\nrx(1" + "^1" * 50_000 + ") q[0];\n", "more than 40 powers"),
    Bad(
        "long number",
        QASM2,
        HEADER2 + "qreg q[1];\nrx(" + "1" * 100_000 + ") q[0];\n",
        "number of more than 400 digits",
    ),
    Bad("while", QASM3, HEADER3 + "bit c;\nwhile (c == 0) { }\n", "'while' is not accepted", 4, 1),
    Bad(
        "syntax beside a modifier",
        QASM3,
        HEADER3 + "qubit[2] q;\nctrl @ x q[0], q[1]\nx q[0];\n",
        "syntax error at 'x'",
        5,
        1,
    ),
    Bad(
        "loop without a type",
        QASM3,
        HEADER3 + "qubit q;\ninv @ h q;\n for i in {1, 2} { x q; }\n",
        "syntax error at 'i'",
        5,
        6,
    ),
    Bad(
        "loop over indices",
        QASM3,
        HEADER3 + "qubit[5] q;\n// for i in [0:3]\n  for int i in [0:3] { cx q[i], q[i + 1]; }\n",
        "the loop's variable 'i' is used as an index, which Qiskit's importer can't read; write the gates out",
        5,
        3,
    ),
    Bad(
        "inner loop over indices",
        QASM3,
        HEADER3 + "qubit[5] q;\nfor int n in [0:3] {\n  for uint[8] j in {0, 2} { x q[j]; }\n}\n",
        "the loop's variable 'j' is used as an index",
        5,
        3,
    ),
    Bad("doubling gates", QASM2, _doubling(HEADER2, "qreg q[1];"), "more than 1,000,000 operations", error=TooLarge),
    Bad("doubling gates 3", QASM3, _doubling(HEADER3, "qubit[1] q;"), "1,000,000 operations", error=TooLarge),
    Bad(
        "broadcast",
        QASM2,
        HEADER2 + "qreg q[10000];\n" + "h q;\n" * 1000,
        "more than 1,000,000 operations",
        error=TooLarge,
    ),
    Bad(
        "long loop",
        QASM3,
        HEADER3 + "qubit q;\nfor int i in [0:1000000000000000000] { x q; }\n",
        "more than 1,000,000 operations",
        error=TooLarge,
    ),
    Bad(
        "nested loops",
        QASM3,
        HEADER3 + "qubit q;\n" + "for int i in [1:1000] { " * 3 + "x q;" + "}" * 3,
        "more than 1,000,000 operations",
        error=TooLarge,
    ),
    Bad("infinite phase", QASM3, HEADER3 + "qubit[1] q;\ngphase(1e308*10);\n", "the global phase is"),
    Bad(
        "infinite phase in a gate",
        QASM3,
        HEADER3 + "gate g a {gphase(1e308*10); x a;}\nqubit[1] q;\nbit[1] c;\ng q[0];\nc = measure q;\n",
        "the global phase is",
    ),
    Bad("infinite angle", QASM2, HEADER2 + "qreg q[1];\nrx(1e999) q[0];\n", "gate 'rx' has the parameter inf", 4, 4),
    Bad("infinite power", QASM2, HEADER2 + "qreg q[1];\nrx(1) q[0]; rx(10^400) q[0];\n", "parameter inf", 4, 13),
    Bad(
        "infinite angle in a gate",
        QASM2,
        HEADER2 + "gate g a { t a;\n rx(1e999) a; }\nqreg q[1];\ng q[0];\n",
        "gate 'g': gate 'rx' has the parameter inf",
        4,
        5,
    ),
    Bad(
        "infinite angle in a gate 3",
        QASM3,
        HEADER3 + "gate g a { t a;\n rx(1e999) a; }\nqubit q;\ng q;\n",
        "gate 'g': gate 'rx' has the parameter inf",
        4,
        5,
    ),
    Bad(
        "angle that a gate makes infinite",
        QASM2,
        HEADER2 + "gate g(t) a { rx(exp(t)) a; }\nqreg q[1];\ng(1) q[0];\n  g(1e9) q[0];\n",
        "gate 'g': gate 'rx' has the parameter inf",
        6,
        3,
    ),
    Bad(
        "division by zero in a gate",
        QASM2,
        HEADER2 + "gate g(t) a { rx(1/t) a; }\nqreg q[1];\ng(0) q[0];\n",
        "gate 'g' can't be written out: cannot divide by zero",
        5,
        1,
    ),
    Bad(
        "infinite angle in a branch",
        QASM3,
        HEADER3 + "qubit q;\nbit c = measure q;\nif (c) {\n rx(1e999) q; }\n",
        "gate 'rx' has the parameter inf",
        6,
        5,
    ),
    Bad(
        "endless delay",
        QASM3,
        HEADER3 + "qubit q;\ndelay[100ns] q; delay[1e300s] q;\n",
        "a delay of 1e+300 s; it may be from 0 to 9,007,199,254,740,992 s",
        4,
        17,
    ),
    Bad("infinite delay", QASM3, HEADER3 + "qubit q;\ndelay[1e999s] q;\n", "a delay of inf s", 4, 7),
    Bad("endless delay in dt", QASM3, HEADER3 + "qubit q;\ndelay[1e300dt] q;\n", "too large", 4, 1),
    Bad(
        "register compared to what it can't hold",
        QASM2,
        HEADER2 + "qreg q[1];\ncreg c[4];\nif(c==3) x q[0];\nif(c==16) x q[0];\n",
        "register 'c' of 4 bits is compared to 16, which it can't hold",
        6,
        1,
    ),
    Bad(
        "register compared to what nothing holds",
        QASM2,
        HEADER2 + "qreg q[1];\ncreg c[4];\nif(c==99999999999999999999) x q[0];\n",
        "a number of more than 64 bits",
        5,
        1,
    ),
    Bad(
        "register compared to what it can't hold 3",
        QASM3,
        HEADER3 + "qubit q;\nbit[4] c;\nif (c == 16) { x q; }\n",
        "compared to 16, which it can't hold",
        5,
        1,
    ),
    Bad("high physical qubit", QASM3, HEADER3 + "bit c;\nh $3;\nc = measure $9999999;\n", "qubit $9,999,999;", 5, 13),
    Bad("many modifiers", QASM3, HEADER3 + "qubit q;\n" + "inv @ " * 20_000 + "x q;\n", "40 modifiers", 4, 5),
    Bad(
        "many controls",
        QASM3,
        HEADER3 + "qubit[2] q;\nctrl(1000000000) @ x q[0], q[1];\n",
        "a gate with 1,000,000,000 controls; the limit is 32",
        4,
        1,
    ),
    Bad(
        "many controls of zero",
        QASM3,
        HEADER3 + "qubit[2] q;\nnegctrl(" + "9" * 99 + ") @ x q[0], q[1];\n",
        "a gate with 999999999999... controls",
        4,
        1,
    ),
    Bad("angle of nan", QASM2, HEADER2 + "qreg q[1];\nrx(1e999-1e999) q[0];\n", "gate 'rx' has the parameter nan"),
    Bad("division by zero", QASM2, HEADER2 + "qreg q[1];\nrx(1/0) q[0];\n", "cannot divide by zero", 4, 5),
    Bad("opaque", QASM2, HEADER2 + "opaque o a;\nqreg q[1];\no q[0];\n", "gate 'o' is not known and has no definition"),
    Bad("a tower of gates", QASM2, _tower(200), "nested more than 100 deep"),
    Bad("no qubits", QASM2, HEADER2, "the circuit has no qubits"),
    Bad("unknown gate 3", QASM3, HEADER3 + "qubit[2] q;\nfoo q[0];\n", "gate 'foo' is not defined", 4, 1),
    Bad("no semicolon 3", QASM3, "OPENQASM 3.0;\nqubit[2] q\nh q[0];", "expected SEMICOLON", 2, 11),
    Bad("index 3", QASM3, HEADER3 + "qubit[2] q;\nh q[5];\n", "index 5 out of range for register of length 2", 4, 3),
    Bad("index beside a modifier", QASM3, HEADER3 + "qubit[2] q;\n ctrl @ x q[0], q[5];\n", "out of range", 4, 17),
    Bad("a qubit twice", QASM3, HEADER3 + "qubit[2] q;\ncx q[0], q[0];\n", "duplicate bit arguments", 4, 1),
    Bad("a register twice", QASM3, HEADER3 + "qubit[2] q;\nh q;\n cx q, q;\n", "duplicate bit arguments", 5, 2),
    Bad("too many qubits", QASM3, HEADER3 + "qubit[2] q;\nx q[0], q[1];\n", "qubit(2)/clbit(0) arguments", 4, 1),
    Bad("measuring two in three", QASM3, HEADER3 + "qubit[2] q;\nbit[3] c;\nc = measure q;\n", "size", 5, 1),
    Bad("unknown register", QASM3, HEADER3 + "qubit[2] q;\nU(1, 2, 3) r[0];\n", "Undefined symbol 'r'", 4, 12),
    Bad("unsupported type", QASM3, HEADER3 + "int i;\n", "declarations of type 'int' are not supported", 3, 1),
    Bad("thousands of faults", QASM3, HEADER3 + "qubit q;\n" + "foo q;\n" * 5_000, "gate 'foo' is not defined", 4, 1),
    Bad("no qpy", QPY, b"QASMIT1234567890000000", "doesn't begin with QISKIT"),
    Bad("short qpy", QPY, b"QISKIT", "doesn't begin with QISKIT"),
    Bad("old qpy", QPY, _old_qpy(), "QPY version 12; the oldest accepted is 13"),
    Bad("future qpy", QPY, b"QISKIT" + bytes([200]) + bytes(40), "QPY version 200; the newest that can be read"),
    Bad("two circuits", QPY, _two_circuits(), "holds 2 circuits; send one a job"),
    Bad("cut qpy", QPY, qpy_of(QuantumCircuit(3))[:40], "the QPY file can't be read"),
    Bad("while in qpy", QPY, _with_while(), "'while' is not accepted"),
    Bad("opaque in qpy", QPY, _with_opaque(), "gate 'mystery' is not known"),
    Bad("variable in qpy", QPY, _with_variable(), "variables of its own"),
    Bad("variable in a block", QPY, _with_variable_in_block(), "variables of its own"),
    Bad("long loop in qpy", QPY, _with_long_loop(), "more than 1,000,000 operations", error=TooLarge),
    Bad("a qubit twice in qpy", QPY, _with_a_qubit_twice(), "gate 'cx' is given the same qubit more than once"),
    Bad("a long name", QASM2, HEADER2 + f"qreg {'q' * 70_000}[1];\n", "something that QPY can't hold"),
    Bad("text", CircuitFormat.TEXT, "hello", "is no OpenQASM 2, OpenQASM 3 or QPY"),
]
