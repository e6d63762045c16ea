"""Stores what became of jobs: what has come in since the last time, in as few transactions as can hold it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Condition, Event
from uuid import UUID

import structlog

from database import Database
from database.records import Completion, FailedRun, Lease
from qserver.clock import Clock
from qserver.errors import QServerError, Reason, Unavailable
from qserver.results import PhaseSeconds, PubResult
from qserver.settings import MIB
from worker.backoff import Backoff, until_answered
from worker.board import Board
from worker.deposits import Deposit, apart, portions
from worker.metrics import Metrics
from worker.verdicts import Released, Verdict

_UNWRITABLE = (QServerError, ValueError)
"""What a value that can't be stored raises: the database's own refusal, or text that has no UTF-8.

Results and sentences come from plugins: none of them may take the worker down, or the results of others with it.
"""

MAX_PORTION_BYTES = 64 * MIB
"""Results of one transaction. PostgreSQL takes in some 64 MiB a second on 2 cores, and has 10 s for a statement.

One that took longer would be tried again and again, and nothing else be stored.
"""

log = structlog.get_logger(__name__)


class Storer:
    """Takes verdicts from the slots and writes them, so that simulators never wait for the database.

    While the database is away, verdicts are kept and tried again; the board holds their jobs until then, which stops
    the worker from claiming more. Whether a lease still lives when the database is back is the database's to say.
    """

    def __init__(
        self, database: Database, board: Board, clock: Clock, *, backoff: Backoff, metrics: Metrics | None = None
    ) -> None:
        """Have nothing to store. What is stored is counted in `metrics`."""
        self._metrics = metrics or Metrics()
        self._database = database
        self._board = board
        self._clock = clock
        self._backoff = backoff
        self._changed = Condition()
        self._deposits: list[Deposit] = []
        self._is_stopping = False
        self._given_up = Event()

    def put(self, deposit: Deposit) -> None:
        """Store it soon."""
        with self._changed:
            self._deposits.append(deposit)
            self._changed.notify_all()

    def release(self, leases: Iterable[Lease], message: str) -> None:
        """Give jobs back that were never started; they lose no attempt."""
        released = tuple(Released(lease, False, Reason.WORKER_LOST, message) for lease in leases)
        if released:
            self.put(Deposit(Verdict(released=released), 0.0, self._clock.monotonic_seconds()))

    def serve(self) -> None:
        """Store until `stop`, and then what is left."""
        while deposits := self._next():
            for portion in portions(deposits, max_bytes=MAX_PORTION_BYTES):
                self._serve_portion(portion)

    def stop(self) -> None:
        """Let `serve` return once everything is stored."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()

    def give_up(self) -> None:
        """Let `serve` return even if the database is away; leases of what isn't stored run out."""
        self._given_up.set()

    def _serve_portion(self, deposits: Sequence[Deposit]) -> None:
        if until_answered(lambda: self._store(deposits), given_up=self._given_up, backoff=self._backoff) is None:
            self._tell_lost(deposits)
        self._board.settle(lease for deposit in deposits for lease in deposit.leases())

    def _next(self) -> Sequence[Deposit]:
        with self._changed:
            self._changed.wait_for(lambda: self._deposits or self._is_stopping)
            deposits, self._deposits = self._deposits, []
            return deposits

    def _store(self, deposits: Sequence[Deposit]) -> frozenset[UUID]:
        """Write all in one transaction; where something in it can't be written, each job in its own."""
        try:
            return self._write(deposits)
        except Unavailable:
            raise
        except _UNWRITABLE as error:
            log.warning("results_stored_one_by_one", error=str(error))
            return frozenset().union(*(self._write_alone(part) for part in apart(deposits)))

    def _write_alone(self, deposit: Deposit) -> frozenset[UUID]:
        try:
            return self._write([deposit])
        except Unavailable:
            raise
        except _UNWRITABLE as error:
            (lease,) = deposit.leases()
            log.warning("result_not_stored", job_id=str(lease.job_id), error=str(error))
            failed = FailedRun(lease, Reason.INTERNAL, f"the result can't be stored: {_printable(str(error))}")
            return self._write([replace(deposit, verdict=Verdict(failed=(failed,)))])

    def _write(self, deposits: Sequence[Deposit]) -> frozenset[UUID]:
        completions = [each for deposit in deposits for each in self._completions(deposit)]
        failed = [each for deposit in deposits for each in deposit.verdict.failed]
        released = [each for deposit in deposits for each in deposit.verdict.released]
        with self._database.transaction(of_one_call=not failed and not released) as transaction:
            if failed or released:
                transaction.jobs.hold([lease for deposit in deposits for lease in deposit.leases()])
            accepted = transaction.jobs.finish(completions)
            accepted |= transaction.jobs.fail(failed)
            for (lose_attempt, reason, message), leases in _alike(deposits).items():
                accepted |= transaction.jobs.release(leases, lose_attempt=lose_attempt, reason=reason, message=message)
        self._metrics.stored(completions, failed, released, accepted)
        self._tell_refused(deposits, accepted)
        return accepted

    def _completions(self, deposit: Deposit) -> Iterator[Completion]:
        storing_seconds = self._clock.monotonic_seconds() - deposit.ended_seconds
        for finished in deposit.verdict.finished:
            queued_seconds = finished.claimed.queued_seconds + deposit.waited_seconds
            results = (
                _with_seconds(result, queued_seconds=queued_seconds, storing_seconds=storing_seconds)
                for result in finished.results
            )
            yield Completion(finished.claimed.lease, tuple(results))

    def _tell_refused(self, deposits: Sequence[Deposit], accepted: frozenset[UUID]) -> None:
        for lease in (lease for deposit in deposits for lease in deposit.leases() if lease.job_id not in accepted):
            log.info("result_refused", job_id=str(lease.job_id), attempt=lease.attempt)

    def _tell_lost(self, deposits: Sequence[Deposit]) -> None:
        for lease in (lease for deposit in deposits for lease in deposit.leases()):
            log.error("result_lost", job_id=str(lease.job_id), attempt=lease.attempt)


def _with_seconds(result: PubResult, *, queued_seconds: float, storing_seconds: float) -> PubResult:
    """Add the phases that the plugin can't know. Storing counts from the run's end to the write of the row."""
    run = result.run
    seconds = PhaseSeconds(queued_seconds, run.seconds.loading, run.seconds.simulating, storing_seconds)
    return replace(result, run=replace(run, seconds=seconds))


def _alike(deposits: Sequence[Deposit]) -> Mapping[tuple[bool, Reason, str], Sequence[Lease]]:
    """Put together the releases that one statement can make."""
    alike: defaultdict[tuple[bool, Reason, str], list[Lease]] = defaultdict(list)
    for released in (each for deposit in deposits for each in deposit.verdict.released):
        alike[released.lose_attempt, released.reason, released.message].append(released.lease)
    return alike


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
