"""From values to messages of `qserver.v1`."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from database.records import BackendRecord, StoredDocument
from database.result_documents import RunDocument, parse_result
from jobs_server.errors import Refusal
from jobs_server.json_values import to_struct
from qserver import wire
from qserver.circuits import CircuitFormat
from qserver.jobs import Job, JobEvent, JobRequest, Observable
from qserver.results import Array, ResultType
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings


def job_message(job: Job, owner: str) -> jobs_pb2.Job:
    """Write a job of the user of that name."""
    return jobs_pb2.Job(
        id=str(job.id),
        pointer=job.pointer,
        status=wire.STATUSES[job.status],
        reason=job.reason or "",
        message=job.message or "",
        spec=_spec(job.request),
        attempt=job.attempt,
        submitted_at=_timestamp(job.submitted_at),
        started_at=_timestamp(job.started_at),
        finished_at=_timestamp(job.finished_at),
        event_sequence=job.event_sequence,
        num_pubs=job.request.num_pubs or 0,
        owner=owner,
    )


def event_message(event: JobEvent) -> jobs_pb2.WatchJobResponse:
    """Write a change of a job's state."""
    return jobs_pb2.WatchJobResponse(
        sequence=event.sequence,
        status=wire.STATUSES[event.status],
        reason=event.reason or "",
        message=event.message or "",
        at=_timestamp(event.at),
        actor=event.actor or "",
        address=event.address or "",
    )


def error_detail(refusal: Refusal) -> jobs_pb2.ErrorDetail:
    """Write what one submission of many is refused for."""
    number: int = refusal.code.value[0]
    detail = jobs_pb2.ErrorDetail(
        code=number, reason=refusal.reason, message=refusal.message, line=refusal.line, column=refusal.column
    )
    if refusal.limit is not None:
        detail.limit, detail.limit_value = refusal.limit.name, refusal.limit.value
        detail.retry_after_seconds = refusal.limit.retry_after_seconds
    return detail


def result_message(documents: Iterable[StoredDocument]) -> jobs_pb2.GetResultResponse:
    """Write a job's results, one a PUB."""
    message = jobs_pb2.GetResultResponse()
    write_result(message, documents)
    return message


def write_result(message: jobs_pb2.GetResultResponse, documents: Iterable[StoredDocument]) -> None:
    """Write a job's results, one a PUB, into a message: one that is put into another is copied, and may be large."""
    for stored in documents:
        _add_pub_result(message, stored)


def backend_message(backend: BackendRecord, limits: LimitSettings) -> jobs_pb2.Backend:
    """Write a backend of a service with these limits."""
    spec = backend.spec
    return jobs_pb2.Backend(
        name=spec.name,
        plugin=backend.plugin,
        description=spec.description,
        result_types=_result_types(spec.result_types),
        circuit_formats=sorted(wire.FORMATS[each] for each in spec.formats),
        options_schema=to_struct(spec.options_schema),
        max_qubits=limits.max_qubits if spec.max_qubits is None else min(spec.max_qubits, limits.max_qubits),
        devices=sorted(spec.devices),
        takes_pubs=spec.takes_pubs,
        qpy_versions=spec.qpy_versions,
        max_pubs=limits.max_pubs if spec.takes_pubs else 0,
    )


def _spec(request: JobRequest) -> jobs_pb2.JobSpec:
    run = request.run
    return jobs_pb2.JobSpec(
        backend=run.backend,
        result_types=_result_types(run.result_types),
        circuit_format=_format(request.circuit_format),
        shots=run.shots,
        seed=run.seed,
        precision=run.precision,
        observables=[_observable(observable) for observable in run.observables],
        options=to_struct(run.options),
        metadata=to_struct(run.metadata),
        priority=request.priority,
        time_limit_seconds=request.time_limit_seconds,
        expires_at=_timestamp(request.expires_at),
        request_id=request.request_id or "",
        cache=request.cache,
    )


def _observable(observable: Observable) -> jobs_pb2.Observable:
    terms = (jobs_pb2.PauliTerm(pauli=term.pauli, coefficient=term.coefficient) for term in observable.terms)
    return jobs_pb2.Observable(terms=terms)


def _add_pub_result(message: jobs_pb2.GetResultResponse, stored: StoredDocument) -> None:
    document = parse_result(stored.text)
    message.pub_results.add(
        counts=document.get("counts"),
        quasi_dist=document.get("quasi_dist"),
        expval=document.get("expval"),
        expval_standard_errors=document.get("expval_standard_errors"),
        probabilities=document.get("probabilities"),
        arrays=[_array(array) for array in stored.arrays],
        run=_run_record(document["run"]),
    )


def _array(array: Array) -> jobs_pb2.Array:
    return jobs_pb2.Array(name=array.name, dtype=array.dtype, shape=array.shape, data=array.data)


def _run_record(run: RunDocument) -> jobs_pb2.RunRecord:
    seconds = run["seconds"]
    return jobs_pb2.RunRecord(
        backend=run["backend"],
        method=run["method"],
        device=run["device"],
        float_precision=run["float_precision"],
        shots=run["shots"],
        seed=run["seed"],
        threads=run["threads"],
        reason=run["reason"],
        plugin=run["plugin"],
        plugin_version=run["plugin_version"],
        engine=run["engine"],
        engine_version=run["engine_version"],
        queued_seconds=seconds["queued"],
        loading_seconds=seconds["loading"],
        simulating_seconds=seconds["simulating"],
        storing_seconds=seconds["storing"],
        cached_from=run.get("cached_from", ""),
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _format(circuit_format: CircuitFormat | None) -> jobs_pb2.CircuitFormat.ValueType:
    return jobs_pb2.CIRCUIT_FORMAT_UNSPECIFIED if circuit_format is None else wire.FORMATS[circuit_format]


def _result_types(wanted: Iterable[ResultType]) -> Sequence[jobs_pb2.ResultType.ValueType]:
    return sorted(wire.RESULT_TYPES[kind] for kind in wanted)
