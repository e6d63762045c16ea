"""Results: one document of text a PUB, which is never rewritten, with large numbers as packed bytes beside it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import select

from database.job_results import ANY_SIZE, SHARED_BYTES, job_results_of, no_job, why_none
from database.records import Completion, JobResult, ResultSummary, StoredDocument, StoredResult
from database.result_documents import decode_result, encode_result
from database.result_summaries import summaries_of, summary_from
from database.tables import jobs, result_arrays, results
from database.work import Parameters, Work
from qserver.errors import NotFound
from qserver.identity import Identity
from qserver.ids import new_id
from qserver.results import Array, PubResult

_INSERT_RESULTS: Final = results.insert()
_INSERT_ARRAYS: Final = result_arrays.insert()


class Results:
    """The stored results."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def get(self, job_id: UUID, identity: Identity) -> StoredResult:
        """Give a job's results. Raises NotFound where there is no job, or no result (yet)."""
        documents = self.documents(job_id, identity)
        read = tuple(decode_result(document.text, document.arrays) for document in documents)
        return StoredResult(documents[0].id, job_id, read)

    def documents(self, job_id: UUID, identity: Identity) -> tuple[StoredDocument, ...]:
        """Give a job's results as they are stored, one a PUB. Raises NotFound as `get` does."""
        result = self.of_jobs([job_id], identity).get(job_id)
        if result is None:
            raise no_job(job_id)
        if not result.documents:
            raise why_none(result)
        return result.documents

    def summary(self, job_id: UUID, identity: Identity) -> ResultSummary:
        """Give what the original contract shows of a job's results. Raises NotFound as `get` does."""
        result = self.of_jobs([job_id], identity, max_bytes=SHARED_BYTES).get(job_id)
        if result is None:
            raise no_job(job_id)
        if result.documents:
            return _summary_of(job_id, result.documents)
        summary = None if result.documents is not None else summaries_of(self._work, [job_id]).get(job_id)
        if summary is None:
            raise why_none(result)
        return summary

    def summaries(self, job_ids: Sequence[UUID], identity: Identity) -> Mapping[UUID, ResultSummary | NotFound]:
        """Give for each job what `summary` gives, or the NotFound that it raises; large results are left out.

        Those are best read alone: hundreds of them must not be in memory together.
        """
        found = self.of_jobs(job_ids, identity, max_bytes=SHARED_BYTES)
        answers: dict[UUID, ResultSummary | NotFound] = {}
        for job_id in job_ids:
            result = found.get(job_id)
            if result is None:
                answers[job_id] = no_job(job_id)
            elif result.documents:
                answers[job_id] = _summary_of(result.job_id, result.documents)
            elif result.documents is not None:
                answers[job_id] = why_none(result)
        return answers

    def first_id(self, job_id: UUID, identity: Identity) -> UUID | None:
        """Give the id by which a job's results are known; None where the caller has no such job, or it no results."""
        statement = select(results.c.id, jobs.c.owner_id).join(jobs, jobs.c.id == results.c.job_id)
        row = self._work.execute(statement.where(results.c.job_id == job_id, results.c.pub_index == 0)).first()
        if row is None:
            return None
        result_id, owner_id = row
        return result_id if identity.sees_everything or owner_id == identity.user_id else None

    def of_jobs(
        self, job_ids: Sequence[UUID], identity: Identity, *, max_bytes: int = ANY_SIZE
    ) -> Mapping[UUID, JobResult]:
        """Give what there is to read of many jobs: states, and results as they are stored.

        A job that isn't there is left out. Of one with a PUB larger than `max_bytes` (document and arrays) no result is
        read: ask for it alone.
        """
        return job_results_of(self._work, job_ids, identity, max_bytes=max_bytes)


def _summary_of(job_id: UUID, documents: Sequence[StoredDocument]) -> ResultSummary:
    return summary_from(documents[0].id, job_id, documents[0].text)


class ResultRows(NamedTuple):
    """Results as rows, and the rows of their arrays."""

    results: list[Parameters]
    arrays: list[Parameters]


def result_rows(completions: Iterable[Completion]) -> ResultRows:
    """Write the results of jobs that ran as rows."""
    rows = ResultRows([], [])
    for completion in completions:
        for pub_index, result in enumerate(completion.results):
            row = _result_row(completion, pub_index, result)
            rows.results.append(row)
            rows.arrays.extend(_array_row(row["id"], position, array) for position, array in enumerate(result.arrays))
    return rows


def store_results(work: Work, completions: Sequence[Completion]) -> None:
    """Store the results of jobs just finished."""
    rows = result_rows(completions)
    if rows.results:
        work.insert_rows(_INSERT_RESULTS, rows.results)
    store_arrays(work, rows.arrays)


def store_arrays(work: Work, arrays: Sequence[Parameters]) -> None:
    """Store the arrays of results that are stored."""
    if arrays:
        work.insert_rows(_INSERT_ARRAYS, arrays)


def _result_row(completion: Completion, pub_index: int, result: PubResult) -> Parameters:
    document = encode_result(result)
    return {
        "id": new_id(),
        "job_id": completion.lease.job_id,
        "pub_index": pub_index,
        "document": document,
        # Also an array without numbers counts: what is larger than its document has arrays.
        "size_bytes": len(document) + sum(max(1, len(array.data)) for array in result.arrays),
        "attempt": completion.lease.attempt,
    }


def _array_row(result_id: object, position: int, array: Array) -> Parameters:
    return {
        "result_id": result_id,
        "position": position,
        "name": array.name,
        "dtype": array.dtype,
        "shape": list(array.shape),
        "data": array.data,
    }
