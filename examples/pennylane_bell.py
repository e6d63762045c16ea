"""A tape of PennyLane, through PennyLane's own OpenQASM: `pip install pennylane` beside the client."""

import pennylane as qml

from qserver import Client

bell = qml.tape.QuantumScript([qml.Hadamard(0), qml.CNOT([0, 1])], [qml.counts()])

with Client() as client:
    print(client.submit(bell, shots=1000).result(timeout_seconds=60).counts)
