"""Our words and the numbers of `qserver.v1` for them, as both ends of the wire know them."""

from collections.abc import Mapping
from types import MappingProxyType

from qserver.circuits import CircuitFormat
from qserver.jobs import JobStatus
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2

RESULT_TYPES: Mapping[ResultType, jobs_pb2.ResultType.ValueType] = MappingProxyType(
    {kind: jobs_pb2.ResultType.Value(f"RESULT_TYPE_{kind.name}") for kind in ResultType}
)
RESULT_TYPES_BY_NUMBER: Mapping[int, ResultType] = MappingProxyType(
    {number: kind for kind, number in RESULT_TYPES.items()}
)
FORMATS: Mapping[CircuitFormat, jobs_pb2.CircuitFormat.ValueType] = MappingProxyType(
    {kind: jobs_pb2.CircuitFormat.Value(f"CIRCUIT_FORMAT_{kind.name}") for kind in CircuitFormat}
)
FORMATS_BY_NUMBER: Mapping[int, CircuitFormat] = MappingProxyType({number: kind for kind, number in FORMATS.items()})
STATUSES: Mapping[JobStatus, jobs_pb2.JobStatus.ValueType] = MappingProxyType(
    {status: jobs_pb2.JobStatus.Value(f"JOB_STATUS_{status.name}") for status in JobStatus}
)
STATUSES_BY_NUMBER: Mapping[int, JobStatus] = MappingProxyType({number: status for status, number in STATUSES.items()})
FINAL_STATUSES: frozenset[int] = frozenset(number for number, status in STATUSES_BY_NUMBER.items() if status.is_final)
