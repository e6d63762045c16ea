"""The database from inside an event loop: its calls block, so they run on a few threads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from database.database import Database
from database.transaction import Transaction

Answer = TypeVar("Answer")


class Transactions:
    """Runs pieces of work, each in a transaction of its own."""

    def __init__(self, database: Database, *, threads: int) -> None:
        """Have `threads` transactions at once, at most."""
        self._database = database
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="transaction")

    async def run(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Give what `work` gives, once it is committed. Raises Unavailable where the database doesn't answer."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)

    async def run_call(self, call: Callable[[Transaction], Answer]) -> Answer:
        """Do as `run` does, for a `call` to one repository, whose transaction may be shorter."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run_call, call)

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Give what `work` gives, which only reads. Raises Unavailable where the database doesn't answer."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._read, work)

    async def require_ready(self) -> None:
        """Raise Unavailable, with what is missing, unless the database can store jobs."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._database.require_ready)

    def close(self) -> None:
        """Wait for work under way and end the threads."""
        self._executor.shutdown()

    def _run(self, work: Callable[[Transaction], Answer]) -> Answer:
        with self._database.transaction() as transaction:
            return work(transaction)

    def _run_call(self, call: Callable[[Transaction], Answer]) -> Answer:
        with self._database.transaction(of_one_call=True) as transaction:
            return call(transaction)

    def _read(self, work: Callable[[Transaction], Answer]) -> Answer:
        with self._database.reading() as transaction:
            return work(transaction)
