"""A worker says that it lives, whatever the database does meanwhile."""

from threading import Event, Thread

from database.records import WorkerRecord
from tests.unit.worker.claims import WORKER_ID
from tests.unit.worker.house import House
from tests.waiting import wait_until
from worker.heartbeat import Heartbeat


def a_worker() -> WorkerRecord:
    return WorkerRecord(
        id=WORKER_ID,
        name="ada",
        host="here",
        version="1",
        routes=frozenset({"cpu"}),
        plugins=("fake",),
        devices=("CPU",),
        cores=2,
        memory_bytes=100,
        gpu_memory_bytes=0,
        simulator_processes=2,
    )


def worker_names(house: House) -> list[str]:
    with house.database.reading() as transaction:
        return [record.name for record in transaction.workers.list(live_within_seconds=None)]


def test_a_worker_that_was_forgotten_registers_again(house: House) -> None:
    heartbeat = Heartbeat(house.database, a_worker, interval_seconds=1000.0, due=(due := Event()))
    thread = Thread(target=heartbeat.serve)
    thread.start()
    wait_until(lambda: worker_names(house) == ["ada"])

    with house.database.transaction() as transaction:
        transaction.workers.remove(WORKER_ID)
    due.set()

    wait_until(lambda: worker_names(house) == ["ada"])
    heartbeat.stop()
    thread.join()


def test_a_heartbeat_outlives_the_databases_absence(house: House) -> None:
    house.database.is_away = True
    heartbeat = Heartbeat(house.database, a_worker, interval_seconds=0.01, due=Event())
    thread = Thread(target=heartbeat.serve)
    thread.start()
    wait_until(lambda: house.database.refusals > 2)

    house.database.is_away = False

    wait_until(lambda: worker_names(house) == ["ada"])
    heartbeat.stop()
    thread.join()
