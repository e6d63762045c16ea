"""QNodes on the server and on PennyLane's own simulator: prints as JSON what both gave, beside PennyLane's plugin."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from pennylane_qiskit import qiskit_session
from qiskit_aer.noise import NoiseModel, depolarizing_error

from qserver.qiskit import QServerBackend, QServerProvider

SHOTS = 10_000
WIRES = 3
ANGLES = (0.4, 1.1, -0.7)
NOISE = 0.1
HAMILTONIAN = qml.Hamiltonian([0.5, -1.0, 0.25], [qml.Z(0) @ qml.Z(1), qml.X(0), qml.Y(1) @ qml.X(2)])
Outcome = Any


def prepare(angles: Sequence[float]) -> None:
    """Make a state of all three qubits, by gates, a matrix, and amplitudes."""
    qml.StatePrep(np.array([0.6, 0.8]), wires=2)
    qml.RX(angles[0], wires=0)
    qml.RY(angles[1], wires=1)
    qml.CNOT(wires=[0, 1])
    qml.QubitUnitary(np.array([[1, 1], [1, -1]]) / np.sqrt(2), wires=0)
    qml.CRX(angles[2], wires=[1, 2])


def node_of(device: Any, measured: Callable[[], Outcome], shots: int | None) -> Any:
    """Measure that state on a device; exactly where there are no shots."""

    def circuit(angles: Sequence[float]) -> Outcome:
        prepare(angles)
        return measured()

    return qml.set_shots(qml.QNode(circuit, device, diff_method="parameter-shift"), shots)


def energy() -> Outcome:
    """Measure the Hamiltonian."""
    return qml.expval(HAMILTONIAN)


def values() -> Outcome:
    """Measure observables that don't commute."""
    return [qml.expval(HAMILTONIAN), qml.expval(qml.Y(0) @ qml.Z(2)), qml.expval(qml.X(0)), qml.var(qml.Z(1))]


def shares() -> Outcome:
    """Measure all qubits, and two of them."""
    return [qml.probs(wires=range(WIRES)), qml.probs(wires=[2, 0])]


def bell_agreement(device: Any) -> float:
    """Give how a Bell pair's bits agree."""

    def circuit() -> Outcome:
        qml.Hadamard(wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    return float(qml.set_shots(qml.QNode(circuit, device), SHOTS)())


def device_of(backend: QServerBackend, **options: Any) -> Any:
    """Give the plugin's device for a backend of the server."""
    return qml.device("qiskit.remote", wires=WIRES, backend=backend, **options)


def descended(node: Any) -> Mapping[str, Any]:
    """Go a step down the slope of an energy."""
    angles = qml.numpy.array(ANGLES, requires_grad=True)
    gradient = qml.grad(node)(angles)
    return {"gradient": gradient.tolist(), "before": float(node(angles)), "after": float(node(angles - 0.3 * gradient))}


def sampled(device: Any) -> Mapping[str, Any]:
    """Give shots of that state as the plugin hands them out."""
    counts = node_of(device, lambda: qml.counts(all_outcomes=True), SHOTS)(ANGLES)
    samples = node_of(device, lambda: qml.sample(wires=[2, 0]), SHOTS)(ANGLES)
    return {"counts": {str(bits): int(number) for bits, number in counts.items()}, "samples": samples.tolist()}


def main() -> None:
    """Run everything, and print it."""
    provider = QServerProvider()
    exact = qml.device("default.qubit", wires=WIRES)
    device = device_of(provider.get_backend())
    seeded = device_of(provider.get_backend(), simulator={"seed_simulator": 7})
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(NOISE, 2), ["cx"])
    with qiskit_session(device):
        in_a_session = node_of(device, energy, SHOTS)(ANGLES)
    found = {
        "values": [float(value) for value in node_of(device, values, SHOTS)(ANGLES)],
        "exact values": [float(value) for value in node_of(exact, values, None)(ANGLES)],
        "value in a session": float(in_a_session),
        "shares": [share.tolist() for share in node_of(device, shares, SHOTS)(ANGLES)],
        "exact shares": [share.tolist() for share in node_of(exact, shares, None)(ANGLES)],
        **sampled(device),
        "step": descended(node_of(device, energy, SHOTS)),
        "exact step": descended(node_of(exact, energy, None)),
        "seeded": [sampled(seeded)["counts"] for _ in range(2)],
        "agreement": bell_agreement(device),
        "agreement with noise": bell_agreement(device_of(provider.get_backend(), noise_model=noise)),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
