"""How jobs are read: one, a page, with source and results, their events, their number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, union_all

from database.circuits import sources
from database.job_results import no_job
from database.jobs.guards import IS_PENDING, IS_RUNNING, Guard
from database.jobs.rows import (
    EVENT_COLUMNS,
    HISTORY_COLUMNS,
    event_from,
    job_from,
    named_pubs,
    select_jobs,
    select_named,
    visible_to,
)
from database.owners import id_of_owner, owner_names
from database.records import JobDetail
from database.result_summaries import summaries_of
from database.tables import history, job_events, jobs
from database.work import Work, status_is
from qserver.identity import Identity
from qserver.jobs import Job, JobEvent, JobStatus


@dataclass(frozen=True, slots=True)
class Page:
    """Which jobs of a list are wanted. `before_pointer` leaves out newer ones; no statuses and no owner mean all."""

    limit: int
    offset: int = 0
    newest_first: bool = False
    before_pointer: int | None = None
    statuses: frozenset[JobStatus] = frozenset()
    owner: str | None = None


def get(work: Work, job_id: UUID, identity: Identity) -> Job:
    """Give a job. Raises NotFound."""
    row = work.execute(_visible(select_jobs().where(jobs.c.id == job_id), identity)).mappings().first()
    if row is None:
        raise no_job(job_id)
    return job_from(row)


def several(work: Work, job_ids: Sequence[UUID], identity: Identity) -> Sequence[Job]:
    """Give those of the jobs that the caller sees, in the order of submission."""
    statement = _visible(_named(is_postgres=work.is_postgres), identity).order_by(jobs.c.pointer)
    return [job_from(row) for row in work.execute(statement, {"job_ids": work.given(job_ids)}).mappings()]


def list_page(work: Work, identity: Identity, page: Page) -> Sequence[Job]:
    """Give a page of jobs."""
    # Their keys first: what is skipped is then skipped in an index, and no row of it is read.
    meant = _of_page(select(jobs.c.pointer), identity, page).offset(page.offset)
    statement = select_jobs().where(jobs.c.pointer.in_(meant)).order_by(_order(page))
    return [job_from(row) for row in work.execute(statement).mappings()]


def _of_page(statement: Select[tuple[object, ...]], identity: Identity, page: Page) -> Select[tuple[object, ...]]:
    """Have a statement select the jobs of a page, but for what is to be skipped."""
    if page.before_pointer is not None:
        statement = statement.where(jobs.c.pointer < page.before_pointer)
    if page.statuses:
        statement = statement.where(status_is(jobs.c.status, *sorted(page.statuses)))
    if page.owner is not None:
        statement = statement.where(jobs.c.owner_id == id_of_owner(page.owner))
    return _visible(statement, identity).order_by(_order(page)).limit(page.limit)


def _order(page: Page) -> ColumnElement[int]:
    return jobs.c.pointer.desc() if page.newest_first else jobs.c.pointer.asc()


def with_details(work: Work, found: Sequence[Job], identity: Identity) -> Sequence[JobDetail]:
    """Add sources, results and owners: three statements at most however many jobs."""
    circuits = sources(work, {job.circuit_id for job in found})
    ended = [job.id for job in found if job.status is JobStatus.FINISHED]
    results = summaries_of(work, ended)
    owners = owner_names(work, {job.owner_id for job in found}, identity)
    return [
        JobDetail(job, owners[job.owner_id], *circuits[job.circuit_id], results.get(job.id))
        for job in found
        if job.circuit_id in circuits  # its job may have been deleted since it was read, and then the circuit
    ]


def jobs_or_history(work: Work, job_ids: Sequence[UUID]) -> Mapping[UUID, Job]:
    """Find jobs by id, deleted ones as history remembers them."""
    if not job_ids:
        return {}
    rows = work.execute(_named(is_postgres=work.is_postgres), {"job_ids": work.given(job_ids)}).mappings()
    found = {row["id"]: job_from(row) for row in rows}
    missing = [job_id for job_id in job_ids if job_id not in found]
    if missing:
        rows = work.execute(select(*HISTORY_COLUMNS).where(work.among(history.c.job_id, missing))).mappings()
        found.update((row["id"], job_from(row)) for row in rows)
    return found


@cache
def _named(*, is_postgres: bool) -> Select[tuple[object, ...]]:
    return select_named(named_pubs(is_postgres=is_postgres))


def events(work: Work, job_id: UUID, identity: Identity, *, after_sequence: int) -> Sequence[JobEvent]:
    """Give a job's events in order. Raises NotFound."""
    statement = (
        _visible(select(*EVENT_COLUMNS).join(jobs, jobs.c.id == job_events.c.job_id), identity)
        .where(job_events.c.job_id == job_id, job_events.c.sequence > after_sequence)
        .order_by(job_events.c.sequence)
    )
    found = [event_from(row) for row in work.execute(statement).mappings()]
    if not found:
        get(work, job_id, identity)
    return found


def followed_events(work: Work, job_id: UUID, identity: Identity, *, after_sequence: int) -> Sequence[JobEvent]:
    """Give a job's events in order; where those of an ended job are no longer kept, its last. Raises NotFound."""
    found = events(work, job_id, identity, after_sequence=after_sequence)
    if found:
        return found
    job = get(work, job_id, identity)
    if not job.status.is_final or job.event_sequence <= after_sequence:
        return ()
    # On Postgres it may have ended between the two statements: then its events are there now.
    return events(work, job_id, identity, after_sequence=after_sequence) or _last_event(job)


def _last_event(job: Job) -> Sequence[JobEvent]:
    if job.finished_at is None:
        return ()
    return (JobEvent(job.id, job.event_sequence, job.status, job.finished_at, job.reason, job.message),)


def count_by_status(work: Work, identity: Identity | None) -> Mapping[JobStatus, int]:
    """Count jobs, all statuses named."""
    parts = (IS_PENDING, IS_RUNNING, jobs.c.finished_at.is_not(None))
    counted = {row["status"]: row["number"] for row in _counted(work, parts, "status", identity=identity)}
    return {status: counted.get(status, 0) for status in JobStatus}


def count_by_route(work: Work) -> Mapping[tuple[str, JobStatus], int]:
    """Count the jobs that wait or run, by route and status; only what there is."""
    rows = _counted(work, (IS_PENDING, IS_RUNNING), "route", "status")
    return {(row["route"], JobStatus(row["status"])): row["number"] for row in rows}


def _counted(work: Work, parts: Iterable[Guard], *names: str, identity: Identity | None = None) -> Sequence[RowMapping]:
    """Count each part of the jobs by some columns. Each has its index; none serves two of them together."""
    columns = [jobs.c[name] for name in names]
    each = (select(*columns, func.count().label("number")).where(part).group_by(*columns) for part in parts)
    statements = each if identity is None else (_visible(statement, identity) for statement in each)
    return work.execute(union_all(*statements)).mappings().all()


def _visible(statement: Select[tuple[object, ...]], identity: Identity) -> Select[tuple[object, ...]]:
    condition = visible_to(identity)
    return statement if condition is None else statement.where(condition)
