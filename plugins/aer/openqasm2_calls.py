"""From the text of OpenQASM 2 to calls of Aer's state class, with no Qiskit circuit in between.

Qiskit's parser is two halves: one in Rust, which reads, checks and evaluates, and one in Python, which makes a circuit
object of the steps that come out of the first and takes most of the time. Here the steps become calls instead.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType

import qiskit
from qiskit import qasm2
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.qasm2 import parse

from plugins.aer.direct_circuits import DirectBuilder, DirectCircuit
from plugins.aer.gate_calls import GATE_CALLS

try:
    from qiskit._accelerate import qasm2 as reader
except ImportError:  # a Qiskit that is built otherwise
    reader = None

READER: ModuleType | None = reader
KNOWN_QISKIT_SERIES = frozenset({"2.6"})
"""Versions of Qiskit whose steps are known to mean what is made of them here, to the second number."""

GateName = str | None  # None: a gate that has no call


def read_calls(text: str, *, keeps_idle_qubits: bool) -> DirectCircuit | None:
    """Write a text that was inspected before as calls, as `direct_circuit` does with a loaded circuit.

    Gives None where it holds more than gates that have a call, barriers and final measurements, where it defines gates,
    and where this Qiskit's parser is not known, or refuses it: then the loader says why.
    """
    if "gate" in text or not can_read_calls():
        return None
    try:
        return _read(text, keeps_idle_qubits=keeps_idle_qubits)
    except QiskitError:
        return None


@cache
def can_read_calls() -> bool:
    """Whether the half of the parser that reads is there, in a version that is known."""
    return READER is not None and ".".join(qiskit.__version__.split(".")[:2]) in KNOWN_QISKIT_SERIES


def _read(text: str, *, keeps_idle_qubits: bool) -> DirectCircuit | None:
    codes, names = _reader().OpCode, list(_legacy_gates())
    builder, num_qubits = DirectBuilder(), 0
    for step in _reader().bytecode_from_string(text, [], _legacy_instructions(), (), False):
        code = step.opcode
        if code == codes.Gate:
            gate, params, qubits = step.operands
            name = names[gate]
            if name is None or builder.is_measured(qubits):
                return None
            builder.gate(name, qubits, params)
        elif code == codes.Measure:
            builder.measure(*step.operands)
        elif code == codes.DeclareQreg:
            num_qubits += step.operands[1]
        elif code == codes.SpecialInclude:
            names += [_included_gates()[index] for index in step.operands[0]]
        elif code not in (codes.Barrier, codes.DeclareCreg):
            return None
    return builder.build(num_qubits, keeps_idle_qubits=keeps_idle_qubits)


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
