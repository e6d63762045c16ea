"""Formats, told from the first words."""

import pytest

from jobs_server.formats import detect_format
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (b"OPENQASM 2.0;", CircuitFormat.OPENQASM2),
        (b"OPENQASM 3;", CircuitFormat.OPENQASM3),
        (b"OPENQASM 3.1 ;", CircuitFormat.OPENQASM3),
        (b"// made by hand\n\n/* twice\n*/ OPENQASM\t2.0;", CircuitFormat.OPENQASM2),
        ("\ufeffOPENQASM 2.0;".encode(), CircuitFormat.OPENQASM2),
        (b"// a licence\n" * 4000 + b"OPENQASM 3.0;", CircuitFormat.OPENQASM3),
        (b"QISKIT\x0d\xff", CircuitFormat.QPY),
    ],
)
def test_the_format_is_told_from_the_header(source: bytes, found: CircuitFormat) -> None:
    assert detect_format(source, None) is found


@pytest.mark.parametrize(
    ("source", "line", "column", "sentence"),
    [
        (b"hello", 1, 1, "must begin with 'OPENQASM 2.0;' or 'OPENQASM 3.0;'"),
        (b"// x\n  qreg q[1];", 2, 3, "must begin with"),
        (b"// a licence\n" * 6000 + b"OPENQASM 3.0;", 5042, 4, "comments before that may have 65,536 characters"),
        (b"OPENQASM 4.0;", 1, 1, "OpenQASM 4 is unknown here"),
        (b"OPENQASM " + b"9" * 5000 + b";", 1, 1, "is unknown here"),
        (b"OPENQASM 2.0;\n\xc3\xa4\xff", 2, 2, "circuit is no UTF-8: byte 16 is 0xff"),
    ],
)
def test_what_is_no_circuit_is_refused_with_its_place(source: bytes, line: int, column: int, sentence: str) -> None:
    with pytest.raises(InvalidCircuit) as caught:
        detect_format(source, None)

    assert sentence in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


def test_another_format_than_stated_is_refused() -> None:
    with pytest.raises(InvalidCircuit, match="circuit_format says openqasm3, but the source is openqasm2"):
        detect_format(b"OPENQASM 2.0;", CircuitFormat.OPENQASM3)
