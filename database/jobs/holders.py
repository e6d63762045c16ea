"""Who holds leases: a worker, for an attempt at each job."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from database.jobs import guards
from database.records import Lease
from database.tables import jobs
from database.work import Work

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


def of_itself(lease: Lease) -> Lease:
    """Give the lease: what is sorted are leases."""
    return lease


def parted(
    work: Work, held: Sequence[Held], lease_of: Callable[[Held], Lease]
) -> Sequence[tuple[Holder, Sequence[Held]]]:
    """Sort what is held by its holder, for a statement a holder: more than one are kept from others first."""
    parts = by_holder(held, lease_of)
    if len(parts) > 1:
        hold(work, [lease_of(each) for each in held])
    return parts


def hold(work: Work, leases: Sequence[Lease]) -> None:
    """Have whoever else wants to change these jobs wait, before several statements change parts of them.

    Each statement locks its jobs in the order of all (`guards.locked`); two after one another don't.
    """
    if work.is_postgres:
        work.execute(guards.locked(work.among(jobs.c.id, [lease.job_id for lease in leases])))
