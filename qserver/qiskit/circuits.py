"""Qiskit's circuits as a server reads them."""

import io
from typing import Final

from qiskit import QuantumCircuit, qpy
from qiskit.qpy.exceptions import UnsupportedFeatureForVersion

_OLDEST_VERSION: Final = max(13, qpy.QPY_COMPATIBILITY_VERSION)
"""The oldest version that this Qiskit writes and any server reads."""


def circuit_bytes(circuit: QuantumCircuit) -> bytes:
    """Write a circuit as QPY, without its name and metadata: the server has no use for them."""
    plain = circuit.copy(name="circuit")
    plain.metadata = {}
    for version in (_OLDEST_VERSION, qpy.QPY_VERSION):
        written = io.BytesIO()
        try:
            qpy.dump(plain, written, version=version)
        except UnsupportedFeatureForVersion:
            if version == qpy.QPY_VERSION:
                raise
            continue
        break
    return written.getvalue()
