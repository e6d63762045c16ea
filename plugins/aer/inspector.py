"""What an inspector process does with a circuit: parse, check, profile, write QPY. Needs Qiskit, not Aer."""

import io
import math
import struct

from qiskit import QuantumCircuit, qpy
from qiskit.circuit import CircuitInstruction, Measure
from qiskit.qpy.exceptions import UnsupportedFeatureForVersion

from plugins.aer.backends import QPY_VERSIONS
from plugins.aer.circuit_walk import check_phase, count_operations, definition_of, is_known, replace
from plugins.aer.direct_circuits import MAX_DIRECT_QUBITS
from plugins.aer.engine_names import ENGINE_NAMES
from plugins.aer.gate_arithmetic import MAX_OPERATIONS
from plugins.aer.gate_places import place_of_infinity, place_of_use
from plugins.aer.loaders import MAX_IMPORTER_CIRCUIT_BYTES, load, load_again, load_qpy, looked_at
from plugins.aer.plain_profiles import plain_profile
from plugins.aer.profiling import profile
from plugins.aer.soundness import NO_VARIABLES, UnsoundInstruction, blamed, check_and_expand
from plugins.aer.source_look import MAX_REGISTER_BITS, decode
from qserver.circuits import Circuit, CircuitFormat, Inspection
from qserver.errors import InvalidCircuit, TooLarge

STORED_QPY_VERSION = max(QPY_VERSIONS[0], qpy.QPY_COMPATIBILITY_VERSION)
"""The oldest version that this Qiskit writes: workers with an older Qiskit can read it too."""

LARGE_CIRCUIT_INSTRUCTIONS = 20_000
"""Above, the newest version is written, which takes a third of the time; an older worker parses the source again."""

SHORT_OPENQASM2_BYTES = 1024
"""Up to here OpenQASM 2 loads about as fast as QPY (8 gates: 50 us against 40), and writing QPY takes 90 us."""

PLAIN_OPENQASM2_BYTES = 64 * 1024
"""Up to here a plain circuit is known by its steps alone; a narrow one is run from them too, and needs no QPY."""

CIRCUIT_NAME = "circuit"
"""Qiskit numbers circuits as they come; a fixed name keeps equal sources equal."""


def inspect(
    source: bytes, circuit_format: CircuitFormat, *, max_importer_bytes: int = MAX_IMPORTER_CIRCUIT_BYTES
) -> Inspection:
    """Parse and profile a circuit. Raises InvalidCircuit or TooLarge.

    No QPY is written where the text itself loads as fast: see `load_circuit`.
    """
    if circuit_format is not CircuitFormat.OPENQASM2 or len(source) > PLAIN_OPENQASM2_BYTES:
        loaded = load(source, circuit_format, max_importer_bytes=max_importer_bytes)
        circuit, expanded = _checked(loaded, source, circuit_format)
        found = profile(circuit, expanded=expanded)
        return Inspection(circuit_format=circuit_format, profile=found, qpy=_write_qpy(circuit))
    is_short = len(source) <= SHORT_OPENQASM2_BYTES
    plain = plain_profile(looked_at(source, circuit_format))
    if plain is not None and (is_short or plain.num_qubits <= MAX_DIRECT_QUBITS):
        return Inspection(circuit_format=circuit_format, profile=plain, qpy=None)
    loaded = load_again(source, circuit_format)  # it was looked at just now
    circuit, expanded = _checked(loaded, source, circuit_format)
    qpy = None if is_short and circuit is loaded else _write_qpy(circuit)
    return Inspection(circuit_format=circuit_format, profile=profile(circuit, expanded=expanded), qpy=qpy)


def parse(source: bytes, circuit_format: CircuitFormat, *, max_importer_bytes: int | None = None) -> QuantumCircuit:
    """Parse a circuit and check what no parser does. In what it gives, the name of an operation says what it does.

    The limit is for circuits that come from outside: what was inspected once is parsed again without one.
    """
    loaded = load(source, circuit_format, max_importer_bytes=max_importer_bytes)
    return _checked(loaded, source, circuit_format)[0]


def load_circuit(circuit: Circuit) -> QuantumCircuit:
    """Load a circuit that was inspected, as `parse` gave it: its QPY, or the text where that loads as fast.

    A QPY that this Qiskit can't read was written by another one; then the source says the same.
    """
    qpy = circuit.inspection.qpy
    if qpy is None:
        return load_again(circuit.source, circuit.circuit_format)
    try:
        return load_qpy(qpy)
    except InvalidCircuit:
        return parse(circuit.source, circuit.circuit_format)


def _checked(
    circuit: QuantumCircuit, source: bytes, circuit_format: CircuitFormat
) -> tuple[QuantumCircuit, QuantumCircuit]:
    """Check what no parser does.

    Gives the circuit, or one in which names of operations say what they do, and that with all gates written out.
    """
    _check_size(circuit)
    check_phase(circuit)
    if len(circuit.data) <= MAX_OPERATIONS and all(map(_is_plain, circuit.data)):
        return circuit, circuit
    try:
        count_operations(circuit)
        honest = replace(circuit, _write_out_impostors)
        return honest, check_and_expand(honest)
    except InvalidCircuit as error:
        culprit = blamed(circuit)
        if culprit is None:
            raise
        raise _placed(culprit, source, circuit_format) from error


def _placed(culprit: UnsoundInstruction, source: bytes, circuit_format: CircuitFormat) -> InvalidCircuit:
    if circuit_format is CircuitFormat.QPY:
        return culprit
    text = decode(source)
    place = place_of_infinity(text) or place_of_use(text, culprit.name, number=culprit.number, count=culprit.count)
    line, column = place or (None, None)
    return InvalidCircuit(culprit.message, line=line, column=column)


def _is_plain(instruction: CircuitInstruction) -> bool:
    """Tell what needs no further look, as most instructions do: a standard gate of finite angles, or a measurement."""
    if instruction.is_standard_gate():
        return all(isinstance(param, float) and math.isfinite(param) for param in instruction.params)
    return instruction.name == "measure" and isinstance(instruction.operation, Measure)


def _check_size(circuit: QuantumCircuit) -> None:
    if circuit.num_qubits == 0:
        raise InvalidCircuit("the circuit has no qubits")
    if circuit.num_vars or circuit.num_stretches:
        raise InvalidCircuit(NO_VARIABLES)
    for bits, kind in ((circuit.num_qubits, "qubits"), (circuit.num_clbits, "classical bits")):
        if bits > MAX_REGISTER_BITS:
            raise TooLarge(f"the circuit has {bits:,} {kind}; the limit is {MAX_REGISTER_BITS:,}")


def _write_out_impostors(instruction: CircuitInstruction) -> QuantumCircuit | None:
    """Replace what bears an engine's name for something else, and boxes, by what they stand for."""
    if is_known(instruction) or instruction.name not in ENGINE_NAMES:
        return None
    return definition_of(instruction.operation)


def _write_qpy(circuit: QuantumCircuit) -> bytes:
    circuit.name = CIRCUIT_NAME
    circuit.metadata = {}
    oldest = qpy.QPY_VERSION if len(circuit.data) > LARGE_CIRCUIT_INSTRUCTIONS else STORED_QPY_VERSION
    for version in (oldest, qpy.QPY_VERSION):
        written = io.BytesIO()
        try:
            qpy.dump(circuit, written, version=version)
        except UnsupportedFeatureForVersion:
            continue
        except struct.error:  # newer versions write it and can't read it
            break
        return written.getvalue()
    raise InvalidCircuit(
        "the circuit uses something that QPY can't hold, such as a name of 64 KiB or a gate with 33 controls"
    )
