"""Figures of a worker, for Prometheus: what became of jobs, where their time went, how its simulators are used."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from database.records import Completion, FailedRun
from worker.board import Board
from worker.capacity import Capacity
from worker.groups import Lane
from worker.verdicts import Released

_PHASE_BUCKETS_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)


class Metrics:
    """Counts what is stored. One object a worker, so that two workers in one process don't mix."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self._jobs = Counter(
            "qserver_worker_jobs",
            "Runs of jobs whose end was stored: finished, failed, or released to run again",
            ("outcome", "reason"),
            registry=self.registry,
        )
        self._phases = Histogram(
            "qserver_job_phase_seconds",
            "Time of finished jobs by phase: queued, loading, simulating, storing",
            ("phase",),
            buckets=_PHASE_BUCKETS_SECONDS,
            registry=self.registry,
        )

    def stored(
        self,
        completions: Iterable[Completion],
        failed: Iterable[FailedRun],
        released: Iterable[Released],
        accepted: frozenset[UUID],
    ) -> None:
        """Count what a transaction has written; jobs that aren't `accepted` were somebody else's by then."""
        for completion in (each for each in completions if each.lease.job_id in accepted):
            self._jobs.labels("finished", "").inc()
            for result in completion.results:
                self._observe(result.run.seconds.queued, "queued")
                self._observe(result.run.seconds.loading, "loading")
                self._observe(result.run.seconds.simulating, "simulating")
                self._observe(result.run.seconds.storing, "storing")
        for run in (each for each in failed if each.lease.job_id in accepted):
            self._jobs.labels("failed", run.reason.value).inc()
        for back in (each for each in released if each.lease.job_id in accepted):
            self._jobs.labels("released", back.reason.value).inc()

    def watch(self, board: Board, capacity: Capacity) -> None:
        """Tell of a board's simulators too, whenever somebody asks."""
        self.registry.register(_Simulators(board, capacity))

    def _observe(self, seconds: float, phase: str) -> None:
        self._phases.labels(phase).observe(seconds)


class _Simulators(Collector):
    """Looks at the board when it is asked."""

    def __init__(self, board: Board, capacity: Capacity) -> None:
        self._board = board
        self._capacity = capacity

    def collect(self) -> Iterable[Metric]:
        lanes = [run.group.lane for run in self._board.runs()]
        busy = GaugeMetricFamily("qserver_worker_busy_simulators", "Simulators that run something.", labels=("lane",))
        for lane in Lane:
            busy.add_metric((lane.name.lower(),), lanes.count(lane))
        unfit = GaugeMetricFamily(
            "qserver_worker_unfit", "1 while no simulator of the lane can simulate a Bell pair.", labels=("lane",)
        )
        for lane in Lane:
            unfit.add_metric((lane.name.lower(),), lane in self._board.unfit_lanes())
        return (
            busy,
            unfit,
            *_gauges(
                ("qserver_worker_places", "Small jobs that can run side by side.", self._capacity.places),
                ("qserver_worker_memory_bytes", "Memory of all simulators together.", self._capacity.memory_bytes),
                ("qserver_worker_held_jobs", "Jobs that are leased here.", self._board.held_jobs()),
            ),
        )


def _gauges(*values: tuple[str, str, float]) -> Sequence[Metric]:
    return [GaugeMetricFamily(name, text, value) for name, text, value in values]
