"""Shots as Qiskit's BitArrays, one for each classical register."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit.primitives import BitArray

_Bits = npt.NDArray[np.uint8]


def measures(circuit: QuantumCircuit) -> bool:
    """Whether anything in the circuit, or in a block of its control flow, is measured."""
    if "measure" in circuit.count_ops():
        return True
    blocks = (block for found in circuit.data if found.is_control_flow() for block in found.operation.blocks)
    return any(map(measures, blocks))


def register_arrays(circuit: QuantumCircuit, bits: _Bits) -> dict[str, BitArray]:
    """Give the shots of each register. `bits` has the shape `(..., shots, classical bits)`, the last bit leftmost."""
    return {register.name: _packed(bits[..., _columns(circuit, register)], register.size) for register in circuit.cregs}


def zero_arrays(circuit: QuantumCircuit, shape: Sequence[int]) -> dict[str, BitArray]:
    """Give shots of 0 in every bit; `shape` ends with the number of shots."""
    return {
        register.name: _packed(np.zeros((*shape, register.size), dtype=np.uint8), register.size)
        for register in circuit.cregs
    }


def _columns(circuit: QuantumCircuit, register: ClassicalRegister) -> list[int]:
    return [circuit.num_clbits - 1 - circuit.find_bit(bit).index for bit in reversed(register)]


def _packed(rows: _Bits, num_bits: int) -> BitArray:
    """Pack rows of bits as BitArray wants them: zeros on the left fill the first byte."""
    padding = [(0, 0)] * (rows.ndim - 1) + [(-num_bits % 8, 0)]
    return BitArray(np.packbits(np.pad(rows, padding), axis=-1), num_bits)
