"""New jobs as rows."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from database.documents import encode_inputs, encode_plan, encode_profile, encode_request
from database.jobs.pubs import pub_rows
from database.records import CircuitKey, NewJob
from database.work import Parameters
from qserver.circuits import Circuit, CircuitFormat
from qserver.ids import new_id
from qserver.jobs import JobStatus, Program

_MAX_BIGINT: Final = 2**63 - 1

NewPubRow: TypeAlias = tuple[CircuitKey, Parameters]
"""A row of `pubs` without its circuit's id, and which circuit that is."""


def circuit_key(new: NewJob) -> CircuitKey:
    """Give the circuit of a job, its first where it has several."""
    return new.identity.user_id, new.circuit_sha256


def circuit_rows(fresh: Iterable[NewJob]) -> Mapping[CircuitKey, Parameters]:
    """Write each circuit once, sorted: all transactions lock in the same order, so that none waits in a circle."""
    found: dict[CircuitKey, Circuit] = {}
    for new in fresh:
        found[circuit_key(new)] = new.circuit
        found.update({(new.identity.user_id, pub.circuit_sha256): pub.circuit for pub in new.pubs})
    return {key: _circuit_row(key, found[key]) for key in sorted(found)}


def job_row(new: NewJob) -> Parameters:
    """Write a job, less what is the same in all of them."""
    request = new.request
    return {
        "id": new.id,
        "owner_id": new.identity.user_id,
        "backend": request.run.backend,
        "plugin": new.plugin,
        "route": new.route,
        "request": encode_request(request),
        "plan": encode_plan(new.plan),
        # The plan itself keeps the true figure: 60 qubits need more bytes than a column can say.
        "memory_bytes": min(new.plan.memory_bytes, _MAX_BIGINT),
        "estimated_seconds": new.plan.seconds,
        "precedence": -request.priority,
        "max_attempts": new.max_attempts,
        "expires_at": request.expires_at,
        "time_limit_seconds": request.time_limit_seconds,
        "cache_key": new.cache_key,
    }


JOB_NAMES: Final = (
    "id",
    "owner_id",
    "backend",
    "plugin",
    "route",
    "request",
    "plan",
    "memory_bytes",
    "estimated_seconds",
    "precedence",
    "max_attempts",
    "expires_at",
    "time_limit_seconds",
    "cache_key",
)
"""What `job_row` names."""

SAME_IN_ALL: Final[Parameters] = {
    "program": Program.CIRCUIT,
    "status": JobStatus.PENDING,
    "attempt": 0,
    "event_sequence": 1,
}
"""What is the same in all new jobs."""


def pubs_of(fresh: Iterable[NewJob]) -> Iterator[NewPubRow]:
    """Write the inputs of jobs: of a job of one circuit as its one PUB."""
    for new in fresh:
        if new.pubs:
            yield from pub_rows(new)
        else:
            yield circuit_key(new), {"job_id": new.id, "pub_index": 0, "inputs": encode_inputs(new.request.run)}


def event_row(new: NewJob, *, at: datetime) -> Parameters:
    """Write the first event of a job."""
    return {"job_id": new.id, "sequence": 1, "status": JobStatus.PENDING, "at": at, **who(new)}


def who(new: NewJob) -> Parameters:
    """Give who submitted a job, and from where."""
    return {"actor": new.identity.name, "address": new.identity.address or None}


def _circuit_row(key: CircuitKey, circuit: Circuit) -> Parameters:
    owner_id, sha256 = key
    inspection = circuit.inspection
    return {
        "id": new_id(),
        "owner_id": owner_id,
        "sha256": sha256,
        "format": circuit.circuit_format,
        "source": circuit.source,
        "qpy": None if circuit.circuit_format is CircuitFormat.QPY else inspection.qpy,
        "profile": None if inspection.profile is None else encode_profile(inspection.profile),
    }
