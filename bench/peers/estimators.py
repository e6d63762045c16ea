"""A sweep of an ansatz by two estimators: Aer's in this process, and QServer's from it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.primitives import EstimatorV2 as AerEstimatorV2

from qserver.qiskit import EstimatorV2, QServerProvider

QUBITS = 10
REPETITIONS = 3


@dataclass(frozen=True, slots=True)
class Estimates:
    """What one PUB gave, and how long it took from the call to the last number."""

    values: Sequence[float]
    milliseconds: float


def estimate_by_aer(points: int, seed: int) -> Estimates:
    """Run the PUB by `qiskit_aer.primitives`, with its default options."""
    return _timed(_by_aer(), points, seed)


def estimate_by_qserver(url: str, points: int, seed: int) -> Estimates:
    """Run the PUB on a server."""
    return _timed(_by_qserver(url), points, seed)


@cache
def _by_aer() -> AerEstimatorV2:
    return AerEstimatorV2()


@cache
def _by_qserver(url: str) -> EstimatorV2:
    return EstimatorV2(backend=QServerProvider(url).get_backend())


@cache
def _ansatz() -> tuple[QuantumCircuit, SparsePauliOp]:
    """Give rotations and entanglers, and the energy of a chain: 9 bonds and a field on each of its 10 sites."""
    bonds = [("ZZ", [site, site + 1], 1.0) for site in range(QUBITS - 1)]
    field = [("X", [site], 0.5) for site in range(QUBITS)]
    hamiltonian = SparsePauliOp.from_sparse_list([*bonds, *field], num_qubits=QUBITS)
    return efficient_su2(QUBITS, reps=REPETITIONS), hamiltonian


def _timed(estimator: Any, points: int, seed: int) -> Estimates:  # noqa: ANN401 - either class, both untyped
    circuit, hamiltonian = _ansatz()
    table = np.random.default_rng(seed).uniform(-np.pi, np.pi, (points, circuit.num_parameters))
    started_at = time.perf_counter()
    values = estimator.run([(circuit, hamiltonian, table)]).result()[0].data.evs
    return Estimates(values.tolist(), 1000 * (time.perf_counter() - started_at))
