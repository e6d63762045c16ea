"""The standard health service: SERVING while the database answers, whatever the broker does.

A submission needs the database alone; jobs flow again when the broker is back.
"""

import asyncio
from contextlib import suppress

import structlog
from grpc_health.v1 import health, health_pb2

from jobs_server.transactions import Transactions
from qserver.errors import RetryableError

_log = structlog.get_logger(__name__)

CHECK_EVERY_SECONDS = 2.0
LIVENESS = "liveness"
"""Name to ask for by who restarts dead processes: SERVING as long as the process answers."""


class HealthReporter:
    """Asks the database now and then, and tells the health service."""

    def __init__(self, transactions: Transactions, services: tuple[str, ...]) -> None:
        """Answer for `services`, for the server as a whole (the empty name) and for "readiness"."""
        self.servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
        self._transactions = transactions
        self._services = ("", "readiness", *services)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Tell the state of now, and follow it."""
        await self.servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await self.check()
        self._task = asyncio.create_task(self._follow())

    async def check(self) -> None:
        """Ask the database once."""
        try:
            await self._transactions.ping()
        except RetryableError as error:
            _log.warning("database_away", why=error.message)
            await self._tell(health_pb2.HealthCheckResponse.NOT_SERVING)
        else:
            await self._tell(health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Tell that this server takes no more calls, from now on."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.servicer.enter_graceful_shutdown()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_SECONDS)
            await self.check()

    async def _tell(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in self._services:
            await self.servicer.set(service, status)
