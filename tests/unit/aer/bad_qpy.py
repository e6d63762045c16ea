"""QPY files that lie, stop half-way, or are of versions whose loaders ran code."""

import io
import struct

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit.library import UnitaryGate
from qiskit.qpy import formats

_FILE_HEADER_BYTES = 20
_CIRCUIT_HEADER = struct.Struct(formats.CIRCUIT_HEADER_V12_PACK)
_VERSION_AT = 6
_GIB = 2**30


def qpy_bytes(circuit: QuantumCircuit) -> bytes:
    """Write a circuit in the oldest version that is accepted."""
    written = io.BytesIO()
    qpy.dump(circuit, written, version=13)
    return written.getvalue()


def honest() -> bytes:
    """Give a file that is as it should be."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    return qpy_bytes(circuit)


def of_version(version: int) -> bytes:
    """Give a file that says that it is of another version."""
    file = bytearray(honest())
    file[_VERSION_AT] = version
    return bytes(file)


def that_claims(**numbers: int) -> bytes:
    """Give a file whose circuit claims to have so much of something."""
    file = bytearray(honest())
    header = formats.CIRCUIT_HEADER_V12._make(_CIRCUIT_HEADER.unpack_from(file, _FILE_HEADER_BYTES))
    _CIRCUIT_HEADER.pack_into(file, _FILE_HEADER_BYTES, *header._replace(**numbers))
    return bytes(file)


def with_an_array_of_160_gigabytes() -> bytes:
    """Give a file with a gate whose matrix says that it has 99,999 rows and columns."""
    circuit = QuantumCircuit(1, 1)
    circuit.append(UnitaryGate(np.eye(2)), [0])
    said, claimed = b"(2, 2), }", b"(99999, 99999), }"
    padding = b" " * (len(claimed) - len(said))
    return qpy_bytes(circuit).replace(said + padding, claimed)


CLAIMS = {
    "4,294,967,295 qubits": that_claims(num_qubits=2**32 - 1),
    "4,294,967,295 classical bits": that_claims(num_clbits=2**32 - 1),
    "2^64 - 1 instructions": that_claims(num_instructions=2**64 - 1),
    "8 GiB of metadata": that_claims(metadata_size=8 * _GIB),
    "4,294,967,295 registers": that_claims(num_registers=2**32 - 1),
    "4,294,967,295 variables": that_claims(num_vars=2**32 - 1),
    "a matrix of 160 GB": with_an_array_of_160_gigabytes(),
}
"""Files of a few hundred bytes that would unpack to gigabytes."""

OLD_VERSIONS = (0, 1, 5, 12)
CUT = {f"cut after {length} bytes": honest()[:length] for length in (7, 17, 60, 100, 200, len(honest()) - 1)}
