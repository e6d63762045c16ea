"""From bytes to a Qiskit circuit, for each format. Every failure is an InvalidCircuit; none tells of the server."""

import contextlib
import io
import os
import re
import struct
import warnings
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

from openqasm3.parser import QASM3ParsingError
from qiskit import QuantumCircuit, qasm2, qasm3, qpy
from qiskit.exceptions import ExperimentalWarning, QiskitError
from qiskit_qasm3_import import ConversionError

from plugins.aer.backends import QPY_VERSIONS
from plugins.aer.circuit_walk import instructions_of
from plugins.aer.diagnostics import capture_diagnostics
from plugins.aer.engine_names import STANDARD_GATE_NAMES
from plugins.aer.gate_arithmetic import defined_gates
from plugins.aer.importer_places import place_of
from plugins.aer.source_look import decode, look, refused_loop
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit, TooLarge

IMPORTER_LIMIT_VARIABLE = "QSERVER_MAX_IMPORTER_CIRCUIT_BYTES"
MAX_IMPORTER_CIRCUIT_BYTES = 256 * 1024
"""Its default: the full importer reads 30 to 40 KB a second."""
MAX_MESSAGE_CHARACTERS = 300

_QPY_HEADER = struct.Struct("!6sB3BQ")
_PLACE = re.compile(r"^(?:<input>:)?(\d+),(\d+): (.*)$", re.DOTALL)
_DUMP = re.compile(r": (\w+)\(\1 \{.*", re.DOTALL)  # the fast loader's tree of what it doesn't know, page after page
_BACKTRACE = re.compile(r"\s*╺━+┅ Backtrace .*?Error: ([^\n]*).*", re.DOTALL)  # of the QPY reader's innards, in colours
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")  # nor does anything that a terminal or a log would obey
_PATH = re.compile(r"(?:/[\w.@+-]+){2,}/?")  # nothing of the server's files belongs into an answer
# What parsers raise for input they don't foresee, beside their own errors.
_PARSER_FAULTS = (
    QiskitError,
    ConversionError,
    QASM3ParsingError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RecursionError,
    AssertionError,
    struct.error,
    EOFError,
)

_Loaded = TypeVar("_Loaded")


def importer_limit_bytes() -> int:
    """Give the limit that the service sets for its inspectors, in their environment; else the default."""
    return int(os.environ.get(IMPORTER_LIMIT_VARIABLE, MAX_IMPORTER_CIRCUIT_BYTES))


def load(source: bytes, circuit_format: CircuitFormat, *, max_importer_bytes: int | None = None) -> QuantumCircuit:
    """Parse a circuit. None sets no limit for the full importer: for circuits that were inspected before.

    Raises InvalidCircuit (with line and column where the parser tells them) or TooLarge.
    """
    match circuit_format:
        case CircuitFormat.OPENQASM2:
            return _load_openqasm2(looked_at(source, circuit_format))
        case CircuitFormat.OPENQASM3:
            return _load_openqasm3(looked_at(source, circuit_format), max_importer_bytes=max_importer_bytes)
        case CircuitFormat.QPY:
            return load_qpy(source)
        case CircuitFormat.TEXT:
            raise InvalidCircuit("the circuit is no OpenQASM 2, OpenQASM 3 or QPY, and this backend reads nothing else")


def load_again(source: bytes, circuit_format: CircuitFormat) -> QuantumCircuit:
    """Load a circuit whose text was looked at before, just now or when it was inspected.

    Raises InvalidCircuit where it can't be read, by this Qiskit perhaps where another one could.
    """
    if circuit_format is CircuitFormat.OPENQASM2:
        return _load_openqasm2(decode(source))
    return load(source, circuit_format)


def load_qpy(source: bytes) -> QuantumCircuit:
    """Load a QPY file of exactly one circuit. Raises InvalidCircuit."""
    _check_qpy_header(source)
    with warnings.catch_warnings():
        # Written by a newer Qiskit in a version of QPY that this one reads: nothing to warn of.
        warnings.simplefilter("ignore", UserWarning)
        circuits = _guarded(lambda: qpy.load(io.BytesIO(source)), "the QPY file can't be read")
    if len(circuits) != 1 or not isinstance(circuits[0], QuantumCircuit):
        raise InvalidCircuit("the QPY file holds no circuit")
    _check_distinct(circuits[0])
    return circuits[0]


def looked_at(source: bytes, circuit_format: CircuitFormat) -> str:
    """Give the text of a circuit that may reach a parser. Raises InvalidCircuit or TooLarge for what may not."""
    text = decode(source)
    look(text, circuit_format)
    return text


def _load_openqasm2(text: str) -> QuantumCircuit:
    """Parse with the gates that older Qiskit wrote without defining them, except those that the text defines itself.

    For a gate among its `custom_instructions` the parser would pass over the definition and take Qiskit's own meaning.
    """
    defined = defined_gates(text)
    legacy = [gate for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if gate.name not in defined]
    return _guarded(
        lambda: qasm2.loads(text, include_path=(), custom_instructions=legacy), "the OpenQASM 2 circuit can't be read"
    )


def _load_openqasm3(text: str, *, max_importer_bytes: int | None) -> QuantumCircuit:
    """Try the fast loader; what it refuses may still be read by the full importer, which is slow."""
    passed_over = _why_not_fast(text)
    loaded = passed_over or _try_fast(text)
    if isinstance(loaded, QuantumCircuit):
        return loaded
    size_bytes = len(text.encode())
    if max_importer_bytes is not None and size_bytes > max_importer_bytes:
        raise TooLarge(
            f"the circuit is {size_bytes:,} bytes, and the fast OpenQASM 3 loader refuses it ({_words(loaded)}); "
            f"the limit for the full importer is {max_importer_bytes:,} ({IMPORTER_LIMIT_VARIABLE})"
        )
    try:
        # Its parser prints what it raises no words for.
        with contextlib.redirect_stderr(io.StringIO()):
            return _guarded(lambda: qasm3.loads(text), "the OpenQASM 3 circuit can't be read")
    except InvalidCircuit as error:
        line, column = place_of(error.__cause__, text) or (error.line, error.column)
        placed = InvalidCircuit(error.message, line=line, column=column)
        if _is_explained(error):
            raise placed from error.__cause__
        fallback = placed if passed_over else _clearer(placed, loaded)
        raise refused_loop(text) or fallback from error.__cause__


def _clearer(fallen: InvalidCircuit, fast: InvalidCircuit) -> InvalidCircuit:
    """Choose between what the importer and the fast loader said of a circuit that neither explains well."""
    if fast.line is not None or fallen.line is None:
        return fast
    # Of an index past the end the fast loader tells the numbers, and the importer the place.
    is_same = fallen.message.endswith("index out of range") and "out of range" in fast.message
    words = fast.message if is_same else fallen.message
    return InvalidCircuit(words, line=fallen.line, column=fallen.column)


def _is_explained(refusal: InvalidCircuit) -> bool:
    """Tell whether the importer found words of its own, and didn't just fall over the circuit or its grammar."""
    if isinstance(refusal.__cause__, QASM3ParsingError):
        return False
    return refusal.line is not None or isinstance(refusal.__cause__, QiskitError)


def _why_not_fast(text: str) -> InvalidCircuit | None:
    """Say what the fast loader would misread or surely refuse."""
    if not defined_gates(text).isdisjoint(STANDARD_GATE_NAMES):
        # The loader would pass over the definition and take the standard gate.
        return InvalidCircuit("it defines a gate that has a standard gate's name")
    if "@" in text:
        return InvalidCircuit("it modifies gates", line=text.count("\n", 0, text.index("@")) + 1)
    return None


def _try_fast(text: str) -> QuantumCircuit | InvalidCircuit:
    """Give the circuit, or why the fast loader refuses it, with the place that it prints but doesn't raise."""
    with capture_diagnostics() as diagnostics:
        try:
            return _guarded(lambda: _load_fast(text), "the OpenQASM 3 circuit can't be read")
        except InvalidCircuit as error:
            diagnosis = diagnostics.first()
            if diagnosis is None:
                return error
            return InvalidCircuit(diagnosis.message, line=diagnosis.line, column=diagnosis.column)


def _load_fast(text: str) -> QuantumCircuit:
    with warnings.catch_warnings():
        # The loader warns at each call that it is experimental; what it refuses goes to the importer.
        warnings.simplefilter("ignore", ExperimentalWarning)
        circuit = qasm3.loads_experimental(text)
    _check_distinct(circuit)
    return circuit


def _check_distinct(circuit: QuantumCircuit) -> None:
    """Refuse what Qiskit refuses while a circuit is built, and these loaders let through: `cx q[0], q[0]`."""
    for instruction in instructions_of(circuit):
        if len(set(instruction.qubits)) < len(instruction.qubits):
            raise InvalidCircuit(f"gate {instruction.name!r} is given the same qubit more than once")


def _words(refusal: InvalidCircuit) -> str:
    return refusal.message if refusal.line is None else f"line {refusal.line}: {refusal.message}"


def _check_qpy_header(source: bytes) -> None:
    if len(source) < _QPY_HEADER.size or not source.startswith(b"QISKIT"):
        raise InvalidCircuit("the file is no QPY: it doesn't begin with QISKIT")
    _, version, *_, num_circuits = _QPY_HEADER.unpack_from(source)
    if version < QPY_VERSIONS[0]:
        raise InvalidCircuit(f"the file is QPY version {version}; the oldest accepted is {QPY_VERSIONS[0]}")
    if version > qpy.QPY_VERSION:
        raise InvalidCircuit(f"the file is QPY version {version}; the newest that can be read is {qpy.QPY_VERSION}")
    if num_circuits != 1:
        raise InvalidCircuit(f"the QPY file holds {num_circuits:,} circuits; send one a job")


def _guarded(call: Callable[[], _Loaded], fault: str) -> _Loaded:
    """Turn every way in which a parser gives up into an InvalidCircuit that begins with `fault` or names the place."""
    try:
        return call()
    except _PARSER_FAULTS as error:
        raise _as_invalid_circuit(error, fault) from error
    except BaseException as error:
        # A panic of Qiskit's Rust side derives from BaseException, and its class can't be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise InvalidCircuit(f"{fault}: the parser gave up on it") from error


def _as_invalid_circuit(error: Exception, fault: str) -> InvalidCircuit:
    if isinstance(error, QASM3ParsingError) and (token := _offending_token(error)):
        return InvalidCircuit(f"syntax error at {token.text!r}", line=token.line, column=token.column + 1)
    message = _DUMP.sub(r" (\1)", _plain(error.message if isinstance(error, QiskitError) else str(error)))
    place = _PLACE.match(message)
    if place is None:
        words = _PATH.sub("(path)", message)[:MAX_MESSAGE_CHARACTERS] or "syntax error"
        return InvalidCircuit(f"{fault}: {words}")
    line, column, words = int(place.group(1)), int(place.group(2)) + 1, place.group(3)
    return InvalidCircuit(_PATH.sub("(path)", words)[:MAX_MESSAGE_CHARACTERS], line=line, column=column)


def _plain(message: str) -> str:
    """Leave out what is for the terminal of somebody who debugs Qiskit."""
    return _CONTROL.sub(" ", _BACKTRACE.sub(r" \1", _COLOUR.sub("", message))).strip()


class _Token(Protocol):
    """What we need of a token of ANTLR, which comes with the importer's parser and is untyped. Columns count from 0."""

    text: str
    line: int
    column: int


def _offending_token(error: QASM3ParsingError) -> _Token | None:
    """Give the token at which the importer's parser gave up: its error has no words, but holds what it met."""
    cancelled = error.__cause__
    met = cancelled.args[0] if cancelled is not None and cancelled.args else None
    return cast("_Token | None", getattr(met, "offendingToken", None))
