"""The only place that calls qsim: a circuit in, its amplitudes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from qiskit.circuit import CircuitInstruction, Qubit

from plugins.qsim.backends import AMPLITUDE_BYTES
from plugins.qsim.gates import GateFeed
from plugins.qsim.library import extension
from qserver.errors import ExecutionError, Reason

ENGINE_NAME = "qsim"
WIDE_QUBITS = 17
"""From here gates are fused to three qubits, below to two (22 qubits: 406 ms against 438; 12: 0.35 against 0.28)."""

State = npt.NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Body:
    """What makes a state: gates, and where in the state each qubit stands (0 is the lowest bit of the index)."""

    instructions: Sequence[CircuitInstruction]
    places: Mapping[Qubit, int]
    global_phase: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """The final state, complex64[2**qubits]. It is to be multiplied by exp(i * global_phase)."""

    state: State
    global_phase: float


def simulate(body: Body, *, threads: int, memory_bytes: int) -> Simulated:
    """Simulate the gates from |0...0>.

    Raises ExecutionError (OUT_OF_MEMORY, PLUGIN_UNAVAILABLE, PLUGIN_ERROR) and InvalidCircuit.
    """
    qsim = extension()
    num_qubits = len(body.places)
    check_room(num_qubits, memory_bytes)
    feed = GateFeed(qsim, num_qubits)
    for instruction in body.instructions:
        feed.add(instruction, [body.places[qubit] for qubit in instruction.qubits])
    state = qsim.qsim_simulate_fullstate(_options(feed.circuit, num_qubits, threads), 0).view(np.complex64)
    if len(state) != 1 << num_qubits:  # qsim prints why, and gives nothing
        raise ExecutionError(f"qsim gave {len(state):,} amplitudes for {num_qubits} qubits", reason=Reason.PLUGIN_ERROR)
    return Simulated(state, body.global_phase + feed.global_phase)


def check_room(num_qubits: int, memory_bytes: int) -> None:
    """See that the state can be held: qsim dies of a segmentation fault where it can't (0.22)."""
    size_bytes = AMPLITUDE_BYTES << num_qubits
    words = f"the state of {num_qubits} qubits is {size_bytes:,} bytes"
    if size_bytes > memory_bytes:
        raise ExecutionError(f"{words}; the simulator may use {memory_bytes:,}", reason=Reason.OUT_OF_MEMORY)
    try:
        np.empty(size_bytes, dtype=np.uint8)
    except MemoryError as error:
        raise ExecutionError(f"{words}, and the system has no such room", reason=Reason.OUT_OF_MEMORY) from error


def _options(circuit: object, num_qubits: int, threads: int) -> dict[str, object]:
    """Give qsim's options in its own letters (qsimcirq 0.22, `QSimOptions.as_dict`; circuit, input and seed beside)."""
    return {
        "c": circuit,
        "i": "",
        "f": 3 if num_qubits >= WIDE_QUBITS else 2,
        "t": max(1, threads),
        "s": 1,
        "v": 0,
        "z": False,
        "g": False,
        "gmode": 0,
    }
