"""A worker on another machine: in the least role of Postgres it does all of a worker's work."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from plugins.registry import Registry
from qserver.broker import connect
from qserver.jobs import JobStatus
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import BrokerSettings, DatabaseSettings, RoleSettings, Settings
from tests.unit.worker.fake_plugin import ENTRY, FakePlugin
from tests.unit.worker.house import House, InterruptibleDatabase
from tests.waiting import wait_until
from worker.program import Program
from worker.service import Worker

ROLE = "qserver_worker_elsewhere"
PASSWORD = "0123456789-abcdefghij"  # noqa: S105 - of a server that lives for one test


@pytest.fixture
def worker_elsewhere(
    settings: Settings, house: House, rabbitmq_url: str, forkserver: Forkserver
) -> Iterator[tuple[Worker, House]]:
    house.database.grant_roles(RoleSettings(worker_role=ROLE, worker_role_password=SecretStr(PASSWORD)))
    own = DatabaseSettings(
        database_url=settings.database.database_url, database_user=ROLE, database_password=SecretStr(PASSWORD)
    )
    database = InterruptibleDatabase.open(own)
    broker = connect(BrokerSettings(broker_url=SecretStr(rabbitmq_url)))
    program = Program(Registry([FakePlugin()]), entry=ENTRY)
    changed = settings.model_copy(update={"database": own})
    worker = Worker(changed, database, broker, forkserver, program=program)
    worker.start()
    yield worker, house
    worker.hurry()
    worker.stop()
    assert not worker.has_failed
    broker.close()
    database.close()
    with house.database._engine.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        connection.exec_driver_sql(f"DROP ROLE {ROLE}")


def test_jobs_finish_fail_and_are_canceled_by_a_worker_in_the_least_role(
    worker_elsewhere: tuple[Worker, House],
) -> None:
    _, house = worker_elsewhere
    wait_until(lambda: len(house.workers()) == 1)

    finished = house.submit("bell", "bell")
    failed = house.submit("raise")
    canceled = house.submit("hang")
    wait_until(lambda: house.job(canceled[0]).status is JobStatus.RUNNING)
    house.cancel(canceled[0])

    house.wait_for(finished, JobStatus.FINISHED)
    house.wait_for(failed, JobStatus.FAILED)
    house.wait_for(canceled, JobStatus.CANCELED)
    assert house.result(finished[0]).counts == {"00": 1000}
    crashed = house.submit("crash")
    house.wait_for(crashed, JobStatus.PENDING)
