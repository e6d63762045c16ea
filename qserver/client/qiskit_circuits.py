"""Qiskit's circuits as QPY, in a version that the server reads."""

import io
from collections.abc import Sequence
from typing import Final

import qiskit
from qiskit import QuantumCircuit, qpy
from qiskit.qpy.exceptions import QpyError, UnsupportedFeatureForVersion

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.client.qiskit_gates import written_out
from qserver.errors import InvalidRequest

OLDEST_VERSION: Final = 13
"""The oldest that any server reads; those that don't say which read this one."""


def write(circuit: object, *, qpy_versions: Sequence[int] = ()) -> CircuitSource:
    """Write a circuit in one of the versions that the server reads; those are not known where there are none.

    Raises InvalidRequest where the circuit has free parameters, or something that QPY can't hold.
    """
    if not isinstance(circuit, QuantumCircuit):
        raise InvalidRequest(f"{type(circuit).__qualname__} of Qiskit is no QuantumCircuit")
    if circuit.num_parameters:
        names = ", ".join(parameter.name for parameter in circuit.parameters)
        raise InvalidRequest(f"circuit {circuit.name} has free parameters ({names}): assign_parameters first")
    return CircuitSource(CircuitFormat.QPY, qpy_of(circuit, qpy_versions))


def qpy_of(circuit: QuantumCircuit, qpy_versions: Sequence[int] = ()) -> bytes:
    """Write a circuit, free parameters and all, in the oldest common version that can hold it.

    Gates that QPY could not bring back are written out.
    Its name and metadata are left out: the server has no use for them, and equal circuits should be equal bytes.
    Raises InvalidRequest where there is no such version, or the circuit has something that QPY can't hold.
    """
    plain = written_out(circuit).copy(name="circuit")
    plain.metadata = {}
    for version in common_versions(qpy_versions):
        written = io.BytesIO()
        try:
            qpy.dump(plain, written, version=version)
        except UnsupportedFeatureForVersion:
            continue
        except QpyError as error:
            raise InvalidRequest(f"circuit {circuit.name} can't be written as QPY: {error}") from error
        return written.getvalue()
    raise InvalidRequest(
        f"circuit {circuit.name} has something that needs a newer QPY than both sides know: "
        f"Qiskit {qiskit.__version__} here writes versions up to {qpy.QPY_VERSION}, {_read_by_server(qpy_versions)}"
    )


def common_versions(qpy_versions: Sequence[int]) -> Sequence[int]:
    """Give the versions that this Qiskit writes and the server reads, oldest first. Raises InvalidRequest for none."""
    written = range(max(OLDEST_VERSION, qpy.QPY_COMPATIBILITY_VERSION), qpy.QPY_VERSION + 1)
    common = [version for version in written if not qpy_versions or version in qpy_versions]
    if not common:
        raise InvalidRequest(
            f"Qiskit {qiskit.__version__} here writes QPY {written[0]} to {written[-1]}, "
            f"{_read_by_server(qpy_versions)}: install another Qiskit here, have the server upgraded, "
            "or send the circuit as OpenQASM text"
        )
    return common


def _read_by_server(qpy_versions: Sequence[int]) -> str:
    if not qpy_versions:
        return "the server doesn't say which it reads"
    return f"the server reads {min(qpy_versions)} to {max(qpy_versions)}"
