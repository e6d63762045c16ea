"""The text of OpenQASM 2, statement by statement: a third of the time that Qiskit's parser takes, for plain circuits.

Statements are told apart by their semicolons and looked up: most were seen before, on the same registers, or name a
known gate, numbers and known qubits. Whatever isn't known here, good or bad, is left to Qiskit's parser, with the whole
text (`openqasm2_steps`). It also reads the declarations, and says which gates there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import chain
from typing import TypeVar

import orjson
from qiskit.circuit.library import get_standard_gate_name_mapping

from plugins.aer.gate_calls import GATE_CALLS
from plugins.aer.openqasm2_steps import can_read_steps, read_steps
from plugins.aer.plain_circuits import BARRIER, Measurement, PlainCircuit, Register, Step

MAX_KEPT = 1024
"""Statements of a kind that are kept for one set of declarations; there are 132 of cx on 12 qubits."""
MAX_KEPT_CHARACTERS = 64
MAX_DECLARATIONS_CHARACTERS = 512
MAX_BITS = 256

_INCLUDE = "include"
_DECLARATIONS = ("OPENQASM", _INCLUDE, "qreg", "creg")
_MEASURE = "measure"
_CHARACTERS = b'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_+-.,;()[]>" \t\r\n'
"""No others: not the slash of comments, nor what is a blank or a digit to Python and nothing to the parser."""
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class _Word:
    """What the name of a gate stands for."""

    name: str
    num_qubits: int
    num_params: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """What declarations say, and what was read under them before: by its text, blanks included."""

    quantum_registers: Sequence[Register]
    classical_registers: Sequence[Register]
    qubits: Mapping[str, Sequence[int]]  # of a register, or one
    clbits: Mapping[str, Sequence[int]]
    steps: dict[str, Step] = field(default_factory=dict)  # without parameters
    heads: dict[str, _Word] = field(default_factory=dict)
    operands: dict[str, Sequence[int]] = field(default_factory=dict)
    measurements: dict[str, Sequence[tuple[int, int]]] = field(default_factory=dict)


def read_plain(text: str) -> PlainCircuit | None:
    """Read a text that was looked at, or inspected before; None where it is no plain circuit, or none at all."""
    return read_statements(text) or read_steps(text)


def read_statements(text: str) -> PlainCircuit | None:
    """Read a text of which every statement is known; None for any other."""
    if not (text.isascii() and can_read_steps()) or text.encode().translate(None, _CHARACTERS):
        return None
    statements = text.split(";")
    if statements.pop().strip():
        return None
    first = _count_declarations(statements)
    scope = _scope(";".join(statements[:first]))
    if scope is None:
        return None
    try:
        steps = _steps(statements[first:], scope)
        pairs = chain.from_iterable(_pairs(statement, scope) for statement in statements[first + len(steps) :])
        measurements: list[Measurement] = [(qubit, clbit, len(steps)) for qubit, clbit in pairs]
    except (LookupError, TypeError, ValueError):
        return None
    return PlainCircuit(scope.quantum_registers, scope.classical_registers, steps, measurements)


def _count_declarations(statements: Sequence[str]) -> int:
    for place, statement in enumerate(statements):
        if not statement.lstrip().startswith(_DECLARATIONS):
            return place
    return len(statements)


def _scope(declarations: str) -> _Scope | None:
    return _read_scope(declarations) if len(declarations) <= MAX_DECLARATIONS_CHARACTERS else None


@lru_cache(maxsize=16)
def _read_scope(declarations: str) -> _Scope | None:
    """Have the parser read declarations. None where the standard gates aren't included, or for too many bits."""
    is_included = any(statement.lstrip().startswith(_INCLUDE) for statement in declarations.split(";"))
    found = read_steps(declarations + ";") if is_included else None
    if found is None or max(found.num_qubits, found.num_clbits) > MAX_BITS:
        return None
    qubits, clbits = _bits(found.quantum_registers), _bits(found.classical_registers)
    return _Scope(found.quantum_registers, found.classical_registers, qubits, clbits)


def _bits(registers: Sequence[Register]) -> Mapping[str, Sequence[int]]:
    bits: dict[str, Sequence[int]] = {}
    start = 0
    for register in registers:
        bits[register.name] = range(start, start + register.size)
        bits |= {f"{register.name}[{place}]": [start + place] for place in range(register.size)}
        start += register.size
    return bits


def _steps(statements: Sequence[str], scope: _Scope) -> list[Step]:
    """Read up to the first measurement. Raises LookupError, TypeError or ValueError for what is not known."""
    steps: list[Step] = []
    places: list[int] = []  # of steps with parameters
    written: list[str] = []
    for statement in statements:
        step = scope.steps.get(statement)
        if step is None:
            head, parenthesis, rest = statement.partition("(")
            if parenthesis:
                numbers, _, operands = rest.rpartition(")")
                step = _step_with_params(head, numbers, operands, scope)
                places.append(len(steps))
                written.append(numbers)
            elif head.lstrip().startswith(_MEASURE):
                break
            else:
                step = _step_without(statement, scope)
        steps.append(step)
    for place, params in zip(places, _params(written), strict=True):
        name, qubits, _ = steps[place]
        steps[place] = name, qubits, params
    return steps


def _step_with_params(head: str, numbers: str, operands: str, scope: _Scope) -> Step:
    """Give a step whose parameters are still to be read."""
    word = scope.heads.get(head)
    if word is None:
        word = _kept(scope.heads, head, _words()[head.strip()])
    qubits = scope.operands.get(operands)
    if qubits is None:
        qubits = _kept(scope.operands, operands, _qubits(operands, scope))
    if numbers.count(",") + 1 != word.num_params or len(qubits) != word.num_qubits:
        raise ValueError("another number of parameters or qubits")
    return word.name, qubits, ()


def _params(written: Sequence[str]) -> Sequence[Sequence[float]]:
    """Read all numbers at once, as JSON: a number there is the same number in OpenQASM 2.

    As many lists as texts, and nothing but numbers in them: so no text has brackets of its own.
    """
    if not written:
        return ()
    params: Sequence[Sequence[float]] = orjson.loads(f"[[{'],['.join(written)}]]")
    kinds = set(map(type, chain.from_iterable(params)))
    if len(params) != len(written) or not all(params) or not kinds <= {float, int}:
        raise ValueError("something else than numbers")
    return params if int not in kinds else [list(map(float, numbers)) for numbers in params]


def _step_without(statement: str, scope: _Scope) -> Step:
    head, _, operands = statement.strip().partition(" ")
    qubits = _qubits(operands, scope)
    if head == BARRIER:
        return _kept(scope.steps, statement, (BARRIER, qubits, ()))
    word = _words()[head]
    if word.num_params or len(qubits) != word.num_qubits:
        raise ValueError("another number of parameters or qubits")
    return _kept(scope.steps, statement, (word.name, qubits, ()))


def _qubits(operands: str, scope: _Scope) -> Sequence[int]:
    found = [scope.qubits[operand.strip()] for operand in operands.split(",")]
    qubits = [each[0] for each in found if isinstance(each, list)]
    if len(set(qubits)) != len(found):
        raise ValueError("a register, or a qubit named twice")
    return qubits


def _pairs(statement: str, scope: _Scope) -> Sequence[tuple[int, int]]:
    """Read a measurement: pairs of a qubit and a classical bit. Raises LookupError or ValueError for another one."""
    known = scope.measurements.get(statement)
    if known is not None:
        return known
    word, _, rest = statement.strip().partition(" ")
    source, _, target = rest.partition("->")
    qubits, clbits = scope.qubits[source.strip()], scope.clbits[target.strip()]
    if word != _MEASURE or type(qubits) is not type(clbits):
        raise ValueError("no measurement, or one of a bit and a register")
    return _kept(scope.measurements, statement, list(zip(qubits, clbits, strict=True)))


def _kept(kept: dict[str, _Found], text: str, found: _Found) -> _Found:
    if len(kept) < MAX_KEPT and len(text) <= MAX_KEPT_CHARACTERS:
        kept[text] = found
    return found


@cache
def _words() -> Mapping[str, _Word]:
    """Ask the parser what each name of a gate that has a call stands for."""
    gates = get_standard_gate_name_mapping()
    shapes = {name: (gates[name].num_qubits, len(gates[name].params)) for name in GATE_CALLS}
    shapes |= {"U": (1, 3), "CX": (2, 0)}
    found = {name: _word(name, *shape) for name, shape in shapes.items()}
    return {name: word for name, word in found.items() if word is not None}


def _word(name: str, num_qubits: int, num_params: int) -> _Word | None:
    params = ",".join(["0.5"] * num_params)
    operands = ",".join(f"q[{qubit}]" for qubit in range(num_qubits))
    circuit = read_steps(f'OPENQASM 2.0;include "qelib1.inc";qreg q[5];{name}({params}) {operands};')
    if circuit is None or [len(step[1]) for step in circuit.steps] != [num_qubits]:
        return None
    return _Word(circuit.steps[0][0], num_qubits, num_params)
