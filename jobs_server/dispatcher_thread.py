"""When the dispatcher works: as soon as something changes, and now and then even if nobody tells."""

import threading
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog

from database.changes import Change, ChangeFeed, ChangeKind, Subscription
from jobs_server.metrics import Metrics
from qserver.errors import RetryableError

_log = structlog.get_logger(__name__)

_SHORTEST_PAUSE_SECONDS = 0.003
_PAUSE_RATIO = 2.0  # of a round: on a busy machine rounds take longer, and each serves more submissions
_LONGEST_PAUSE_SECONDS = 0.06  # no worker must run out of jobs meanwhile
_OTHER_PAUSE_SECONDS = 0.015  # and this long after a change that alone gives nothing to do
_FIRST_BACKOFF_SECONDS = 0.25
_LONGEST_BACKOFF_SECONDS = 8.0


class Rounds(Protocol):
    """What is done in rounds: `dispatcher.Dispatcher`, or its twin in the tests."""

    def run_once(self) -> bool:
        """Do all that is due; tell whether jobs wait for others to be claimed. Raises Unavailable."""

    def needs_round(self, moved: Sequence[UUID]) -> bool:
        """Hear that jobs were claimed, or are over; tell whether that may make room for jobs that wait."""


class DispatcherThread:
    """Runs a dispatcher in a thread of its own, as all that it does blocks."""

    def __init__(
        self,
        dispatcher: Rounds,
        changes: ChangeFeed,
        metrics: Metrics,
        *,
        poll_seconds: float,
        wakes_when_jobs_end: bool = False,
    ) -> None:
        """Work at least every `poll_seconds`.

        `wakes_when_jobs_end` is for where a user's running jobs are limited: one that ends makes room for another.
        """
        self._kinds = {ChangeKind.WORK, ChangeKind.JOBS}
        if wakes_when_jobs_end:
            self._kinds.add(ChangeKind.ENDED)
        self._dispatcher = dispatcher
        self._changes = changes
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._has_work = threading.Event()
        self._has_room = threading.Event()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._failures = 0
        self._has_backlog = False
        self._subscription: Subscription | None = None
        self._thread = threading.Thread(target=self._run, name="dispatcher")

    def start(self) -> None:
        """Begin."""
        self._subscription = self._changes.subscribe(self._hear, self._kinds)
        self._thread.start()

    def stop(self) -> None:
        """Finish the round under way and end. Safe to repeat, and before `start`."""
        if self._subscription is not None:
            self._subscription.close()
            self._stopping.set()
            for event in (self._has_work, self._has_room, self._woken):
                event.set()
            self._thread.join()

    def _hear(self, change: Change) -> None:
        if change.kind in {ChangeKind.WORK, ChangeKind.RECONNECTED}:
            self._has_work.set()
        if change.kind in {ChangeKind.JOBS, ChangeKind.ENDED}:
            if not self._dispatcher.needs_round(change.job_ids):
                return
            self._has_room.set()
        self._woken.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for event in (self._has_work, self._has_room, self._woken):
                event.clear()
            began_at_seconds = time.monotonic()
            self._round()
            self._pause(round_seconds=time.monotonic() - began_at_seconds)

    def _round(self) -> None:
        try:
            self._has_backlog = self._dispatcher.run_once()
        except RetryableError as error:
            self._fail()
            _log.warning("dispatcher_waits", why=error.message, failures=self._failures)
        except Exception:  # noqa: BLE001 - the outermost loop of this thread: jobs must go on when it is over
            self._fail()
            _log.exception("dispatcher_failed", failures=self._failures)
        else:
            self._failures = 0

    def _fail(self) -> None:
        self._failures += 1
        self._metrics.dispatch_failures.inc()

    def _pause(self, *, round_seconds: float) -> None:
        if self._failures:  # deaf to changes: while the broker is away, each submission would try it again
            self._stopping.wait(min(_FIRST_BACKOFF_SECONDS * 2 ** (self._failures - 1), _LONGEST_BACKOFF_SECONDS))
            return
        wanted_seconds = 0.0 if self._has_backlog else min(_PAUSE_RATIO * round_seconds, _LONGEST_PAUSE_SECONDS)
        self._stopping.wait(min(max(wanted_seconds, _SHORTEST_PAUSE_SECONDS), self._poll_seconds))
        if self._woken.wait(self._poll_seconds):  # jobs that wait need room, and room needs jobs
            (self._has_room if self._has_backlog else self._has_work).wait(_OTHER_PAUSE_SECONDS)
