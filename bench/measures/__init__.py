"""Everything that is measured, in the order of the table."""

from collections.abc import Sequence

from bench.measures.backlog import Backlog
from bench.measures.client_library import ClientLibrary
from bench.measures.idle import Idle
from bench.measures.large_circuits import DENSE_AUTO, QUANTUM_VOLUME, QUANTUM_VOLUME_AUTO
from bench.measures.measure import Measure
from bench.measures.result_page import ResultPage
from bench.measures.sweep import Sweep
from bench.measures.throughput import (
    BATCHES,
    IDENTICAL,
    IN_TURNS,
    MANY_SHOTS_BATCHES,
    MIXED,
    ONE_BY_ONE,
    STANDALONE,
    STANDALONE_MANY_SHOTS,
)

MEASURES: Sequence[Measure] = (
    BATCHES,
    IDENTICAL,
    ONE_BY_ONE,
    IN_TURNS,
    STANDALONE,
    STANDALONE_MANY_SHOTS,
    MIXED,
    MANY_SHOTS_BATCHES,
    QUANTUM_VOLUME,
    QUANTUM_VOLUME_AUTO,
    DENSE_AUTO,
    Sweep(),
    ClientLibrary(),
    Idle(),
    ResultPage(),
    Backlog(),
)
