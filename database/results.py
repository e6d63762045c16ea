"""Results: one document of text a PUB, which is never rewritten, with large numbers as packed bytes beside it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select

from database.records import Completion, StoredResult
from database.result_documents import decode_result, encode_result
from database.tables import jobs, result_arrays, results
from database.work import Parameters, Work
from qserver.errors import NotFound
from qserver.identity import Identity
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
        statement = select(jobs.c.status).where(jobs.c.id == job_id)
        if not identity.sees_everything:
            statement = statement.where(jobs.c.owner_id == identity.user_id)
        status = self._work.execute(statement).scalar()
        if status is None:
            raise NotFound(f"there is no job {job_id}")
        found = results_of(self._work, [job_id], with_arrays=True).get(job_id)
        if found is None:
            raise NotFound(f"job {job_id} has no result: it is {status}")
        return found


def results_of(work: Work, job_ids: Sequence[UUID], *, with_arrays: bool) -> Mapping[UUID, StoredResult]:
    """Give the results of many jobs; one that has none is left out. Their arrays may be tens of MiB each."""
    if not job_ids:
        return {}
    statement = select(results).where(work.among(results.c.job_id, job_ids)).order_by(results.c.pub_index)
    rows = work.execute(statement).mappings().all()
    arrays = _arrays_of(work, [row["id"] for row in rows]) if with_arrays else {}
    found: dict[UUID, StoredResult] = {}
    for row in rows:
        result = decode_result(row["document"], arrays.get(row["id"], ()))
        first = found.get(row["job_id"], StoredResult(row["id"], row["job_id"], ()))
        found[row["job_id"]] = StoredResult(first.id, first.job_id, (*first.results, result))
    return found


def _arrays_of(work: Work, result_ids: Sequence[UUID]) -> Mapping[UUID, tuple[Array, ...]]:
    if not result_ids:
        return {}
    statement = (
        select(result_arrays)
        .where(work.among(result_arrays.c.result_id, result_ids))
        .order_by(result_arrays.c.position)
    )
    found: defaultdict[UUID, tuple[Array, ...]] = defaultdict(tuple)
    for row in work.execute(statement).mappings():
        array = Array(row["name"], row["dtype"], tuple(row["shape"]), bytes(row["data"]))
        found[row["result_id"]] += (array,)
    return found


def store_results(work: Work, completions: Sequence[Completion]) -> None:
    """Store the results of jobs just finished."""
    rows: list[Parameters] = []
    arrays: list[Parameters] = []
    for completion in completions:
        for pub_index, result in enumerate(completion.results):
            row = _result_row(completion, pub_index, result)
            rows.append(row)
            arrays.extend(_array_row(row["id"], position, array) for position, array in enumerate(result.arrays))
    if rows:
        work.insert_rows(_INSERT_RESULTS, rows)
    if arrays:
        work.insert_rows(_INSERT_ARRAYS, arrays)


def _result_row(completion: Completion, pub_index: int, result: PubResult) -> Parameters:
    document = encode_result(result)
    return {
        "id": uuid4(),
        "job_id": completion.lease.job_id,
        "pub_index": pub_index,
        "document": document,
        "size_bytes": len(document) + sum(len(array.data) for array in result.arrays),
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
