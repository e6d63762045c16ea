"""The standard health service: SERVING while the database takes jobs, whatever the broker does.

A submission needs the database alone; jobs flow again when the broker is back. Each of the two neighbours has a name of
its own, by which to ask which one is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import structlog
from grpc_health.v1 import health, health_pb2

from qserver.errors import QServerError

_log = structlog.get_logger(__name__)

CHECK_EVERY_SECONDS = 2.0
LIVENESS = "liveness"
"""Name to ask for by who restarts dead processes: SERVING as long as the process answers."""

READINESS = "readiness"
DATABASE, BROKER = "database", "broker"
"""Names of the neighbours."""

Ping = Callable[[], Awaitable[None]]
"""Returns when a neighbour can be worked with. Raises a QServerError with the reason where it can't."""


class HealthReporter:
    """Asks the neighbours now and then, and tells the health service."""

    def __init__(self, database: Ping, broker: Ping, services: tuple[str, ...]) -> None:
        """Answer for `services`, for the server as a whole (the empty name), "readiness" and each neighbour."""
        self.servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
        self._ask_database = _Question(DATABASE, database, ("", READINESS, DATABASE, *services), self.servicer)
        self._ask_broker = _Question(BROKER, broker, (BROKER,), self.servicer)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Tell the state of now, and follow it. The broker's is told as soon as it is known."""
        await self.servicer.set(LIVENESS, health_pb2.HealthCheckResponse.SERVING)
        await self.servicer.set(BROKER, health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._ask_database()
        # One each: a broker that takes its time must not hold up what is told of the database.
        self._tasks = [asyncio.create_task(_follow(ask)) for ask in (self._ask_database, self._ask_broker)]

    async def stop(self) -> None:
        """Tell that this server takes no more calls, from now on."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.servicer.enter_graceful_shutdown()


class _Servicer(Protocol):
    """What is used of grpcio's own, which has no stubs."""

    async def set(self, service: str, status: health_pb2.HealthCheckResponse.ServingStatus) -> None: ...


class _Question:
    """Whether one neighbour answers, told under some names."""

    def __init__(self, neighbour: str, ping: Ping, names: tuple[str, ...], servicer: _Servicer) -> None:
        self._neighbour = neighbour
        self._ping = ping
        self._names = names
        self._servicer = servicer
        self._is_away = False

    async def __call__(self) -> None:
        try:
            await self._ping()
        except QServerError as error:
            if not self._is_away:
                _log.warning("neighbour_away", neighbour=self._neighbour, why=error.message)
            self._is_away = True
        else:
            if self._is_away:
                _log.info("neighbour_back", neighbour=self._neighbour)
            self._is_away = False
        await self._tell()

    async def _tell(self) -> None:
        status = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._servicer.set(name, status.NOT_SERVING if self._is_away else status.SERVING)


async def _follow(ask: _Question) -> None:
    while True:
        await ask()
        await asyncio.sleep(CHECK_EVERY_SECONDS)
