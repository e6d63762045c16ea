"""Profiles for planning, without parsing anything."""

from dataclasses import replace

from qserver.circuits import CircuitProfile, ClassicalRegister
from qserver.jobs import Observable, RunRequest
from qserver.json_types import JsonObject
from qserver.results import ResultType
from tests.bell import BELL_PROFILE

COUNTS = frozenset({ResultType.COUNTS})


def wide(num_qubits: int, *, is_clifford: bool = False, entanglement_bits: int | None = None) -> CircuitProfile:
    """A circuit of ten layers with every qubit measured at its end."""
    return replace(
        BELL_PROFILE,
        num_qubits=num_qubits,
        num_clbits=num_qubits,
        num_measured_clbits=num_qubits,
        size=10 * num_qubits,
        depth=10,
        is_clifford=is_clifford,
        entanglement_bits=num_qubits // 2 if entanglement_bits is None else entanglement_bits,
        classical_registers=(ClassicalRegister("c", num_qubits),),
    )


def request(
    *result_types: ResultType,
    backend: str = "aer",
    shots: int = 1000,
    seed: int | None = None,
    precision: float | None = None,
    observables: tuple[Observable, ...] = (),
    options: JsonObject | None = None,
) -> RunRequest:
    return RunRequest(
        backend=backend,
        result_types=frozenset(result_types) or COUNTS,
        shots=shots,
        seed=seed,
        precision=precision,
        observables=observables,
        options=options or {},
    )
