"""What must stand in the database before a job can be taken: built-in plugins, and the user `anonymous`."""

import asyncio
from collections.abc import Sequence

import structlog

from database.records import PluginKind, PluginRecord
from database.transaction import Transaction
from jobs_server.transactions import Transactions
from qserver.clock import Clock
from qserver.errors import RetryableError
from qserver.plugins import Plugin

_log = structlog.get_logger(__name__)

_RETRY_SECONDS = 1.0


async def register_built_ins(transactions: Transactions, plugins: Sequence[Plugin], clock: Clock) -> None:
    """Make the database equal to the code. Waits for a database that isn't there yet; safe to repeat.

    Raises AlreadyExists where a file plugin has a backend of the same name.
    """
    while True:
        try:
            await transactions.run(lambda transaction: _register(transaction, plugins, clock))
        except RetryableError as error:
            _log.warning("waiting_for_the_database", why=error.message)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return


def _register(transaction: Transaction, plugins: Sequence[Plugin], clock: Clock) -> None:
    transaction.users.ensure_anonymous()
    for plugin in plugins:
        record = PluginRecord(plugin.name, PluginKind.BUILT_IN, plugin.version, added_at=clock.now())
        transaction.plugins.sync_built_in(record, [(spec.name, spec.name, spec) for spec in plugin.backends()])
