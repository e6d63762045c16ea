"""What can be run and where: backends and the workers' resources, read from the database and kept for a moment."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.records import BackendRecord, PluginKind, PluginRecord
from database.transaction import Transaction
from jobs_server.options import OptionsSchema, suggestion
from jobs_server.shared_work import SharedWork
from jobs_server.transactions import Transactions
from plugins.file_plugin.plugin import FilePlugin
from qserver.clock import Clock
from qserver.errors import UnknownBackend
from qserver.plugins import Resources

_KEEP_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 0.2
"""How old what is known must be before it is read anew for a name that isn't there: anybody may send such names.

Who names one waits up to so long: it may have been added after the last look.
"""
_PAGE_SIZE = 500
_MAX_SHOWN_BACKENDS = 30


@dataclass(frozen=True, slots=True)
class KnownBackend:
    """A registered backend, ready to check requests by.

    `file_plugin` is the light half of a file plugin; None where the plugin runs in our own environment.
    """

    record: BackendRecord
    options: OptionsSchema
    file_plugin: FilePlugin | None


@dataclass(frozen=True, slots=True)
class _View:
    """What was read, and when."""

    backends: Mapping[str, KnownBackend]
    resources: Resources
    read_at_seconds: float


class Catalog:
    """Answers from memory for two seconds. A name that is missing waits for the next look, of at most five a second."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        """Read nothing yet."""
        self._transactions = transactions
        self._clock = clock
        self._view: _View | None = None
        self._reading: SharedWork[None, _View] = SharedWork()

    async def backend(self, name: str) -> KnownBackend:
        """Find a backend. Raises UnknownBackend, with what there is."""
        asked_at_seconds = self._clock.monotonic_seconds()
        view = await self._fresh()
        while name not in view.backends and view.read_at_seconds < asked_at_seconds:
            view = await self._after(view)
        if name not in view.backends:
            raise UnknownBackend(_unknown(name, sorted(view.backends)))
        return view.backends[name]

    async def backends(self) -> Sequence[BackendRecord]:
        """List all backends, in the order in which they were registered."""
        view = await self._fresh()
        return sorted((backend.record for backend in view.backends.values()), key=lambda record: record.pointer)

    async def resources(self) -> Resources:
        """Give what the largest workers have."""
        return (await self._fresh()).resources

    def forget(self) -> None:
        """Read again at the next question: plugins changed."""
        self._view = None

    async def _fresh(self) -> _View:
        view = self._view
        if view is None or self._age_seconds(view) > _KEEP_SECONDS:
            return await self._read_again()
        return view

    def _age_seconds(self, view: _View) -> float:
        return self._clock.monotonic_seconds() - view.read_at_seconds

    async def _after(self, view: _View) -> _View:
        """Give what was read after this view, together with all who wait for that; it may have been begun before."""
        await asyncio.sleep(_LOOK_AGAIN_SECONDS - self._age_seconds(view))
        if self._view is not None and self._view.read_at_seconds > view.read_at_seconds:
            return self._view
        return await self._read_again()

    async def _read_again(self) -> _View:
        return await self._reading.do(None, self._read)

    async def _read(self) -> _View:
        read_at_seconds = self._clock.monotonic_seconds()
        backends, resources = await self._transactions.read(_read_all)
        self._view = _View(backends, resources, read_at_seconds)
        return self._view


def _read_all(transaction: Transaction) -> tuple[Mapping[str, KnownBackend], Resources]:
    plugins = {plugin.name: plugin for plugin in transaction.plugins.list()}
    known = {
        record.spec.name: KnownBackend(record, OptionsSchema(record.spec), _file_plugin(plugins[record.plugin]))
        for record in _all_backends(transaction)
        if record.plugin in plugins  # added between both statements: known at the next look
    }
    return known, transaction.workers.resources()


def _file_plugin(plugin: PluginRecord) -> FilePlugin | None:
    if plugin.kind is not PluginKind.FILE:
        return None
    return FilePlugin(name=plugin.name, version=plugin.version, backend_names=())


def _all_backends(transaction: Transaction) -> Sequence[BackendRecord]:
    found: list[BackendRecord] = []
    while page := transaction.plugins.backends(limit=_PAGE_SIZE, offset=len(found)):
        found.extend(page)
    return found


def _unknown(name: str, known: Sequence[str]) -> str:
    names = ", ".join(known[:_MAX_SHOWN_BACKENDS]) or "none"
    more = ", ..." if len(known) > _MAX_SHOWN_BACKENDS else ""
    return f"backend '{name}' is unknown{suggestion(name, known)} (registered: {names}{more})"
