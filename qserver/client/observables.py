"""What people write as an observable, made into weighted Pauli strings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, cast, runtime_checkable

from qserver.errors import InvalidRequest, Reason
from qserver.jobs import Observable, PauliTerm

_MOST_IMAGINARY = 1e-12
"""An observable is Hermitian, so its coefficients are real but for what rounding left."""

Number: TypeAlias = float | complex
Pairs: TypeAlias = Sequence[tuple[str, Number]]


@runtime_checkable
class PauliSum(Protocol):
    """What Qiskit's SparsePauliOp is like."""

    def to_list(self) -> Iterable[tuple[str, Number]]:
        """Give pairs of a Pauli string and its coefficient."""


@runtime_checkable
class Labelled(Protocol):
    """What Qiskit's Pauli is like."""

    def to_label(self) -> str:
        """Give its letters."""


@runtime_checkable
class SparseTerms(Protocol):
    """What Qiskit's SparseObservable is like."""

    num_qubits: int

    def as_paulis(self) -> "SparseTerms":
        """Give the same without projectors."""

    def to_sparse_list(self) -> Iterable[tuple[str, Sequence[int], Number]]:
        """Give letters, the qubits that they stand on, and a coefficient."""


AnyObservable: TypeAlias = str | Mapping[str, Number] | Pairs | Observable | PauliSum | Labelled | SparseTerms
"""`"ZZ"`, `{"ZZ": 0.5, "XI": 1}`, `[("ZZ", 0.5)]`, our own, or Qiskit's SparsePauliOp, Pauli or SparseObservable.

The rightmost letter is qubit 0.
"""


def to_observables(given: AnyObservable | Sequence[object] | None) -> list[Observable]:
    """Read one observable or a list of them; a list of pairs is one. Raises InvalidRequest for what is none."""
    if given is None:
        return []
    if isinstance(given, Sequence) and not isinstance(given, str):
        if given and all(isinstance(each, tuple) for each in given):
            return [_sum(cast("Pairs", given))]
        return [to_observable(cast("AnyObservable", each)) for each in given]
    return [to_observable(given)]


def to_observable(given: AnyObservable) -> Observable:
    """Read an observable. Raises InvalidRequest for what is none; widths and letters are the server's to check."""
    return given if isinstance(given, Observable) else _sum(_pairs(given))


def _pairs(given: AnyObservable) -> Iterable[tuple[str, Number]]:
    match given:
        case str():
            return [(given, 1.0)]
        case Mapping():
            return given.items()
        case PauliSum():
            return given.to_list()
        case SparseTerms():
            return [
                (pauli_word(letters, qubits, given.num_qubits), coefficient)
                for letters, qubits, coefficient in given.as_paulis().to_sparse_list()
            ]
        case Labelled():
            return [(given.to_label(), 1.0)]
        case list() | tuple():
            return cast("Pairs", given)
        case _:
            raise _no_observable(given)


def pauli_word(letters: Iterable[str], qubits: Iterable[int], num_qubits: int) -> str:
    """Write letters that stand on some qubits over all of them; qubit 0 is rightmost."""
    word = ["I"] * num_qubits
    for letter, qubit in zip(letters, qubits, strict=True):
        word[num_qubits - 1 - qubit] = letter
    return "".join(word)


def _sum(pairs: Iterable[tuple[str, Number]]) -> Observable:
    try:
        return Observable(tuple(PauliTerm(pauli, _real(pauli, coefficient)) for pauli, coefficient in pairs))
    except (TypeError, ValueError) as error:
        raise _no_observable(pairs) from error


def _real(pauli: str, coefficient: Number) -> float:
    value = complex(coefficient)
    if abs(value.imag) > _MOST_IMAGINARY:
        raise InvalidRequest(
            f"observable has the coefficient {value} at {pauli}; it must be real", reason=Reason.INVALID_OBSERVABLE
        )
    return value.real


def _no_observable(given: object) -> InvalidRequest:
    return InvalidRequest(
        f'{type(given).__qualname__} is no observable: give "ZZ", {{"ZZ": 0.5, "XI": 1.0}}, pairs of both, '
        "or a SparsePauliOp",
        reason=Reason.INVALID_OBSERVABLE,
    )
