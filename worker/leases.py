"""Keeps this worker's leases, and notices those that are no longer its own: canceled, or lost to somebody else."""

from collections.abc import Sequence
from threading import Event
from uuid import UUID

import structlog

from database import Change, ChangeKind, Database
from database.records import Lease
from qserver.clock import Clock
from qserver.errors import Unavailable
from qserver.settings import LeaseSettings
from worker.backoff import Backoff
from worker.board import Board
from worker.watchdog import Watchdog

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """Renews all leases every few seconds, and looks at them when a job of ours was ended, or nobody told for a while.

    While the database is away nothing is given up: nobody can take a lease over without it, and results are accepted
    or refused by it. The first answer after that tells which leases are still ours.
    """

    def __init__(
        self,
        *,
        worker_id: UUID,
        database: Database,
        board: Board,
        watchdog: Watchdog,
        settings: LeaseSettings,
        poll_seconds: float,
        clock: Clock,
        backoff: Backoff,
    ) -> None:
        """Keep the leases that `board` holds."""
        self._worker_id = worker_id
        self._database = database
        self._board = board
        self._watchdog = watchdog
        self._settings = settings
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._backoff = backoff
        self._awake = Event()
        self._is_stopping = False
        self._failures = 0
        self._renew_at_seconds = clock.monotonic_seconds() + settings.lease_renew_seconds

    def notice(self, change: Change) -> None:
        """Look soon if the change may have ended a job that waits or runs here. Called by the feed's thread.

        A job whose lease ran out was lost by a worker that didn't renew it, which finds out as soon as it does.
        """
        was_stopped = change.kind is ChangeKind.STOPPED and self._board.works_on(change.job_ids)
        if was_stopped or change.kind is ChangeKind.RECONNECTED:
            self._awake.set()

    def serve(self) -> None:
        """Keep leases until `stop`."""
        while not self._is_stopping:
            self._awake.wait(self._poll_seconds if not self._failures else self._backoff.seconds(self._failures))
            self._awake.clear()
            self._try()

    def stop(self) -> None:
        """Let `serve` return."""
        self._is_stopping = True
        self._awake.set()

    def _try(self) -> None:
        try:
            self.look()
        except Unavailable as error:
            self._failures += 1
            log.warning("leases_not_renewed", error=error.message, failures=self._failures)
        else:
            self._failures = 0

    def look(self) -> None:
        """Renew what is due, or only ask; drop what is no longer ours. Raises Unavailable."""
        leases = self._board.leases()
        being_claimed = self._board.being_claimed()  # after them: what is no longer was committed before we ask
        now = self._clock.monotonic_seconds()
        is_due = now >= self._renew_at_seconds
        if leases:
            held = self._renew(leases) if is_due else self._ask(leases)
            self._drop([lease for lease in leases if lease.job_id not in held | being_claimed])
        if is_due:
            self._renew_at_seconds = now + self._settings.lease_renew_seconds

    def _renew(self, leases: Sequence[Lease]) -> frozenset[UUID]:
        with self._database.transaction() as transaction:
            return transaction.jobs.renew(self._worker_id, leases, lease_seconds=self._settings.lease_seconds)

    def _ask(self, leases: Sequence[Lease]) -> frozenset[UUID]:
        with self._database.reading() as transaction:
            return transaction.jobs.still_held(leases)

    def _drop(self, leases: Sequence[Lease]) -> None:
        if not leases:
            return
        unfinished = self._board.drop(leases)
        for lease in leases:
            if lease.job_id in unfinished:
                log.info("lease_gone", job_id=str(lease.job_id), attempt=lease.attempt)
        self._watchdog.wake()
