"""Tells everybody that this worker lives, what it can do and what it does."""

from collections.abc import Callable
from threading import Event

import structlog

from database import Database
from database.records import WorkerRecord
from qserver.errors import NotFound, Unavailable
from qserver.pulse import Pulse

log = structlog.get_logger(__name__)

Describe = Callable[[], WorkerRecord]
"""Gives the worker as it is now."""


class Heartbeat:
    """Writes the worker's row every few seconds, and at once when it is woken."""

    def __init__(
        self,
        database: Database,
        describe: Describe,
        *,
        interval_seconds: float,
        due: Event,
        pulse: Pulse | None = None,
    ) -> None:
        """Speak for the worker that `describe` gives. Who sets `due` asks for a beat now."""
        self._pulse = pulse or Pulse(None)
        self._database = database
        self._describe = describe
        self._interval_seconds = interval_seconds
        self._due = due
        self._is_stopping = False
        self._is_registered = False

    def serve(self) -> None:
        """Beat until `stop`, then take the row away."""
        while not self._is_stopping:
            self._try(self.beat)
            self._due.wait(self._interval_seconds)
            self._due.clear()
        self._try(self._remove)

    def stop(self) -> None:
        """Let `serve` return."""
        self._is_stopping = True
        self._due.set()

    def beat(self) -> None:
        """Write what the worker is now. Raises Unavailable."""
        worker = self._describe()
        with self._database.transaction() as transaction:
            if not self._is_registered:
                transaction.workers.register(worker)
            else:
                transaction.workers.heartbeat(
                    worker.id,
                    running_jobs=worker.running_jobs,
                    installations=worker.installations,
                    routes=worker.routes,
                    plugins=worker.plugins,
                    is_draining=worker.is_draining,
                )
        self._is_registered = True
        self._pulse.beat()

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Unavailable as error:
            log.warning("heartbeat_missed", error=error.message)
        except NotFound:
            # The janitor took it for dead; it comes back with the next beat.
            log.warning("worker_was_forgotten")
            self._is_registered = False
            self._due.set()

    def _remove(self) -> None:
        with self._database.transaction() as transaction:
            transaction.workers.remove(self._describe().id)
