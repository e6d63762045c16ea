"""How long things are kept: each method removes one kind of thing, oldest first.

`keep_days` and `keep_count` are two limits, and what passes either of them goes; 0 means no limit. One call removes at
most `limit` rows, so that no transaction grows long: call again, each time in a new transaction, while it removes some
and `may_be_more`. Until the count is 0 could be for ever, where things become old as fast as they are removed. With
`dry_run` nothing is removed, and all that such calls would remove is counted. Safe to repeat and beside itself: rows
that another pass is just removing are left to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Exists,
    Select,
    Table,
    and_,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from database.people_records import ADMIN, FIRST_KEY
from database.records import Removal
from database.tables import (
    api_keys,
    audit,
    circuits,
    history,
    job_events,
    job_noise_models,
    jobs,
    noise_models,
    pubs,
    results,
    submissions,
    users,
    workers,
)
from database.types import Now, SecondsFromNow
from database.work import Work

BATCH: Final = 1000
_SECONDS_A_DAY: Final = 86_400.0
_LOOKS: Final = 10
"""Batches of circuits that one call looks at, at most, to find one that is not needed."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept of a kind of thing, by age and by number."""

    days: float = 0
    count: int = 0


FOREVER: Final = Keeping()


@dataclass(frozen=True, slots=True)
class _Kept:
    """How much of a table is kept: by age and by number, both counted from this moment of a row."""

    moment: Column[object]
    days: float
    count: int = 0


class Retention:
    """What is removed, and when. Waiting and running jobs and what they need are never touched."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def remove_old_results(
        self, *, keep_days: float, keep_count: int = 0, dry_run: bool = False, limit: int = BATCH
    ) -> Removal:
        """Remove results. Their jobs stay, as finished ones without a result."""
        kept = _Kept(results.c.created_at, keep_days, keep_count)
        return self._apply("results", results.c.id, kept, dry_run=dry_run, limit=limit)

    def remove_old_jobs(
        self, *, keep_days: float, keep_count: int = 0, dry_run: bool = False, limit: int = BATCH
    ) -> Removal:
        """Remove jobs that are over, with their results and events. History remembers them."""
        kept = _Kept(jobs.c.finished_at, keep_days, keep_count)
        return self._apply("jobs", jobs.c.id, kept, dry_run=dry_run, limit=limit)

    def remove_old_history(
        self, *, keep_days: float, keep_count: int = 0, dry_run: bool = False, limit: int = BATCH
    ) -> Removal:
        """Remove history rows, and with them what is known of their request_ids."""
        kept = _Kept(history.c.finished_at, keep_days, keep_count)
        if dry_run:
            return Removal("history", self._number_past(kept, limit=None))
        number = self._number_past(kept, limit=limit)
        job_ids = self._remove_oldest(history.c.job_id, kept, number)
        self._remove_submissions(job_ids)
        return Removal("history", len(job_ids), may_be_more=number == limit)

    def _remove_submissions(self, job_ids: Sequence[UUID]) -> None:
        meant = self._work.among(submissions.c.job_id, job_ids)
        if job_ids and self._work.is_postgres:
            # In the order in which submissions take them: of two that wait for each other, one would be refused.
            order = (submissions.c.owner_id, submissions.c.request_id.collate("C"))
            self._work.execute(select(submissions.c.job_id).where(meant).order_by(*order).with_for_update())
        self._work.execute(delete(submissions).where(meant))

    def remove_lost_workers(self, *, keep_days: float, dry_run: bool = False, limit: int = BATCH) -> Removal:
        """Forget workers that have not been heard of for long."""
        kept = _Kept(workers.c.heartbeat_at, keep_days)
        return self._apply("workers", workers.c.id, kept, dry_run=dry_run, limit=limit)

    def remove_old_audit(self, *, keep_days: float, dry_run: bool = False, limit: int = BATCH) -> Removal:
        """Remove the oldest part of the audit trail."""
        past_age = select(audit.c.id).where(_is_older(audit.c.at, keep_days))
        if dry_run:
            return Removal(
                "audit", self._work.execute(select(func.count()).select_from(past_age.subquery())).scalar_one()
            )
        oldest = past_age.order_by(audit.c.at).limit(limit).with_for_update(skip_locked=True)
        removed = self._work.execute(delete(audit).where(audit.c.id.in_(oldest))).rowcount
        return Removal("audit", removed, may_be_more=removed == limit)

    def remove_worthless_keys(self, *, keep_days: float, dry_run: bool = False, limit: int = BATCH) -> Removal:
        """Remove keys that were revoked or have expired. The audit trail remembers who made and revoked them.

        Those that came from QSERVER_ADMIN_KEY stay: one that was revoked may still stand in .env, and would be taken
        for a new one at the next start.
        """
        is_worthless = or_(_is_older(api_keys.c.revoked_at, keep_days), _is_older(api_keys.c.expires_at, keep_days))
        is_first = and_(
            api_keys.c.name == FIRST_KEY, api_keys.c.owner_id.in_(select(users.c.id).where(users.c.name == ADMIN))
        )
        worthless = select(api_keys.c.id).where(is_worthless, ~is_first)
        if dry_run:
            counted = select(func.count()).select_from(worthless.subquery())
            return Removal("keys", self._work.execute(counted).scalar_one())
        oldest = worthless.order_by(api_keys.c.created_at).limit(limit).with_for_update(skip_locked=True)
        removed = self._work.execute(delete(api_keys).where(api_keys.c.id.in_(oldest))).rowcount
        return Removal("keys", removed, may_be_more=removed == limit)

    def remove_old_events(self, *, keep_days: float, dry_run: bool = False, limit: int = BATCH) -> Removal:
        """Remove the events of jobs that are over, all of a job's at once; the limit counts jobs."""
        ended = select(jobs.c.id).where(
            jobs.c.finished_at.is_not(None),
            _is_older(jobs.c.finished_at, keep_days),
            exists().where(job_events.c.job_id == jobs.c.id),
        )
        if dry_run:
            counted = select(func.count()).select_from(job_events).where(job_events.c.job_id.in_(ended))
            return Removal("events", self._work.execute(counted).scalar_one())
        oldest = ended.order_by(jobs.c.finished_at).limit(limit).with_for_update(skip_locked=True)
        removed = self._work.execute(delete(job_events).where(job_events.c.job_id.in_(oldest))).rowcount
        return Removal("events", removed, may_be_more=removed >= limit)  # of each job one at least

    def remove_unused_circuits(self, *, keep_days: float, limit: int = BATCH) -> Removal:
        """Remove circuits that no job and no history row needs, some time after they were last submitted or needed.

        What is needed is not looked at again before that time has passed once more: history keeps most circuits for
        long, and a pass that read all of them would take longer with each that comes.
        """
        return self._remove_unused(circuits, _is_unused(exists(), exists()), keep_days, limit)

    def remove_unused_noise_models(self, *, keep_days: float, limit: int = BATCH) -> Removal:
        """Remove noise models that no job names, as `remove_unused_circuits` does circuits. History needs none."""
        return self._remove_unused(noise_models, _is_unnamed(exists()), keep_days, limit)

    def _remove_unused(self, table: Table, is_unused: ColumnElement[bool], keep_days: float, limit: int) -> Removal:
        old = select(table.c.id).where(_is_older(table.c.used_at, keep_days))
        # A submission that is just using one again holds its lock: such a row is not unused for long.
        oldest = old.order_by(table.c.used_at).limit(limit).with_for_update(skip_locked=True)
        removed = 0
        for _ in range(_LOOKS):
            found = self._work.execute(oldest).scalars().all()
            removed += self._remove_of(table, is_unused, found)
            if removed or len(found) < limit:
                break
        return Removal(table.name, removed, may_be_more=len(found) == limit)

    def _remove_of(self, table: Table, is_unused: ColumnElement[bool], ids: Sequence[UUID]) -> int:
        """Remove those that nothing needs; note of the others that they are needed now."""
        meant = self._work.among(table.c.id, ids)
        removed = self._work.execute(delete(table).where(meant, is_unused)).rowcount
        self._work.execute(update(table).where(meant).values(used_at=Now()))
        return removed

    def count_unused_circuits(
        self, *, keep_days: float, keep_jobs: Keeping = FOREVER, keep_history: Keeping = FOREVER
    ) -> Removal:
        """Count what `remove_unused_circuits` would remove once jobs and history past these limits are gone."""
        going_jobs = self._going(jobs.c.id, _Kept(jobs.c.finished_at, keep_jobs.days, keep_jobs.count))
        going_history = self._going(
            history.c.job_id, _Kept(history.c.finished_at, keep_history.days, keep_history.count)
        )
        is_unused = _is_unused(
            exists().where(pubs.c.job_id.not_in(going_jobs)),
            exists().where(history.c.job_id.not_in(going_history)),
        )
        counted = select(func.count()).where(_is_older(circuits.c.used_at, keep_days), is_unused)
        return Removal("circuits", self._work.execute(counted).scalar_one())

    def count_unused_noise_models(self, *, keep_days: float, keep_jobs: Keeping = FOREVER) -> Removal:
        """Count what `remove_unused_noise_models` would remove once jobs past this limit are gone."""
        going_jobs = self._going(jobs.c.id, _Kept(jobs.c.finished_at, keep_jobs.days, keep_jobs.count))
        is_unnamed = _is_unnamed(exists().where(job_noise_models.c.job_id.not_in(going_jobs)))
        counted = select(func.count()).where(_is_older(noise_models.c.used_at, keep_days), is_unnamed)
        return Removal("noise_models", self._work.execute(counted).scalar_one())

    def _going(self, key: Column[UUID], kept: _Kept) -> Select[UUID]:
        return _oldest(key, kept, self._number_past(kept, limit=None))

    def _apply(self, kind: str, key: Column[UUID], kept: _Kept, *, dry_run: bool, limit: int) -> Removal:
        if dry_run:
            return Removal(kind, self._number_past(kept, limit=None))
        number = self._number_past(kept, limit=limit)
        return Removal(kind, len(self._remove_oldest(key, kept, number)), may_be_more=number == limit)

    def _number_past(self, kept: _Kept, *, limit: int | None) -> int:
        """Count rows past either limit, up to `limit`. Both count from the oldest, so the larger number is of both."""
        past_age = select(kept.moment).where(_is_older(kept.moment, kept.days)).limit(limit).subquery()
        number: int = self._work.execute(select(func.count()).select_from(past_age)).scalar_one()
        if kept.count:
            there = select(func.count()).where(kept.moment.is_not(None))  # in words that its index serves
            present: int = self._work.execute(there).scalar_one()
            number = max(number, present - kept.count)
        return number if limit is None else min(number, limit)

    def _remove_oldest(self, key: Column[UUID], kept: _Kept, number: int) -> Sequence[UUID]:
        """Remove that many rows; give the keys of those that nobody else was removing."""
        if number == 0:
            return ()
        oldest = _oldest(key, kept, number).with_for_update(skip_locked=True)
        return self._work.execute(delete(key.table).where(key.in_(oldest)).returning(key)).scalars().all()


def _oldest(key: Column[UUID], kept: _Kept, number: int) -> Select[UUID]:
    return select(key).where(kept.moment.is_not(None)).order_by(kept.moment, key).limit(number)


def _is_unused(needing_jobs: Exists, needing_history: Exists) -> ColumnElement[bool]:
    """Test of a circuit that none of these PUBs and none of these history rows needs it."""
    return and_(
        ~needing_jobs.where(pubs.c.circuit_id == circuits.c.id),
        ~needing_history.where(history.c.circuit_id == circuits.c.id),
    )


def _is_unnamed(naming_jobs: Exists) -> ColumnElement[bool]:
    """Test of a noise model that none of these jobs names it."""
    return ~naming_jobs.where(job_noise_models.c.noise_model_id == noise_models.c.id)


def _is_older(moment: Column[object], days: float) -> ColumnElement[bool]:
    return moment <= SecondsFromNow(-days * _SECONDS_A_DAY) if days else false()
