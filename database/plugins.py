"""Plugins and the backends they bring."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import uuid4

from sqlalchemy import RowMapping, delete, exists, select, update

from database.changes import ChangeKind
from database.jobs.guards import IS_RUNNING
from database.records import BackendRecord, PluginKind, PluginRecord
from database.spec_documents import decode_spec, encode_spec
from database.tables import backends, jobs, plugins
from database.work import Parameters, Work
from qserver.errors import AlreadyExists, Conflict, NotFound
from qserver.plugins import BackendSpec

NamedBackend: TypeAlias = tuple[str, str, BackendSpec]
"""The name that clients use, the plugin's own name for it, and what the plugin declares."""


class Plugins:
    """The registered plugins."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def register(self, plugin: PluginRecord, named: Sequence[NamedBackend]) -> None:
        """Add a plugin with its backends. Raises AlreadyExists where its name or a backend's is taken."""
        if not self._insert_plugin(plugin):
            raise AlreadyExists(f"plugin {plugin.name} is registered already")
        taken = self._insert_backends(plugin.name, named)
        if taken:
            raise AlreadyExists(f"another plugin has a backend of this name already: {', '.join(taken)}")
        self._work.announce(ChangeKind.PLUGINS)

    def sync_built_in(self, plugin: PluginRecord, named: Sequence[NamedBackend]) -> None:
        """Make the stored plugin equal to the one in the code. Safe to repeat, and beside another service's call.

        Backends keep id and pointer while they keep their name. Raises AlreadyExists where another plugin has a
        backend's name.
        """
        if not self._insert_plugin(plugin):
            self._work.execute(update(plugins).where(plugins.c.name == plugin.name).values(version=plugin.version))
        for name in self._insert_backends(plugin.name, named):
            self._update_backend(plugin.name, next(entry for entry in named if entry[0] == name))
        kept = self._work.among(backends.c.name, [name for name, _, _ in named])
        self._work.execute(delete(backends).where(backends.c.plugin == plugin.name, ~kept))
        self._work.announce(ChangeKind.PLUGINS)

    def remove(self, name: str) -> None:
        """Remove a plugin and its backends. Raises NotFound, and Conflict while one of its jobs runs."""
        running = exists().where(jobs.c.plugin == name, IS_RUNNING)
        if self._work.execute(select(running)).scalar():
            raise Conflict(f"a job of plugin {name} is running")
        if self._work.execute(delete(plugins).where(plugins.c.name == name)).rowcount == 0:
            raise NotFound(f"there is no plugin {name}")
        self._work.announce(ChangeKind.PLUGINS)

    def get(self, name: str) -> PluginRecord:
        """Give a plugin. Raises NotFound."""
        row = self._work.execute(select(plugins).where(plugins.c.name == name)).mappings().first()
        if row is None:
            raise NotFound(f"there is no plugin {name}")
        return _plugin_from(row)

    def list(self) -> Sequence[PluginRecord]:
        """List all plugins by name."""
        rows = self._work.execute(select(plugins).order_by(plugins.c.name)).mappings()
        return [_plugin_from(row) for row in rows]

    def backend(self, name: str) -> BackendRecord:
        """Give a backend. Raises NotFound."""
        row = self._work.execute(select(backends).where(backends.c.name == name)).mappings().first()
        if row is None:
            raise NotFound(f"there is no backend {name}")
        return _backend_from(row)

    def backends(self, *, limit: int, offset: int = 0) -> Sequence[BackendRecord]:
        """Give a page of backends in the order of registration."""
        statement = select(backends).order_by(backends.c.pointer).limit(limit).offset(offset)
        return [_backend_from(row) for row in self._work.execute(statement).mappings()]

    def _insert_plugin(self, plugin: PluginRecord) -> bool:
        row = {
            "name": plugin.name,
            "kind": plugin.kind,
            "version": plugin.version,
            "distribution": plugin.distribution,
            "added_at": plugin.added_at,
        }
        statement = self._work.insert(plugins).values(row).on_conflict_do_nothing().returning(plugins.c.name)
        return self._work.execute(statement).first() is not None

    def _insert_backends(self, plugin: str, named: Sequence[NamedBackend]) -> Sequence[str]:
        """Add backends; give the names that were taken."""
        if not named:
            return ()
        statement = self._work.insert(backends).on_conflict_do_nothing().returning(backends.c.name)
        added = self._work.insert_rows(statement, [_backend_row(plugin, entry) for entry in named])
        names = {row["name"] for row in added}
        return [name for name, _, _ in named if name not in names]

    def _update_backend(self, plugin: str, entry: NamedBackend) -> None:
        name, plugin_backend, spec = entry
        statement = (
            update(backends)
            .where(backends.c.name == name, backends.c.plugin == plugin)
            .values(plugin_backend=plugin_backend, spec=encode_spec(spec))
        )
        if self._work.execute(statement).rowcount == 0:
            raise AlreadyExists(f"another plugin has a backend of this name already: {name}")


def _backend_row(plugin: str, entry: NamedBackend) -> Parameters:
    name, plugin_backend, spec = entry
    row: Parameters = {"id": uuid4(), "name": name, "plugin": plugin, "plugin_backend": plugin_backend}
    return {**row, "spec": encode_spec(spec)}


def _plugin_from(row: RowMapping) -> PluginRecord:
    return PluginRecord(
        name=row["name"],
        kind=PluginKind(row["kind"]),
        version=row["version"],
        added_at=row["added_at"],
        distribution=row["distribution"],
    )


def _backend_from(row: RowMapping) -> BackendRecord:
    return BackendRecord(row["id"], row["pointer"], row["plugin"], row["plugin_backend"], decode_spec(row["spec"]))
