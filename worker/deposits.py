"""What slots hand over to be stored, and how it is cut where it is too much for one transaction: pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from database.records import Lease
from qserver.results import PubResult
from worker.verdicts import Verdict

_OUTCOME_BYTES = 32
"""About what an outcome and its number take in a document."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """A verdict to be stored. `waited_seconds` is from claim to run; `ended_seconds` is when the run ended."""

    verdict: Verdict
    waited_seconds: float
    ended_seconds: float

    def leases(self) -> Iterator[Lease]:
        """Give the leases of all jobs in it."""
        yield from (finished.claimed.lease for finished in self.verdict.finished)
        yield from (failed.lease for failed in self.verdict.failed)
        yield from (released.lease for released in self.verdict.released)

    def size_bytes(self) -> int:
        """Tell about how much its results take to store."""
        return sum(_size_bytes(result) for finished in self.verdict.finished for result in finished.results)


def portions(deposits: Sequence[Deposit], *, max_bytes: int) -> Iterator[Sequence[Deposit]]:
    """Cut into portions of at most `max_bytes`, in order. A deposit of more is taken apart; one job's result is not."""
    portion: list[Deposit] = []
    filled_bytes = 0
    for deposit in _cut(deposits, max_bytes):
        size_bytes = deposit.size_bytes()
        if portion and filled_bytes + size_bytes > max_bytes:
            yield portion
            portion, filled_bytes = [], 0
        portion.append(deposit)
        filled_bytes += size_bytes
    if portion:
        yield portion


def apart(deposits: Sequence[Deposit]) -> Iterator[Deposit]:
    """Give each job a deposit of its own."""
    for deposit in deposits:
        verdict = deposit.verdict
        yield from (replace(deposit, verdict=Verdict(finished=(each,))) for each in verdict.finished)
        yield from (replace(deposit, verdict=Verdict(failed=(each,))) for each in verdict.failed)
        yield from (replace(deposit, verdict=Verdict(released=(each,))) for each in verdict.released)


def _cut(deposits: Sequence[Deposit], max_bytes: int) -> Iterator[Deposit]:
    for deposit in deposits:
        if deposit.size_bytes() > max_bytes:
            yield from apart([deposit])
        else:
            yield deposit


def _size_bytes(result: PubResult) -> int:
    outcomes = sum(len(part or ()) for part in (result.counts, result.quasi_dist, result.probabilities, result.expval))
    return outcomes * _OUTCOME_BYTES + sum(len(array.data) for array in result.arrays)
