"""Which of some new jobs the quotas let in, one after the other, so that the first ones fit and the others are refused.

A submission costs one statement while it passes no quota. Where a bound does, the true number is counted, within the
same lock, and believed for a while: the longer, the more there is to count. What can only be measured afterwards, time
and bytes, refuses new jobs once it is used up.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from database.jobs.quotas import counting
from database.jobs.quotas.usage import MINUTE_SECONDS, SERVICE, Usage, put, take
from database.records import NewJob
from database.work import Work
from qserver.errors import QuotaExceeded, ReachedLimit
from qserver.identity import Role
from qserver.quotas import Quotas
from qserver.settings import QuotaSettings

COUNTED_A_SECOND: Final = 20_000
"""A count is believed for a second for so many jobs that the quota allows."""

MEASURED_FOR: Final = timedelta(seconds=10)
_SOON_SECONDS: Final = 5
_LATER_SECONDS: Final = 60
"""When to try again, where it depends on jobs that end, or on results that are removed."""


@dataclass(slots=True)
class _Account:
    """A user, or the service, while jobs are let in: what there is with those that were."""

    whose: str
    quotas: Quotas
    usage: Usage
    now: datetime

    def refusal(self) -> QuotaExceeded | None:
        """Say why one more job is refused; None where it fits."""
        return next(_reached(self), None)

    def take_one(self) -> None:
        """Let one in."""
        self.usage = self.usage.plus(1)


def admit(work: Work, new_jobs: Sequence[NewJob], settings: QuotaSettings) -> Mapping[UUID, QuotaExceeded]:
    """Give why jobs are refused, by their ids. The others are counted as submitted: they must be stored."""
    wanted = asked(new_jobs, settings)
    if not wanted:
        return {}
    taken = take(work, wanted)
    quotas = {key: quotas_of(key, settings) for key in wanted}
    if all(_is_within(taken.usages[key], quotas[key], taken.now) for key in wanted):
        return {}
    names = {SERVICE: "all users together", **{new.identity.user_id: f"user {new.identity.name}" for new in new_jobs}}
    accounts = {
        key: _Account(
            names[key], quotas[key], _settled(work, taken.usages[key], wanted[key], quotas[key], taken.now), taken.now
        )
        for key in wanted
    }
    refused = dict(_refusals(new_jobs, accounts))
    put(work, [accounts[key].usage for key in sorted(accounts)])
    return refused


def asked(new_jobs: Sequence[NewJob], settings: QuotaSettings) -> Mapping[UUID, int]:
    """Count the jobs of each user whom quotas bind, and of the service."""
    jobs: Counter[UUID] = Counter()
    if settings.of_user.are_set:
        jobs.update(new.identity.user_id for new in new_jobs if new.identity.role is not Role.ADMIN)
    if settings.of_service.are_set and new_jobs:
        jobs[SERVICE] = len(new_jobs)
    return jobs


def quotas_of(key: UUID, settings: QuotaSettings) -> Quotas:
    """Give what binds a user, or the service."""
    return settings.of_service if key == SERVICE else settings.of_user


def _refusals(new_jobs: Sequence[NewJob], accounts: Mapping[UUID, _Account]) -> Iterator[tuple[UUID, QuotaExceeded]]:
    for new in new_jobs:
        keys = [SERVICE] if new.identity.role is Role.ADMIN else [new.identity.user_id, SERVICE]
        touched = [accounts[key] for key in keys if key in accounts]
        reached = next(filter(None, (account.refusal() for account in touched)), None)
        if reached is not None:
            yield new.id, reached
            continue
        for account in touched:
            account.take_one()


def _is_within(usage: Usage, quotas: Quotas, now: datetime) -> bool:
    """Tell whether all that was asked fits, without looking any further."""
    is_counted = all(
        not limit or used <= limit
        for used, limit in (
            (usage.pending_at_most, quotas.pending_jobs),
            (usage.stored_at_most, quotas.stored_results),
            (usage.minute_submissions, quotas.submissions_per_minute),
        )
    )
    return is_counted and (_is_measured(usage, quotas, now) and not _is_used_up(usage, quotas))


def _is_measured(usage: Usage, quotas: Quotas, now: datetime) -> bool:
    if not quotas.are_measured:
        return True
    return usage.measured_at is not None and now - usage.measured_at < MEASURED_FOR


def _is_used_up(usage: Usage, quotas: Quotas) -> bool:
    return bool(
        (quotas.job_seconds_per_day and usage.job_seconds >= quotas.job_seconds_per_day)
        or (quotas.stored_result_bytes and usage.stored_bytes >= quotas.stored_result_bytes)
    )


def _settled(work: Work, after: Usage, jobs: int, quotas: Quotas, now: datetime) -> Usage:
    """Give what there was before these jobs, counted and measured anew where that is due."""
    usage, owner_id = after.plus(-jobs), None if after.id == SERVICE else after.id
    if _is_due(after.pending_at_most, quotas.pending_jobs, usage.pending_counted_at, now):
        pending = counting.open_jobs(work, owner_id)
        usage = replace(usage, pending_at_most=pending, pending_counted_at=now)
    if _is_due(after.stored_at_most, quotas.stored_results, usage.stored_counted_at, now):
        # In this order: what ends between the two statements is counted twice, never not at all.
        stored = counting.open_jobs(work, owner_id) + counting.stored_results(work, owner_id)
        usage = replace(usage, stored_at_most=stored, stored_counted_at=now)
    return usage if _is_measured(usage, quotas, now) else _measured(work, usage, quotas, now)


def _measured(work: Work, usage: Usage, quotas: Quotas, now: datetime) -> Usage:
    owner_id = None if usage.id == SERVICE else usage.id
    seconds = counting.job_seconds(work, owner_id) if quotas.job_seconds_per_day else 0.0
    until = None
    if quotas.job_seconds_per_day and seconds >= quotas.job_seconds_per_day:
        ended_at = counting.end_of_excess(work, owner_id, excess_seconds=seconds - quotas.job_seconds_per_day)
        until = None if ended_at is None else ended_at + timedelta(seconds=counting.DAY_SECONDS)
    stored_bytes = counting.stored_bytes(work, owner_id) if quotas.stored_result_bytes else 0
    return replace(usage, job_seconds=seconds, job_seconds_until=until, stored_bytes=stored_bytes, measured_at=now)


def _is_due(at_most: int, limit: int, counted_at: datetime | None, now: datetime) -> bool:
    """Tell whether there may be more than the limit, and nobody has counted lately."""
    return bool(limit) and at_most > limit and _seconds_believed(limit, counted_at, now) <= 0


def _seconds_believed(limit: int, counted_at: datetime | None, now: datetime) -> float:
    """Give how long the last count is still believed."""
    if counted_at is None:
        return 0.0
    return limit // COUNTED_A_SECOND - (now - counted_at).total_seconds()


def _reached(account: _Account) -> Iterator[QuotaExceeded]:
    """Give the quotas that one more job would pass."""
    usage, quotas, now = account.usage, account.quotas, account.now
    pending_seconds = _seconds_believed(quotas.pending_jobs, usage.pending_counted_at, now)
    stored_seconds = _seconds_believed(quotas.stored_results, usage.stored_counted_at, now)
    minute_seconds = MINUTE_SECONDS - (now - usage.minute_at).total_seconds()
    until = usage.job_seconds_until
    day_seconds = _LATER_SECONDS if until is None else (until - now).total_seconds()
    for field, used, things, retry_seconds in (
        ("pending_jobs", usage.pending_at_most, "jobs that wait or run", max(_SOON_SECONDS, pending_seconds)),
        ("submissions_per_minute", usage.minute_submissions, "jobs submitted in this minute", minute_seconds),
        ("job_seconds_per_day", usage.job_seconds, "seconds of jobs run in a day", day_seconds),
        ("stored_results", usage.stored_at_most, "results stored or to come", max(_LATER_SECONDS, stored_seconds)),
        ("stored_result_bytes", usage.stored_bytes, "bytes of stored results", _LATER_SECONDS),
    ):
        limit: float = getattr(quotas, field)
        if limit and used >= limit:
            yield _exceeded(account, field, things, retry_seconds=retry_seconds)


def _exceeded(account: _Account, field: str, things: str, *, retry_seconds: float) -> QuotaExceeded:
    """Name the limit, its value and when to try again."""
    name, seconds = account.quotas.limit_name(field), max(1, math.ceil(retry_seconds))
    limit: float = getattr(account.quotas, field)
    return QuotaExceeded(
        f"{account.whose} may have {limit:,} {things}, and has that many (QSERVER_{name.upper()});"
        f" try again in {seconds:,} s",
        limit=ReachedLimit(name, limit, seconds),
    )
