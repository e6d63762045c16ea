"""What the dispatcher does to jobs: it picks who runs next, and takes back what was published in vain.

A job that needs more memory than any live worker has is set aside when a pick meets it: it leaves the index, so that no
later pick reads it again, and comes back once a worker has that much.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Insert, Select, String, and_, bindparam, exists, func, or_, select, true, update
from sqlalchemy.sql.dml import ReturningUpdate

from database.changes import ChangeKind
from database.dispatch_records import Picked, RouteLoad
from database.durability import NOT_WAITED_FOR
from database.jobs.guards import IS_PUBLISHED, IS_SET_ASIDE, IS_WAITING, STILL_PENDING, STILL_WAITING, locked
from database.next_jobs import BATCH, candidates, too_large
from database.running_quota import RunningQuota, read_running_quota
from database.tables import dispatch_turns, jobs, workers
from database.types import Now, SecondsFromNow
from database.work import BeginInsert, Parameters, Work, is_given
from qserver.plugins import GPU_ROUTE

_OTHER_WAYS: Final = (
    "enable_sort",
    "enable_incremental_sort",
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_mergejoin",
)
"""PostgreSQL's ways to give rows in order, or to join them, that read all that waits.

Its figures are of the last time that autovacuum came by. Where hardly a job waited then, it takes reading and sorting
all of them for cheaper than looking the wanted ones up, and a minute may pass until it knows better.
"""

_IN_THIS_TRANSACTION: Final = true()
_BEGIN_PICK: Final = select(
    func.pg_advisory_xact_lock(func.hashtext(bindparam("turn"))),
    *[func.set_config(way, "off", _IN_THIS_TRANSACTION) for way in _OTHER_WAYS],
    NOT_WAITED_FOR,
)
"""Wait for other picks of the route, and have every statement up to the commit find its rows by an index.

The commit isn't waited for: a mark that is lost has its job published again.
"""

_PUBLISHED: Final = (
    select(jobs.c.route, func.count().label("number"), func.sum(jobs.c.estimated_seconds).label("seconds"))
    .where(IS_PUBLISHED)
    .group_by(jobs.c.route)
)
_OF_ROUTE: Final = jobs.c.route == bindparam("route", type_=String())
_MAY_COME_BACK: Final = and_(
    IS_SET_ASIDE, _OF_ROUTE, jobs.c.memory_bytes <= bindparam("memory_bytes", type_=BigInteger())
)
_HAS_WAITING: Final = select(or_(exists().where(IS_WAITING, _OF_ROUTE), exists().where(_MAY_COME_BACK)))

_SET_ASIDE_IN_VAIN: Final = select(jobs.c.pointer).where(_MAY_COME_BACK).order_by(jobs.c.memory_bytes).limit(BATCH)
_LAST_TURN: Final = select(func.coalesce(func.max(dispatch_turns.c.last_turn), 0)).where(
    dispatch_turns.c.route == bindparam("route", type_=String())
)

_SET_ASIDE_OF_EACH: Final = 256
"""Jobs of each owner that are looked at to set some aside."""

_ROUNDS: Final = 10
"""Batches set aside by one pick, at most: it must end well within its time-out, and the next one goes on."""


_NOTHING_PICKED: Final = Picked((), has_used_up=False)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A waiting job, in the order of picking."""

    pointer: int
    owner_id: UUID
    seconds: float
    memory_bytes: int


class Dispatch:
    """The dispatcher's view of the jobs."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def loads(self, *, live_within_seconds: float) -> Sequence[RouteLoad]:
        """Give each route that a live worker serves or that has published work, by name.

        A worker counts as live while it was heard of within `live_within_seconds` and is not draining.
        """
        live = self._live_workers(live_within_seconds)
        published = {row["route"]: row for row in self._work.execute(_PUBLISHED).mappings()}
        return [
            RouteLoad(
                route=route,
                published_jobs=published[route]["number"] if route in published else 0,
                published_seconds=published[route]["seconds"] if route in published else 0.0,
                live_workers=len(live.get(route, ())),
                largest_memory_bytes=max(live.get(route, ()), default=0),
                has_waiting_jobs=route in live and self._has_waiting(route, max(live[route])),
            )
            for route in sorted(published.keys() | live.keys())
        ]

    def _has_waiting(self, route: str, memory_bytes: int) -> bool:
        found: bool = self._work.execute(_HAS_WAITING, {"route": route, "memory_bytes": memory_bytes}).scalar_one()
        return found

    def _live_workers(self, live_within_seconds: float) -> Mapping[str, Sequence[int]]:
        """Give for each route what its live workers have of the memory that counts there."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for row in self._work.execute(_live_workers(-live_within_seconds)).mappings():
            for route in row["routes"]:
                found[route].append(row["gpu_memory_bytes" if route == GPU_ROUTE else "memory_bytes"])
        return found

    def pick(
        self,
        route: str,
        *,
        limit_jobs: int,
        limit_seconds: float,
        memory_bytes: int,
        at_least: int = 1,
        most_per_owner: int = 0,
    ) -> Picked:
        """Choose waiting jobs of a route and mark them as published.

        Jobs that need more than `memory_bytes` are set aside until a pick has more for them: no worker could claim them
        now, and published they would take up the room of those behind them.
        Takes jobs until there are `limit_jobs` of them or, of `at_least` or more, the estimated work reaches
        `limit_seconds`. Owners who were cut off come first the next time. Picks of one route wait for each other.

        Of each owner but administrators at most `most_per_owner` jobs are with workers, on all routes; 0 is any number.
        Picks of all routes wait for each other then.
        """
        if limit_jobs < 1:
            return _NOTHING_PICKED
        if self._work.is_postgres:
            turn = "qserver.pick" if most_per_owner else f"qserver.pick.{route}"
            self._work.execute(_BEGIN_PICK, {"turn": turn})
        if self._bring_back(route, memory_bytes) == BATCH:
            self._work.announce(ChangeKind.WORK)  # none is picked before all that come first are in line again
            return _NOTHING_PICKED
        quota = read_running_quota(self._work, most_per_owner) if most_per_owner else None
        fitting = self._allowed(self._fitting(route, limit_jobs, memory_bytes, quota), quota)
        picked = _within(fitting, limit_seconds, at_least=at_least)
        if not picked:
            return _NOTHING_PICKED
        self._remember_turns(route, picked)
        pointers = [candidate.pointer for candidate in picked]
        ids = self._put(pointers, "published_at", is_now=True)
        has_used_up = len(picked) == limit_jobs or len(picked) < len(fitting)
        return Picked(tuple(ids[pointer] for pointer in pointers if pointer in ids), has_used_up=has_used_up)

    def _bring_back(self, route: str, memory_bytes: int) -> int:
        """Put jobs in line again that a live worker can hold now; give how many were found."""
        parameters: Parameters = {"route": route, "memory_bytes": memory_bytes}
        found = self._work.execute(_SET_ASIDE_IN_VAIN, parameters).mappings().all()
        if found:
            self._put([row["pointer"] for row in found], "set_aside_at", is_now=False)
        return len(found)

    def _allowed(self, found: Sequence[_Candidate], quota: RunningQuota | None) -> Sequence[_Candidate]:
        """Leave out what would be too much of one owner."""
        if quota is None:
            return found
        fits = quota.fitting([candidate.owner_id for candidate in found])
        if not all(fits):  # others may wait behind, and the room is not used up
            self._work.announce(ChangeKind.WORK)
        return list(compress(found, fits))

    def _fitting(
        self, route: str, limit_jobs: int, memory_bytes: int, quota: RunningQuota | None
    ) -> Sequence[_Candidate]:
        """Find the next jobs; set those aside that are too large, and look again."""
        for _ in range(_ROUNDS):
            found = self._find(route, limit_jobs, quota)
            fitting = [candidate for candidate in found if candidate.memory_bytes <= memory_bytes]
            if len(fitting) == len(found):
                return fitting
            self._set_aside(route, memory_bytes)
        self._work.announce(ChangeKind.WORK)
        return fitting

    def _find(self, route: str, limit_jobs: int, quota: RunningQuota | None) -> Sequence[_Candidate]:
        statement = candidates(lateral=self._work.is_postgres, without_full_owners=quota is not None)
        parameters: Parameters = {"route": route, "limit": limit_jobs}
        if quota is not None:
            parameters["full_owners"] = self._work.given(quota.full_owners)
        rows = self._work.execute(statement, parameters).mappings()
        return [
            _Candidate(row["pointer"], row["owner_id"], row["estimated_seconds"], row["memory_bytes"]) for row in rows
        ]

    def _set_aside(self, route: str, memory_bytes: int) -> None:
        statement = too_large(lateral=self._work.is_postgres)
        parameters: Parameters = {"route": route, "limit": _SET_ASIDE_OF_EACH, "memory_bytes": memory_bytes}
        found = self._work.execute(statement, parameters).mappings().all()
        self._put([row["pointer"] for row in found], "set_aside_at", is_now=True)

    def _put(self, pointers: Sequence[int], column: str, *, is_now: bool) -> Mapping[int, UUID]:
        """Set or clear a moment of waiting jobs; give the ids of those that were changed, by pointer.

        Left out is what was canceled a moment ago.
        """
        statement = _putting(column, is_now=is_now, is_postgres=self._work.is_postgres)
        rows = self._work.execute(statement, {"pointers": self._work.given(pointers)}).mappings()
        return {row["pointer"]: row["id"] for row in rows}

    def _remember_turns(self, route: str, picked: Sequence[_Candidate]) -> None:
        """Give the owners new numbers, in the order of their last picked jobs."""
        last_turn: int = self._work.execute(_LAST_TURN, {"route": route}).scalar_one()
        turns = {candidate.owner_id: last_turn + place for place, candidate in enumerate(picked, start=1)}
        self._work.insert_rows(
            _insert_turns(self._work.insert),
            [{"route": route, "owner_id": owner_id, "last_turn": turns[owner_id]} for owner_id in sorted(turns)],
        )

    def unpublish(self, route: str | None = None, *, older_than_seconds: float = 0.0, but_newest: int = 0) -> int:
        """Make published jobs that nobody claimed wait again, to be published again; give their number.

        The `but_newest` that were published last are left alone, however old.
        """
        published = [IS_PUBLISHED]
        if route is not None:
            published.append(jobs.c.route == route)
        guards = [*published, jobs.c.published_at <= SecondsFromNow(-older_than_seconds)]
        if but_newest:
            newest = (
                select(jobs.c.pointer).where(*published).order_by(jobs.c.published_at.desc(), jobs.c.pointer.desc())
            )
            guards.append(jobs.c.pointer.not_in(newest.limit(but_newest)))
        statement = update(jobs).where(jobs.c.pointer.in_(locked(*guards))).values(published_at=None)
        number = self._work.execute(statement).rowcount
        if number:
            self._work.announce(ChangeKind.WORK)
        return number


@cache
def _putting(column: str, *, is_now: bool, is_postgres: bool) -> ReturningUpdate[int, UUID]:
    guard = STILL_WAITING if is_now else STILL_PENDING
    meant = locked(is_given(jobs.c.pointer, "pointers", is_postgres=is_postgres), guard)
    moment = Now() if is_now else None
    return update(jobs).where(jobs.c.pointer.in_(meant)).values({column: moment}).returning(jobs.c.pointer, jobs.c.id)


@cache
def _live_workers(since_seconds: float) -> Select[Sequence[str], int, int]:
    return select(workers.c.routes, workers.c.memory_bytes, workers.c.gpu_memory_bytes).where(
        workers.c.heartbeat_at > SecondsFromNow(since_seconds), workers.c.is_draining.is_(False)
    )


@cache
def _insert_turns(begin: BeginInsert) -> Insert:
    insert = begin(dispatch_turns)
    return insert.on_conflict_do_update(
        index_elements=["route", "owner_id"], set_={"last_turn": insert.excluded.last_turn}
    )


def _within(found: Sequence[_Candidate], limit_seconds: float, *, at_least: int) -> Sequence[_Candidate]:
    seconds = 0.0
    for number, candidate in enumerate(found):
        if number >= at_least and seconds >= limit_seconds:
            return found[:number]
        seconds += candidate.seconds
    return found
