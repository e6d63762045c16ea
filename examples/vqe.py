"""The ground state of a chain of spins, by a variational eigensolver on the server. Needs `qserver-sdk[qiskit]`."""

import numpy as np
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp

from qserver.qiskit import EstimatorV2

SITES = 4
ITERATIONS = 60

bonds = [("ZZ", [site, site + 1], -1.0) for site in range(SITES - 1)]
field = [("X", [site], -1.0) for site in range(SITES)]
hamiltonian = SparsePauliOp.from_sparse_list([*bonds, *field], num_qubits=SITES)
exact = np.linalg.eigvalsh(hamiltonian.to_matrix())[0]

ansatz = efficient_su2(SITES, su2_gates=["ry"], reps=2)
estimator = EstimatorV2()
point = np.random.default_rng(1).uniform(-0.5, 0.5, ansatz.num_parameters)
shifts = np.pi / 2 * np.eye(ansatz.num_parameters)
energy = 0.0
for iteration in range(ITERATIONS):
    # The parameter-shift rule: both sides of every parameter, and the point itself, in one PUB.
    table = np.vstack([point, point + shifts, point - shifts])
    values = estimator.run([(ansatz, hamiltonian, table)]).result()[0].data.evs
    energy, gradient = values[0], (values[1 : len(point) + 1] - values[len(point) + 1 :]) / 2
    if iteration % 20 == 0:
        print(f"iteration {iteration:3}: {energy:+.4f}")
    point -= 0.2 * gradient
print(f"found {energy:+.4f}, exact {exact:+.4f}")
