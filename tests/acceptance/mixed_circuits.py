"""Many different circuits with all that is needed to judge their results by running Aer directly."""

from dataclasses import dataclass

from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp, Statevector

from qserver.rpc.v1 import jobs_pb2

SHOTS = 1000


@dataclass(frozen=True, slots=True)
class MixedCase:
    """A circuit as it is submitted, and as Qiskit sees it. `seed` is None where the counts are judged by law."""

    circuit: QuantumCircuit
    source: bytes
    backend: str
    seed: int | None
    pauli: str

    def spec(self) -> jobs_pb2.JobSpec:
        """Give the request for counts, quasi_dist and the expectation value of `pauli`."""
        return jobs_pb2.JobSpec(
            backend=self.backend,
            result_types=[
                jobs_pb2.RESULT_TYPE_COUNTS,
                jobs_pb2.RESULT_TYPE_QUASI_DIST,
                jobs_pb2.RESULT_TYPE_EXPVAL,
            ],
            shots=SHOTS,
            seed=self.seed,
            observables=[jobs_pb2.Observable(terms=[jobs_pb2.PauliTerm(pauli=self.pauli, coefficient=1.0)])],
        )

    def exact_expval(self) -> float:
        """Give the expectation value in the state before the measurements."""
        state = Statevector(self.circuit.remove_final_measurements(inplace=False))
        return float(state.expectation_value(SparsePauliOp(self.pauli)).real)

    def exact_probabilities(self) -> dict[str, float]:
        """Give the probability of each bitstring: qubit i is measured into bit i."""
        state = Statevector(self.circuit.remove_final_measurements(inplace=False))
        return {str(bits): float(value) for bits, value in state.probabilities_dict().items()}


def mixed_cases(number: int) -> list[MixedCase]:
    """Give `number` random circuits of 2 to 6 qubits, in turn as OpenQASM 2 and 3, with and without a seed."""
    return [_mixed_case(index) for index in range(number)]


def _mixed_case(index: int) -> MixedCase:
    num_qubits = 2 + index % 5
    circuit = random_circuit(num_qubits, 3 + index % 4, max_operands=2, seed=index)
    circuit.measure_all()
    source = qasm2.dumps(circuit) if index % 2 else qasm3.dumps(circuit)
    return MixedCase(
        circuit=circuit,
        source=source.encode(),
        backend=("aer", "aer_statevector", "aer_density_matrix")[index % 3],
        seed=index if index % 4 == 0 else None,
        pauli="".join("IXYZ"[(index + position) % 4] for position in range(num_qubits)),
    )
