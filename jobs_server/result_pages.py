"""Results of many jobs, packed into messages of GetResults."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from database import Transaction
from database.job_results import SHARED_BYTES, no_job, why_none
from database.records import JobResult
from jobs_server import answers
from jobs_server.errors import refusal
from qserver.identity import Identity
from qserver.rpc.v1 import jobs_pb2

JOBS_AT_ONCE: Final = 500
"""How many jobs one statement reads, and one message answers, at most."""
MESSAGE_BYTES: Final = 256 * 1024
"""A message is full when the results in it take so many bytes as they are stored."""


@dataclass(slots=True)
class Page:
    """What one reading gave: messages to be sent, the jobs that they answer, and jobs whose results are too large."""

    messages: list[jobs_pb2.GetResultsResponse] = field(default_factory=list)
    answered: list[UUID] = field(default_factory=list)
    large: list[UUID] = field(default_factory=list)


def read_page(job_ids: Sequence[UUID], caller: Identity, transaction: Transaction, *, later: AbstractSet[UUID]) -> Page:
    """Read at most 500 jobs, in order. One that still waits or runs is not answered yet if it is among `later`."""
    return page_of(job_ids, transaction.results.of_jobs(job_ids, caller, max_bytes=SHARED_BYTES), later=later)


def read_few(wanted: Sequence[tuple[Identity, UUID]], transaction: Transaction) -> Sequence[JobResult | None]:
    """Read jobs of several callers, in order; None where a caller has no such job."""
    by_caller: defaultdict[Identity, list[UUID]] = defaultdict(list)
    for caller, job_id in wanted:
        by_caller[caller].append(job_id)
    found = {
        caller: transaction.results.of_jobs(job_ids, caller, max_bytes=SHARED_BYTES)
        for caller, job_ids in by_caller.items()
    }
    return [found[caller].get(job_id) for caller, job_id in wanted]


def page_of(job_ids: Sequence[UUID], found: Mapping[UUID, JobResult], *, later: AbstractSet[UUID]) -> Page:
    """Pack what was read into messages, in order; see `read_page`."""
    page, filled_bytes = Page(), 0
    for job_id in job_ids:
        result = found.get(job_id)
        if result is not None and not result.status.is_final and job_id in later:
            continue
        if result is not None and result.documents is None:
            page.large.append(job_id)
            continue
        size_bytes = 0 if result is None else result.size_bytes
        if not page.messages or filled_bytes + size_bytes > MESSAGE_BYTES:
            page.messages.append(jobs_pb2.GetResultsResponse())
            filled_bytes = 0
        _add(page.messages[-1], job_id, result)
        page.answered.append(job_id)
        filled_bytes += size_bytes
    return page


def read_large(job_id: UUID, caller: Identity, transaction: Transaction) -> jobs_pb2.GetResultsResponse:
    """Read one job, however large its result is."""
    message = jobs_pb2.GetResultsResponse()
    _add(message, job_id, transaction.results.of_jobs([job_id], caller).get(job_id))
    return message


def _add(message: jobs_pb2.GetResultsResponse, job_id: UUID, result: JobResult | None) -> None:
    answer = message.results.add(id=str(job_id))
    if result is not None and result.documents:
        answers.write_result(answer.result, result.documents)
    else:
        error = no_job(job_id) if result is None else why_none(result)
        answer.error.CopyFrom(answers.error_detail(refusal(error)))
