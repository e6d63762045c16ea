"""What the bytes of a circuit are, told from their first words. A cheap look: the inspector judges the rest."""

import re

from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit

_QPY_MAGIC = b"QISKIT"  # https://quantum.cloud.ibm.com/docs/api/qiskit/qpy: the first six bytes of every QPY file
MAX_PREAMBLE_CHARACTERS = 64 * 1024
"""Comments and blanks before the header. To pass over 8 MiB of them takes seconds, and this runs beside every call."""

_BLANK = re.compile(r"\ufeff?(?:\s+|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_HEADER = re.compile(r"OPENQASM\s+(\d+)(?:\.\d+)?\s*;")
_USUAL_HEADERS = {b"OPENQASM 2.0;": CircuitFormat.OPENQASM2, b"OPENQASM 3.0;": CircuitFormat.OPENQASM3}
_USUAL_BYTES = 13
_BY_MAJOR_VERSION = {2: CircuitFormat.OPENQASM2, 3: CircuitFormat.OPENQASM3}


def detect_format(source: bytes, stated: CircuitFormat | None) -> CircuitFormat:
    """Tell the format of a circuit for a built-in backend; `stated` is what the client says it is, if it says.

    Raises InvalidCircuit where the bytes are no circuit, or are not in the stated format.
    """
    found = CircuitFormat.QPY if source.startswith(_QPY_MAGIC) else _text_format(decode(source), source[:_USUAL_BYTES])
    if stated is not None and stated is not found:
        raise InvalidCircuit(f"circuit_format says {stated}, but the source is {found}", line=1, column=1)
    return found


def decode(source: bytes) -> str:
    """Decode UTF-8. Raises InvalidCircuit with the place of the first byte that is not."""
    try:
        return source.decode()
    except UnicodeDecodeError as error:
        before = source[: error.start].decode()
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise InvalidCircuit(
            f"circuit is no UTF-8: byte {error.start:,} is 0x{source[error.start]:02x}", line=line, column=column
        ) from error


def _text_format(text: str, first_bytes: bytes) -> CircuitFormat:
    if usual := _USUAL_HEADERS.get(first_bytes):
        return usual
    beginning = text[:MAX_PREAMBLE_CHARACTERS]
    blank = _BLANK.match(beginning)
    start = blank.end() if blank else 0
    line, column = text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1
    header = _HEADER.match(beginning, start)
    if header is None:
        raise InvalidCircuit(
            "circuit must begin with 'OPENQASM 2.0;' or 'OPENQASM 3.0;', or be a QPY file; comments before that may "
            f"have {MAX_PREAMBLE_CHARACTERS:,} characters",
            line=line,
            column=column,
        )
    version = int(header[1]) if len(header[1]) == 1 else None
    if version not in _BY_MAJOR_VERSION:
        raise InvalidCircuit(f"OpenQASM {header[1][:20]} is unknown here; 2 and 3 are read", line=line, column=column)
    return _BY_MAJOR_VERSION[version]
