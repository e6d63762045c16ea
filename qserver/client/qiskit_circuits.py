"""Qiskit's circuits as QPY, in a version that servers read."""

import io

from qiskit import QuantumCircuit, qpy
from qiskit.qpy.exceptions import QpyError, UnsupportedFeatureForVersion

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidRequest

OLDEST_VERSION = 13
"""The oldest that servers read."""


def write(circuit: object) -> CircuitSource:
    """Write a circuit in the oldest version that can hold it, which most servers read.

    Raises InvalidRequest where the circuit has free parameters, or something that QPY can't hold.
    """
    if not isinstance(circuit, QuantumCircuit):
        raise InvalidRequest(f"{type(circuit).__qualname__} of Qiskit is no QuantumCircuit")
    if circuit.num_parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise InvalidRequest(f"circuit {circuit.name} has free parameters ({names}): assign_parameters first")
    try:
        return CircuitSource(CircuitFormat.QPY, _written(circuit))
    except QpyError as error:
        raise InvalidRequest(f"circuit {circuit.name} can't be written as QPY: {error}") from error


def _written(circuit: QuantumCircuit) -> bytes:
    """Write the oldest version, or the newest where that can't hold it; a server that can't read that says so."""
    try:
        return _dumped(circuit, max(OLDEST_VERSION, qpy.QPY_COMPATIBILITY_VERSION))
    except UnsupportedFeatureForVersion:
        return _dumped(circuit, qpy.QPY_VERSION)


def _dumped(circuit: QuantumCircuit, version: int) -> bytes:
    written = io.BytesIO()
    qpy.dump(circuit, written, version=version)
    return written.getvalue()
