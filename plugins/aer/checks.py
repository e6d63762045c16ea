"""What a request must fulfil before anything is planned. Each function raises InvalidRequest with a sentence."""

import math

from plugins.aer.demand import Demand
from plugins.aer.methods import Method
from plugins.aer.sweep_checks import check_sweep
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidCircuit, InvalidRequest, Reason, TooLarge
from qserver.jobs import MAX_SEED, Observable, RunRequest
from qserver.results import SAMPLED_RESULT_TYPES, ResultType

PAULI_LETTERS = frozenset("IXYZ")
MAX_PROBABILITY_BITS = 20
"""2^20 bitstrings with their probabilities are about 50 MB of JSON."""
MAX_ARRAY_BYTES = 64 * 2**20
"""The default of QSERVER_MAX_RESULT_BYTES. A plan knows no settings; a stricter limit is kept where the job runs."""
METHODS_WITHOUT_STATEVECTOR = frozenset({Method.DENSITY_MATRIX, Method.STABILIZER})
MAX_TRAJECTORIES = 10_000_000
MAX_FORESEEN_TRAJECTORIES = 2**53
_SHOWN_PARAMETERS = 5


def check_request(demand: Demand) -> None:
    """Check what holds whichever method runs it."""
    profile, request = demand.profile, demand.request
    if request.sweep is None:
        _check_parameters(profile)
    else:
        check_sweep(demand, request.sweep)
    _check_numbers(request)
    _check_measurements(profile, request)
    if demand.wants(ResultType.EXPVAL):
        _check_observables(profile, request)
    if demand.wants(ResultType.STATEVECTOR):
        _check_statevector(demand)
    if demand.wants(ResultType.MEMORY):
        _check_memory(profile, request)


def check_method(demand: Demand, method: Method) -> None:
    """Check what this method can't give."""
    if method is Method.STABILIZER:
        _check_stabilizer(demand)
    if demand.wants(ResultType.STATEVECTOR) and method in METHODS_WITHOUT_STATEVECTOR:
        raise _unsupported(f"the method {method} has no statevector; use aer_statevector")
    if demand.wants(ResultType.PROBABILITIES):
        _check_probabilities(demand, method)
    if demand.wants(ResultType.EXPVAL) and not demand.is_deterministic(method):
        _check_precision(demand.request)


def coefficient_norm(observable: Observable) -> float:
    """Give the sum of the coefficients' sizes: no single outcome's value lies further from 0."""
    return math.fsum(abs(term.coefficient) for term in observable.terms)


def trajectories_for_precision(observables: tuple[Observable, ...], precision: float) -> int:
    """Give how many trajectories keep the standard error of every observable at or below `precision`.

    Values lie within the coefficient norm C, so their variance is at most C^2 and C^2 / precision^2 are enough.
    A number far past the limit is given as just past it: it may be no double.
    """
    ratio = max(map(coefficient_norm, observables), default=0.0) / precision
    return max(2, math.ceil(min(ratio * ratio, MAX_FORESEEN_TRAJECTORIES)))


def _check_parameters(profile: CircuitProfile) -> None:
    if profile.parameters:
        rest = ", ..." if len(profile.parameters) > _SHOWN_PARAMETERS else ""
        shown = ", ".join(profile.parameters[:_SHOWN_PARAMETERS]) + rest
        raise InvalidCircuit(f"the circuit has {len(profile.parameters)} unbound parameters: {shown}; bind them first")


def _check_numbers(request: RunRequest) -> None:
    if request.shots < 1:
        raise InvalidRequest(f"shots is {request.shots}; it must be at least 1")
    if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
        raise InvalidRequest(f"seed is {request.seed}; it must be from 0 to {MAX_SEED}")
    if request.precision is not None and not (math.isfinite(request.precision) and request.precision > 0):
        raise InvalidRequest(f"precision is {request.precision}; it must be a finite number above 0")


def _check_measurements(profile: CircuitProfile, request: RunRequest) -> None:
    needing = (request.result_types & SAMPLED_RESULT_TYPES) | (request.result_types & {ResultType.PROBABILITIES})
    if needing and not profile.has_measurements:
        raise _unsupported(f"the circuit measures nothing, so it has no {', '.join(sorted(needing))}; add measurements")


def _check_observables(profile: CircuitProfile, request: RunRequest) -> None:
    if not request.observables and request.sweep is None:
        raise _wrong_observable("expval needs at least one observable, and none was given")
    for position, observable in enumerate(request.observables):
        if not observable.terms:
            raise _wrong_observable(f"observable {position} has no terms")
        for term in observable.terms:
            _check_term(position, term.pauli, term.coefficient, num_qubits=profile.num_qubits)


def _check_term(position: int, pauli: str, coefficient: float, *, num_qubits: int) -> None:
    if len(pauli) != num_qubits:
        raise _wrong_observable(
            f"observable {position}: a Pauli string of {len(pauli)} letters for a circuit of {num_qubits} qubits"
        )
    strange = set(pauli) - PAULI_LETTERS
    if strange:
        raise _wrong_observable(f"observable {position}: {min(strange)!r} is no Pauli letter; use I, X, Y and Z")
    if not math.isfinite(coefficient):
        raise _wrong_observable(f"observable {position}: the coefficient {coefficient} is not finite")


def _check_statevector(demand: Demand) -> None:
    profile = demand.profile
    if demand.options.noise is not None:
        raise _unsupported("a noisy circuit has no single statevector; ask for expval, or take the noise away")
    if profile.has_mid_circuit_measurement or profile.has_control_flow or profile.has_reset:
        raise _unsupported("a circuit with measurement, reset or control flow in its middle has no single statevector")
    size_bytes = 16 << profile.num_qubits
    if size_bytes > MAX_ARRAY_BYTES:
        raise TooLarge(
            f"the statevector of {profile.num_qubits} qubits is {size_bytes:,} bytes; "
            f"the limit is {MAX_ARRAY_BYTES:,} (QSERVER_MAX_RESULT_BYTES)"
        )


def _check_memory(profile: CircuitProfile, request: RunRequest) -> None:
    size_bytes = request.shots * ((profile.num_clbits + 7) // 8)
    if size_bytes > MAX_ARRAY_BYTES:
        raise TooLarge(
            f"memory of {request.shots:,} shots of {profile.num_clbits} bits is {size_bytes:,} bytes; "
            f"the limit is {MAX_ARRAY_BYTES:,} (QSERVER_MAX_RESULT_BYTES)"
        )


def _check_stabilizer(demand: Demand) -> None:
    noise = demand.options.noise
    if not demand.profile.is_clifford:
        raise InvalidCircuit("the circuit has gates that are not Clifford; the stabilizer method can't run it")
    if noise is not None and not noise.keeps_stabilizers:
        raise InvalidRequest(
            "the stabilizer method can't run this noise model: its errors are not all mixtures of Paulis and resets",
            reason=Reason.INVALID_OPTION,
        )


def _check_probabilities(demand: Demand, method: Method) -> None:
    noise, bits = demand.options.noise, demand.profile.num_measured_clbits
    if not demand.is_deterministic(method):
        raise _unsupported(
            f"exact probabilities can't be had from trajectories (method {method}, with noise, or measurement, "
            "reset or control flow in the middle); ask for quasi_dist"
        )
    if noise is not None and noise.disturbs_measurement:
        raise _unsupported("exact probabilities leave out errors of the measurement itself; ask for quasi_dist")
    if bits > MAX_PROBABILITY_BITS:
        raise TooLarge(f"probabilities of {bits} measured bits; the limit is {MAX_PROBABILITY_BITS} bits")


def _check_precision(request: RunRequest) -> None:
    if request.precision is None:
        return
    needed = trajectories_for_precision(request.observables, request.precision)
    if needed > MAX_TRAJECTORIES:
        raise TooLarge(
            f"precision {request.precision:g} needs {needed:,} trajectories of this circuit; the limit is "
            f"{MAX_TRAJECTORIES:,}"
        )


def _unsupported(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.UNSUPPORTED_RESULT_TYPE)


def _wrong_observable(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OBSERVABLE)
