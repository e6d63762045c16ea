"""A variational eigensolver of 200 iterations, each a job on the server."""

import numpy as np
import pytest
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

from qserver.qiskit import EstimatorV2, QServerBackend

QUBITS = 10
ITERATIONS = 200


def transverse_field_ising() -> SparsePauliOp:
    """Neighbours that like to agree, in a field across: its ground state has an energy below -12.3."""
    terms = [("ZZ", [qubit, qubit + 1], -1.0) for qubit in range(QUBITS - 1)]
    terms += [("X", [qubit], -1.0) for qubit in range(QUBITS)]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=QUBITS)


@pytest.mark.timeout(600)  # 201 jobs, one after the other
def test_two_hundred_iterations_over_ten_qubits_find_a_lower_energy(backend: QServerBackend) -> None:
    circuit, hamiltonian = efficient_su2(QUBITS, reps=1), transverse_field_ising()
    estimator = EstimatorV2(backend=backend)
    random = np.random.default_rng(7)
    point = random.uniform(-0.1, 0.1, circuit.num_parameters)

    energies = []
    for iteration in range(ITERATIONS):  # SPSA: both sides of a random direction, as one PUB
        step, spread = 0.1 / (1 + iteration) ** 0.602, 0.1 / (1 + iteration) ** 0.101
        direction = random.choice([-1.0, 1.0], circuit.num_parameters)
        table = point + spread * np.array([direction, -direction])
        above, below = estimator.run([(circuit, hamiltonian, table)]).result()[0].data.evs
        point = point - step * (above - below) / (2 * spread) * direction
        energies.append((above + below) / 2)

    assert len(energies) == ITERATIONS
    assert np.mean(energies[-10:]) < energies[0] - 0.5
    found = estimator.run([(circuit, hamiltonian, point)]).result()[0].data.evs
    assert abs(found - StatevectorEstimator().run([(circuit, hamiltonian, point)]).result()[0].data.evs) < 1e-10
