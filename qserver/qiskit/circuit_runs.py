"""Circuits of `backend.run` as jobs of one circuit each, and the results of those as Qiskit's."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.exceptions import CircuitError
from qiskit.quantum_info import Statevector
from qiskit.result import ProbDistribution
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qserver.client.qiskit_circuits import qpy_of
from qserver.client.spec_fields import set_field
from qserver.errors import InvalidRequest, Reason
from qserver.qiskit.bit_arrays import measures
from qserver.qiskit.messages import amplitudes_of, bits_of
from qserver.qiskit.run_options import RunOptions
from qserver.qiskit.run_records import run_metadata, run_seconds
from qserver.qiskit.saves import SavedProbabilities, Saves, take_saves
from qserver.rpc.v1 import jobs_pb2

SEED_STEP = 2113
"""Circuit i of a list has the seed `seed + 2113 * i` in Aer, and so here."""

Binds = Mapping[Parameter, Sequence[float] | float]
"""Values of a circuit's parameters: one each, or as many as there are runs."""


@dataclass(frozen=True, slots=True)
class CircuitRun:
    """A circuit to be run, and what is to be read of its result."""

    circuit: QuantumCircuit
    plain: QuantumCircuit
    saves: Saves
    shots: int
    wants_memory: bool

    @classmethod
    def of(cls, circuit: QuantumCircuit, *, shots: int, wants_memory: bool) -> "CircuitRun":
        """Take a circuit apart. Raises InvalidRequest for one that gives nothing, or saves what the server can't."""
        plain, saves = take_saves(circuit)
        if not measures(circuit) and plain is circuit:
            raise InvalidRequest(
                f"the circuit {circuit.name} measures nothing and saves nothing, so it has no result",
                reason=Reason.UNSUPPORTED_RESULT_TYPE,
            )
        return cls(circuit, plain, saves, shots, wants_memory)

    def submission(self, options: RunOptions, qpy_versions: Sequence[int], *, place: int) -> jobs_pb2.JobSubmission:
        """Write the circuit as the job at this place of a list. Raises InvalidRequest where QPY can't hold it."""
        spec = options.spec(*self._result_types())
        set_field(spec, "shots", self.shots)
        spec.observables.extend(self.saves.observables.values())
        if options.seed is not None:
            set_field(spec, "seed", spec.seed + SEED_STEP * place)
        return jobs_pb2.JobSubmission(spec=spec, source=qpy_of(self.plain, qpy_versions))

    def experiment(self, result: jobs_pb2.PubResult) -> ExperimentResult:
        """Read the server's result as Aer would write it."""
        seed = result.run.seed if result.run.HasField("seed") else None
        return ExperimentResult(
            shots=self.shots,
            success=True,
            data=ExperimentResultData(**dict(self._data(result))),
            status="DONE",
            seed=seed,
            seed_simulator=seed,  # Aer's name for it
            header=_header(self.circuit),
            metadata=run_metadata(result.run),
            time_taken=run_seconds(result.run),
        )

    def _result_types(self) -> Iterator[jobs_pb2.ResultType.ValueType]:
        if measures(self.circuit):
            yield jobs_pb2.RESULT_TYPE_COUNTS
            if self.wants_memory:
                yield jobs_pb2.RESULT_TYPE_MEMORY
        yield from self.saves.result_types()

    def _data(self, result: jobs_pb2.PubResult) -> Iterator[tuple[str, Any]]:
        if measures(self.circuit):
            yield "counts", {_hexadecimal(key): count for key, count in result.counts.items()}
            if self.wants_memory:
                yield "memory", _memory(result)
        for label in self.saves.states:
            yield label, Statevector(amplitudes_of(result, "statevector"))
        yield from zip(self.saves.observables, result.expval, strict=True)
        if self.saves.probabilities is not None:
            yield self.saves.probabilities.label, _probabilities(result.probabilities, self.saves.probabilities)


def bound(circuits: Iterable[QuantumCircuit], binds: Sequence[Binds] | None) -> Iterator[QuantumCircuit]:
    """Give the circuits, each bound to each of its sets of values, as AerSimulator.run takes them.

    Raises InvalidRequest where a circuit has no binds, other parameters, or columns of different lengths.
    """
    if binds is None:
        yield from circuits
        return
    if isinstance(binds, Mapping):
        raise InvalidRequest("parameter_binds must be a list, with a table of values for each circuit")
    all_circuits = list(circuits)
    if len(all_circuits) != len(binds):
        raise InvalidRequest(f"{len(all_circuits)} circuits have {len(binds)} parameter_binds; give each circuit one")
    for place, (circuit, table) in enumerate(zip(all_circuits, binds, strict=True)):
        try:
            yield from _bound_rows(circuit, table)
        except (CircuitError, ValueError) as error:
            raise InvalidRequest(f"circuit {place}: parameter_binds don't fit: {error}") from error


def _bound_rows(circuit: QuantumCircuit, table: Binds) -> Iterator[QuantumCircuit]:
    columns = {name: np.atleast_1d(values).tolist() for name, values in table.items()}
    rows = zip(*columns.values(), strict=True) if columns else [()]
    for row in rows:
        yield circuit.assign_parameters(dict(zip(columns, row, strict=True)))


def _header(circuit: QuantumCircuit) -> dict[str, Any]:
    return {
        "creg_sizes": [[register.name, register.size] for register in circuit.cregs],
        "qreg_sizes": [[register.name, register.size] for register in circuit.qregs],
        "global_phase": float(circuit.global_phase),
        "memory_slots": circuit.num_clbits,
        "n_qubits": circuit.num_qubits,
        "name": circuit.name,
        "metadata": circuit.metadata,
    }


def _hexadecimal(bitstring: str) -> str:
    return hex(int(bitstring.replace(" ", ""), 2))


def _memory(result: jobs_pb2.PubResult) -> list[str]:
    bits = bits_of(result, "memory")
    width = bits.shape[-1]
    return [hex(int.from_bytes(row.tobytes(), "big") >> (-width % 8)) for row in np.packbits(bits, axis=-1)]


def _probabilities(
    told: Mapping[str, float], saved: SavedProbabilities
) -> ProbDistribution | np.ndarray[Any, np.dtype[np.float64]]:
    found = {int(key.replace(" ", "")[: saved.num_bits], 2): share for key, share in told.items()}
    if saved.is_dict:
        return ProbDistribution(found)
    dense = np.zeros(2**saved.num_bits)
    dense[list(found)] = list(found.values())
    return dense
