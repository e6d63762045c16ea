"""What the dispatcher sees of a route, and takes from it, as values."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RouteLoad:
    """What the dispatcher needs to know of a route: work out there that nobody has claimed, and who could claim it."""

    route: str
    published_jobs: int
    published_seconds: float
    live_workers: int
    largest_memory_bytes: int = 0  # the most that one of them has for a job of this route
    has_waiting_jobs: bool = True  # that such a worker could hold, as far as is known


@dataclass(frozen=True, slots=True)
class Picked:
    """Jobs that were chosen and marked as published, in order."""

    job_ids: tuple[UUID, ...]
    has_used_up: bool  # what it was allowed: more may wait
