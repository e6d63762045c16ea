"""The original service's words for our values: the one place that knows how its clients want to read them."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID, uuid5

from database.records import BackendRecord, HistoryRow, JobDetail, ResultSummary
from qserver.circuits import CircuitFormat
from qserver.results import ResultType
from rest_api import original_schemas as schemas

_Number = TypeVar("_Number", int, float)
_NO_RESULTS = schemas.Results(id="", job_id="", counts={}, quasi_dist={}, expval=())


def job_view(detail: JobDetail) -> schemas.Job:
    """Show a job."""
    job = detail.job
    return schemas.Job(
        id=job.id,
        pointer=job.pointer,
        target_simulator=job.request.run.backend,
        qasm=_text(detail.circuit_format, detail.source),
        status=job.status,
        submission_date=job.submitted_at,
        start_time=job.started_at,
        finish_time=job.finished_at,
        metadata=job.request.run.metadata,
        result_types=_result_types(job.id, job.request.run.result_types),
        results=_NO_RESULTS if detail.result is None else results_view(detail.result),
        owner=detail.owner,
    )


def history_view(row: HistoryRow) -> schemas.HistoryEntry:
    """Show what is remembered of a job that is over."""
    return schemas.HistoryEntry(
        id=row.id,
        job_id=row.job_id,
        pointer=row.pointer,
        target_simulator=row.request.run.backend,
        qasm=_text(row.circuit_format, row.source),
        status=row.status,
        submission_date=row.submitted_at,
        start_time=row.started_at,
        finish_time=row.finished_at,
        metadata=row.request.run.metadata,
        result_types=_result_types(row.job_id, row.request.run.result_types),
        results=_NO_RESULTS if row.result is None else results_view(row.result),
        owner=row.owner,
    )


def results_view(summary: ResultSummary) -> schemas.Results:
    """Show results."""
    return schemas.Results(
        id=summary.id,
        job_id=summary.job_id,
        counts=_members(summary.counts),
        quasi_dist=_members(summary.quasi_dist),
        expval=summary.expval,
    )


def backend_view(backend: BackendRecord) -> schemas.Backend:
    """Show a backend."""
    return schemas.Backend(
        backend_name=backend.spec.name, id=backend.id, pointer=backend.pointer, plugin=backend.plugin
    )


def _result_types(job_id: UUID, wanted: frozenset[ResultType]) -> schemas.ResultTypes:
    return schemas.ResultTypes(
        # The original keeps these in rows of their own; ours are part of the job, so their id follows from its id.
        id=uuid5(job_id, "result_types"),
        job_id=job_id,
        counts=ResultType.COUNTS in wanted,
        quasi_dist=ResultType.QUASI_DIST in wanted,
        expval=ResultType.EXPVAL in wanted,
    )


def _text(circuit_format: CircuitFormat | None, source: bytes | None) -> str:
    if source is None or circuit_format is CircuitFormat.QPY:
        return ""
    return source.decode(errors="replace")


def _members(values: Mapping[str, _Number] | None) -> Mapping[str, _Number]:
    return {} if values is None else values
