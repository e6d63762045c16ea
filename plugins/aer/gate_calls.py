"""How each standard gate is called on Aer's state class. What has no call of its own goes there as a matrix.

The angles are those of the OpenQASM 3 gate U (Cross et al., ACM Trans. Quantum Comput. 3, 12 (2022), section 4.4), as
Qiskit's circuit library gives them for each gate.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

Amplitudes = npt.NDArray[np.complex128]

PI, HALF, QUARTER = math.pi, math.pi / 2, math.pi / 4


class NativeState(Protocol):
    """What is used of `qiskit_aer.backends.controller_wrappers.AerStateWrapper`, which is compiled and untyped.

    Calls are held back until `flush`. Controls come first among `qubits`, the target last.
    """

    configure: Callable[[str, str], None]
    initialize_statevector: Callable[[int, Amplitudes, bool], bool]  # qubits, memory, whether to copy it
    move_to_buffer: Callable[[], complex]
    reallocate_qubits: Callable[[int], Sequence[int]]
    initialize: Callable[[], None]
    move_to_ndarray: Callable[[], Amplitudes]  # leaves no state
    clear: Callable[[], None]
    flush: Callable[[], None]
    apply_h: Callable[[int], None]
    apply_x: Callable[[int], None]
    apply_y: Callable[[int], None]
    apply_z: Callable[[int], None]
    apply_u: Callable[[int, float, float, float], None]  # theta, phi, lambda
    apply_mcx: Callable[[Sequence[int]], None]
    apply_mcy: Callable[[Sequence[int]], None]
    apply_mcz: Callable[[Sequence[int]], None]
    apply_mcphase: Callable[[Sequence[int], float], None]
    apply_mcswap: Callable[[Sequence[int]], None]
    apply_mcu: Callable[[Sequence[int], float, float, float, float], None]  # theta, phi, lambda, phase of the gate
    apply_unitary: Callable[[Sequence[int], Amplitudes], None]


GateCall = Callable[[NativeState, Sequence[int], Sequence[float]], None]
"""Applies a gate to qubits, with its parameters in radians."""


def _nothing(state: NativeState, qubits: Sequence[int], params: Sequence[float]) -> None:
    """Leave the state as it is: an identity, a delay, or a phase of the whole."""


GATE_CALLS: Mapping[str, GateCall] = MappingProxyType(
    {
        "global_phase": _nothing,
        "id": _nothing,
        "h": lambda state, qubits, _: state.apply_h(qubits[0]),
        "x": lambda state, qubits, _: state.apply_x(qubits[0]),
        "y": lambda state, qubits, _: state.apply_y(qubits[0]),
        "z": lambda state, qubits, _: state.apply_z(qubits[0]),
        "s": lambda state, qubits, _: state.apply_mcphase(qubits, HALF),
        "sdg": lambda state, qubits, _: state.apply_mcphase(qubits, -HALF),
        "t": lambda state, qubits, _: state.apply_mcphase(qubits, QUARTER),
        "tdg": lambda state, qubits, _: state.apply_mcphase(qubits, -QUARTER),
        "p": lambda state, qubits, params: state.apply_mcphase(qubits, params[0]),
        "u1": lambda state, qubits, params: state.apply_mcphase(qubits, params[0]),
        "rz": lambda state, qubits, params: state.apply_mcphase(qubits, params[0]),
        "rx": lambda state, qubits, params: state.apply_u(qubits[0], params[0], -HALF, HALF),
        "ry": lambda state, qubits, params: state.apply_u(qubits[0], params[0], 0.0, 0.0),
        "r": lambda state, qubits, params: state.apply_u(qubits[0], params[0], params[1] - HALF, HALF - params[1]),
        "sx": lambda state, qubits, _: state.apply_u(qubits[0], HALF, -HALF, HALF),
        "sxdg": lambda state, qubits, _: state.apply_u(qubits[0], -HALF, -HALF, HALF),
        "u": lambda state, qubits, params: state.apply_u(qubits[0], *params),
        "u2": lambda state, qubits, params: state.apply_u(qubits[0], HALF, *params),
        "u3": lambda state, qubits, params: state.apply_u(qubits[0], *params),
        "cx": lambda state, qubits, _: state.apply_mcx(qubits),
        "cy": lambda state, qubits, _: state.apply_mcy(qubits),
        "cz": lambda state, qubits, _: state.apply_mcz(qubits),
        "ccx": lambda state, qubits, _: state.apply_mcx(qubits),
        "ccz": lambda state, qubits, _: state.apply_mcz(qubits),
        "ch": lambda state, qubits, _: state.apply_mcu(qubits, HALF, 0.0, PI, 0.0),
        "cs": lambda state, qubits, _: state.apply_mcphase(qubits, HALF),
        "csdg": lambda state, qubits, _: state.apply_mcphase(qubits, -HALF),
        "csx": lambda state, qubits, _: state.apply_mcu(qubits, HALF, -HALF, HALF, QUARTER),
        "cp": lambda state, qubits, params: state.apply_mcphase(qubits, params[0]),
        "cu1": lambda state, qubits, params: state.apply_mcphase(qubits, params[0]),
        "crx": lambda state, qubits, params: state.apply_mcu(qubits, params[0], -HALF, HALF, 0.0),
        "cry": lambda state, qubits, params: state.apply_mcu(qubits, params[0], 0.0, 0.0, 0.0),
        "crz": lambda state, qubits, params: state.apply_mcu(qubits, 0.0, 0.0, params[0], -params[0] / 2),
        "cu": lambda state, qubits, params: state.apply_mcu(qubits, params[0], params[1], params[2], params[3]),
        "cu3": lambda state, qubits, params: state.apply_mcu(qubits, params[0], params[1], params[2], 0.0),
        "swap": lambda state, qubits, _: state.apply_mcswap(qubits),
        "cswap": lambda state, qubits, _: state.apply_mcswap(qubits),
    }
)

PHASES: Mapping[str, Callable[[Sequence[float]], float]] = MappingProxyType(
    {
        "global_phase": lambda params: params[0],
        "rz": lambda params: -params[0] / 2,
        "sx": lambda _: QUARTER,
        "sxdg": lambda _: -QUARTER,
    }
)
"""The phase of the whole state that the call of a gate leaves out, in radians."""


def call_of_matrix(matrix: Amplitudes) -> GateCall:
    """Make the call of a gate that is given by its matrix, the first qubit being the lowest bit of an index."""
    return lambda state, qubits, _: state.apply_unitary(qubits, matrix)
