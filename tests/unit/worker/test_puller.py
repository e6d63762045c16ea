"""How a worker gets work: what it has claimed is on its board, or nothing of it is."""

from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy import update

from database.records import Claimant, Lease
from database.tables import jobs
from qserver.clock import FakeClock
from tests.unit.worker.boards import AT_ONCE, held
from tests.unit.worker.claims import NO_LIMITS, WORKER_ID
from tests.unit.worker.house import House
from worker.board import Board
from worker.capacity import Capacity
from worker.groups import Group
from worker.puller import Puller, PullSettings
from worker.results import Storer


class WatchedBoard(Board):
    """A board that remembers which jobs it heard of, and how."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(Capacity(cores=1, places=1, memory_bytes=100), clock, max_held_jobs=100)
        self.heard: list[tuple[str, int]] = []

    def hold(self, leases: Sequence[Lease]) -> None:
        self.heard.append(("hold", len(leases)))
        super().hold(leases)

    def admit(self, groups: Iterable[Group]) -> Sequence[Group]:
        admitted = list(groups)
        self.heard.append(("admit", sum(len(group.jobs) for group in admitted)))
        return super().admit(admitted)


@pytest.fixture
def board(clock: FakeClock) -> WatchedBoard:
    return WatchedBoard(clock)


@pytest.fixture
def puller(house: House, board: WatchedBoard, clock: FakeClock) -> Puller:
    routes = frozenset({"cpu"})
    return Puller(
        house.broker.consumer(routes),
        database=house.database,
        board=board,
        storer=Storer(house.database, board, clock, backoff=AT_ONCE),
        claimant=lambda: Claimant(WORKER_ID, routes, memory_bytes=1000),
        batch_key=lambda _: "same",
        settings=PullSettings(NO_LIMITS, lease_seconds=60.0, gpu=False),
        backoff=AT_ONCE,
    )


def test_leases_are_held_before_their_jobs_are_read(house: House, board: WatchedBoard, puller: Puller) -> None:
    job_ids = house.submit("bell", "bell")

    puller._pull()

    assert board.heard == [("hold", 2), ("admit", 2)]
    assert held(board) == set(job_ids)


def test_no_lease_is_kept_for_a_job_that_can_not_be_read(house: House, board: WatchedBoard, puller: Puller) -> None:
    house.submit("bell")
    with house.database._engine.begin() as connection:
        connection.execute(update(jobs).values(plan={}))

    with pytest.raises(TypeError):
        puller._pull()

    assert board.heard == [("hold", 1)]
    assert held(board) == set()
