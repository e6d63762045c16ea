"""Figures for Prometheus: how requests go, and what the database says of jobs, queues and workers."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from database import Database
from qserver.errors import Unavailable
from rest_api.event_hub import EventHub

LATENCY_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class HttpMetrics:
    """How requests go. Each application has its own: two in one process don't mix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register with `registry`."""
        self._seconds = Histogram(
            "qserver_http_request_duration_seconds",
            "Time from a request's first byte to its response's last one; event streams until they begin.",
            ("method", "route", "status"),
            buckets=LATENCY_BUCKETS_SECONDS,
            registry=registry,
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the template, so that ids make no new series."""
        self._seconds.labels(method, route, str(status)).observe(seconds)


class StateCollector(Collector):
    """Reads the state of the system when it is asked for it."""

    def __init__(self, database: Database, event_hub: EventHub, *, live_within_seconds: float) -> None:
        """Read from these; a worker is live while its last heartbeat is younger than `live_within_seconds`."""
        self._database = database
        self._event_hub = event_hub
        self._live_within_seconds = live_within_seconds

    def describe(self) -> Iterable[Metric]:
        """Name no series beforehand: registering must not need the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Read the figures. Without the database, only say that it is missing."""
        streams = GaugeMetricFamily("qserver_http_event_streams", "Open event streams.", self._event_hub.open_streams)
        try:
            figures = self._figures()
        except Unavailable:
            return (streams, _database_up(0))
        return (streams, _database_up(1), *figures)

    def _figures(self) -> tuple[Metric, ...]:
        with self._database.reading() as transaction:
            by_status = transaction.jobs.count_by_status(None)
            waiting = transaction.jobs.count_by_route()
            workers = transaction.workers.list(live_within_seconds=self._live_within_seconds)
        jobs = GaugeMetricFamily("qserver_jobs", "Jobs by status.", labels=("status",))
        for status, count in by_status.items():
            jobs.add_metric((status,), count)
        queues = GaugeMetricFamily(
            "qserver_queue_jobs", "Jobs that wait or run, by route and status.", labels=("route", "status")
        )
        for (route, status), count in waiting.items():
            queues.add_metric((route, status), count)
        running = sum(worker.running_jobs for worker in workers)
        return (
            jobs,
            queues,
            GaugeMetricFamily("qserver_live_workers", "Workers with a recent heartbeat.", len(workers)),
            GaugeMetricFamily("qserver_worker_running_jobs", "Jobs that live workers say they run.", running),
        )


def _database_up(value: int) -> Metric:
    return GaugeMetricFamily("qserver_database_up", "Whether the database answers.", value)
