"""The backends that the plugin brings."""

from plugins.aer.methods import AUTOMATIC_BACKEND, Device, Method
from plugins.aer.schemas import options_schema
from qserver.circuits import CircuitFormat
from qserver.plugins import BackendSpec
from qserver.results import ResultType

PLUGIN_NAME = "aer"
PLUGIN_VERSION = "1.1.0"
"""Circuits that an older version has read are read anew: raise it with each rule on what a circuit may be."""
CIRCUIT_FORMATS = frozenset({CircuitFormat.OPENQASM2, CircuitFormat.OPENQASM3, CircuitFormat.QPY})
QPY_VERSIONS = tuple(range(13, 19))
"""Older files could hold expressions that a loader evaluates; the newest is what the locked Qiskit writes.

A constant, as services that list it load no Qiskit; a test holds it against the one that is installed.
"""
SANDBOXED_OPTIONS = frozenset({"noise_model"})

_ALL_DEVICES = frozenset({str(Device.CPU), str(Device.GPU)})
_CPU_ONLY = frozenset({str(Device.CPU)})
_WITHOUT_STATEVECTOR = frozenset(ResultType) - {ResultType.STATEVECTOR}


def _backend(
    name: str,
    description: str,
    *,
    result_types: frozenset[ResultType] = frozenset(ResultType),
    devices: frozenset[str] = _ALL_DEVICES,
    has_bond_dimension: bool = False,
    max_qubits: int | None = None,
) -> BackendSpec:
    return BackendSpec(
        name=name,
        description=description,
        result_types=result_types,
        formats=CIRCUIT_FORMATS,
        options_schema=options_schema(has_bond_dimension=has_bond_dimension),
        sandboxed_options=SANDBOXED_OPTIONS,
        takes_pubs=True,
        takes_noise_models=True,
        qpy_versions=QPY_VERSIONS,
        max_qubits=max_qubits,
        devices=devices,
    )


BACKENDS: tuple[BackendSpec, ...] = (
    _backend(
        AUTOMATIC_BACKEND, "Qiskit Aer; the method is chosen for each circuit by its profile, and never approximates"
    ),
    _backend(
        f"aer_{Method.STATEVECTOR}",
        "Qiskit Aer, statevector: 16 * 2^n bytes; noise and mid-circuit measurement as trajectories",
    ),
    _backend(
        f"aer_{Method.DENSITY_MATRIX}",
        "Qiskit Aer, density matrix: 16 * 4^n bytes; noise without sampling it",
        result_types=_WITHOUT_STATEVECTOR,
    ),
    _backend(
        f"aer_{Method.STABILIZER}",
        "Qiskit Aer, stabilizer tableau: Clifford circuits of thousands of qubits, with Pauli noise",
        result_types=_WITHOUT_STATEVECTOR,
        max_qubits=10_000,
        devices=_CPU_ONLY,
    ),
    _backend(
        f"aer_{Method.MATRIX_PRODUCT_STATE}",
        "Qiskit Aer, matrix product state: wide circuits of low entanglement; exact unless truncated",
        has_bond_dimension=True,
        devices=_CPU_ONLY,
    ),
)
