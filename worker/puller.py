"""Gets work: a hint from the broker, a claim in the database, a place on the board."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event

import structlog

from database import Database
from database.records import Claimant, ClaimedJob, Lease, OnLease
from qserver.broker.interface import MAX_HINT_JOBS, Consumer, Delivery
from qserver.plugins import LARGE_ROUTE
from worker.backoff import Backoff, until_answered
from worker.board import Board
from worker.groups import BatchKey, GroupLimits, form_groups
from worker.results import Storer

ROOM_SECONDS = 1.0
PULL_SECONDS = 1.0
"""How long to wait for room, and for a message, before looking again whether it is time to stop."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PullSettings:
    """How much is claimed at once, and for how long."""

    limits: GroupLimits
    lease_seconds: float
    gpu: bool  # whether it feeds the GPU or the cores: each has its own queue, so that neither waits for the other


class Puller:
    """Claims work while there is room for it, and only then takes messages."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        database: Database,
        board: Board,
        storer: Storer,
        claimant: Callable[[], Claimant],
        batch_key: BatchKey,
        settings: PullSettings,
        backoff: Backoff,
    ) -> None:
        """Pull from `consumer`, which is closed in the end."""
        self._consumer = consumer
        self._database = database
        self._board = board
        self._storer = storer
        self._claimant = claimant
        self._batch_key = batch_key
        self._settings = settings
        self._backoff = backoff
        self._stopping = Event()

    def serve(self) -> None:
        """Pull until `stop`; what was not claimed by then goes back to the broker."""
        with closing(self._consumer):
            while not self._stopping.is_set():
                if self._board.wait_for_room(gpu=self._settings.gpu, timeout_seconds=ROOM_SECONDS):
                    self._pull()

    def stop(self) -> None:
        """Let `serve` return soon; a pull that waits ends at once."""
        self._stopping.set()
        self._consumer.close()

    def _pull(self) -> None:
        routes = self._claimant().routes  # file plugins come and go
        self._consumer.set_routes(routes if self._board.has_room_for_large() else routes - {LARGE_ROUTE})
        max_messages = max(1, self._settings.limits.jobs // MAX_HINT_JOBS)
        deliveries = self._consumer.pull(max_messages=max_messages, timeout_seconds=PULL_SECONDS)
        if deliveries:
            self._take(deliveries)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        # A claim whose answer was lost leaves jobs leased that nobody runs: their leases run out.
        claimed = until_answered(lambda: self._claim(deliveries), given_up=self._stopping, backoff=self._backoff)
        if claimed is None:
            return  # not acknowledged: the broker gives them to another worker
        groups = form_groups(claimed, self._batch_key, self._settings.limits)
        refused = self._board.admit(groups)
        self._storer.release(
            (each.lease for group in refused for each in group.jobs), "the worker stopped before it could run the job"
        )
        self._consumer.acknowledge(deliveries)
        log.debug("jobs_claimed", messages=len(deliveries), jobs=len(claimed), groups=len(groups))

    def _claim(self, deliveries: Sequence[Delivery]) -> Sequence[ClaimedJob]:
        job_ids = list(dict.fromkeys(job_id for delivery in deliveries for job_id in delivery.hint.job_ids))
        with (
            self._holding_leases() as hold,
            self._database.transaction(of_one_call=True, waits_for_disk=False) as transaction,
        ):
            claimed = transaction.jobs.claim(
                job_ids, self._claimant(), lease_seconds=self._settings.lease_seconds, on_lease=hold
            )
        # The messages' order is the dispatcher's: priorities, and turns between users.
        place = {job_id: number for number, job_id in enumerate(job_ids)}
        return sorted(claimed, key=lambda each: place[each.job.id])

    @contextmanager
    def _holding_leases(self) -> Iterator[OnLease]:
        """Have leases renewed from the moment they run; of jobs that can't be read they are left to run out."""
        held: list[Lease] = []

        def hold(leases: Sequence[Lease]) -> None:
            held.extend(leases)
            self._board.hold(leases)

        try:
            yield hold
        except BaseException:
            self._board.settle(held)
            raise
