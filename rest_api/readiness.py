"""Which neighbours answer."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from starlette.concurrency import run_in_threadpool

from qserver.errors import QServerError
from rest_api.schemas import Neighbour, Readiness
from rest_api.services import Services

NeighbourName = Literal["database", "jobs_server", "broker"]


async def readiness(services: Services) -> Readiness:
    """Ask all neighbours at once. Each of them bounds its own answer's time."""
    questions = [
        _ask("database", run_in_threadpool(services.database.ping)),
        _ask("jobs_server", services.jobs_server.ping()),
    ]
    if services.broker_probe is not None:
        questions.append(_ask("broker", run_in_threadpool(services.broker_probe)))
    neighbours = await asyncio.gather(*questions)
    return Readiness(_status(neighbours), neighbours)


def _status(neighbours: list[Neighbour]) -> Literal["ok", "degraded", "unavailable"]:
    missing = {neighbour.name for neighbour in neighbours if not neighbour.is_ready}
    if "database" in missing:
        return "unavailable"
    return "degraded" if missing else "ok"


async def _ask(name: NeighbourName, answer: Awaitable[None]) -> Neighbour:
    try:
        await answer
    except QServerError as error:
        return Neighbour(name, is_ready=False, message=error.message)
    return Neighbour(name, is_ready=True, message=None)
