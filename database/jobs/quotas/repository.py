"""Quotas, as services see them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy import select

from database.jobs.quotas import counting, usage
from database.jobs.quotas.usage import SERVICE
from database.tables import usage as usage_table
from database.tables import users
from database.types import SecondsFromNow
from database.work import Work
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.quotas import Quotas, QuotaUse
from qserver.settings import QuotaSettings


class QuotaUses:
    """How much of the quotas is used."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def forget(self) -> None:
        """Have all numbers counted anew when they are next needed.

        For whoever begins to keep quotas: while none were set, or others, nobody counted what was submitted.
        """
        usage.forget(self._work)

    def uses(self, identity: Identity, settings: QuotaSettings) -> Sequence[QuotaUse]:
        """Give the caller's quotas and the service's, with what is used of them now. Admins have none of a user.

        A submission is bound by the role that it comes with, jobs that wait for a worker by the one that `users` has.
        """
        is_bound = identity.role is not Role.ADMIN
        running = settings.max_running_jobs_per_user if self._waits_bound(identity) else 0
        in_flight = counting.jobs_in_flight(self._work, identity.user_id) if running else None
        own = self._uses(settings.of_user, identity.user_id, is_bound=is_bound)
        of_running = QuotaUse("max_running_jobs_per_user", running or None, in_flight)
        return [*own, of_running, *self._uses(settings.of_service, SERVICE, is_bound=True)]

    def _waits_bound(self, identity: Identity) -> bool:
        """Tell whether the dispatcher limits this user: by the role in force, which a token in use may differ from."""
        if identity == ANONYMOUS:
            return False
        stored = self._work.execute(select(users.c.role).where(users.c.id == identity.user_id)).scalar()
        return stored != Role.ADMIN

    def _uses(self, quotas: Quotas, key: UUID, *, is_bound: bool) -> Iterator[QuotaUse]:
        owner_id = None if key == SERVICE else key
        counts: Mapping[str, Callable[[], float]] = {
            "pending_jobs": lambda: counting.open_jobs(self._work, owner_id),
            "submissions_per_minute": lambda: self._submissions(key),
            "stored_results": lambda: counting.stored_results(self._work, owner_id),
            "stored_result_bytes": lambda: counting.stored_bytes(self._work, owner_id),
            "job_seconds_per_day": lambda: counting.job_seconds(self._work, owner_id),
        }
        for field, count in counts.items():
            limit: float = getattr(quotas, field) if is_bound else 0
            yield QuotaUse(quotas.limit_name(field), limit or None, count() if limit else None)

    def _submissions(self, key: UUID) -> int:
        is_this_minute = usage_table.c.minute_at > SecondsFromNow(-usage.MINUTE_SECONDS)
        statement = select(usage_table.c.minute_submissions).where(usage_table.c.id == key, is_this_minute)
        return self._work.execute(statement).scalar() or 0
