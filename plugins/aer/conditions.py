"""Conditions of control flow that Aer runs, and runs rightly (tried on 0.18 against their meaning in OpenQASM 3)."""

from typing import NoReturn

from qiskit.circuit.classical import expr, types

from qserver.errors import InvalidCircuit

MAX_BITS = 32
"""Of a number in an expression: Aer drops the bits above. A register that is just compared to a number may be wider."""

_BINARY = frozenset(
    {
        *(expr.Binary.Op.BIT_AND, expr.Binary.Op.BIT_OR, expr.Binary.Op.BIT_XOR),
        *(expr.Binary.Op.LOGIC_AND, expr.Binary.Op.LOGIC_OR),
        *(expr.Binary.Op.EQUAL, expr.Binary.Op.NOT_EQUAL),
        *(expr.Binary.Op.LESS, expr.Binary.Op.LESS_EQUAL, expr.Binary.Op.GREATER, expr.Binary.Op.GREATER_EQUAL),
    }
)
_UNARY = frozenset({expr.Unary.Op.BIT_NOT, expr.Unary.Op.LOGIC_NOT})


def check_comparison(register: str, *, bits: int, value: int) -> None:
    """Raise InvalidCircuit where a register is compared to what it can't hold: Aer would compare the lowest bits."""
    if not 0 <= value < 1 << bits:
        raise InvalidCircuit(
            f"register {register!r} of {bits} bits is compared to {_shown(value)}, which it can't hold"
        )


def check_expression(condition: expr.Expr) -> None:
    """Raise InvalidCircuit where Aer can't evaluate an expression, or would give another value."""
    condition.accept(_Judge())


class _Judge(expr.ExprVisitor):  # type: ignore[misc] # untyped
    def visit_var(self, node: expr.Var, /) -> None:
        _check_type(node.type)

    def visit_value(self, node: expr.Value, /) -> None:
        _check_type(node.type)

    def visit_cast(self, node: expr.Cast, /) -> None:
        _check_type(node.type)
        if node.type.kind is types.Bool and node.operand.type.kind is not types.Bool:
            _refuse("takes a number for a truth value; compare it to 0")  # Aer looks at the lowest bit
        node.operand.accept(self)

    def visit_unary(self, node: expr.Unary, /) -> None:
        if node.op not in _UNARY:
            _refuse(f"has the operation {node.op.name}, which Aer doesn't know")
        node.operand.accept(self)

    def visit_binary(self, node: expr.Binary, /) -> None:
        if node.op not in _BINARY:
            _refuse(f"has the operation {node.op.name}, which Aer doesn't know")
        node.left.accept(self)
        node.right.accept(self)

    def visit_generic(self, node: expr.Expr, /) -> None:
        _refuse(f"has a part of the kind {type(node).__name__}, which Aer doesn't know")


def _check_type(found: types.Type) -> None:
    if found.kind is types.Bool:
        return
    if found.kind is not types.Uint:
        _refuse(f"has a value of type {found.kind.__name__}; there are whole numbers and truth values")
    if found.width > MAX_BITS:
        _refuse(f"has a number of {found.width} bits, of which Aer looks at the lowest {MAX_BITS}")


def _shown(value: int) -> str:
    return f"{value:,}" if abs(value) < 1 << 64 else "a number of more than 64 bits"


def _refuse(fault: str) -> NoReturn:
    raise InvalidCircuit(f"a condition {fault}")
