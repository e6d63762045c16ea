"""Results as they are stored and read: one document a PUB, with what someone needs to repeat the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

RESULT_SCHEMA = "qserver.result"
RESULT_SCHEMA_VERSION = 1


class ResultType(StrEnum):
    """What a job may ask for. The first three are the original service's words."""

    COUNTS = "counts"  #: `{bitstring: number}`; leftmost bit is the highest classical bit, registers parted by a space
    QUASI_DIST = "quasi_dist"  #: `{integer as text: probability}`, of the same sample as counts
    EXPVAL = "expval"  #: `[float]`, one for each observable, in order
    MEMORY = "memory"  #: each shot's bitstring, in order of the shots; counts are its tally
    PROBABILITIES = "probabilities"  #: `{bitstring: exact probability}` over the measured bits
    STATEVECTOR = "statevector"  #: `complex128[2**num_qubits]`, qubit 0 is the lowest bit of the index


SAMPLED_RESULT_TYPES = frozenset({ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.MEMORY})
"""Result types that are drawn from shots, and so need measurements."""


@dataclass(frozen=True, slots=True)
class Array:
    """Numbers that are too many for JSON: raw little-endian bytes in C order.

    `dtype` is NumPy's name (`complex128`, `float64`) or `bits`: rows of `shape[1]` bits, packed by
    `numpy.packbits(..., axis=1, bitorder="big")`, leftmost character of the bitstring first.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class PhaseSeconds:
    """Where the time of one job went."""

    queued: float = 0.0
    loading: float = 0.0
    simulating: float = 0.0
    storing: float = 0.0


@dataclass(frozen=True, slots=True)
class RunRecord:
    """How a result came to be: everything needed to repeat it.

    `seed` is the seed that reproduces the sample when it is given to the same backend; None where no seed can
    (exact sampling draws from fresh randomness unless a seed was asked for).
    """

    backend: str
    method: str
    device: str  #: "CPU" or "GPU"
    float_precision: str  #: "double" or "single"
    shots: int
    seed: int | None
    threads: int
    reason: str  #: why this method, device and number of threads, and how the counts came about
    plugin: str
    plugin_version: str
    engine: str
    engine_version: str
    seconds: PhaseSeconds = field(default_factory=PhaseSeconds)
    cached_from: UUID | None = None  #: the job that was run, where this is a copy of its result


@dataclass(frozen=True, slots=True)
class PubResult:
    """The result of one PUB. Fields that were not asked for are None."""

    run: RunRecord
    counts: Mapping[str, int] | None = None
    quasi_dist: Mapping[str, float] | None = None
    expval: tuple[float, ...] | None = None
    expval_standard_errors: tuple[float, ...] | None = None  #: 0.0 where the value is exact
    probabilities: Mapping[str, float] | None = None
    arrays: tuple[Array, ...] = ()  #: "memory", "statevector"
