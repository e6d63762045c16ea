"""Workers on SQLite and a broker in memory, with real simulator processes, and what they are made of."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugins.registry import Registry
from qserver.broker.memory import MemoryBroker
from qserver.clock import FakeClock
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from tests.unit.worker.fake_plugin import ENTRY, FakePlugin
from tests.unit.worker.house import House, InterruptibleDatabase, worker_settings
from worker.board import Board
from worker.capacity import Capacity
from worker.program import Program
from worker.service import Worker

StartWorker = Callable[..., Worker]


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(["tests.unit.worker.fake_plugin"]) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return worker_settings(f"sqlite:///{tmp_path / 'qserver.db'}")


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    database = InterruptibleDatabase.open(settings.database)
    broker = MemoryBroker()
    database.upgrade()
    yield House(database, broker)
    broker.close()
    database.close()


@pytest.fixture
def start_worker(settings: Settings, house: House, forkserver: Forkserver) -> Iterator[StartWorker]:
    """Start workers; they are stopped with the test."""
    workers: list[Worker] = []

    def start(*, entry: str = ENTRY, **changes: object) -> Worker:
        section = settings.worker.model_copy(update=changes)
        program = Program(Registry([FakePlugin()]), entry=entry)
        changed = settings.model_copy(update={"worker": section})
        workers.append(Worker(changed, house.database, house.broker, forkserver, program=program))
        workers[-1].start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.hurry()
        worker.stop()
        assert not worker.has_failed


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def board(clock: FakeClock) -> Board:
    """The board of a worker with two cores."""
    return Board(Capacity(cores=2, places=2, memory_bytes=100), clock, max_held_jobs=100)
