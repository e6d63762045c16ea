"""How rows of new jobs get in: on PostgreSQL by one statement, which may ask the quotas too, else by four."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    RowMapping,
    Uuid,
    column,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.elements import KeyedColumnElement

from database.changes import ChangeKind
from database.jobs.contents import inserting_once, store_once
from database.jobs.new_rows import JOB_NAMES, SAME_IN_ALL, circuit_key, circuit_rows, event_row, job_row, pubs_of, who
from database.jobs.quotas import at_once
from database.jobs.recording import Rows
from database.postgres_feed import telling
from database.records import CircuitKey, NewJob
from database.tables import circuits, job_events, jobs, pubs
from database.types import Now
from database.work import Parameters, Work, as_arrays, given_rows
from qserver.jobs import JobStatus

_INSERT_JOBS: Final = jobs.insert().returning(jobs.c.id, jobs.c.pointer, jobs.c.submitted_at)
_INSERT_PUBS: Final = pubs.insert()
_INSERT_EVENTS: Final = job_events.insert()


class Stored(NamedTuple):
    """What the database added to a new job."""

    pointer: int
    submitted_at: datetime
    circuit_id: UUID


def store(work: Work, fresh: Sequence[NewJob], *, as_published: bool) -> Mapping[UUID, Stored]:
    """Store jobs; nobody is told."""
    if work.is_postgres and not any(new.pubs for new in fresh):
        statement = _storing_at_once(as_published=as_published, tells=False)
        return _stored(fresh, work.execute(statement, {**_given(fresh), **at_once.NOTHING_ASKED}).mappings().all())
    circuit_ids = store_once(work, circuits, circuit_rows(fresh))
    stamped = ("published_at",) if as_published else ()
    rows = work.insert_rows(_INSERT_JOBS, [{**job_row(new), **SAME_IN_ALL} for new in fresh], stamped=stamped)
    stored = _with_circuits(fresh, rows, circuit_ids)
    work.insert_rows(_INSERT_PUBS, [{**row, "circuit_id": circuit_ids[key]} for key, row in pubs_of(fresh)])
    moments = [stored[new.id].submitted_at for new in fresh]
    work.insert_rows(_INSERT_EVENTS, [event_row(new, at=at) for new, at in zip(fresh, moments, strict=True)])
    return stored


def store_at_once(
    work: Work, fresh: Sequence[NewJob], asking: Parameters, *, as_published: bool
) -> Mapping[UUID, Stored] | None:
    """Store jobs of one circuit if their owners' quotas leave room for all; None where they may not.

    `asking` is of `at_once.asking`. The dispatcher is told, unless they are stored `as_published`. For PostgreSQL.
    """
    statement = _storing_at_once(as_published=as_published, tells=not as_published)
    rows = work.execute_at_once(statement, {**_given(fresh), **asking})
    return _stored(fresh, rows) if rows else None


def _given(fresh: Sequence[NewJob]) -> Parameters:
    found = circuit_rows(fresh)
    places = {key: place for place, key in enumerate(found, start=1)}
    rows = [
        {**job_row(new), **pub, "circuit_place": places[key], **who(new)}
        for new, (key, pub) in zip(fresh, pubs_of(fresh), strict=True)
    ]
    return {
        **as_arrays("circuit", _names(_CIRCUIT), list(found.values())),
        **as_arrays("job", _names(_NEW), rows),
    }


def _names(columns: Iterable[KeyedColumnElement[object]]) -> Sequence[str]:
    return [each.key for each in columns]


_CIRCUIT: Final = [circuits.c[name] for name in ("id", "owner_id", "sha256", "format", "source", "qpy", "profile")]
_JOB: Final = [jobs.c[name] for name in JOB_NAMES]
_NEW: Final = [*_JOB, pubs.c.inputs, column("circuit_place", Integer()), job_events.c.actor, job_events.c.address]


@cache
def _storing_at_once(*, as_published: bool, tells: bool) -> CompoundSelect[Rows]:
    """Store everything, and select jobs, then circuits: what the database added, and which of them each is."""
    held = at_once.held()
    fits = select(at_once.select_fits(held).cte("fits")).scalar_subquery()
    new = select(*given_rows("job", _NEW).c).where(fits).cte("new")
    stored_circuits = _storing_circuits(fits)
    stored_jobs = _storing_jobs(new, as_published=as_published)
    of_jobs = select(*stored_jobs.c, null().label("owner_id"), null().label("sha256"))
    if tells:
        told = select(telling(ChangeKind.WORK).label("told")).where(fits).cte("told")
        of_jobs = of_jobs.where(select(func.count()).select_from(told).scalar_subquery() >= 0)
    of_circuits = select(stored_circuits.c.id, null(), null(), stored_circuits.c.owner_id, stored_circuits.c.sha256)
    taken = at_once.taking(held, fits).cte("taken")
    others = (_storing_pubs(new, stored_circuits), _storing_events(new), taken)
    return union_all(of_jobs, of_circuits).add_cte(*others)


def _storing_circuits(fits: ColumnElement[bool]) -> CTE:
    rows = select(*given_rows("circuit", _CIRCUIT).c).where(fits)
    return inserting_once(postgresql.insert, circuits).from_select(_names(_CIRCUIT), rows).cte("stored_circuits")


def _storing_jobs(new: CTE, *, as_published: bool) -> CTE:
    same = {name: literal(value) for name, value in SAME_IN_ALL.items()}
    stamped = {"published_at": Now()} if as_published else {}
    rows = select(*(new.c[each.key] for each in _JOB), *same.values(), *stamped.values())
    return _INSERT_JOBS.from_select([*_names(_JOB), *same, *stamped], rows).cte("stored_jobs")


def _storing_pubs(new: CTE, stored_circuits: CTE) -> CTE:
    stored = stored_circuits.c
    ids = func.array_agg(postgresql.aggregate_order_by(stored.id, stored.owner_id, stored.sha256))
    # By its place, as they were given in this order: a join might compare each with each.
    circuit_id = type_coerce(select(ids).scalar_subquery(), postgresql.ARRAY(Uuid()))[new.c.circuit_place]
    rows = select(new.c.id, literal(0), new.c.inputs, circuit_id)
    return _INSERT_PUBS.from_select(["job_id", "pub_index", "inputs", "circuit_id"], rows).cte("stored_pubs")


def _storing_events(new: CTE) -> CTE:
    rows = select(new.c.id, literal(1), literal(JobStatus.PENDING), new.c.actor, new.c.address)
    return _INSERT_EVENTS.from_select(["job_id", "sequence", "status", "actor", "address"], rows).cte("stored_events")


def _stored(fresh: Sequence[NewJob], rows: Sequence[RowMapping]) -> Mapping[UUID, Stored]:
    circuit_ids = {(row["owner_id"], bytes(row["sha256"])): row["id"] for row in rows if row["pointer"] is None}
    return _with_circuits(fresh, [row for row in rows if row["pointer"] is not None], circuit_ids)


def _with_circuits(
    fresh: Sequence[NewJob], rows: Sequence[RowMapping], circuit_ids: Mapping[CircuitKey, UUID]
) -> Mapping[UUID, Stored]:
    found = {row["id"]: row for row in rows}
    return {
        new.id: Stored(found[new.id]["pointer"], found[new.id]["submitted_at"], circuit_ids[circuit_key(new)])
        for new in fresh
    }
