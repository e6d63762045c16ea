"""Aer's JSON form of a noise model, read and checked with Qiskit alone: inspectors may run where Aer is not installed.

`NoiseModel.from_dict` is deprecated without a successor and can't read back the complex matrices that
`to_dict(serializable=True)` writes as pairs, so this is a reader of our own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction, Reset
from qiskit.circuit.library import PauliGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Kraus

from plugins.aer.gate_widths import WIDTHS
from plugins.aer.noise_words import CustomNoise
from plugins.aer.options import AerOptions
from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject, JsonValue

MAX_ERROR_QUBITS = 3
"""A Kraus channel of 3 qubits already has matrices of 8 x 8; wider errors belong to no gate that Aer runs."""
PROBABILITY_TOLERANCE = 1e-8
MAX_DESCRIPTION_LENGTH = 200

Matrix = npt.NDArray[np.complex128]
_Places = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class GateError:
    """A mixture of small circuits, each with its probability, that follows the named operations.

    `qubits` lists where it acts; None means everywhere.
    """

    operations: tuple[str, ...]
    qubits: tuple[tuple[int, ...], ...] | None
    mixture: tuple[tuple[QuantumCircuit, float], ...]


@dataclass(frozen=True, slots=True)
class ReadingError:
    """`probabilities[i][j]` is the probability to read j where the bits are i."""

    qubits: tuple[tuple[int, ...], ...] | None
    probabilities: tuple[tuple[float, ...], ...]


def check_noise(options: AerOptions) -> None:
    """Raise InvalidRequest, naming the error, where a noise model in Aer's form makes no sense."""
    if isinstance(options.noise, CustomNoise):
        read_document(options.noise.document)


def describe(document: JsonObject) -> JsonObject:
    """Check a noise model in Aer's form; give what a reference to it says. Raises InvalidRequest naming the error."""
    read_document(document)
    noise = CustomNoise(document)
    errors = [error for error in _items(document["errors"]) if isinstance(error, Mapping)]
    operations = {str(name) for error in errors for name in _items(error.get("operations", ("measure",)))}
    qubits = {qubit for error in errors for place in _read_places(error.get("gate_qubits")) or () for qubit in place}
    where = f"{len(qubits):,} qubits" if qubits else "all qubits"
    return {
        "description": f"{len(errors):,} errors of {', '.join(sorted(operations))} on {where}"[:MAX_DESCRIPTION_LENGTH],
        "names_qubits": noise.names_qubits,
        "keeps_stabilizers": noise.keeps_stabilizers,
        "disturbs_measurement": noise.disturbs_measurement,
    }


def read_document(document: JsonObject) -> tuple[GateError | ReadingError, ...]:
    """Read all errors of a noise model. Raises InvalidRequest naming the position of the first that is wrong."""
    errors = document.get("errors")
    if not _is_sequence(errors):
        raise _wrong("noise_model.errors is no list")
    found = []
    for position, error in enumerate(_items(errors)):
        try:
            found.append(_read_error(error))
        except (QiskitError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError) as fault:
            words = fault.message if isinstance(fault, QiskitError) else str(fault)
            raise _wrong(f"noise_model.errors[{position}]: {words[:300]}") from fault
    return tuple(found)


def _read_error(error: JsonValue) -> GateError | ReadingError:
    if not isinstance(error, Mapping):
        raise TypeError("an error must be an object")
    match error.get("type"):
        case "qerror":
            return _read_gate_error(error)
        case "roerror":
            return _read_reading_error(error)
        case other:
            raise ValueError(f"type is {other!r}; it may be 'qerror' or 'roerror'")


def _read_gate_error(error: JsonObject) -> GateError:
    probabilities = [_probability(value) for value in _items(error["probabilities"])]
    circuits = [_read_circuit(instructions) for instructions in _items(error["instructions"])]
    if len(circuits) != len(probabilities):
        raise ValueError(f"{len(circuits)} lists of instructions for {len(probabilities)} probabilities")
    _check_sum(probabilities)
    operations = tuple(str(name) for name in _items(error["operations"]))
    if not operations:
        raise ValueError("operations names none")
    places = _read_places(error.get("gate_qubits"))
    width = _width_of_error(operations, places, widest=max(circuit.num_qubits for circuit in circuits))
    return GateError(
        operations=operations,
        qubits=places,
        mixture=tuple(
            (_widened(circuit, width), probability)
            for circuit, probability in zip(circuits, probabilities, strict=True)
        ),
    )


def _width_of_error(operations: Sequence[str], places: _Places | None, *, widest: int) -> int:
    """Give the qubits that the error acts on: those of its gate, though it may leave some of them alone."""
    widths = {WIDTHS[name] for name in operations if name in WIDTHS} | {len(place) for place in places or ()}
    if len(widths) > 1:
        raise ValueError(f"operations and gate_qubits name {' and '.join(map(str, sorted(widths)))} qubits at once")
    width = widths.pop() if widths else widest
    if widest > width:
        raise ValueError(f"an error on {widest} qubits can't follow {operations[0]!r} on {width}")
    return width


def _read_reading_error(error: JsonObject) -> ReadingError:
    rows = tuple(tuple(_probability(value) for value in _items(row)) for row in _items(error["probabilities"]))
    if len(rows) not in {2**bits for bits in range(1, MAX_ERROR_QUBITS + 1)} or any(
        len(row) != len(rows) for row in rows
    ):
        raise ValueError(f"probabilities must be a square table of 2, 4 or 8 rows, and it has {len(rows)}")
    for row in rows:
        _check_sum(row)
    places = _read_places(error.get("gate_qubits"))
    for place in places or ():
        if 2 ** len(place) != len(rows):
            raise ValueError(f"a table of {len(rows)} rows can't be of the {len(place)} qubits {place}")
    return ReadingError(qubits=places, probabilities=rows)


def _read_circuit(instructions: JsonValue) -> QuantumCircuit:
    placed = [_read_instruction(instruction) for instruction in _items(instructions)]
    width = 1 + max((qubit for _, qubits in placed for qubit in qubits), default=0)
    circuit = QuantumCircuit(width)
    for instruction, qubits in placed:
        circuit.append(instruction, qubits)
    return circuit


def _read_instruction(instruction: JsonValue) -> tuple[Instruction, tuple[int, ...]]:
    if not isinstance(instruction, Mapping):
        raise TypeError("an instruction must be an object")
    qubits = _read_qubits(instruction["qubits"])
    if not qubits or max(qubits) >= MAX_ERROR_QUBITS:
        raise ValueError(f"an error acts on qubits 0 to {MAX_ERROR_QUBITS - 1} of its gate, and here on {qubits}")
    return _read_operation(str(instruction["name"]), _items(instruction.get("params", ()))), qubits


def _read_operation(name: str, params: Sequence[JsonValue]) -> Instruction:
    match name:
        case "reset":
            return Reset()
        case "pauli":
            return PauliGate(str(params[0]))
        case "unitary":
            return UnitaryGate(_matrix(params[0]))
        case "kraus":
            return _kraus([_matrix(param) for param in params])
        case _:
            gate = get_standard_gate_name_mapping().get(name)
            if gate is None or gate.num_clbits:
                raise ValueError(f"instruction {name!r} can't be part of an error")
            return gate.base_class(*(_number(param) for param in params))


def _kraus(matrices: Sequence[Matrix]) -> Instruction:
    channel = Kraus(list(matrices))
    if not channel.is_cptp(atol=PROBABILITY_TOLERANCE):
        raise ValueError("the Kraus operators don't preserve the trace")
    return channel.to_instruction()


def _matrix(value: JsonValue) -> Matrix:
    """Read a square matrix whose entries are numbers or pairs [real, imaginary]."""
    array = np.array(value, dtype=np.float64)
    if array.ndim == 3 and array.shape[2] == 2:  # noqa: PLR2004 - rows, columns, (real, imaginary)
        return np.asarray(array[..., 0] + 1j * array[..., 1], dtype=np.complex128)
    if array.ndim != 2:  # noqa: PLR2004 - rows, columns
        raise ValueError(f"a matrix has shape {array.shape}")
    return array.astype(np.complex128)


def _widened(circuit: QuantumCircuit, num_qubits: int) -> QuantumCircuit:
    if circuit.num_qubits == num_qubits:
        return circuit
    return QuantumCircuit(num_qubits).compose(circuit, range(circuit.num_qubits))


def _read_places(value: JsonValue) -> _Places | None:
    return None if value is None else tuple(_read_qubits(place) for place in _items(value))


def _read_qubits(value: JsonValue) -> tuple[int, ...]:
    qubits = tuple(int(_number(qubit)) for qubit in _items(value))
    if any(qubit < 0 for qubit in qubits):
        raise ValueError(f"qubits {qubits} include a negative number")
    return qubits


def _check_sum(probabilities: Sequence[float]) -> None:
    total = sum(probabilities)
    if abs(total - 1) > PROBABILITY_TOLERANCE:
        raise ValueError(f"probabilities sum to {total:.10g}, not to 1")


def _probability(value: JsonValue) -> float:
    number = _number(value)
    if not 0 <= number <= 1 + PROBABILITY_TOLERANCE:
        raise ValueError(f"{number} is no probability")
    return number


def _number(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    if not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return float(value)


def _items(value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise TypeError(f"{value!r:.100} is no list")
    return value


def _is_sequence(value: JsonValue) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OPTION)
