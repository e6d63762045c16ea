"""What a worker does about file plugins, with a host that installs nothing."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import UUID, uuid4

import pytest

from database import Change, ChangeKind
from database.records import PluginKind, PluginRecord, WorkerRecord
from qserver.errors import Reason
from qserver.jobs import JobStatus
from qserver.plugins import FilePluginPin, InstallState, PluginInstallation
from tests.unit.worker.claims import WORKER_ID
from tests.unit.worker.fake_process import FakeProcess
from tests.unit.worker.house import House
from tests.waiting import wait_until
from worker.file_plugins import FilePlugins, routes_of

INSTALLING = PluginInstallation(InstallState.INSTALLING)
READY = PluginInstallation(InstallState.READY)
FAILED = PluginInstallation(InstallState.FAILED, "no wheel for this Python")


class FakeHost:
    """Reports what the test says of the plugins that it was told of."""

    def __init__(self) -> None:
        self.state = INSTALLING
        self.pins: Collection[FilePluginPin] = ()
        self.is_closed = False

    def sync(self, registered: Collection[FilePluginPin]) -> None:
        self.pins = registered

    def installations(self) -> Mapping[str, PluginInstallation]:
        return {pin.name: self.state for pin in self.pins}

    def spawn(self, plugin: str) -> FakeProcess:
        del plugin
        return FakeProcess()

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def plugins(house: House, host: FakeHost, changes: list[str]) -> FilePlugins:
    register(house, "fake-plugin", PluginKind.FILE)
    register(house, "aer", PluginKind.BUILT_IN)
    return FilePlugins(
        host,  # type: ignore[arg-type]
        house.database,
        worker_id=WORKER_ID,
        live_within_seconds=15.0,
        due=Event(),
        on_change=lambda: changes.append("changed"),
    )


def register(house: House, name: str, kind: PluginKind) -> None:
    distribution = name if kind is PluginKind.FILE else None
    record = PluginRecord(name, kind, "0.0.1", added_at=datetime.now(UTC), distribution=distribution)
    with house.database.transaction() as transaction:
        transaction.plugins.register(record, [])


def register_other_worker(house: House, installation: PluginInstallation) -> None:
    other = WorkerRecord(
        id=uuid4(),
        name="other",
        host="there",
        version="1",
        routes=frozenset({"cpu"}),
        plugins=(),
        devices=("CPU",),
        cores=1,
        memory_bytes=1,
        gpu_memory_bytes=0,
        simulator_processes=1,
        installations={"fake-plugin": installation},
    )
    with house.database.transaction() as transaction:
        transaction.workers.register(other)


def submit(house: House) -> UUID:
    (job_id,) = house.submit("any text", plugin="fake-plugin", route="plugin.fake-plugin")
    return job_id


def test_file_plugins_are_installed_and_built_in_ones_are_not(plugins: FilePlugins, host: FakeHost) -> None:
    plugins.look()

    assert list(host.pins) == [FilePluginPin("fake-plugin", "0.0.1")]


def test_only_a_plugin_that_is_ready_is_served(plugins: FilePlugins, host: FakeHost, changes: list[str]) -> None:
    plugins.look()
    assert plugins.ready() == frozenset()

    host.state = READY
    plugins.look()
    plugins.look()

    assert routes_of(plugins.ready()) == {"plugin.fake-plugin"}
    assert plugins.installations() == {"fake-plugin": READY}
    assert changes == ["changed", "changed"]


def test_jobs_are_told_that_they_wait_for_the_installation(house: House, plugins: FilePlugins, host: FakeHost) -> None:
    job_id = submit(house)

    plugins.look()
    assert house.job(job_id).reason is Reason.PLUGIN_INSTALLING

    host.state = READY
    plugins.look()
    assert house.job(job_id).reason is None


def test_jobs_of_a_plugin_that_nobody_can_install_fail_with_the_installers_sentence(
    house: House, plugins: FilePlugins, host: FakeHost
) -> None:
    job_id = submit(house)
    host.state = FAILED

    plugins.look()

    job = house.job(job_id)
    assert (job.status, job.reason, job.message) == (JobStatus.FAILED, Reason.PLUGIN_UNAVAILABLE, FAILED.message)


@pytest.mark.parametrize("elsewhere", [READY, INSTALLING])
def test_jobs_of_a_plugin_that_another_worker_serves_go_on_waiting(
    house: House, plugins: FilePlugins, host: FakeHost, elsewhere: PluginInstallation
) -> None:
    job_id = submit(house)
    register_other_worker(house, elsewhere)
    host.state = FAILED

    plugins.look()

    assert house.job(job_id).status is JobStatus.PENDING


def test_news_of_plugins_and_of_the_databases_return_are_looked_at(
    house: House, plugins: FilePlugins, host: FakeHost
) -> None:
    house.database.is_away = True
    thread = Thread(target=plugins.serve)
    thread.start()
    wait_until(lambda: house.database.refusals > 0)
    house.database.is_away = False

    plugins.notice(Change(ChangeKind.RECONNECTED))

    wait_until(lambda: len(host.pins) == 1)
    plugins.stop()
    thread.join()
    plugins.close()
    assert host.is_closed
