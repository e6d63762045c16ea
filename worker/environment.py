"""Environment variables of simulators: OpenMP and CUDA read them once, when they are loaded."""

import os
from collections.abc import Mapping
from typing import assert_never

from worker.groups import Lane

VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"


def simulator_environment(lane: Lane, *, cores: int) -> Mapping[str, str]:
    """Give the variables of a simulator of this lane.

    With one thread Aer takes a serial path that runs two-qubit gates several times slower than the OpenMP one. Two
    threads of which OpenMP may start only one take the fast path on one core (qiskit-aer 0.18.2: a QFT of 14 qubits
    1.65 times faster, same counts). The forkserver must have these variables too: see docs/decisions/0006.
    """
    match lane:
        case Lane.NARROW:
            return {"OMP_NUM_THREADS": "2", "OMP_THREAD_LIMIT": "1", VISIBLE_GPUS: ""}
        case Lane.WIDE:
            return {"OMP_NUM_THREADS": str(cores), VISIBLE_GPUS: ""}
        case Lane.GPU:
            return {"OMP_NUM_THREADS": str(cores), VISIBLE_GPUS: first_visible_gpu()}
        case _:
            assert_never(lane)


def first_visible_gpu() -> str:
    """Name the one GPU that this worker uses: the first that its own environment shows."""
    return os.environ.get(VISIBLE_GPUS, "0").split(",")[0]
