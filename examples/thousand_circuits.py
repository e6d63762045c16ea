"""A thousand circuits in one call: a qubit turned by a thousand angles, and how often it is found in 1.

Each is a job of its own; the client sends them in a few calls, and the server runs them together. Needs
`qserver-sdk[qiskit]`. A table of values for one circuit is less work still: see docs/howto/run-qiskit-code.md.
"""

import math
import time

from qiskit import QuantumCircuit

from qserver import Client

CIRCUITS, SHOTS = 1000, 1000


def turned(angle: float) -> QuantumCircuit:
    """Turn a qubit by an angle, and measure it."""
    circuit = QuantumCircuit(1, 1)
    circuit.ry(angle, 0)
    circuit.measure(0, 0)
    return circuit


angles = [math.pi * step / (CIRCUITS - 1) for step in range(CIRCUITS)]
circuits = [turned(angle) for angle in angles]

with Client() as client:
    started_at = time.monotonic()
    results = client.submit(circuits, shots=SHOTS).results(timeout_seconds=300)
    seconds = time.monotonic() - started_at

errors = [
    result.counts.get("1", 0) / SHOTS - math.sin(angle / 2) ** 2 for result, angle in zip(results, angles, strict=True)
]
deviation = math.sqrt(sum(error**2 for error in errors) / CIRCUITS)
print(f"{CIRCUITS:,} circuits in {seconds:.2f} s; deviation from sin²(angle/2): {deviation:.4f}")
