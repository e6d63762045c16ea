"""A file plugin: an engine of your own behind the original service's interface. This one needs no circuit to guess."""

import random
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["Plugin"]

DEFAULT_SHOTS = 1000
MAX_BITS = 64


class Plugin:
    """Throws a fair coin for each classical bit that the circuit declares."""

    def __init__(self) -> None:
        """Get ready: once a process, which is kept for the jobs that follow. What takes long to load belongs here."""
        self.backends = files(__name__).joinpath("backends.txt").read_text("utf-8").split()

    def execute(
        self, target_backend: str, qasm_file_path: str, metadata: dict[str, Any], result_type: str
    ) -> dict[str, int] | dict[int, float] | list[float]:
        """Give one of the result types that a job asks for. What is raised here is what the user reads."""
        if target_backend not in self.backends:
            raise ValueError(f"there is no backend {target_backend!r}")
        width = _count_bits(Path(qasm_file_path).read_text("utf-8"))
        if result_type == "expval":
            return [_expectation(observable) for observable in metadata.get("obs") or []]
        counts = _throw(width, shots=int(metadata.get("shots") or DEFAULT_SHOTS))
        if result_type == "counts":
            return counts
        shots = sum(counts.values())
        return {int(bits, base=2): count / shots for bits, count in counts.items()}


def _count_bits(circuit: str) -> int:
    width = sum(int(size) for size in re.findall(r"\bcreg\s+\w+\s*\[\s*(\d+)\s*\]", circuit))
    if not 0 < width <= MAX_BITS:
        raise ValueError(f"the circuit declares {width} classical bits; coin takes 1 to {MAX_BITS}")
    return width


def _throw(width: int, *, shots: int) -> dict[str, int]:
    return dict(Counter(f"{random.getrandbits(width):0{width}b}" for _ in range(shots)))


def _expectation(observable: list[tuple[str, float]]) -> float:
    # Of a maximally mixed state every Pauli string has the mean 0, but for the identity.
    return float(sum(coefficient for pauli, coefficient in observable if set(pauli) == {"I"}))
