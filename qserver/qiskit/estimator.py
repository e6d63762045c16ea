"""Qiskit's estimator on the server."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from qiskit.primitives import BaseEstimatorV2, DataBin, PrimitiveResult, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike

from qserver.qiskit.messages import estimator_messages, floats_of
from qserver.qiskit.primitive_job import QServerPrimitiveJob
from qserver.qiskit.run_records import run_metadata
from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2


class EstimatorV2(BaseEstimatorV2):  # type: ignore[misc] # Qiskit is untyped
    """Expectation values, computed on a server: all points of a PUB in one job."""

    def __init__(self, transport: Transport, *, default_precision: float = 0.0) -> None:
        """Estimate with a standard error of at most `default_precision`, exactly where it is 0."""
        self._transport = transport
        self._default_precision = default_precision

    def run(self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None) -> QServerPrimitiveJob:
        """Submit PUBs as one job. Raises what the server refuses it for, naming the PUB."""
        wanted = self._default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, wanted) for pub in pubs]
        spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_EXPVAL])
        job = self._transport.submit_pubs(spec, estimator_messages(coerced))
        return QServerPrimitiveJob(self._transport, job.id, partial(_read, coerced))


def _read(pubs: Sequence[EstimatorPub], results: Sequence[jobs_pb2.PubResult]) -> PrimitiveResult:
    read = [_pub_result(pub, result) for pub, result in zip(pubs, results, strict=True)]
    return PrimitiveResult(read, metadata={"version": 2})


def _pub_result(pub: EstimatorPub, result: jobs_pb2.PubResult) -> PubResult:
    data = DataBin(evs=floats_of(result, "evs"), stds=floats_of(result, "stds"), shape=pub.shape)
    metadata: Mapping[str, object] = {
        "target_precision": pub.precision,
        "circuit_metadata": pub.circuit.metadata,
        "simulator_metadata": run_metadata(result.run),
    }
    return PubResult(data, metadata=metadata)
