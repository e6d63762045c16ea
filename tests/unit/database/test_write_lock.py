"""Writers of SQLite take turns."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Barrier, Thread

import pytest
from pydantic import SecretStr

from database import Database
from database.write_lock import WriteLock
from qserver.errors import Unavailable
from qserver.settings import DatabaseSettings
from tests.unit.database.builders import read, submitted
from tests.waiting import wait_until


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = SecretStr(f"sqlite:///{tmp_path / 'qserver.db'}")
    settings = DatabaseSettings(database_url=url, database_pool_size=2, database_timeout_seconds=0.2)
    database = Database.open(settings)
    database.upgrade()
    yield database
    database.close()


def test_writers_that_wait_leave_the_connections_to_readers(database: Database) -> None:
    (job,) = submitted(database)
    all_are_here = Barrier(4)

    def write() -> None:
        all_are_here.wait()
        with pytest.raises(Unavailable, match=r"others wrote to the database for 0\.2 s"):
            submitted(database)

    writers = [Thread(target=write) for _ in range(3)]
    with database.transaction():
        for writer in writers:
            writer.start()
        all_are_here.wait()
        while any(writer.is_alive() for writer in writers):
            assert read(database, job.id) == job
        for writer in writers:
            writer.join()


def test_a_writer_that_fails_gives_its_turn_away(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction():
        raise RuntimeError

    assert len(submitted(database)) == 1


def test_turns_come_in_the_order_of_asking() -> None:
    lock = WriteLock(timeout_seconds=30)
    served: list[int] = []
    writers = [Thread(target=write, args=(lock, served, number)) for number in range(8)]

    with lock.held():
        for number, writer in enumerate(writers, start=1):
            writer.start()
            wait_until(partial(waits_as, lock, number), timeout_seconds=30, what="it waits")
    for writer in writers:
        writer.join()

    assert served == list(range(8))


def waits_as(lock: WriteLock, number: int) -> bool:
    return len(lock._waiting) == number


def write(lock: WriteLock, served: list[int], number: int) -> None:
    with lock.held():
        served.append(number)


def test_a_writer_that_gave_up_keeps_nobody_waiting() -> None:
    lock = WriteLock(timeout_seconds=0.01)
    with lock.held(), pytest.raises(Unavailable), lock.held():
        pass

    with lock.held():
        pass
