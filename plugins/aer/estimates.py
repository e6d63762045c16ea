"""How much memory and time a run will take, from its profile alone.

The rates were measured on one core of a 2-core server (Aer 0.18): they order jobs and choose routes, no more.
"""

import math
from dataclasses import dataclass, replace

from plugins.aer.demand import Demand
from plugins.aer.methods import Device, FloatPrecision, Method
from qserver.results import ResultType

AMPLITUDES_PER_SECOND = 4e8  # amplitudes times gates, gates fused
GPU_SPEEDUP = 20.0
SECONDS_PER_RUN = 1e-3
SECONDS_PER_SHOT = 1.5e-6
SECONDS_PER_TRAJECTORY_GATE = 3e-7
SECONDS_PER_MPS_GATE = 1e-5
SECONDS_PER_BOND_CUBED = 4e-8
MPS_SECONDS_PER_SAMPLE = 1e-6
SECONDS_PER_DRAW = 1e-8
TABLEAU_SECONDS_PER_ELIMINATION = 1e-10
TABLEAU_SECONDS_PER_GATE = 3e-5
STABILIZER_SECONDS_PER_SAMPLE = 5e-10  # times n^2.75: 0.17 s at 100 qubits and 94 s at 1,000, for 1,024 shots each
STABILIZER_SECONDS_PER_GATE_QUBIT = 2e-9
SECONDS_PER_TERM = 5e-5  # of an observable, most of it in Python: 20 us at 2 qubits, 110 us at 10
SECONDS_PER_TERM_AMPLITUDE = 1.2e-8  # 3.0 ms a term at 18 qubits
MPS_SECONDS_PER_TERM_QUBIT = 2e-6
STABILIZER_SECONDS_PER_TERM_QUBIT = 2e-7

BYTES_PER_SHOT = 200  # one entry of Aer's memory and its Python string
MPS_COPIES = 4  # tensors, the pair being contracted, its singular value decomposition, slack
MAX_BOND_BITS = 60  # keeps numbers finite; far beyond any machine
MAX_AMPLITUDE_BITS = 200  # likewise


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take. `seconds` is on one core, or on the GPU."""

    memory_bytes: int
    seconds: float


def estimate(demand: Demand, method: Method, device: Device) -> Estimate:
    """Foresee memory and time of one run."""
    repetitions = 1 if demand.is_deterministic(method) else demand.request.shots
    seconds = _state_seconds(demand, method) * repetitions
    if device is Device.GPU:
        seconds /= GPU_SPEEDUP
    foreseen = Estimate(
        memory_bytes=state_bytes(demand, method) + point_bytes(demand, method),
        seconds=SECONDS_PER_RUN + seconds + _sampling_seconds(demand, method),
    )
    sweep = demand.request.sweep
    if sweep is not None:
        foreseen = _of_all_points(foreseen, sweep.num_points, demand.result_bytes)
    return replace(foreseen, seconds=foreseen.seconds + _expectation_seconds(demand, method, device))


def _of_all_points(of_one: Estimate, num_points: int, result_bytes: int) -> Estimate:
    """Foresee a sweep: one point after the other, and all numbers at the end."""
    return Estimate(of_one.memory_bytes + result_bytes, of_one.seconds * num_points)


def _expectation_seconds(demand: Demand, method: Method, device: Device) -> float:
    """Foresee what the terms of observables take: each is laid out once, and summed for each state it is asked of."""
    if not demand.wants(ResultType.EXPVAL):
        return 0.0
    observables, sweep = demand.request.observables, demand.request.sweep
    terms = sum(len(observable.terms) for observable in observables)
    states = 1.0 if demand.is_deterministic(method) else float(demand.request.shots)
    if sweep is not None:
        states *= math.prod(sweep.result_shape) / max(1, len(observables))
    return terms * (SECONDS_PER_TERM + states * _term_seconds(demand, method, device))


def _term_seconds(demand: Demand, method: Method, device: Device) -> float:
    match method:
        case Method.STATEVECTOR | Method.DENSITY_MATRIX:
            speedup = GPU_SPEEDUP if device is Device.GPU else 1.0
            return _amplitudes(demand.dense_qubits) * SECONDS_PER_TERM_AMPLITUDE / speedup
        case Method.STABILIZER:
            return demand.profile.num_qubits * STABILIZER_SECONDS_PER_TERM_QUBIT
        case Method.MATRIX_PRODUCT_STATE:
            return demand.profile.num_qubits * MPS_SECONDS_PER_TERM_QUBIT


def state_bytes(demand: Demand, method: Method) -> int:
    """Give the bytes of the state itself: exact for the dense methods, a bound for the matrix product state."""
    amplitude_bytes = 8 if demand.options.float_precision is FloatPrecision.SINGLE else 16
    match method:
        case Method.STATEVECTOR:
            return amplitude_bytes << demand.dense_qubits
        case Method.DENSITY_MATRIX:
            return amplitude_bytes << (2 * demand.dense_qubits)
        case Method.STABILIZER:
            # Qiskit's tableau: 2n rows of 2n bytes, three times while it is worked on.
            return 12 * demand.profile.num_qubits**2
        case Method.MATRIX_PRODUCT_STATE:
            # Aer keeps a matrix product state in double precision whatever is asked for.
            return MPS_COPIES * demand.profile.num_qubits * 2 * 16 * bond_dimension(demand) ** 2


def bond_dimension(demand: Demand) -> int:
    """Bound the bond dimension: by the gates across each cut, by half the width, and by the user's word."""
    bits = demand.dense_qubits // 2
    if demand.profile.entanglement_bits is not None:
        bits = min(bits, demand.profile.entanglement_bits)
    bound: int = 1 << min(bits, MAX_BOND_BITS)
    return bound if demand.options.max_bond_dimension is None else min(bound, demand.options.max_bond_dimension)


def _state_seconds(demand: Demand, method: Method) -> float:
    gates = demand.profile.size + 1
    match method:
        case Method.STATEVECTOR:
            return gates * (SECONDS_PER_TRAJECTORY_GATE + _amplitudes(demand.dense_qubits) / AMPLITUDES_PER_SECOND)
        case Method.DENSITY_MATRIX:
            return gates * (SECONDS_PER_TRAJECTORY_GATE + _amplitudes(2 * demand.dense_qubits) / AMPLITUDES_PER_SECOND)
        case Method.STABILIZER:
            return gates * demand.profile.num_qubits * STABILIZER_SECONDS_PER_GATE_QUBIT
        case Method.MATRIX_PRODUCT_STATE:
            return gates * (SECONDS_PER_MPS_GATE + SECONDS_PER_BOND_CUBED * float(bond_dimension(demand)) ** 3)


def _amplitudes(bits: int) -> float:
    return math.ldexp(1.0, min(bits, MAX_AMPLITUDE_BITS))


def _sampling_seconds(demand: Demand, method: Method) -> float:
    if not demand.wants_sample:
        return 0.0
    width, shots = demand.profile.num_qubits, demand.request.shots
    if demand.draws_exactly(method):
        return shots * SECONDS_PER_DRAW + (_tableau_seconds(demand) if method is Method.STABILIZER else 0.0)
    match method:
        case Method.STABILIZER:
            return shots * (SECONDS_PER_SHOT + STABILIZER_SECONDS_PER_SAMPLE * math.pow(width, 2.75))
        case Method.MATRIX_PRODUCT_STATE:
            return shots * width * (MPS_SECONDS_PER_SAMPLE + 4e-9 * float(bond_dimension(demand)) ** 2)
        case Method.STATEVECTOR | Method.DENSITY_MATRIX:
            return shots * SECONDS_PER_SHOT * (1 + 0.15 * demand.profile.num_clbits)


def _tableau_seconds(demand: Demand) -> float:
    elimination = TABLEAU_SECONDS_PER_ELIMINATION * math.pow(demand.profile.num_qubits, 3)
    return elimination + demand.profile.size * TABLEAU_SECONDS_PER_GATE


def point_bytes(demand: Demand, method: Method) -> int:
    """Give what a run needs beside its state: what is saved of it, or sampled."""
    profile, shots = demand.profile, demand.request.shots
    is_drawn_from_probabilities = demand.draws_exactly(method) and method is not Method.STABILIZER
    total = 0
    if is_drawn_from_probabilities or demand.wants(ResultType.PROBABILITIES):
        total += 2 * 8 << profile.num_measured_clbits  # probabilities, and their running sum
    elif demand.wants_sample:
        total += shots * (BYTES_PER_SHOT + profile.num_clbits // 4)
    if demand.wants(ResultType.STATEVECTOR):
        total += 3 * 16 << profile.num_qubits  # Aer's copy, the array and its bytes
    if demand.wants(ResultType.EXPVAL) and not demand.is_deterministic(method):
        total += 8 * shots * len(demand.request.observables)
    return total
