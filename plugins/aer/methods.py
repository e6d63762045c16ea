"""The names that requests and plans use: methods, devices, precisions and backends."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Method(StrEnum):
    """How Aer holds the state. The values are Aer's own names."""

    STATEVECTOR = "statevector"  # 2^n amplitudes
    DENSITY_MATRIX = "density_matrix"  # 4^n entries: noise without sampling it
    STABILIZER = "stabilizer"  # tableau of n^2 bits: Clifford circuits only
    MATRIX_PRODUCT_STATE = "matrix_product_state"  # a chain of tensors: cheap while entanglement is low


class Device(StrEnum):
    """Where the state lives, as the request says it."""

    CPU = "CPU"
    GPU = "GPU"
    AUTO = "auto"  # the GPU where there is one and the circuit is large enough to gain


class FloatPrecision(StrEnum):
    """Width of a real number in the state."""

    DOUBLE = "double"  # 16 bytes an amplitude
    SINGLE = "single"  # 8 bytes an amplitude


GPU_METHODS = frozenset({Method.STATEVECTOR, Method.DENSITY_MATRIX})
"""Methods that run on a GPU: Aer 0.18, `AerSimulator`, table of simulation methods."""

AUTOMATIC_BACKEND = "aer"

METHOD_OF_BACKEND: Mapping[str, Method] = MappingProxyType({f"aer_{method}": method for method in Method})
"""Backends that name their method; `aer` chooses one for each circuit."""
