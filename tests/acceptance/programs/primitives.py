"""The client's primitives beside Qiskit's own: prints as JSON what both gave, in any Qiskit that the client takes."""

import json
from typing import Any

import numpy as np
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, Statevector

from qserver import Client
from qserver.qiskit import EstimatorV2, QServerProvider, SamplerV2

SHOTS = 2_000
ANSATZ = efficient_su2(2, reps=1)
VALUES = np.random.default_rng(1).uniform(-np.pi, np.pi, (3, 1, ANSATZ.num_parameters))
PAULIS = SparsePauliOp(["ZZ", "XI"], [1.0, -0.5])
PROJECTOR = {"0+": 2.0, "IY": 1.0}
PROJECTOR_IN_PAULIS = SparsePauliOp(["II", "IX", "ZI", "ZX", "IY"], [0.5, 0.5, 0.5, 0.5, 1.0])
"""The same, for Qiskit's own estimator, which in older versions takes no projectors."""


def expectation_values(estimator: Any, projector: Any) -> list[list[float]]:
    """Estimate a table of two observables at three points, and one observable alone."""
    pubs = [(ANSATZ, [PAULIS, projector], VALUES), (ANSATZ, "XY", VALUES[0, 0])]
    return [np.ravel(pub.data.evs).tolist() for pub in estimator.run(pubs).result()]


def main() -> None:
    """Run everything, and print it."""
    backend = QServerProvider().get_backend()
    measured = ANSATZ.copy()
    measured.measure_all()
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    shots = SamplerV2(backend=backend, default_shots=SHOTS).run([(measured, VALUES)]).result()[0].data.meas
    with Client() as client:
        client_counts = client.run(bell, shots=SHOTS).counts
    found = {
        "qiskit": qiskit.__version__,
        "values": expectation_values(EstimatorV2(backend=backend), PROJECTOR),
        "exact values": expectation_values(StatevectorEstimator(), PROJECTOR_IN_PAULIS),
        "counts": [shots.get_counts((place, 0)) for place in range(3)],
        "probabilities": [
            Statevector(ANSATZ.assign_parameters(row[0])).probabilities_dict() for row in VALUES.astype(float)
        ],
        "bell": [backend.run(bell, shots=SHOTS).result().get_counts(), client_counts],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
