"""How jobs get in: once a request_id, each circuit stored once, in a few multi-row statements however many they are."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Insert, delete, select

from database.changes import ChangeKind
from database.documents import content_hash
from database.jobs import cached
from database.jobs.noise_models import store_noise_models
from database.jobs.pubs import pubs_content, values_rows
from database.jobs.quotas import at_once
from database.jobs.quotas.admission import admit
from database.jobs.reading import jobs_or_history
from database.jobs.storing import Stored, store, store_at_once
from database.records import NamedSubmission, NewJob
from database.tables import pub_values, submissions
from database.work import BeginInsert, Parameters, Work
from qserver.errors import AlreadyExists, QuotaExceeded, Unavailable
from qserver.jobs import Job, JobStatus
from qserver.settings import QuotaSettings

_INSERT_VALUES: Final = pub_values.insert()

Answer: TypeAlias = Job | AlreadyExists | QuotaExceeded
_RequestKey: TypeAlias = tuple[UUID, str]


class _Submitted(NamedTuple):
    """What a request_id stands for."""

    job_id: UUID
    content_sha256: bytes


def submit(
    work: Work, new_jobs: Sequence[NewJob], quotas: QuotaSettings | None, *, as_published: bool
) -> Sequence[Answer]:
    """Store the jobs that are new and within the quotas, and answer for all, in order."""
    if work.is_postgres and (plain := _submit_at_once(work, new_jobs, quotas, as_published=as_published)):
        return plain
    submitted = _take_request_ids(work, new_jobs)
    fresh = [new for new in new_jobs if _stands_for(new, submitted).job_id == new.id]
    refused = {} if quotas is None else admit(work, fresh, quotas)
    _give_request_ids_back(work, [new.id for new in fresh if new.id in refused and new.request.request_id is not None])
    stored = _store(work, [new for new in fresh if new.id not in refused], as_published=as_published)
    known = {**_repeated_jobs(work, new_jobs, submitted, known={*stored, *refused}), **stored}
    first = [(new, _stands_for(new, submitted)) for new in new_jobs]
    return [refused.get(stands_for.job_id) or _answer(new, stands_for, known) for new, stands_for in first]


def _submit_at_once(
    work: Work, new_jobs: Sequence[NewJob], quotas: QuotaSettings | None, *, as_published: bool
) -> Sequence[Job]:
    """Store the jobs by one statement where all are plain, and sure to be within the quotas; none elsewhere."""
    asking = at_once.asking(new_jobs, quotas) if new_jobs and all(map(_is_plain, new_jobs)) else None
    if asking is None:
        return ()
    stored = store_at_once(work, new_jobs, asking, as_published=as_published)
    return () if stored is None else [_job(new, stored[new.id]) for new in new_jobs]


def _is_plain(new: NewJob) -> bool:
    """Whether nothing is to be stored but a job of one circuit, and nothing to be looked up before."""
    return new.request.request_id is None and not new.pubs and new.noise_model is None and new.cache_key is None


def find_first(work: Work, named: Sequence[NamedSubmission]) -> Sequence[Job | AlreadyExists | None]:
    """Answer, in order, those that came before as `submit` would, and those that are new with None."""
    submitted = _submitted_before(work, named)
    known = jobs_or_history(work, sorted({first.job_id for first in submitted.values()}))
    return [_first_answer(each, submitted.get((each.owner_id, each.request_id)), known) for each in named]


def _submitted_before(work: Work, named: Sequence[NamedSubmission]) -> Mapping[_RequestKey, _Submitted]:
    found: dict[_RequestKey, _Submitted] = {}
    for owner_id in {each.owner_id for each in named}:
        request_ids = sorted({each.request_id for each in named if each.owner_id == owner_id})
        statement = select(submissions).where(
            submissions.c.owner_id == owner_id, work.among(submissions.c.request_id, request_ids)
        )
        for row in work.execute(statement).mappings():
            found[owner_id, row["request_id"]] = _Submitted(row["job_id"], row["content_sha256"])
    return found


def _first_answer(
    named: NamedSubmission, first: _Submitted | None, known: Mapping[UUID, Job]
) -> Job | AlreadyExists | None:
    if first is None:
        return None
    if first.content_sha256 != content_hash(named.source, named.request):
        return _used_otherwise(named.request_id)
    return known.get(first.job_id)  # None: its history is being removed just now


def _answer(new: NewJob, submitted: _Submitted, known: Mapping[UUID, Job]) -> Answer:
    if new.request.request_id is not None and submitted.content_sha256 != _content_of(new):
        return _used_otherwise(new.request.request_id)
    if submitted.job_id not in known:
        # Deleted together with its history between two of our statements.
        raise Unavailable(f"the job of request_id {new.request.request_id!r} is being removed; try again")
    return known[submitted.job_id]


def _content_of(new: NewJob) -> bytes:
    content = pubs_content((pub.circuit.source, pub.run) for pub in new.pubs) if new.pubs else new.circuit.source
    return content_hash(content, new.request)


def _used_otherwise(request_id: str) -> AlreadyExists:
    return AlreadyExists(f"request_id {request_id!r} was used before, for a job with other content")


def _stands_for(new: NewJob, submitted: Mapping[_RequestKey, _Submitted]) -> _Submitted:
    if new.request.request_id is None:
        return _Submitted(new.id, b"")
    return submitted[new.identity.user_id, new.request.request_id]


def _take_request_ids(work: Work, new_jobs: Sequence[NewJob]) -> Mapping[_RequestKey, _Submitted]:
    """Bind each request_id to the first job that came with it, now or ever."""
    rows: dict[_RequestKey, Parameters] = {}
    for new in new_jobs:
        if (request_id := new.request.request_id) is not None:
            owner_id = new.identity.user_id
            row = {"request_id": request_id, "content_sha256": _content_of(new), "job_id": new.id}
            rows.setdefault((owner_id, request_id), {"owner_id": owner_id, **row})
    if not rows:
        return {}
    # All transactions lock in the same order, so that none waits in a circle.
    found = work.insert_rows(_insert_submissions(work.insert), [rows[key] for key in sorted(rows)])
    return {(row["owner_id"], row["request_id"]): _Submitted(row["job_id"], row["content_sha256"]) for row in found}


def _give_request_ids_back(work: Work, job_ids: Sequence[UUID]) -> None:
    """Let refused jobs be sent again under their request_ids."""
    if job_ids:
        work.execute(delete(submissions).where(work.among(submissions.c.job_id, job_ids)))


@cache
def _insert_submissions(begin: BeginInsert) -> Insert:
    insert = begin(submissions)
    # The update that changes nothing makes the row of the first job come back, and waits for a rival still undecided.
    return insert.on_conflict_do_update(
        index_elements=["owner_id", "request_id"], set_={"request_id": insert.excluded.request_id}
    ).returning(*submissions.c)


def _repeated_jobs(
    work: Work, new_jobs: Iterable[NewJob], submitted: Mapping[_RequestKey, _Submitted], *, known: AbstractSet[UUID]
) -> Mapping[UUID, Job]:
    ids = {_stands_for(new, submitted).job_id for new in new_jobs} - known
    return jobs_or_history(work, sorted(ids))


def _store(work: Work, fresh: Sequence[NewJob], *, as_published: bool) -> Mapping[UUID, Job]:
    if not fresh:
        return {}
    stored = store(work, fresh, as_published=as_published)
    if values := [row for new in fresh for row in values_rows(new)]:
        work.insert_rows(_INSERT_VALUES, values)
    store_noise_models(work, fresh)
    answered = cached.answer(work, [new.id for new in fresh if new.cache_key is not None])
    if len(answered) < len(fresh) and not as_published:
        work.announce(ChangeKind.WORK)
    return {**{new.id: _job(new, stored[new.id]) for new in fresh}, **answered}


def _job(new: NewJob, stored: Stored) -> Job:
    return Job(
        id=new.id,
        pointer=stored.pointer,
        owner_id=new.identity.user_id,
        circuit_id=stored.circuit_id,
        request=new.request,
        plugin=new.plugin,
        route=new.route,
        status=JobStatus.PENDING,
        reason=None,
        message=None,
        attempt=0,
        max_attempts=new.max_attempts,
        submitted_at=stored.submitted_at,
        started_at=None,
        finished_at=None,
        event_sequence=1,
    )
