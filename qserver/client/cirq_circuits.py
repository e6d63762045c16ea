"""Cirq's circuits, through Cirq's own OpenQASM 2."""

import cirq

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidRequest


def write(circuit: object) -> CircuitSource:
    """Write a circuit; qubits are numbered in Cirq's order, a classical register is made of each measurement key.

    Raises InvalidRequest where Cirq can't export it.
    """
    if not isinstance(circuit, cirq.AbstractCircuit):
        raise InvalidRequest(f"{type(circuit).__qualname__} of Cirq is no circuit")
    try:
        source = circuit.to_qasm()
    except (ValueError, TypeError) as error:
        raise InvalidRequest(f"Cirq can't write this circuit as OpenQASM: {error}") from error
    return CircuitSource(CircuitFormat.OPENQASM2, source.encode())
