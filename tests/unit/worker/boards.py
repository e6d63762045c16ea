"""Jobs on a worker's board."""

from uuid import UUID

from database.records import Claimant, ClaimedJob
from tests.unit.worker.claims import WORKER_ID, a_group
from tests.unit.worker.house import House
from worker.backoff import Backoff
from worker.board import Board

AT_ONCE = Backoff(first_seconds=0.001, longest_seconds=0.01)


def claim(house: House, board: Board, *sources: str, lease_seconds: float = 60.0) -> list[ClaimedJob]:
    """Submit jobs and bring them onto the board, as one group."""
    job_ids = house.submit(*sources)
    claimant = Claimant(WORKER_ID, frozenset({"cpu"}), memory_bytes=1000)
    with house.database.transaction() as transaction:
        claimed = list(transaction.jobs.claim(job_ids, claimant, lease_seconds=lease_seconds))
    board.admit([a_group(*claimed)])
    return claimed


def held(board: Board) -> set[UUID]:
    return {lease.job_id for lease in board.leases()}
