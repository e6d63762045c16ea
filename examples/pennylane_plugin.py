"""PennyLane's own Qiskit plugin on the server: two angles go down to the lowest energy.

Needs `qserver-sdk[qiskit]` and `pennylane-qiskit`.
"""

import pennylane as qml
from pennylane import numpy as np

from qserver.qiskit import QServerProvider

device = qml.device("qiskit.remote", wires=2, backend=QServerProvider().get_backend())
hamiltonian = qml.Hamiltonian([1.0, 1.0], [qml.Z(0) @ qml.Z(1), qml.X(0)])


@qml.set_shots(4000)
@qml.qnode(device)
def energy(angles: np.tensor) -> float:
    """Measure the Hamiltonian in the state that two angles make."""
    qml.RY(angles[0], wires=0)
    qml.CNOT(wires=[0, 1])
    qml.RY(angles[1], wires=0)
    return qml.expval(hamiltonian)


optimizer = qml.GradientDescentOptimizer(stepsize=0.5)
found = np.array([2.0, 0.5], requires_grad=True)
for step in range(6):
    found, before = optimizer.step_and_cost(energy, found)
    print(f"step {step}: energy {before:+.3f}")
print(f"at the end: energy {energy(found):+.3f}")
