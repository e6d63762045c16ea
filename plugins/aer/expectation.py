"""Expectation values: what the engine is to save, and what becomes of it."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.circuit import Qubit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.library import SaveExpectationValue

from plugins.aer.checks import coefficient_norm
from qserver.jobs import Observable, PauliTerm, RunRequest

MAX_TERM_SHOTS = 2**53
"""Beyond it a count of shots is no exact float any more, and the standard error is below double precision."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A value and its standard error, which is 0 where the value is exact."""

    value: float
    standard_error: float = 0.0


def saved_observables(request: RunRequest, *, is_sampled: bool) -> tuple[Observable, ...]:
    """Give what the engine saves: the observables themselves, or each Pauli once where they are sampled from it."""
    if not is_sampled:
        return request.observables
    paulis = dict.fromkeys(term.pauli for observable in request.observables for term in observable.terms)
    return tuple(Observable((PauliTerm(pauli, 1.0),)) for pauli in paulis)


def label(position: int) -> str:
    """Name the engine's data of the observable saved at `position`."""
    return f"expval_{position}"


def append_saves(
    circuit: QuantumCircuit, observables: Sequence[Observable], register: Sequence[Qubit], *, each_shot: bool
) -> None:
    """Ask the engine to save each observable, over the qubits on which it is not the identity.

    `register` has the qubits that the letters of a Pauli string stand for, the rightmost first. Those which the circuit
    leaves out are in |0>: there Z is 1, and a term with X or Y has the value 0.
    """
    idle = frozenset(range(len(register))) - {register.index(qubit) for qubit in circuit.qubits}
    for position, full_observable in enumerate(observables):
        observable = _without_idle(full_observable, idle) if idle else full_observable
        qubits = _support(observable) or [register.index(circuit.qubits[0])]  # saving over no qubits is no instruction
        operator = SparsePauliOp(
            [_restricted(term.pauli, qubits) for term in observable.terms],
            np.array([term.coefficient for term in observable.terms], dtype=np.complex128),
        )
        save = SaveExpectationValue(operator, label=label(position), pershot=each_shot)
        circuit.append(save, [register[qubit] for qubit in qubits], copy=False)


def mean_over_trajectories(
    values: npt.NDArray[np.float64], observable: Observable, *, trajectories: int
) -> Expectation:
    """Average one value a trajectory. One trajectory says nothing of the spread: its bound stands in for it.

    One value for many trajectories is exact: Aer found that they all are one, as with noise of readout alone.
    """
    if len(values) == 1:
        return Expectation(float(values[0]), coefficient_norm(observable) if trajectories == 1 else 0.0)
    return Expectation(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def sampled(
    observable: Observable, exact: dict[str, float], *, precision: float, random: np.random.Generator
) -> Expectation:
    """Estimate as if each Pauli had been measured often enough for a standard error of at most `precision`.

    A Pauli of coefficient c gets |c| * sum|c| / precision^2 shots, the allocation that needs fewest in all without
    knowing the state (Rubin, Babbush, McClean, New J. Phys. 20, 053020 (2018), eq. 11). The outcomes of a measured
    Pauli are +1 and -1, so that all its shots are one binomial draw from its exact value.
    """
    norm = coefficient_norm(observable)
    value, variance = 0.0, 0.0
    for term in observable.terms:
        if set(term.pauli) == {"I"} or term.coefficient == 0:
            value += term.coefficient
            continue
        # Divided before multiplied: the square of a precision may be no double, and infinitely many are too many too.
        wanted = (abs(term.coefficient) / precision) * (norm / precision)
        shots = max(2, math.ceil(min(MAX_TERM_SHOTS, wanted)))
        probability = min(1.0, max(0.0, (1.0 + exact[term.pauli]) / 2))
        mean = 2 * float(random.binomial(shots, probability)) / shots - 1
        value += term.coefficient * mean
        variance += term.coefficient**2 * (1 - mean**2) / (shots - 1)
    return Expectation(value, math.sqrt(max(0.0, variance)))


def _without_idle(observable: Observable, idle: Collection[int]) -> Observable:
    """Give an observable of the same value that is the identity on qubits which are in |0>."""
    terms = []
    for term in observable.terms:
        letters = list(term.pauli)
        places = [len(letters) - 1 - qubit for qubit in idle]
        flips = any(letters[place] in "XY" for place in places)
        for place in places:
            letters[place] = "I"
        terms.append(PauliTerm("".join(letters), 0.0 if flips else term.coefficient))
    return Observable(tuple(terms))


def _support(observable: Observable) -> list[int]:
    width = len(observable.terms[0].pauli)
    touched = {
        width - 1 - place for term in observable.terms for place, letter in enumerate(term.pauli) if letter != "I"
    }
    return sorted(touched)


def _restricted(pauli: str, qubits: Sequence[int]) -> str:
    return "".join(pauli[-1 - qubit] for qubit in reversed(qubits))
