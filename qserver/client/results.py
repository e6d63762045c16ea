"""What a circuit gave, read when it is looked at: a thousand results are a thousand messages until then."""

import reprlib
from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from qserver.client.display import result_html
from qserver.client.packages import load
from qserver.client.plots import figure_of, table_of
from qserver.errors import NotAskedFor
from qserver.results import PhaseSeconds, ResultType, RunRecord
from qserver.rpc.v1 import jobs_pb2

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from pandas import DataFrame

_ARRAYS: Final = frozenset({ResultType.MEMORY, ResultType.STATEVECTOR})

Found = TypeVar("Found", bound=Sized)


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """The result of one circuit (of one PUB of a job).

    Each type of result that the job was asked for is an attribute; another one raises NotAskedFor.
    """

    job_id: str
    message: jobs_pb2.PubResult

    def __repr__(self) -> str:
        """Name the job, and show what is short of its result; the rest by name."""
        shown = (
            f"{kind}=..." if kind in _ARRAYS else f"{kind}={reprlib.repr(getattr(self, kind))}"
            for kind in self.result_types
        )
        return f"Result({', '.join([repr(self.job_id), *shown])})"

    @property
    def counts(self) -> dict[str, int]:
        """Shots by bitstring. Leftmost bit is the highest classical bit, registers are parted by a space."""
        return dict(self._asked(self.message.counts, ResultType.COUNTS))

    @property
    def quasi_dist(self) -> dict[int, float]:
        """Counts over shots, by the outcome as an integer."""
        found = self._asked(self.message.quasi_dist, ResultType.QUASI_DIST)
        return {int(outcome): share for outcome, share in found.items()}

    @property
    def expval(self) -> tuple[float, ...]:
        """Expectation values, one for each observable, in order."""
        return tuple(self._asked(self.message.expval, ResultType.EXPVAL))

    @property
    def expval_standard_errors(self) -> tuple[float, ...]:
        """The standard error of each expectation value; 0 where it is exact."""
        return tuple(self._asked(self.message.expval_standard_errors, ResultType.EXPVAL))

    @property
    def probabilities(self) -> dict[str, float]:
        """Exact probabilities of the measured bits, by bitstring like counts."""
        return dict(self._asked(self.message.probabilities, ResultType.PROBABILITIES))

    @property
    def memory(self) -> list[str]:
        """Each shot's bitstring, in the order of the shots, without spaces between registers."""
        array = self._array(ResultType.MEMORY)
        shots, width = array.shape
        row_bytes = (width + 7) // 8
        rows = (array.data[start : start + row_bytes] for start in range(0, shots * row_bytes, row_bytes))
        return [f"{int.from_bytes(row):0{row_bytes * 8}b}"[:width] for row in rows]

    @property
    def statevector(self) -> "NDArray[np.complex128]":
        """Amplitudes, `complex128[2**num_qubits]`; qubit 0 is the lowest bit of the index.

        Raises MissingPackage where NumPy isn't installed.
        """
        array = self._array(ResultType.STATEVECTOR)
        numpy = load("numpy", extra="qiskit", what="statevectors")
        found: NDArray[np.complex128] = numpy.frombuffer(array.data, dtype=array.dtype).reshape(tuple(array.shape))
        return found

    def plot(self) -> "Figure":
        """Draw the counts, or the probabilities where there are no counts, as a Matplotlib figure of its own.

        Raises MissingPackage without Matplotlib, NotAskedFor where there is neither.
        """
        if self.message.counts or not self.message.probabilities:
            return figure_of(self.counts, what="counts")
        return figure_of(self.probabilities, what="probabilities")

    def to_dataframe(self) -> "DataFrame":
        """Give a pandas DataFrame, a row an outcome: its bitstring, and its counts and probability where known.

        Raises MissingPackage without pandas.
        """
        outcomes = sorted({*self.message.counts, *self.message.probabilities})
        columns: dict[str, object] = {"outcome": outcomes}
        for name, known in (("counts", self.message.counts), ("probability", self.message.probabilities)):
            if known:
                columns[name] = [known.get(outcome, 0) for outcome in outcomes]
        return table_of(columns)

    def _repr_html_(self) -> str:
        """Show in a notebook the counts, or the probabilities, as bars, and the expectation values."""
        run = self.message.run
        return result_html(
            f"{run.shots:,} shots, {run.method} on {run.device}",
            self.message.counts or self.message.probabilities,
            list(zip(self.message.expval, self.message.expval_standard_errors, strict=True)),
        )

    @property
    def run(self) -> RunRecord:
        """How the result came to be: all that is needed to repeat it."""
        run = self.message.run
        return RunRecord(
            backend=run.backend,
            method=run.method,
            device=run.device,
            float_precision=run.float_precision,
            shots=run.shots,
            seed=run.seed if run.HasField("seed") else None,
            threads=run.threads,
            reason=run.reason,
            plugin=run.plugin,
            plugin_version=run.plugin_version,
            engine=run.engine,
            engine_version=run.engine_version,
            seconds=PhaseSeconds(
                queued=run.queued_seconds,
                loading=run.loading_seconds,
                simulating=run.simulating_seconds,
                storing=run.storing_seconds,
            ),
            cached_from=UUID(run.cached_from) if run.cached_from else None,
        )

    @property
    def result_types(self) -> tuple[ResultType, ...]:
        """Which types of result there are."""
        found = {array.name for array in self.message.arrays}
        return tuple(
            kind for kind in ResultType if kind in found or (kind not in _ARRAYS and getattr(self.message, kind))
        )

    def _asked(self, found: Found, kind: ResultType) -> Found:
        if not found:
            raise self._missing(kind)
        return found

    def _array(self, kind: ResultType) -> jobs_pb2.Array:
        for array in self.message.arrays:
            if array.name == kind:
                return array
        raise self._missing(kind)

    def _missing(self, kind: ResultType) -> NotAskedFor:
        there = ", ".join(self.result_types) or "none"
        error = NotAskedFor(f"the job has no {kind} (it has: {there}); submit it with results=['{kind}']")
        error.job_id = self.job_id
        return error
