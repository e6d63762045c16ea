"""The reckoning when all is over: every sentence that it gives is a promise broken."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import psycopg

from tests.chaos.clients import Ledger
from tests.chaos.invariants import INVARIANTS
from tests.chaos.orders import SHOTS, Kind
from tests.chaos.site import Site, is_left_running

_NAMED = 5
_ALLOWED = {
    Kind.SMALL: {"finished", "failed WORKER_LOST"},
    Kind.LONG: {"finished", "failed WORKER_LOST"},
    Kind.LATE: {"finished", "failed WORKER_LOST", "failed DEADLINE_EXCEEDED"},
    Kind.UNWANTED: {"finished", "failed WORKER_LOST", "canceled CANCELED_BY_USER"},
}


def faults_in_answers(ledger: Ledger) -> Iterator[str]:
    """Look at what clients were told."""
    yield from (f"an order was refused: {sentence}" for sentence in ledger.refusals)
    for request_id in ledger.wanted:
        job_ids = ledger.answers.get(request_id, set())
        if len(job_ids) != 1:
            yield f"the request_id {request_id} was answered with {len(job_ids)} different jobs"


def faults_in_rows(connection: psycopg.Connection) -> Iterator[str]:
    """Look for rows that no history of a job can leave."""
    for sentence, query in INVARIANTS.items():
        found = [str(row[0]) for row in connection.execute(query.encode())]
        if found:
            yield f"{sentence}: {len(found)}, such as {', '.join(found[:_NAMED])}"


def faults_in_outcomes(connection: psycopg.Connection, ledger: Ledger) -> Iterator[str]:
    """Look whether each job that was answered is there, nothing else is, and each came to what it should."""
    stored = {
        str(job_id): (f"{status} {reason}" if reason else str(status), document)
        for job_id, status, reason, document in connection.execute(
            "SELECT jobs.id, status, reason, document FROM jobs LEFT JOIN results ON results.job_id = jobs.id"
        )
    }
    ordered = {job_id: ledger.wanted[name] for name, job_ids in ledger.answers.items() for job_id in job_ids}
    yield from (f"the job {job_id} was accepted and is not there" for job_id in ordered.keys() - stored.keys())
    yield from (f"nobody was told of the job {job_id}" for job_id in stored.keys() - ordered.keys())
    for job_id in ordered.keys() & stored.keys():
        order, (outcome, document) = ordered[job_id], stored[job_id]
        if outcome not in _ALLOWED[order.kind]:
            yield f"the {order.kind} job {job_id} came to: {outcome}"
        if document is not None and order.kind is Kind.SMALL and _counts(document) != {order.bits: SHOTS}:
            yield f"the job {job_id} has the result of another: {_counts(document)} and not {order.bits}"


def _counts(document: str) -> dict[str, int]:
    return cast("dict[str, int]", json.loads(document)["counts"])


def leftovers(site: Site, connection: psycopg.Connection) -> Iterator[str]:
    """Look for files, processes and connections that the services left when they had stopped."""
    yield from (f"a file was left: {path}" for path in sorted(site.temporary_folder.rglob("*"))[:_NAMED])
    yield from (f"a process was left: {pid}" for pid in is_left_running(site.folder))
    (connections,) = connection.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name LIKE 'qserver%' AND datname = current_database()"  # others' services share the server
    ).fetchone() or (0,)
    if connections:
        yield f"{connections} connections to PostgreSQL were left open"


def outcomes(connection: psycopg.Connection) -> Counter[str]:
    """Count how jobs ended."""
    rows = connection.execute("SELECT status, coalesce(reason, ''), count(*) FROM jobs GROUP BY 1, 2")
    return Counter({f"{status} {reason}".strip(): number for status, reason, number in rows})


def attempts(connection: psycopg.Connection) -> Sequence[tuple[int, int]]:
    """Give how many jobs took how many attempts, as pairs of attempts and jobs."""
    rows = connection.execute("SELECT attempt, count(*) FROM jobs GROUP BY 1 ORDER BY 1")
    return [(attempt, number) for attempt, number in rows]
