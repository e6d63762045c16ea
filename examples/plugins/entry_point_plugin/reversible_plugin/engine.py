"""The engine: runs a circuit on bits. Only ever imported in a sandbox; yours may import what it likes here."""

import random
from collections import Counter

from reversible_plugin.circuit import ReversibleCircuit


def run(circuit: ReversibleCircuit) -> str:
    """Give the bitstring that the circuit ends in: leftmost is the highest classical bit."""
    bits = [False] * circuit.num_qubits
    for name, qubits in circuit.gates:
        *controls, target = qubits
        if name == "swap":
            bits[qubits[0]], bits[qubits[1]] = bits[qubits[1]], bits[qubits[0]]
        else:
            bits[target] ^= all(bits[control] for control in controls)
    values = [
        bits[circuit.measured[clbit]] if clbit in circuit.measured else False for clbit in range(circuit.num_clbits)
    ]
    return "".join("1" if value else "0" for value in reversed(values))


def sample(bitstring: str, *, shots: int, flip_probability: float, seed: int) -> dict[str, int]:
    """Read the bitstring `shots` times, each bit flipped with a probability of its own."""
    if flip_probability == 0.0:
        return {bitstring: shots}
    generator = random.Random(seed)  # noqa: S311 - a simulation needs no secret
    return dict(Counter(_read(bitstring, generator, flip_probability) for _ in range(shots)))


def _read(bitstring: str, generator: random.Random, flip_probability: float) -> str:
    return "".join(bit if generator.random() >= flip_probability else "10"[int(bit)] for bit in bitstring)
