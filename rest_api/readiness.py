"""Which neighbours answer."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from starlette.concurrency import run_in_threadpool

from qserver.errors import QServerError, Unavailable
from rest_api.schemas import Neighbour, Readiness
from rest_api.services import Services

NeighbourName = Literal["database", "jobs_server", "broker", "workers"]


async def readiness(services: Services) -> Readiness:
    """Ask all neighbours at once. Each of them bounds its own answer's time."""
    questions = [
        _ask("database", run_in_threadpool(services.database.require_ready)),
        _ask("jobs_server", services.jobs_server.ping()),
    ]
    if services.broker_probe is not None:
        questions.append(_ask("broker", run_in_threadpool(services.broker_probe)))
    database, *others = await asyncio.gather(*questions)
    if database.is_ready:  # which alone knows of workers
        others.append(await _ask("workers", run_in_threadpool(_require_workers, services)))
    neighbours = [database, *others]
    return Readiness(_status(neighbours), neighbours)


def _require_workers(services: Services) -> None:
    """Raise Unavailable where no worker takes jobs now."""
    with services.database.reading() as transaction:
        workers = transaction.workers.list(live_within_seconds=services.settings.worker.live_within_seconds)
    staying = [worker for worker in workers if not worker.is_draining]
    if not staying:
        raise Unavailable("no worker lives: submitted jobs wait")
    if not any(worker.routes for worker in staying):
        names = ", ".join(worker.name for worker in staying)
        raise Unavailable(f"no worker can simulate, see the log of {names}: submitted jobs wait")


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
