"""Claimed jobs as values, out of rows: read for every job there is, so that what many have in common is read once."""

from functools import lru_cache
from json import loads
from typing import Final
from uuid import UUID

from sqlalchemy import FromClause, RowMapping, Select, Text, cast, select

from database.circuits import circuit_with
from database.documents import decode_plan, decode_profile, decode_request
from database.jobs.recording import Rows
from database.jobs.rows import SHARED_COLUMNS, job_with
from database.records import ClaimedJob, Lease
from qserver.circuits import CircuitProfile
from qserver.jobs import JobRequest
from qserver.plugins import Plan

KEPT_DOCUMENTS: Final = 512
MAX_KEPT_CHARACTERS: Final = 4096
"""Longer documents are read each time: noise models, observables of many terms. They are rarely alike, and large."""


def select_claimed(job: FromClause, pub: FromClause, circuit: FromClause) -> Select[Rows]:
    """Select what `claimed_from` reads of the three, which the caller joins. Documents are taken as text."""
    columns = (job.c.id, *(job.c[name] for name in SHARED_COLUMNS if name != "request"), pub.c.circuit_id)
    documents = (job.c.request, job.c.plan, pub.c.inputs, circuit.c.profile)
    texts = (cast(document, Text).label(document.name) for document in documents)
    return select(*columns, circuit.c.format, circuit.c.source, circuit.c.qpy).add_columns(*texts)


def claimed_from(row: RowMapping, worker_id: UUID) -> ClaimedJob:
    """Read a job that the worker has just claimed. Jobs whose documents are alike share what was read of them."""
    job = job_with(row, _read_request(row["request"], row["inputs"]))
    started_at = job.started_at or job.submitted_at
    return ClaimedJob(
        job=job,
        lease=Lease(job.id, worker_id, job.attempt),
        circuit=circuit_with(row, None if row["profile"] is None else _read_profile(row["profile"])),
        plan=_read_plan(row["plan"]),
        queued_seconds=max(0.0, (started_at - job.submitted_at).total_seconds()),
    )


def _read_request(request: str, inputs: str) -> JobRequest:
    is_kept = len(request) + len(inputs) <= MAX_KEPT_CHARACTERS
    return _kept_request(request, inputs) if is_kept else _decoded_request(request, inputs)


def _read_plan(text: str) -> Plan:
    return _kept_plan(text) if len(text) <= MAX_KEPT_CHARACTERS else _decoded_plan(text)


def _read_profile(text: str) -> CircuitProfile:
    return _kept_profile(text) if len(text) <= MAX_KEPT_CHARACTERS else _decoded_profile(text)


def _decoded_request(request: str, inputs: str) -> JobRequest:
    return decode_request(loads(request), loads(inputs))


def _decoded_plan(text: str) -> Plan:
    return decode_plan(loads(text))


def _decoded_profile(text: str) -> CircuitProfile:
    return decode_profile(loads(text))


_kept_request = lru_cache(KEPT_DOCUMENTS)(_decoded_request)
_kept_plan = lru_cache(KEPT_DOCUMENTS)(_decoded_plan)
_kept_profile = lru_cache(KEPT_DOCUMENTS)(_decoded_profile)
