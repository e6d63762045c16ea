"""Claimed jobs as values, out of rows: read for every job there is, so that what many have in common is read once."""

from functools import lru_cache
from json import loads
from typing import Final
from uuid import UUID

from sqlalchemy import FromClause, Row, Select, Text, cast, select

from database.documents import decode_plan, decode_profile, decode_request
from database.jobs.recording import Rows
from database.jobs.rows import SHARED_COLUMNS, reason_from
from database.records import ClaimedJob, Lease
from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, Inspection
from qserver.jobs import Job, JobRequest, JobStatus
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


def claimed_from(row: Row[Rows], worker_id: UUID) -> ClaimedJob:
    """Read a job that the worker has just claimed. Jobs whose documents are alike share what was read of them."""
    started_at = row.started_at or row.submitted_at
    return ClaimedJob(
        job=_job_from(row),
        lease=Lease(row.id, worker_id, row.attempt),
        circuit=_circuit_from(row),
        plan=_read_plan(row.plan),
        queued_seconds=max(0.0, (started_at - row.submitted_at).total_seconds()),
    )


def _job_from(row: Row[Rows]) -> Job:
    return Job(
        id=row.id,
        pointer=row.pointer,
        owner_id=row.owner_id,
        circuit_id=row.circuit_id,
        request=_read_request(row.request, row.inputs),
        plugin=row.plugin,
        route=row.route,
        status=JobStatus(row.status),
        reason=reason_from(row.reason),
        message=row.message,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        event_sequence=row.event_sequence,
    )


def _circuit_from(row: Row[Rows]) -> Circuit:
    circuit_format = CircuitFormat(row.format)
    qpy = row.source if circuit_format is CircuitFormat.QPY else row.qpy
    profile = None if row.profile is None else _read_profile(row.profile)
    return Circuit(circuit_format, row.source, Inspection(circuit_format, profile, qpy))


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
