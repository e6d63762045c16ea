"""What a backend of the server runs, as Qiskit's transpiler needs to know it."""

import importlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from qiskit.circuit import Barrier, BreakLoopOp, ContinueLoopOp, ForLoopOp, IfElseOp, SwitchCaseOp
from qiskit.circuit.library import DiagonalGate, Initialize, MCXGate, UnitaryGate, get_standard_gate_name_mapping
from qiskit.transpiler import Target

_ALWAYS: Final = frozenset({"measure", "reset", "delay", "barrier"})
_STABILIZER: Final = _ALWAYS | {"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr"}
_OF_ANY_WIDTH: Final[dict[str, Any]] = {
    "barrier": Barrier,
    "unitary": UnitaryGate,
    "initialize": Initialize,
    "diagonal": DiagonalGate,
    "mcx": MCXGate,
    "if_else": IfElseOp,
    "for_loop": ForLoopOp,
    "switch_case": SwitchCaseOp,
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
}
_CONTROL_FLOW: Final = frozenset({"if_else", "for_loop", "switch_case", "break_loop", "continue_loop"})
_SAVES: Final = {
    "save_statevector": "SaveStatevector",
    "save_state": "SaveState",
    "save_expval": "SaveExpectationValue",
    "save_probabilities": "SaveProbabilities",
    "save_probabilities_dict": "SaveProbabilitiesDict",
}
"""Aer's instructions that become result types; known where Aer is installed, as no circuit can hold one elsewhere."""

_REFUSED_SAVES: Final = {
    "save_amplitudes": "SaveAmplitudes",
    "save_amplitudes_sq": "SaveAmplitudesSquared",
    "save_clifford": "SaveClifford",
    "save_density_matrix": "SaveDensityMatrix",
    "save_expval_var": "SaveExpectationValueVariance",
    "save_matrix_product_state": "SaveMatrixProductState",
    "save_stabilizer": "SaveStabilizer",
    "save_statevector_dict": "SaveStatevectorDict",
    "save_superop": "SaveSuperOp",
    "save_unitary": "SaveUnitary",
}
"""Those that `run` refuses, saying what there is instead; unknown here, the transpiler would refuse them first."""

_ALL_SAVES: Final = _SAVES | _REFUSED_SAVES


def target_of(backend: str, *, max_qubits: int | None, noisy_gates: Iterable[str] | None = None) -> Target:
    """Say which operations a backend runs: on any qubits, as a simulator couples all.

    `max_qubits` is the widest circuit that the server takes, where it says so; its memory may hold less. `noisy_gates`
    are the basis of a noise model: what is transpiled for the target has no other gates, each of which would be ideal.
    """
    target = Target(description=f"QServer {backend}", num_qubits=max_qubits)
    kept = _ALWAYS | _CONTROL_FLOW | {"initialize"} | _ALL_SAVES.keys()
    noisy = None if noisy_gates is None else kept | set(noisy_gates)
    clifford = _STABILIZER | _ALL_SAVES.keys() if backend.endswith("stabilizer") else None
    for name, operation in _operations():
        if all(names is None or name in names for names in (noisy, clifford)):
            target.add_instruction(operation, name=name)
    return target


def _operations() -> Iterator[tuple[str, Any]]:
    yield from get_standard_gate_name_mapping().items()
    yield from _OF_ANY_WIDTH.items()
    try:
        library = importlib.import_module("qiskit_aer.library")
    except ModuleNotFoundError:
        return
    yield from ((name, getattr(library, save)) for name, save in _ALL_SAVES.items())
