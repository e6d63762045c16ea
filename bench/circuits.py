"""Circuits to measure with, as OpenQASM 2 text. All of a measure differ, so that no cache answers for the simulator."""

import math
import random
from collections.abc import Iterator, Sequence

from bench.tasks import Task, Terms

_HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
_CLIFFORD_SHARE = 0.2
_CLIFFORD_GATES = ("h", "s", "x", "z", "sdg")

BELL = f"{_HEAD}qreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n"


def small_circuits(number: int, *, seed: int) -> Sequence[str]:
    """Give entangled circuits of 2 qubits, 7 gates and random angles, all measured."""
    angles = random.Random(seed)  # noqa: S311 - no secret
    return [_small_circuit(angles) for _ in range(number)]


def _small_circuit(angles: random.Random) -> str:
    first, second, third = (angles.uniform(0, 2 * math.pi) for _ in range(3))
    return (
        f"{_HEAD}qreg q[2];\ncreg c[2];\nh q[0];\nrx({first}) q[0];\nry({second}) q[1];\ncx q[0],q[1];\n"
        f"rz({third}) q[1];\nh q[1];\ncx q[1],q[0];\nmeasure q -> c;\n"
    )


def mixed_tasks(number: int, *, seed: int, shots: int) -> Sequence[Task]:
    """Give circuits of 2 to 12 qubits and 5 to 60 layers, a fifth of them Clifford, each with two observables."""
    choices = random.Random(seed)  # noqa: S311 - no secret
    return [_mixed_task(choices, shots) for _ in range(number)]


def _mixed_task(choices: random.Random, shots: int) -> Task:
    qubits, depth = choices.randint(2, 12), choices.randint(5, 60)
    is_clifford = choices.random() < _CLIFFORD_SHARE
    return Task(_layered_circuit(choices, qubits, depth, is_clifford=is_clifford), shots, observables(qubits))


def observables(qubits: int) -> Sequence[Terms]:
    """Give the parity of all qubits, and a sum of two terms of one letter each."""
    return [("Z" * qubits, 1.0)], [("I" * (qubits - 1) + "X", 0.5), ("Z" + "I" * (qubits - 1), 0.5)]


def dense_circuit(qubits: int, *, depth: int, seed: int) -> str:
    """Give `depth` layers, in turns a random rotation of every qubit and gates between random pairs of all of them."""
    return _layered_circuit(random.Random(seed), qubits, depth, is_clifford=False)  # noqa: S311 - no secret


def _layered_circuit(choices: random.Random, qubits: int, depth: int, *, is_clifford: bool) -> str:
    rotate = _clifford_layer if is_clifford else _rotation_layer
    layers = (_pairs_layer if number % 2 else rotate for number in range(depth))
    gates = "\n".join(gate for layer in layers for gate in layer(choices, qubits))
    return f"{_HEAD}qreg q[{qubits}];\ncreg c[{qubits}];\n{gates}\nmeasure q -> c;\n"


def _rotation_layer(choices: random.Random, qubits: int) -> Iterator[str]:
    for qubit in range(qubits):
        theta, phi, lambda_ = (choices.uniform(0, 2 * math.pi) for _ in range(3))
        yield f"u3({theta},{phi},{lambda_}) q[{qubit}];"


def _clifford_layer(choices: random.Random, qubits: int) -> Iterator[str]:
    for qubit in range(qubits):
        yield f"{choices.choice(_CLIFFORD_GATES)} q[{qubit}];"


def _pairs_layer(choices: random.Random, qubits: int) -> Iterator[str]:
    order = choices.sample(range(qubits), k=qubits)
    for control, target in zip(order[::2], order[1::2], strict=False):  # of an odd number one is left out
        yield f"cx q[{control}],q[{target}];"
