"""Standard operations by the number of qubits they act on."""

from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

_STANDARD = get_standard_gate_name_mapping()

WIDTHS = {name: operation.num_qubits for name, operation in _STANDARD.items()}
"""How many qubits each standard operation acts on: gates, and `measure`, `reset` and `delay`."""

_GATES = frozenset(name for name, operation in _STANDARD.items() if isinstance(operation, Gate))
ONE_QUBIT_GATES = frozenset(name for name in _GATES if WIDTHS[name] == 1)
TWO_QUBIT_GATES = frozenset(name for name in _GATES if WIDTHS[name] == 2)  # noqa: PLR2004 - its name
WIDE_GATES = _GATES - ONE_QUBIT_GATES - TWO_QUBIT_GATES
