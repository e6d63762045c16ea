"""A circuit of Cirq, through Cirq's own OpenQASM: `pip install cirq-core` beside the client."""

import cirq

from qserver import Client

first, second = cirq.LineQubit.range(2)
bell = cirq.Circuit(cirq.H(first), cirq.CNOT(first, second), cirq.measure(first, second, key="m"))

with Client() as client:
    print(client.submit(bell, shots=1000).result(timeout_seconds=60).counts)
