"""Circuits that must be refused, whatever door they come in by."""

from collections.abc import Iterator

from tests.acceptance.bad_input.trials import BELL, QASM2, QASM3, V1_DOORS, Bad
from tests.acceptance.doors import Attempt
from tests.unit.aer.bad_qpy import CLAIMS, CUT, OLD_VERSIONS, of_version
from tests.unit.aer.unsound_qpy import UNSOUND

FILES_OF_THE_SERVER = ("/etc/passwd", "/proc/self/environ", "../../.env", "stdgates.inc", "https://example.org/a.inc")


def _doubling(times: int) -> bytes:
    gates = "".join(f"gate g{n} a {{ g{n - 1} a; g{n - 1} a; }} " for n in range(1, times))
    return QASM2 + f"gate g0 a {{ x a; }} {gates} qreg q[1]; g{times - 1} q[0];".encode()


def _circuit(body: bytes) -> Attempt:
    return Attempt(QASM3 + b"qubit q; bit c; " + body + b" c = measure q;")


def _rotation(expression: bytes) -> Attempt:
    return _circuit(b"rx(" + expression + b") q;")


def _inclusions() -> Iterator[Bad]:
    for name in FILES_OF_THE_SERVER:
        source = f'OPENQASM 2.0; include "{name}"; qreg q[1];'.encode()
        yield Bad(f"include of {name}", Attempt(source), r'only "qelib1\.inc" may be included')


BAD_CIRCUITS = (
    Bad("empty circuit", Attempt(b""), r"circuit is empty|a circuit|circuit_base64"),
    Bad("neither QASM nor QPY", Attempt(b"hello"), r"OPENQASM"),
    Bad("unknown gate", Attempt(BELL.replace(b"h q[0]", b"hh q[0]")), r"hh"),
    Bad(
        "missing semicolon",
        Attempt(b'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1]\nh q[0];'),
        r"line 4, column 1: needed ';'",
    ),
    Bad("invalid UTF-8", Attempt(b"OPENQASM 2.0;\xff\xfe"), r"UTF-8", V1_DOORS),
    Bad("half a character at the end", Attempt(BELL + b"// \xe2\x82"), r"UTF-8", V1_DOORS),
    Bad("NUL byte", Attempt(b"OPENQASM 2.0;\x00"), r"NUL|control|character"),
    Bad("NUL byte in a comment", Attempt(BELL + b"// \x00"), r"NUL"),
    *_inclusions(),
    Bad("qreg q[1000000000]", Attempt(b"OPENQASM 2.0; qreg q[1000000000];"), r"1,000,000,000 qubits"),
    Bad("qubit[1000000000] q", Attempt(QASM3 + b"qubit[1000000000] q;"), r"1,000,000,000 qubits"),
    Bad("an overflowing register", Attempt(b"OPENQASM 2.0; qreg q[99999999999999999999];"), r"bits; the limit is"),
    Bad("gate definitions that double 30 times", Attempt(_doubling(30)), r"1,000,000 operations"),
    Bad("a loop of 10^9 turns", _circuit(b"for int i in [1:1000000000] { x q; }"), r"1,000,000 operations"),
    Bad(
        "three loops of 1,000 turns in another", _circuit(b"for int i in [1:1000] { " * 3 + b"x q;" + b"}" * 3), r"1,00"
    ),
    Bad("a loop without end", _circuit(b"while (true) { x q; }"), r"'while' is not accepted"),
    Bad("100,000 parentheses", _rotation(b"(" * 100_000 + b"1" + b")" * 100_000), r"nested more than 40 deep"),
    Bad(
        "100,000 blocks", _circuit(b"if (c == 0) { " * 100_000 + b"x q;" + b"}" * 100_000), r"nested more than 40 deep"
    ),
    Bad("100,000 signs", _rotation(b"-" * 100_000 + b"1"), r"40 signs in a row"),
    Bad("100,000 powers", _rotation(b"2" + b"**2" * 100_000), r"40 powers in one statement"),
    Bad("a number of 100,000 digits", _rotation(b"1" * 100_000), r"number of more than 400 digits"),
    Bad("an angle without end", Attempt(QASM2 + b"qreg q[1]; rx(1e999) q[0];"), r"parameter inf"),
    Bad(
        "an angle without end in a gate",
        Attempt(QASM2 + b"gate g a { t a; rx(1e999) a; } qreg q[1]; g q[0];"),
        r"line 1, column 56: gate 'g': gate 'rx' has the parameter inf",
    ),
    Bad(
        "an angle that a gate makes endless",
        Attempt(QASM2 + b"gate g(t) a { rx(exp(t)) a; } qreg q[1]; g(1e9) q[0];"),
        r"line 1, column 78: gate 'g': gate 'rx' has the parameter inf",
    ),
    Bad("a delay of 10^300 s", _circuit(b"delay[1e300s] q;"), r"column 55: a delay of 1e\+300 s; it may be"),
    Bad(
        "4 bits compared to 16",
        Attempt(QASM2 + b"qreg q[1]; creg c[4]; if(c==16) x q[0]; measure q[0] -> c[0];"),
        r"register 'c' of 4 bits is compared to 16, which it can't hold",
    ),
    Bad("20,000 modifiers of a gate", _circuit(b"inv @ " * 20_000 + b"x q;"), r"more than 40 modifiers"),
    Bad(
        "qubit $9999999",
        Attempt(QASM3 + b"bit c; h $0; c = measure $9999999;"),
        r"column 64: qubit \$9,999,999; the highest is \$9,999",
    ),
    Bad("a gate of 10^9 controls", _circuit(b"ctrl(1000000000) @ x q;"), r"1,000,000,000 controls; the limit is 32"),
    Bad("counts without measurements", Attempt(QASM3 + b"qubit q; h q;"), r"measure"),
    Bad(
        "unbound parameters",
        Attempt(QASM3 + b"input float theta; qubit q; bit c; rx(theta) q; c = measure q;"),
        r"theta",
    ),
    Bad(
        "60 qubits on a statevector",
        Attempt(QASM3 + b"qubit[60] q; bit[60] c; h q; rx(0.1) q; c = measure q;", backend="aer_statevector"),
        r"60 qubits.*(?s:.*)aer_matrix_product_state",
    ),
)
BAD_QPY = (
    *(Bad(f"QPY of version {n}", Attempt(of_version(n)), r"the oldest accepted is 13", V1_DOORS) for n in OLD_VERSIONS),
    *(Bad(f"QPY {name}", Attempt(file), r"QPY|QISKIT", V1_DOORS) for name, file in CUT.items()),
    *(Bad(f"QPY of {name}", Attempt(file), sentence, V1_DOORS) for name, (file, sentence) in UNSOUND.items()),
    *(Bad(f"QPY that claims {name}", Attempt(file), r"QPY|MiB", V1_DOORS) for name, file in CLAIMS.items()),
)
