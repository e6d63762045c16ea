"""Circuits to measure with, as OpenQASM 2 text. All of a measure differ, so that no cache answers for the simulator."""

import math
import random
from collections.abc import Sequence

_HEAD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'


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
