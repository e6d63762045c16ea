"""Figures of this service, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Counts what happens. One object a server, so that two servers in one process don't mix."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.submissions = Counter("qserver_submissions", "Jobs accepted", registry=self.registry)
        self.refusals = Counter(
            "qserver_refusals", "Calls and submissions refused", ("method", "reason"), registry=self.registry
        )
        self.inspections = Counter(
            "qserver_inspections", "Circuits parsed, by outcome", ("outcome",), registry=self.registry
        )
        self.commits = Histogram(
            "qserver_commit_jobs", "Jobs stored in one transaction", buckets=_BATCH_SIZES, registry=self.registry
        )
        self.dispatched = Counter("qserver_dispatched", "Jobs told to workers", ("route",), registry=self.registry)
        self.dispatch_failures = Counter(
            "qserver_dispatch_failures", "Rounds of the dispatcher that failed", registry=self.registry
        )
