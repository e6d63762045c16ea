"""What the chaos came to, as text for people."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.recovery import Strike


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is told of a run."""

    seconds: float
    orders: int
    calls: int
    lost_calls: int
    repeated_orders: int
    outcomes: Counter[str]
    attempts: Sequence[tuple[int, int]]
    late_results: int
    restarts: Counter[str]
    strikes: Sequence[Strike]
    not_tried: str

    def lines(self) -> Iterator[str]:
        """Write it."""
        yield f"{self.orders} jobs in {self.seconds:.0f} s under {len(self.strikes)} faults"
        yield (
            f"{self.calls} calls, {self.lost_calls} of them lost and made again; "
            f"{self.repeated_orders} jobs were asked for again after their answer, and got the same one"
        )
        yield "jobs ended as " + ", ".join(f"{name}: {number}" for name, number in sorted(self.outcomes.items()))
        yield "attempts: " + ", ".join(f"{number} jobs took {attempt}" for attempt, number in self.attempts)
        yield f"results refused because their lease was lost: {self.late_results}"
        yield "started again: " + ", ".join(f"{name} {number}" for name, number in sorted(self.restarts.items()))
        if self.not_tried:
            yield f"NOT TRIED: {self.not_tried}"
        yield f"{'fault':58} {'times':>5} {'lasted':>8} {'recovery, s: median':>20} {'worst':>6}"
        yield from self._table()

    def _table(self) -> Iterator[str]:
        by_fault: defaultdict[str, list[Strike]] = defaultdict(list)
        for strike in self.strikes:
            by_fault[strike.fault].append(strike)
        for fault, strikes in by_fault.items():
            recoveries = [strike.recovery_seconds for strike in strikes]
            lasted = statistics.median(strike.lasted_seconds for strike in strikes)
            median = statistics.median(recoveries)
            yield f"{fault:58} {len(strikes):5} {lasted:8.1f} {median:20.1f} {max(recoveries):6.1f}"
