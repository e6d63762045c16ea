"""How many more jobs of each owner may be handed to workers, where a quota limits those that run at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, union_all

from database.jobs.guards import IS_PUBLISHED, IS_RUNNING
from database.tables import jobs, users
from database.work import Work
from qserver.identity import Role

_ADMINS: Final = select(users.c.id).where(users.c.role == Role.ADMIN)
_IN_FLIGHT: Final = union_all(
    *(
        select(jobs.c.owner_id, func.count()).where(part).group_by(jobs.c.owner_id)
        for part in (IS_PUBLISHED, IS_RUNNING)
    )
)
"""Jobs that workers are told of, or have. Each part has its index, and is as small as what runs."""


@dataclass(frozen=True, slots=True)
class RunningQuota:
    """What each owner may have with workers, and has. Administrators are not bound."""

    most_per_owner: int
    in_flight: Mapping[UUID, int]
    admins: frozenset[UUID]

    @property
    def full_owners(self) -> Sequence[UUID]:
        """Owners of whom no job may be picked."""
        return [owner for owner in self.in_flight if self._room(owner, taken=0) <= 0]

    def fitting(self, owners: Sequence[UUID]) -> Sequence[bool]:
        """Tell of jobs in the order of picking, each by its owner, which of them may be picked."""
        taken: Counter[UUID] = Counter()
        fits: list[bool] = []
        for owner in owners:
            fits.append(self._room(owner, taken=taken[owner]) > 0)
            taken[owner] += fits[-1]
        return fits

    def _room(self, owner: UUID, *, taken: int) -> int:
        if owner in self.admins:
            return self.most_per_owner
        return self.most_per_owner - self.in_flight.get(owner, 0) - taken


def read_running_quota(work: Work, most_per_owner: int) -> RunningQuota:
    """Count what is with workers. It stays true for whoever keeps others from picking."""
    in_flight: Counter[UUID] = Counter()
    for owner, number in work.execute(_IN_FLIGHT).all():
        in_flight[owner] += number
    return RunningQuota(most_per_owner, in_flight, frozenset(work.execute(_ADMINS).scalars()))
