"""Qiskit's PUBs as messages of `qserver.v1`, and raw arrays of its answers as NumPy's."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.quantum_info import SparseObservable

from qserver.client.observables import pauli_word
from qserver.client.qiskit_circuits import qpy_of
from qserver.errors import QServerError
from qserver.rpc.v1 import jobs_pb2


def estimator_messages(pubs: Iterable[EstimatorPub], qpy_versions: Sequence[int] = ()) -> Iterator[jobs_pb2.Pub]:
    """Write PUBs of an estimator; one with the circuit of the PUB before leaves it out. A precision of 0 is exact."""
    before = None
    for pub in pubs:
        message = _message(pub, before, qpy_versions)
        message.observables.extend(_observable(each) for each in _sparse(pub.observables))
        message.observables_shape.extend(pub.observables.shape)
        if pub.precision:
            message.precision = pub.precision
        yield message
        before = pub.circuit


def sampler_messages(pubs: Iterable[SamplerPub], qpy_versions: Sequence[int] = ()) -> Iterator[jobs_pb2.Pub]:
    """Write PUBs of a sampler; one with the circuit of the PUB before leaves it out."""
    before = None
    for pub in pubs:
        message = _message(pub, before, qpy_versions)
        message.shots = pub.shots
        yield message
        before = pub.circuit


def floats_of(result: jobs_pb2.PubResult, name: str) -> npt.NDArray[np.float64]:
    """Give an array of numbers, in the shape it was sent in, to be written to."""
    array = _array(result, name)
    return np.frombuffer(array.data, dtype="<f8").reshape(tuple(array.shape)).astype(np.float64)


def amplitudes_of(result: jobs_pb2.PubResult, name: str) -> npt.NDArray[np.complex128]:
    """Give an array of complex numbers, in double precision whatever it was sent in."""
    array = _array(result, name)
    dtype = np.dtype(array.dtype).newbyteorder("<")
    return np.frombuffer(array.data, dtype=dtype).reshape(tuple(array.shape)).astype(np.complex128)


def bits_of(result: jobs_pb2.PubResult, name: str) -> npt.NDArray[np.uint8]:
    """Give an array of bits as zeros and ones; the last axis begins with the leftmost character of the bitstring."""
    array = _array(result, name)
    shape = tuple(array.shape)
    packed = np.frombuffer(array.data, dtype=np.uint8).reshape((*shape[:-1], (shape[-1] + 7) // 8))
    return np.unpackbits(packed, axis=-1, bitorder="big")[..., : shape[-1]]


def _array(result: jobs_pb2.PubResult, name: str) -> jobs_pb2.Array:
    found = next((array for array in result.arrays if array.name == name), None)
    if found is None:
        raise QServerError(f"the server's result has no {name}; is it of another version?")
    return found


def _message(
    pub: EstimatorPub | SamplerPub, before: QuantumCircuit | None, qpy_versions: Sequence[int]
) -> jobs_pb2.Pub:
    circuit, values = pub.circuit, pub.parameter_values
    table = np.ascontiguousarray(values.as_array(circuit.parameters), dtype="<f8")
    return jobs_pb2.Pub(
        source=b"" if circuit is before else qpy_of(circuit, qpy_versions),
        parameters=[parameter.name for parameter in circuit.parameters],
        shape=values.shape,
        values=table.tobytes(),
    )


def _sparse(observables: ObservablesArray) -> list[SparseObservable]:
    """Give the observables of an array, in C order; Qiskit 2.0 keeps them as mappings."""
    if hasattr(observables, "sparse_observables_array"):
        return list(observables.sparse_observables_array().ravel())
    return [SparseObservable.from_list(list(factors.items())) for factors in np.ravel(np.asarray(observables))]


def _observable(observable: SparseObservable) -> jobs_pb2.Observable:
    """Write an observable in the letters I, X, Y and Z: projectors are sums of them."""
    paulis = observable.as_paulis().simplify()
    terms = [
        jobs_pb2.PauliTerm(pauli=pauli_word(letters, qubits, observable.num_qubits), coefficient=float(np.real(factor)))
        for letters, qubits, factor in paulis.to_sparse_list()
    ]
    return jobs_pb2.Observable(terms=terms or [jobs_pb2.PauliTerm(pauli="I" * observable.num_qubits)])
