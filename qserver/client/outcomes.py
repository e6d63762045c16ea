"""What became of jobs: results, or the error that says why there are none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from qserver.client.results import Result
from qserver.errors import InvalidRequest, QServerError, SomeRefused
from qserver.rpc.v1 import jobs_pb2

Outcome: TypeAlias = tuple[Result, ...] | QServerError
"""One result a PUB, or why there is none."""

Submitted: TypeAlias = jobs_pb2.Job | QServerError
"""The job that a submission became, or why it became none."""


@contextmanager
def naming(job_id: str) -> Iterator[None]:
    """Let an error say which job it speaks of."""
    try:
        yield
    except QServerError as error:
        error.job_id = error.job_id or job_id
        raise


def succeeded(outcome: Outcome) -> tuple[Result, ...]:
    """Give results. Raises the error where there are none."""
    if isinstance(outcome, QServerError):
        raise outcome
    return outcome


def succeeded_once(job_id: str, outcome: Outcome) -> Result:
    """Give the result of a job of one PUB. Raises InvalidRequest where it has several."""
    results = succeeded(outcome)
    if len(results) != 1:
        error = InvalidRequest(f"job {job_id} has {len(results)} results, one a PUB: read them by pub_results()")
        error.job_id = job_id
        raise error
    return results[0]


def accepted(submitted: Sequence[Submitted]) -> list[str]:
    """Give the ids of jobs, in order. Raises the error of a lone circuit, SomeRefused for some of many."""
    refusals = {position: each for position, each in enumerate(submitted) if isinstance(each, QServerError)}
    job_ids = {position: each.id for position, each in enumerate(submitted) if isinstance(each, jobs_pb2.Job)}
    if not refusals:
        return list(job_ids.values())
    position, first = next(iter(refusals.items()))
    if len(submitted) == 1:
        raise first
    raise SomeRefused(
        f"{len(refusals):,} of {len(submitted):,} circuits were refused, the others are jobs; "
        f"circuit {position}: {first.message}",
        refusals=refusals,
        job_ids=job_ids,
    )
