"""The worker: started, drained, stopped."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Lock
from uuid import uuid4

import structlog

from database import Change, ChangeKind, Database, Subscription
from plugins.registry import Registry
from qserver.broker.interface import Broker
from qserver.clock import SystemClock
from qserver.machine import read_machine
from qserver.metrics_port import MetricsPort
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from worker.assembly import Parts, Surroundings, assemble, gpu_works
from worker.capacity import size_worker
from worker.devices import find_gpu_memory_bytes
from worker.metrics import Metrics
from worker.program import Program
from worker.results import Storer
from worker.runs import StopCause
from worker.supervision import Crew

GIVE_UP_SECONDS = 5.0
"""When the worker stops: how long killed runs and last results may take at least, before leases are left to run out."""

_LOOK_SECONDS = 0.1

log = structlog.get_logger(__name__)


class Worker:
    """Pulls, claims, simulates and stores, in threads of its own, until it is stopped. Thread-safe; started once.

    consumer -> Puller -> Board -> Slot (Simulator -> process) -> Storer -> database
                            |        |
          LeaseKeeper ------+---- Watchdog          Heartbeat, FilePlugins
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        broker: Broker,
        forkserver: Forkserver,
        *,
        program: Program | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """Build nothing yet. `on_failure` is called, by the thread that failed, when the worker can't go on."""
        self._settings = settings
        self._database = database
        self._broker = broker
        self._forkserver = forkserver
        self._program = program or Program(Registry.built_in())
        self._on_failure = on_failure
        self._crew = Crew(self._fail)
        self._is_hurried = Event()
        self._stop_lock = Lock()
        self._parts: Parts | None = None
        self._is_stopped = False
        self._subscription: Subscription | None = None
        self._metrics = Metrics()
        self._metrics_port = MetricsPort(
            self._metrics.registry,
            host=settings.worker.worker_metrics_host,
            port=settings.worker.worker_metrics_port,
            variable="QSERVER_WORKER_METRICS_PORT",
        )
        self.id = uuid4()

    @property
    def has_failed(self) -> bool:
        """Whether a thread ended by an exception: the worker must be stopped, and started anew."""
        return self._crew.has_failed

    def start(self) -> None:
        """Look at the machine and start all threads. Doesn't wait for database or broker."""
        around = self._look_around()
        capacity, parts = around.capacity, assemble(around)
        self._metrics_port.start()
        self._parts = parts
        self._subscription = self._database.changes.subscribe(
            lambda change: _notice(parts, change), {ChangeKind.STOPPED, ChangeKind.PLUGINS}
        )
        self._start_threads(parts)
        log.info(
            "worker_started",
            worker_id=str(self.id),
            places=capacity.places,
            memory_bytes=capacity.memory_bytes,
            gpu=capacity.has_gpu,
        )

    def stop(self) -> None:
        """Drain: take nothing new, let running jobs end within worker_drain_seconds, give back the others.

        Blocks until that is done. Safe to repeat, and to call while another thread does.
        """
        with self._stop_lock:
            if self._parts is not None and not self._is_stopped:
                self._is_stopped = True
                deadline = time.monotonic() + self._settings.worker.worker_drain_seconds
                self._drain(self._parts, deadline)
                self._store_what_is_left(self._parts.storer, deadline)
                self._close(self._parts)
                log.info("worker_stopped", worker_id=str(self.id))

    def hurry(self) -> None:
        """Let a `stop`, under way or to come, give running jobs back now instead of waiting for them."""
        self._is_hurried.set()
        if self._parts is not None and self._parts.board.is_closed:
            self._parts.board.stop_runs(StopCause.DRAIN)

    def _look_around(self) -> Surroundings:
        settings = self._settings.worker
        gpu_memory_bytes = find_gpu_memory_bytes() if settings.worker_gpus == "auto" else 0
        capacity = size_worker(read_machine(), settings, gpu_memory_bytes=gpu_memory_bytes)
        around = Surroundings(
            worker_id=self.id,
            settings=self._settings,
            database=self._database,
            broker=self._broker,
            forkserver=self._forkserver,
            program=self._program,
            capacity=capacity,
            clock=SystemClock(),
            metrics=self._metrics,
        )
        if capacity.has_gpu and not gpu_works(around):
            return replace(around, capacity=replace(capacity, gpu_memory_bytes=0))
        return around

    def _start_threads(self, parts: Parts) -> None:
        self._crew.start("heartbeat", parts.heartbeat.serve)
        self._crew.start("leases", parts.leases.serve)
        self._crew.start("watchdog", parts.watchdog.serve)
        self._crew.start("storer", parts.storer.serve)
        if parts.file_plugins is not None:
            self._crew.start("file-plugins", parts.file_plugins.serve)
        for number, slot in enumerate(parts.slots):
            self._crew.start(f"slot-{number}", slot.serve)
        for number, puller in enumerate(parts.pullers):
            self._crew.start(f"puller-{number}", puller.serve)

    def _fail(self) -> None:
        self._is_hurried.set()
        self._on_failure()

    def _drain(self, parts: Parts, deadline: float) -> None:
        for puller in parts.pullers:
            puller.stop()
        waiting = parts.board.close()
        parts.storer.release(
            (claimed.lease for group in waiting for claimed in group.jobs), "the worker stopped before it ran the job"
        )
        for slot in parts.slots:
            slot.stop()
        parts.heartbeat_due.set()
        log.info("worker_draining", worker_id=str(self.id), jobs=parts.board.held_jobs())
        if not self._is_hurried.is_set():
            parts.board.wait_until_nothing_runs(timeout_seconds=max(0.0, deadline - time.monotonic()))
        parts.board.stop_runs(StopCause.DRAIN)
        self._crew.join("slot", timeout_seconds=GIVE_UP_SECONDS)
        self._crew.join("puller", timeout_seconds=GIVE_UP_SECONDS)

    def _store_what_is_left(self, storer: Storer, deadline: float) -> None:
        """Wait for the last results to be stored until the drain is over: the database may come back."""
        storer.stop()
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        while not self._crew.join("storer", timeout_seconds=_LOOK_SECONDS):
            if time.monotonic() > (give_up_at if self._is_hurried.is_set() else max(give_up_at, deadline)):
                storer.give_up()
                return

    def _close(self, parts: Parts) -> None:
        if self._subscription is not None:
            self._subscription.close()
        parts.leases.stop()
        parts.watchdog.stop()
        parts.heartbeat.stop()
        if parts.file_plugins is not None:
            parts.file_plugins.stop()
            parts.file_plugins.close()
        if not self._crew.join("", timeout_seconds=GIVE_UP_SECONDS):
            log.warning("worker_threads_left", worker_id=str(self.id))
        self._metrics_port.stop()


def _notice(parts: Parts, change: Change) -> None:
    parts.leases.notice(change)
    if parts.file_plugins is not None:
        parts.file_plugins.notice(change)
