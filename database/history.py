"""What is remembered of jobs that are over."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, select

from database.circuits import sources
from database.documents import decode_request
from database.jobs.rows import reason_from
from database.owners import id_of_owner, owner_names
from database.records import HistoryRow, ResultSummary
from database.result_summaries import summaries_of
from database.tables import history
from database.work import Work
from qserver.circuits import CircuitFormat
from qserver.identity import Identity
from qserver.jobs import JobStatus


class History:
    """The history of jobs."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def list(self, identity: Identity, *, limit: int, offset: int, owner: str | None = None) -> Sequence[HistoryRow]:
        """Give a page in the order in which the jobs ended, with sources and results that are still there.

        With `owner` only what the user of that name had; somebody else's is nothing, except for an administrator.
        """
        # Their keys first: what is skipped is then skipped in an index, and no row of it is read.
        meant = select(history.c.id).order_by(history.c.id).limit(limit).offset(offset)
        if not identity.sees_everything:
            meant = meant.where(history.c.owner_id == identity.user_id)
        if owner is not None:
            meant = meant.where(history.c.owner_id == id_of_owner(owner))
        statement = select(history).where(history.c.id.in_(meant)).order_by(history.c.id)
        rows = self._work.execute(statement).mappings().all()
        circuits = sources(self._work, {row["circuit_id"] for row in rows})
        results = summaries_of(self._work, _finished(rows))
        names = owner_names(self._work, {row["owner_id"] for row in rows}, identity)
        return [
            _row_from(row, names[row["owner_id"]], circuits.get(row["circuit_id"]), results.get(row["job_id"]))
            for row in rows
        ]


def _finished(rows: Sequence[RowMapping]) -> Sequence[UUID]:
    return [row["job_id"] for row in rows if row["status"] == JobStatus.FINISHED]


def _row_from(
    row: RowMapping, owner: str, circuit: tuple[CircuitFormat, bytes] | None, result: ResultSummary | None
) -> HistoryRow:
    return HistoryRow(
        id=row["id"],
        job_id=row["job_id"],
        pointer=row["pointer"],
        owner=owner,
        request=decode_request(row["request"], row["inputs"]),
        status=JobStatus(row["status"]),
        reason=reason_from(row["reason"]),
        message=row["message"],
        submitted_at=row["submitted_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        circuit_format=None if circuit is None else circuit[0],
        source=None if circuit is None else circuit[1],
        result=result,
    )
