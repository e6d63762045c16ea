"""Aer's save instructions at the end of a circuit, and the result types that stand for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import CircuitInstruction

from qserver.client.observables import pauli_word
from qserver.errors import InvalidRequest, Reason
from qserver.rpc.v1 import jobs_pb2

_PREFIX: Final = "save_"
_STATES: Final = frozenset({"save_statevector", "save_state"})
_PROBABILITIES: Final = frozenset({"save_probabilities", "save_probabilities_dict"})
_EXPECTATION: Final = "save_expval"
_KNOWN: Final = ("save_statevector", "save_expectation_value", "save_probabilities", "save_probabilities_dict")
_SUBTYPES: Final = frozenset({"single", "average"})
_AFTER_A_SAVE: Final = frozenset({"measure", "barrier", "delay"})


@dataclass(frozen=True, slots=True)
class SavedProbabilities:
    """Probabilities of `num_bits` outcomes, which stand leftmost in the server's bitstrings."""

    label: str
    num_bits: int
    is_dict: bool


@dataclass(slots=True)
class Saves:
    """What a circuit saves: labels of states, labels with observables, and probabilities of some qubits."""

    states: list[str] = field(default_factory=list)
    observables: dict[str, jobs_pb2.Observable] = field(default_factory=dict)
    probabilities: SavedProbabilities | None = None

    def result_types(self) -> Iterator[jobs_pb2.ResultType.ValueType]:
        """Name what to ask the server for."""
        if self.states:
            yield jobs_pb2.RESULT_TYPE_STATEVECTOR
        if self.observables:
            yield jobs_pb2.RESULT_TYPE_EXPVAL
        if self.probabilities is not None:
            yield jobs_pb2.RESULT_TYPE_PROBABILITIES


def take_saves(circuit: QuantumCircuit) -> tuple[QuantumCircuit, Saves]:
    """Give the circuit without its save instructions, and what they were.

    The server gives probabilities of measured bits: for those of some qubits, measurements of these are added. Raises
    InvalidRequest for a save that it has no result type for, or that stands anywhere but at the end.
    """
    saves = Saves()
    if not any(found.name.startswith(_PREFIX) for found in circuit.data):
        return circuit, saves
    _check_end(circuit)
    plain = circuit.copy()
    plain.data = [found for found in circuit.data if not found.name.startswith(_PREFIX)]
    for found in circuit.data:
        if found.name.startswith(_PREFIX):
            _take(found, [circuit.find_bit(qubit).index for qubit in found.qubits], plain, saves)
    return plain, saves


def _check_end(circuit: QuantumCircuit) -> None:
    names = [found.name for found in circuit.data]
    first = next(place for place, name in enumerate(names) if name.startswith(_PREFIX))
    for name in names[first:]:
        if not name.startswith(_PREFIX) and name not in _AFTER_A_SAVE:
            raise _refused(f"{names[first]} stands before {name}; the server saves at the end of a circuit alone")
    if "measure" in names[:first]:
        raise _refused(f"{names[first]} stands behind a measurement; save first, then measure")


def _take(found: CircuitInstruction, qubits: Sequence[int], plain: QuantumCircuit, saves: Saves) -> None:
    label, subtype = _told(found.operation)
    if subtype not in _SUBTYPES:
        raise _refused(f"{found.name} of the kind {subtype!r} has no result type; leave out pershot and conditional")
    if found.name in _STATES:
        saves.states.append("statevector" if label == "_method_" else label)
    elif found.name == _EXPECTATION:
        saves.observables[label] = _observable(found.operation.params, qubits, plain.num_qubits)
    elif found.name in _PROBABILITIES:
        _measure(found.name, qubits, plain, saves)
        saves.probabilities = SavedProbabilities(label, len(qubits), found.name.endswith("dict"))
    else:
        raise _refused(f"{found.name} has no result type; the server gives {', '.join(_KNOWN)}")


def _told(operation: Any) -> tuple[str, str]:  # noqa: ANN401 - Aer's instructions are untyped
    """Give label and kind, which Aer keeps to itself."""
    return operation._label, operation._subtype  # noqa: SLF001


def _measure(name: str, qubits: Sequence[int], plain: QuantumCircuit, saves: Saves) -> None:
    if saves.probabilities is not None:
        raise _refused(f"{name} stands twice in a circuit; save each in a circuit of its own")
    if "measure" in plain.count_ops():
        raise _refused(f"{name} stands beside measurements; save in a circuit without them")
    register = ClassicalRegister(len(qubits), "saved")
    plain.add_register(register)
    plain.measure(list(qubits), register)


def _observable(params: Sequence[tuple[str, tuple[float, float]]], qubits: Sequence[int], width: int) -> Any:  # noqa: ANN401
    """Write what Aer saves on some qubits over all of them."""
    terms = [
        jobs_pb2.PauliTerm(pauli=pauli_word(reversed(pauli), qubits, width), coefficient=float(coefficient))
        for pauli, (coefficient, _) in params
    ]
    return jobs_pb2.Observable(terms=terms)


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.UNSUPPORTED_RESULT_TYPE)
