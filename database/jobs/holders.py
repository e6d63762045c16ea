"""Who holds leases: a worker, for an attempt at each job."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from database.records import Lease

Held = TypeVar("Held")


class Holder(NamedTuple):
    """A worker, and which attempt its jobs are at."""

    worker_id: UUID
    attempt: int


def by_holder(held: Iterable[Held], lease_of: Callable[[Held], Lease]) -> Sequence[tuple[Holder, Sequence[Held]]]:
    """Sort what is held by its holder: nearly always one for all."""
    found: defaultdict[Holder, list[Held]] = defaultdict(list)
    for each in held:
        lease = lease_of(each)
        found[Holder(lease.worker_id, lease.attempt)].append(each)
    return sorted(found.items(), key=lambda item: item[0])
