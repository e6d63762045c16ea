"""The text of OpenQASM 2 as steps, with no Qiskit circuit in between.

Qiskit's parser is two halves: one in Rust, which reads, checks and evaluates, and one in Python, which makes a circuit
object of the steps that come out of the first and takes most of the time. Here the steps are collected as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import qiskit
from qiskit import qasm2
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.qasm2 import parse

from plugins.aer.gate_calls import GATE_CALLS
from plugins.aer.plain_circuits import BARRIER, Measurement, PlainCircuit, Register, Step

try:
    from qiskit._accelerate import qasm2 as reader
except ImportError:  # a Qiskit that is built otherwise
    reader = None

READER: ModuleType | None = reader
KNOWN_QISKIT_SERIES = frozenset({"2.6"})
"""Versions of Qiskit whose steps are known to mean what is made of them here, to the second number."""

GateName = str | None  # None: a gate that has no call


def read_steps(text: str) -> PlainCircuit | None:
    """Read a text that was looked at, or inspected before; None where it is no plain circuit.

    A plain one defines no gates, and a parser of Qiskit's that is known reads it without complaint. Others are the
    loader's, which says why.
    """
    if "gate" in text or not can_read_steps():
        return None
    collector = _Collector()
    try:
        steps = _reader().bytecode_from_string(text, [], _legacy_instructions(), (), False)
        is_plain = all(collector.take(step.opcode, step.operands) for step in steps)
    except QiskitError:
        return None
    return collector.circuit() if is_plain else None


@cache
def can_read_steps() -> bool:
    """Whether the half of the parser that reads is there, in a version that is known."""
    return READER is not None and ".".join(qiskit.__version__.split(".")[:2]) in KNOWN_QISKIT_SERIES


class _Collector:
    """Collects one text's steps, each as the parser gives it: a code and its operands."""

    def __init__(self) -> None:
        self._codes = _reader().OpCode
        self._names = list(_legacy_gates())
        self._quantum_registers: list[Register] = []
        self._classical_registers: list[Register] = []
        self._steps: list[Step] = []
        self._measurements: list[Measurement] = []
        self._measured: set[int] = set()

    def circuit(self) -> PlainCircuit:
        return PlainCircuit(self._quantum_registers, self._classical_registers, self._steps, self._measurements)

    def take(self, code: object, operands: tuple[Any, ...]) -> bool:
        """Take a step; False where it is none of a plain circuit."""
        if code == self._codes.Gate:
            return self._take_gate(*operands)
        if code == self._codes.Measure:
            self._measured.add(operands[0])
            self._measurements.append((*operands, len(self._steps)))
            return True
        if code == self._codes.SpecialInclude:
            self._names += [_included_gates()[index] for index in operands[0]]
            return True
        return self._take_rest(code, operands)

    def _take_gate(self, gate: int, params: Sequence[float], qubits: Sequence[int]) -> bool:
        name = self._names[gate]
        if name is None or not self._measured.isdisjoint(qubits):
            return False
        self._steps.append((name, qubits, params))
        return True

    def _take_rest(self, code: object, operands: tuple[Any, ...]) -> bool:
        if code == self._codes.DeclareQreg:
            self._quantum_registers.append(Register(*operands))
        elif code == self._codes.DeclareCreg:
            self._classical_registers.append(Register(*operands))
        elif code == self._codes.Barrier:
            self._steps.append((BARRIER, operands[0], ()))
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
