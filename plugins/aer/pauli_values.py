"""Expectation values of Pauli strings on a state that is held as an array."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from plugins.aer.gate_calls import Amplitudes
from plugins.aer.samples import Integers
from qserver.jobs import Observable

_FLIPS = str.maketrans("IXYZ", "0110")
_SIGNS = str.maketrans("IXYZ", "0011")
_POWERS_OF_I = (1, 1j, -1, -1j)


def observable_value(amplitudes: Amplitudes, observable: Observable, kept_qubits: Sequence[int]) -> float:
    """Give the exact value on the state of `kept_qubits`, in rising order; all other qubits are in |0>."""
    return sum(term.coefficient * _value(amplitudes, term.pauli, kept_qubits) for term in observable.terms)


def _value(amplitudes: Amplitudes, pauli: str, kept_qubits: Sequence[int]) -> float:
    """Sum conj(a[i ^ x]) * i^y * (-1)^|i & z| * a[i] over all indices i.

    P|i> = i^y (-1)^|i & z| |i ^ x>, where x marks the letters X and Y, z marks Z and Y, and y counts Y (Aaronson,
    Gottesman, Phys. Rev. A 70, 052328 (2004), section II). On a qubit in |0>, Z is 1, and X and Y have the value 0.
    """
    if len(kept_qubits) < len(pauli):
        kept = frozenset(kept_qubits)
        if any(letter in "XY" and len(pauli) - 1 - place not in kept for place, letter in enumerate(pauli)):
            return 0.0
        pauli = "".join(pauli[-1 - qubit] for qubit in reversed(kept_qubits))
    flips, signs = int(pauli.translate(_FLIPS), 2), int(pauli.translate(_SIGNS), 2)
    indices = _indices(len(pauli))
    signed = amplitudes * (1.0 - 2.0 * (np.bitwise_count(indices & signs) & 1)) if signs else amplitudes
    flipped = amplitudes[indices ^ flips] if flips else amplitudes
    return float((np.vdot(flipped, signed) * _POWERS_OF_I[pauli.count("Y") % 4]).real)


@lru_cache(maxsize=16)
def _indices(num_qubits: int) -> Integers:
    return np.arange(2**num_qubits, dtype=np.int64)
