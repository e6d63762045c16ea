"""The text of OpenQASM 2 as steps, with no Qiskit circuit in between.

Qiskit's parser is two halves: one in Rust, which reads, checks and evaluates, and one in Python, which makes a circuit
object of the steps that come out of the first and takes most of the time. Here the steps are told to who wants them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any, Protocol

import qiskit
from qiskit import qasm2
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.qasm2 import parse

from plugins.aer.gate_calls import GATE_CALLS

try:
    from qiskit._accelerate import qasm2 as reader
except ImportError:  # a Qiskit that is built otherwise
    reader = None

READER: ModuleType | None = reader
KNOWN_QISKIT_SERIES = frozenset({"2.6"})
"""Versions of Qiskit whose steps are known to mean what is made of them here, to the second number."""

GateName = str | None  # None: a gate that has no call


class Listener(Protocol):
    """Who is told the steps of a text, in order. Qubits and classical bits are named by their index."""

    def quantum_register(self, size: int) -> None:
        """Hear of more qubits."""

    def classical_register(self, name: str, size: int) -> None:
        """Hear of more classical bits."""

    def gate(self, name: str, qubits: list[int], params: Sequence[float]) -> None:
        """Hear of a gate of GATE_CALLS, by Qiskit's name, on qubits that were not measured."""

    def measure(self, qubit: int, clbit: int) -> None:
        """Hear of a measurement."""

    def barrier(self, qubits: list[int]) -> None:
        """Hear of a barrier."""


def tell_steps(text: str, listener: Listener) -> bool:
    """Tell all steps of a text that was looked at, or inspected before; False where it is none of those read here.

    These hold nothing but gates that have a call, barriers, and measurements that no gate follows on their qubit. They
    define no gates, and a parser of Qiskit's that is known reads them without complaint. Others are the loader's, which
    says why; what was told of them up to then means nothing.
    """
    if "gate" in text or not can_read_steps():
        return False
    try:
        return _tell(text, listener)
    except QiskitError:
        return False


@cache
def can_read_steps() -> bool:
    """Whether the half of the parser that reads is there, in a version that is known."""
    return READER is not None and ".".join(qiskit.__version__.split(".")[:2]) in KNOWN_QISKIT_SERIES


def _tell(text: str, listener: Listener) -> bool:
    teller = _Teller(listener)
    steps = _reader().bytecode_from_string(text, [], _legacy_instructions(), (), False)
    return all(teller.tell(step.opcode, step.operands) for step in steps)


class _Teller:
    """Tells one text's steps, each as the parser gives it: a code and its operands."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._codes = _reader().OpCode
        self._names = list(_legacy_gates())
        self._measured: set[int] = set()

    def tell(self, code: object, operands: tuple[Any, ...]) -> bool:
        """Tell a step; False where it is none that is read here."""
        if code == self._codes.Gate:
            return self._tell_gate(*operands)
        if code == self._codes.Measure:
            self._measured.add(operands[0])
            self._listener.measure(*operands)
            return True
        if code == self._codes.SpecialInclude:
            self._names += [_included_gates()[index] for index in operands[0]]
            return True
        return self._tell_rest(code, operands)

    def _tell_gate(self, gate: int, params: Sequence[float], qubits: list[int]) -> bool:
        name = self._names[gate]
        if name is None or not self._measured.isdisjoint(qubits):
            return False
        self._listener.gate(name, qubits, params)
        return True

    def _tell_rest(self, code: object, operands: tuple[Any, ...]) -> bool:
        if code == self._codes.DeclareQreg:
            self._listener.quantum_register(operands[1])
        elif code == self._codes.DeclareCreg:
            self._listener.classical_register(*operands)
        elif code == self._codes.Barrier:
            self._listener.barrier(operands[0])
        else:
            return False
        return True


def _reader() -> ModuleType:
    if READER is None:
        raise RuntimeError("this Qiskit's parser has no half that reads")
    return READER


@cache
def _legacy_instructions() -> Sequence[object]:
    """Give the gates that older Qiskit wrote without defining them, as `plugins.aer.loaders` does."""
    known = qasm2.LEGACY_CUSTOM_INSTRUCTIONS
    return [_reader().CustomInstruction(gate.name, gate.num_params, gate.num_qubits, gate.builtin) for gate in known]


@cache
def _legacy_gates() -> Sequence[GateName]:
    """Name what the parser's first gates are: those it was told of, and the two that the language has by itself."""
    return (*(_name_of(gate.constructor) for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS), "u", "cx")


@cache
def _included_gates() -> Sequence[GateName]:
    return tuple(map(_name_of, parse.QELIB1))


def _name_of(constructor: Callable[..., object]) -> GateName:
    return _names().get(constructor)


@cache
def _names() -> Mapping[Callable[..., object], str]:
    return {gate.base_class: name for name, gate in get_standard_gate_name_mapping().items() if name in GATE_CALLS}
