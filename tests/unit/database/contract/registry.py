"""Plugins, backends and workers."""

from dataclasses import replace
from uuid import uuid4

import pytest

from database import Database
from database.records import InstallState, PluginInstallation, PluginKind
from qserver.errors import AlreadyExists, Conflict, NotFound
from qserver.plugins import Resources
from tests.unit.database.builders import (
    OTHER_WORKER,
    WORKER,
    JobBuilder,
    a_backend,
    a_lease,
    a_plugin,
    a_worker,
    submitted,
)


class TestPlugins:
    def test_a_registered_plugin_is_found_with_its_backends(self, database: Database) -> None:
        plugin, spec = a_plugin("fake-plugin", kind=PluginKind.FILE), a_backend("fake1")
        with database.transaction() as transaction:
            transaction.plugins.register(plugin, [("fake1", "own1", spec), ("fake2", "own2", a_backend("fake2"))])

        with database.reading() as transaction:
            found = transaction.plugins.get("fake-plugin")
            listed = transaction.plugins.list()
            backend = transaction.plugins.backend("fake1")
            backends = transaction.plugins.backends(limit=20, offset=0)
            beyond = transaction.plugins.backends(limit=20, offset=2)

        assert found == plugin
        assert listed == [plugin]
        assert (backend.plugin, backend.plugin_backend, backend.spec) == ("fake-plugin", "own1", spec)
        assert [each.spec.name for each in backends] == ["fake1", "fake2"]
        assert backends[0].pointer < backends[1].pointer
        assert beyond == []

    def test_a_plugin_is_registered_once(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [])

        with pytest.raises(AlreadyExists, match="aer"), database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [])

    def test_a_backends_name_is_taken_once_and_nothing_stays_behind(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [("aer", "aer", a_backend())])

        with pytest.raises(AlreadyExists, match="aer"), database.transaction() as transaction:
            transaction.plugins.register(a_plugin("other"), [("aer", "aer", a_backend()), ("b", "b", a_backend("b"))])

        with database.reading() as transaction:
            assert [plugin.name for plugin in transaction.plugins.list()] == ["aer"]
            assert len(transaction.plugins.backends(limit=20)) == 1

    def test_what_is_unknown_is_not_found(self, database: Database) -> None:
        with database.transaction() as transaction:
            for look in (transaction.plugins.get, transaction.plugins.backend, transaction.plugins.remove):
                with pytest.raises(NotFound, match="nobody"):
                    look("nobody")

    def test_a_removed_plugin_takes_its_backends_along(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [("aer", "aer", a_backend())])
            transaction.plugins.remove("aer")

            assert transaction.plugins.backends(limit=20) == []

    def test_a_plugin_stays_while_one_of_its_jobs_runs(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [])
        a_lease(database, JobBuilder(plugin="aer"))

        with pytest.raises(Conflict, match="running"), database.transaction() as transaction:
            transaction.plugins.remove("aer")

    def test_a_plugin_goes_while_its_jobs_wait(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin(), [])
        submitted(database, JobBuilder(plugin="aer"))

        with database.transaction() as transaction:
            transaction.plugins.remove("aer")

            assert transaction.plugins.list() == []

    def test_built_ins_follow_the_code_and_keep_their_ids(self, database: Database) -> None:
        old = [("aer", "aer", a_backend()), ("gone", "gone", a_backend("gone"))]
        new = [("aer", "aer", a_backend(description="faster")), ("new", "new", a_backend("new"))]
        with database.transaction() as transaction:
            transaction.plugins.sync_built_in(a_plugin(), old)
            before = transaction.plugins.backend("aer")

        with database.transaction() as transaction:
            transaction.plugins.sync_built_in(replace(a_plugin(), version="2.0"), new)

        with database.reading() as transaction:
            after = transaction.plugins.backends(limit=20)
            assert transaction.plugins.get("aer").version == "2.0"
        assert [backend.spec.name for backend in after] == ["aer", "new"]
        assert after[0] == replace(before, spec=new[0][2])

    def test_built_ins_take_no_name_of_another_plugin(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.plugins.register(a_plugin("file", kind=PluginKind.FILE), [("aer", "aer", a_backend())])

        with pytest.raises(AlreadyExists, match="aer"), database.transaction() as transaction:
            transaction.plugins.sync_built_in(a_plugin(), [("aer", "aer", a_backend())])


class TestWorkers:
    def test_a_registered_worker_is_listed(self, database: Database) -> None:
        worker = a_worker()
        with database.transaction() as transaction:
            transaction.workers.register(worker)

        with database.reading() as transaction:
            (listed,) = transaction.workers.list()

        assert listed == replace(worker, started_at=listed.started_at, heartbeat_at=listed.heartbeat_at)
        assert listed.started_at is not None
        assert listed.heartbeat_at is not None

    def test_registering_again_replaces_the_description(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.workers.register(a_worker(cores=2))
            transaction.workers.register(a_worker(cores=4))

            assert [worker.cores for worker in transaction.workers.list()] == [4]

    def test_a_heartbeat_tells_what_changed(self, database: Database) -> None:
        installations = {"fake-plugin": PluginInstallation(InstallState.FAILED, "no wheel for numpy")}
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())
            transaction.workers.heartbeat(
                WORKER,
                running_jobs=3,
                installations=installations,
                routes=frozenset({"cpu", "plugin.fake-plugin"}),
                plugins=("aer", "fake-plugin"),
                is_draining=True,
            )

        with database.reading() as transaction:
            (worker,) = transaction.workers.list(live_within_seconds=60)
        assert (worker.running_jobs, worker.installations, worker.is_draining) == (3, installations, True)
        assert worker.routes == {"cpu", "plugin.fake-plugin"}
        assert worker.plugins == ("aer", "fake-plugin")

    def test_a_forgotten_worker_must_register_again(self, database: Database) -> None:
        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.workers.heartbeat(
                uuid4(), running_jobs=0, installations={}, routes=frozenset(), plugins=(), is_draining=False
            )

    def test_a_silent_worker_is_not_live(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())

            assert transaction.workers.list(live_within_seconds=-1) == []
            assert len(transaction.workers.list()) == 1

    def test_a_stopped_worker_is_forgotten(self, database: Database) -> None:
        with database.transaction() as transaction:
            transaction.workers.register(a_worker())
            transaction.workers.register(a_worker(OTHER_WORKER))
            transaction.workers.remove(WORKER)
            transaction.workers.remove(WORKER)
            left = transaction.workers.list()
            transaction.workers.remove_all()

            assert [worker.id for worker in left] == [OTHER_WORKER]
            assert transaction.workers.list() == []

    def test_resources_are_the_most_that_anyone_has(self, database: Database) -> None:
        with database.transaction() as transaction:
            none = transaction.workers.resources()
            transaction.workers.register(a_worker(cores=2))
            other = replace(a_worker(OTHER_WORKER, cores=8), gpu_memory_bytes=2**34, plugins=("aer", "qsim"))
            transaction.workers.register(other)

            assert none == Resources(0, 0, 0)
            assert transaction.workers.resources() == Resources(8 * 2**30, 2**34, 8, frozenset({"aer", "qsim"}))
