"""What answers look like: the examples of the OpenAPI document. Values of the very classes that are answered with."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from database.records import InstallState, PluginKind
from qserver.circuits import CircuitFormat
from qserver.errors import Reason
from qserver.jobs import JobStatus
from qserver.json_types import JsonObject
from qserver.quotas import QuotaUse
from qserver.results import RESULT_SCHEMA, RESULT_SCHEMA_VERSION, PhaseSeconds, ResultType, RunRecord
from qserver.settings import LimitSettings
from rest_api import original_schemas, schemas
from rest_api.submission import BELL
from rest_api.views import links_view

_JOB_ID = UUID("77d7c385-9209-4e75-9fc7-4e95b3bcd03e")
_FAILED_JOB_ID = UUID("0b8a4d1e-52a4-4a4e-a0de-7b1f3c0c7d11")
_RESULT_ID = UUID("8bbf4e5a-cd1b-4877-9daf-cebd7609c0f0")
_WORKER_ID = UUID("8f76cf62-3bde-4b39-b4a7-79003c8c9d73")
_SUBMITTED = datetime(2026, 1, 31, 12, tzinfo=UTC)
_STARTED = _SUBMITTED + timedelta(milliseconds=48)
_FINISHED = _STARTED + timedelta(milliseconds=28)
_METADATA = {"shots": 1000, "framework": "qiskit"}
_RESULT_TYPES = original_schemas.ResultTypes(
    id=UUID("3751f53e-4c19-55a4-9231-542d3937cf60"), job_id=_JOB_ID, counts=True, quasi_dist=True, expval=True
)

SUCCESS = original_schemas.Message("Success")
PLUGIN_ADDED = original_schemas.Message("added plugin")
RESULTS = original_schemas.Results(
    id=_RESULT_ID,
    job_id=_JOB_ID,
    counts={"00": 509, "11": 491},
    quasi_dist={"0": 0.509, "3": 0.491},
    expval=(1.0,),
)
JOB = original_schemas.Job(
    id=_JOB_ID,
    pointer=1,
    target_simulator="aer",
    qasm=BELL,
    status=JobStatus.FINISHED,
    submission_date=_SUBMITTED,
    start_time=_STARTED,
    finish_time=_FINISHED,
    metadata=_METADATA,
    result_types=_RESULT_TYPES,
    results=RESULTS,
    owner="ada",
)
HISTORY_ENTRY = original_schemas.HistoryEntry(
    id=1,
    job_id=_JOB_ID,
    pointer=1,
    target_simulator="aer",
    qasm=BELL,
    status=JobStatus.FINISHED,
    submission_date=_SUBMITTED,
    start_time=_STARTED,
    finish_time=_FINISHED,
    metadata=_METADATA,
    result_types=_RESULT_TYPES,
    results=RESULTS,
    owner="ada",
)
NOISE_MODEL: JsonObject = {
    "errors": [
        {
            "type": "roerror",
            "operations": ["measure"],
            "gate_qubits": [[0]],
            "probabilities": [[0.98, 0.02], [0.03, 0.97]],
        }
    ]
}

SUBMITTED_JOB = schemas.SubmittedJob(
    id=_JOB_ID, pointer=1, status=JobStatus.PENDING, submission_date=_SUBMITTED, links=links_view(_JOB_ID)
)
_PUB_RESULT = schemas.PubResult(
    run=RunRecord(
        backend="aer",
        method="statevector",
        device="CPU",
        float_precision="double",
        shots=1000,
        seed=None,
        threads=1,
        reason="statevector of 2 qubits: it fits in memory; one thread, beside others",
        plugin="aer",
        plugin_version="1.0.0",
        engine="qiskit-aer",
        engine_version="0.18.2",
        seconds=PhaseSeconds(queued=0.048, loading=0.001, simulating=0.002, storing=0.003),
    ),
    counts=RESULTS.counts,
    quasi_dist=RESULTS.quasi_dist,
    expval=RESULTS.expval,
    expval_standard_errors=(0.0,),
    probabilities={"00": 0.5, "11": 0.5},
    arrays=[schemas.PackedArray("memory", "bits", (4, 2), "AMDAAA==")],
)
RESULT_DOCUMENT = schemas.ResultDocument(
    document=RESULT_SCHEMA,
    version=RESULT_SCHEMA_VERSION,
    id=_RESULT_ID,
    job_id=_JOB_ID,
    results=[_PUB_RESULT],
)
JOB_RESULTS = [
    schemas.JobResult(
        job_id=_JOB_ID,
        status=JobStatus.FINISHED,
        reason=None,
        message=None,
        results=[
            schemas.PubDocument(
                schema=RESULT_SCHEMA,
                version=RESULT_SCHEMA_VERSION,
                run=_PUB_RESULT.run,
                counts=_PUB_RESULT.counts,
                quasi_dist=_PUB_RESULT.quasi_dist,
                expval=_PUB_RESULT.expval,
                expval_standard_errors=_PUB_RESULT.expval_standard_errors,
                probabilities=_PUB_RESULT.probabilities,
                arrays=_PUB_RESULT.arrays,
            )
        ],
    ),
    schemas.JobResult(
        job_id=_FAILED_JOB_ID,
        status=JobStatus.FAILED,
        reason=Reason.OUT_OF_MEMORY,
        message=f"job {_FAILED_JOB_ID} has no result: it failed: needs 3 GiB",
        results=[],
    ),
]
BACKEND = original_schemas.Backend(
    backend_name="aer", id=UUID("368cefab-615e-44d1-a86a-d11c3a08a3ff"), pointer=1, plugin="aer"
)
PLUGIN = schemas.Plugin(
    name="aer-plugin",
    kind=PluginKind.FILE,
    version="0.0.2",
    distribution="aer-plugin",
    added_at=_SUBMITTED,
    backends=[
        schemas.BackendDetail(
            name="aer-plugin:aer",
            description="aer of the file plugin aer-plugin 0.0.2",
            result_types=[ResultType.COUNTS, ResultType.EXPVAL, ResultType.QUASI_DIST],
            formats=[CircuitFormat.TEXT],
            devices=["CPU"],
            max_qubits=None,
            options_schema={"type": "object", "properties": {}, "additionalProperties": False},
            qpy_versions=[],
        )
    ],
    installations=[schemas.Installation("lab-1", InstallState.INSTALLING, None)],
)
WORKER = schemas.Worker(
    id=_WORKER_ID,
    name="lab-1",
    host="lab",
    version="0.1.0",
    is_live=True,
    is_draining=False,
    running_jobs=1,
    simulator_processes=2,
    cores=2,
    memory_bytes=8 * 2**30,
    gpu_memory_bytes=0,
    devices=["CPU"],
    routes=["cpu", "large", "plugin.aer-plugin"],
    plugins=["aer", "aer-plugin"],
    started_at=_SUBMITTED,
    heartbeat_at=_FINISHED,
)
SERVICE = schemas.Service("qserver", "0.1.0", grpc_port=50051)
HEALTH = schemas.Health("ok")
_JOBS_SERVER_AWAY = schemas.Neighbour(
    "jobs_server", is_ready=False, message="jobs_server at 127.0.0.1:50051 doesn't answer"
)
DEGRADED = schemas.Readiness(
    "degraded", [schemas.Neighbour("database", is_ready=True, message=None), _JOBS_SERVER_AWAY]
)
UNAVAILABLE = schemas.Readiness(
    "unavailable",
    [schemas.Neighbour("database", is_ready=False, message="the database doesn't answer: connection refused")],
)
LIMITS = {
    **{name: field.default for name, field in LimitSettings.model_fields.items()},
    "quotas": [
        QuotaUse("max_pending_jobs_per_user", 1_000_000, 1_234),
        QuotaUse("max_stored_results_per_user", None, None),
    ],
}
