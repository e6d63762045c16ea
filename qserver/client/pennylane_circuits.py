"""PennyLane's tapes, through PennyLane's own OpenQASM 2."""

import pennylane

from qserver.circuits import CircuitFormat, CircuitSource
from qserver.errors import InvalidRequest


def write(circuit: object) -> CircuitSource:
    """Write a tape (`qml.tape.QuantumScript`); all its wires are measured in the computational basis.

    Raises InvalidRequest for a QNode, whose tape depends on its arguments, and where PennyLane can't export the tape.
    """
    if not isinstance(circuit, pennylane.tape.QuantumScript):
        raise InvalidRequest(
            f"{type(circuit).__qualname__} of PennyLane is no tape: "
            "make one by pennylane.workflow.construct_tape(qnode)(arguments)"
        )
    try:
        source = pennylane.to_openqasm(circuit)
    except (ValueError, TypeError, NotImplementedError, pennylane.exceptions.QuantumFunctionError) as error:
        raise InvalidRequest(f"PennyLane can't write this tape as OpenQASM: {error}") from error
    return CircuitSource(CircuitFormat.OPENQASM2, source.encode())
