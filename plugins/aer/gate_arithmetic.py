"""How many operations a text stands for once gate definitions and whole-register statements are written out.

Twenty-five gates that each use the one before twice are a kilobyte of text and 33 million operations; a thousand
statements on whole registers of 10,000 qubits are ten million. Counting them first, with each definition counted once,
is what keeps them from parsers that would write them out.
"""

import re
from collections.abc import Iterable, Mapping

from qserver.errors import TooLarge

MAX_OPERATIONS = 1_000_000
"""Operations of one circuit after expanding everything: about what 10 s of an inspector can take in."""

_DEFINITION = re.compile(r"\bgate\s+(\w+)\s*(?:\([^)]*\))?[^{};]*\{([^}]*)\}")
_MODIFIERS = re.compile(r".*@", re.DOTALL)
_NOT_LINE_ENDS = re.compile(r"[^\n]")
_NAME = re.compile(r"\s*(\w+)")


def check_operations(text: str, *, largest_register: int) -> None:
    """Raise TooLarge where the text, free of comments, stands for more than MAX_OPERATIONS operations."""
    weights = _weights(text)
    heaviest = max(weights.values(), default=1)
    if text.count(";") * heaviest * largest_register <= MAX_OPERATIONS:
        return
    total = 0
    for statement in _DEFINITION.sub(" ", text).split(";"):
        total += _weight(statement, weights) * (largest_register if _is_broadcast(statement) else 1)
        if total > MAX_OPERATIONS:
            raise TooLarge(
                f"the circuit stands for more than {MAX_OPERATIONS:,} operations once gates and registers are written "
                "out; that is the limit"
            )


def defined_gates(text: str) -> frozenset[str]:
    """Name the gates that the text defines."""
    return frozenset(name for name, _ in _definitions(text))


def without_definitions(text: str) -> str:
    """Blank gate definitions out, keeping every position and line; `text` is free of comments."""
    return _DEFINITION.sub(lambda match: _NOT_LINE_ENDS.sub(" ", match.group()), text) if "gate" in text else text


def _weights(text: str) -> Mapping[str, int]:
    """Map each gate defined in the text to the operations it stands for. A gate only uses gates defined before it."""
    weights: dict[str, int] = {}
    for name, body in _definitions(text):
        weights[name] = max(1, sum(_weight(statement, weights) for statement in body.split(";") if statement.strip()))
    return weights


def _definitions(text: str) -> Iterable[tuple[str, str]]:
    if "gate" not in text:
        return ()
    return ((match.group(1), match.group(2)) for match in _DEFINITION.finditer(text))


def _weight(statement: str, weights: Mapping[str, int]) -> int:
    if not weights:
        return 1
    name = _NAME.match(_MODIFIERS.sub("", statement) if "@" in statement else statement)
    return weights.get(name.group(1), 1) if name else 1


def _is_broadcast(statement: str) -> bool:
    """Say whether an operand names a whole register, or a slice of one."""
    operands = statement.rpartition(")")[2]
    return operands.count("[") <= operands.count(",") or ":" in operands
