"""Qiskit's circuits as QPY, in a version that the server reads."""

import io

from qiskit import QuantumCircuit, qpy
from qiskit.qpy.exceptions import QpyError

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidRequest

OLDEST_VERSION = 13
"""The oldest that any server reads; what a server doesn't say it reads is not sent."""


def write(circuit: object, *, newest_version: int | None = None) -> CircuitSource:
    """Write a circuit in the newest version that both sides know; `newest_version` is the server's.

    Raises InvalidRequest where the circuit has free parameters, or something that this version can't hold.
    """
    if not isinstance(circuit, QuantumCircuit):
        raise InvalidRequest(f"{type(circuit).__qualname__} of Qiskit is no QuantumCircuit")
    if circuit.num_parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise InvalidRequest(f"circuit {circuit.name} has free parameters ({names}): assign_parameters first")
    written = io.BytesIO()
    try:
        qpy.dump(circuit, written, version=_version(newest_version))
    except QpyError as error:
        raise InvalidRequest(f"circuit {circuit.name} can't be written as QPY: {error}") from error
    return CircuitSource(CircuitFormat.QPY, written.getvalue())


def _version(newest_of_server: int | None) -> int:
    oldest_here, newest_here = int(qpy.QPY_COMPATIBILITY_VERSION), int(qpy.QPY_VERSION)
    if newest_of_server is None:
        return max(OLDEST_VERSION, oldest_here)
    if newest_of_server < oldest_here:
        raise InvalidRequest(
            f"the server reads QPY up to version {newest_of_server}, and this Qiskit writes none older than "
            f"{oldest_here}: install an older Qiskit, or send OpenQASM"
        )
    return min(newest_of_server, newest_here)
