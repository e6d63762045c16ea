"""Reversible circuits, read from a small part of OpenQASM 2: one statement a line, one register of each kind."""

import re
from dataclasses import dataclass, field

from qserver.errors import InvalidCircuit

GATE_WIDTHS = {"x": 1, "cx": 2, "swap": 2, "ccx": 3}

_REGISTER = re.compile(r"(qreg|creg) \w+\[(\d{1,6})\]")
_GATE = re.compile(r"(\w+) (\w+\[\d{1,6}\](?: ?, ?\w+\[\d{1,6}\])*)")
_MEASURE_ONE = re.compile(r"measure \w+\[(\d{1,6})\] ?-> ?\w+\[(\d{1,6})\]")
_MEASURE_ALL = re.compile(r"measure \w+ ?-> ?\w+")
_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(slots=True)
class ReversibleCircuit:
    """Gates in order, and which qubit is read into which classical bit at the end."""

    num_qubits: int = 0
    num_clbits: int = 0
    gates: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    measured: dict[int, int] = field(default_factory=dict)  # classical bit: qubit


def parse(source: str) -> ReversibleCircuit:
    """Read a circuit. Raises InvalidCircuit with the line (from 1) of what can't be read."""
    circuit = ReversibleCircuit()
    for number, line in enumerate(source.splitlines(), start=1):
        statement = line.partition("//")[0].strip().removesuffix(";").strip()
        if statement and not statement.startswith(("OPENQASM 2", "include ")):
            _add(circuit, statement, number)
    return circuit


def _add(circuit: ReversibleCircuit, statement: str, line: int) -> None:
    if register := _REGISTER.fullmatch(statement):
        _declare(circuit, *register.groups(), line=line)
    elif measurement := _MEASURE_ONE.fullmatch(statement):
        _measure(circuit, int(measurement[1]), int(measurement[2]), line)
    elif _MEASURE_ALL.fullmatch(statement):
        for qubit in range(circuit.num_qubits):
            _measure(circuit, qubit, qubit, line)
    elif gate := _GATE.fullmatch(statement):
        _apply(circuit, gate[1], tuple(int(index) for index in _INDEX.findall(gate[2])), line)
    else:
        raise InvalidCircuit(f"{statement[:100]!r} is no statement of a reversible circuit", line=line)


def _declare(circuit: ReversibleCircuit, kind: str, size: str, *, line: int) -> None:
    if (circuit.num_qubits if kind == "qreg" else circuit.num_clbits) or int(size) == 0:
        raise InvalidCircuit(f"one {kind} of one bit or more is taken", line=line)
    if kind == "qreg":
        circuit.num_qubits = int(size)
    else:
        circuit.num_clbits = int(size)


def _measure(circuit: ReversibleCircuit, qubit: int, clbit: int, line: int) -> None:
    if qubit >= circuit.num_qubits or clbit >= circuit.num_clbits:
        raise InvalidCircuit(f"qubit {qubit} or classical bit {clbit} is not declared", line=line)
    circuit.measured[clbit] = qubit


def _apply(circuit: ReversibleCircuit, name: str, qubits: tuple[int, ...], line: int) -> None:
    if len(qubits) != GATE_WIDTHS.get(name) or len(set(qubits)) < len(qubits):
        raise InvalidCircuit(f"{name} on {len(qubits)} qubits is no gate of a reversible circuit", line=line)
    if max(qubits) >= circuit.num_qubits or circuit.measured:
        raise InvalidCircuit(f"{name} comes after a measurement, or on a qubit that is not declared", line=line)
    circuit.gates.append((name, qubits))
