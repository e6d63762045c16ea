"""Adding and removing file plugins."""

from dataclasses import replace
from datetime import datetime

from database import Database, Transaction
from database.people_records import AuditAction
from database.records import PluginKind, PluginRecord
from qserver.errors import Conflict, NotFound, Reason
from qserver.identity import Identity
from qserver.plugins import BackendSpec
from rest_api.services import PluginDescription


def add_plugin(database: Database, description: PluginDescription, caller: Identity, *, now: datetime) -> None:
    """Register a plugin and its backends; workers hear of it and build its environment.

    A backend whose name another plugin has already is registered as `<plugin>:<backend>`, so that the name goes on
    meaning what it meant. Raises AlreadyExists where the plugin is registered.
    """
    plugin = PluginRecord(
        name=description.distribution,
        kind=PluginKind.FILE,
        version=description.version,
        added_at=now,
        distribution=description.distribution,
    )
    with database.transaction() as transaction:
        named = [(spec.name, _free_name(transaction, plugin.name, spec)) for spec in description.backends]
        transaction.plugins.register(plugin, [(spec.name, own_name, spec) for own_name, spec in named])
        transaction.audit.record(caller, AuditAction.PLUGIN_ADDED, plugin.name, {"version": plugin.version})


def remove_plugin(database: Database, name: str, caller: Identity) -> None:
    """Remove a plugin and its backends; what waits for them fails, and workers remove its environment.

    Raises NotFound where there is no such plugin, Conflict while one of its jobs runs or where it is built in.
    """
    message = f"the plugin {name} was removed before the job could run"
    with database.transaction() as transaction:
        if transaction.plugins.get(name).kind is PluginKind.BUILT_IN:
            raise Conflict(f"plugin {name} is part of the server and can't be removed")
        transaction.jobs.fail_waiting(name, Reason.PLUGIN_UNAVAILABLE, message)
        transaction.plugins.remove(name)
        transaction.audit.record(caller, AuditAction.PLUGIN_REMOVED, name)


def _free_name(transaction: Transaction, plugin: str, spec: BackendSpec) -> BackendSpec:
    try:
        transaction.plugins.backend(spec.name)
    except NotFound:
        return spec
    return replace(spec, name=f"{plugin}:{spec.name}")
