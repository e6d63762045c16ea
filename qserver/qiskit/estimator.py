"""Qiskit's estimator on the server."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from qiskit.primitives import BaseEstimatorV2, DataBin, PrimitiveResult, PubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub, EstimatorPubLike

from qserver.qiskit.backend import QServerBackend
from qserver.qiskit.messages import estimator_messages, floats_of
from qserver.qiskit.primitive_job import NothingToRun, QServerPrimitiveJob
from qserver.qiskit.primitive_options import PrimitiveOptions, backend_or_default
from qserver.qiskit.run_records import run_metadata
from qserver.rpc.v1 import jobs_pb2


class EstimatorV2(BaseEstimatorV2):  # type: ignore[misc] # Qiskit is untyped
    """Expectation values, computed on a server: all points of all PUBs in one job, or in several of `max_pubs` each.

    It takes what `qiskit_aer.primitives.EstimatorV2` takes. With a precision of 0 the values are exact and their
    standard errors 0; with another, each Pauli is measured as often as that precision needs, and the standard errors
    are those of the sample, not the precision itself.
    """

    def __init__(self, *, backend: QServerBackend | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Run on `backend`, or on the backend `aer` of the server that `qserver.Client` would take."""
        self._backend = backend_or_default(backend)
        self._options = PrimitiveOptions.of(options)

    @classmethod
    def from_backend(cls, backend: QServerBackend, **options: Any) -> "EstimatorV2":  # noqa: ANN401 - as Aer's has it
        """Run on this backend, with the options that the constructor takes."""
        return cls(backend=backend, **options)

    @property
    def backend(self) -> QServerBackend:
        """Where it runs."""
        return self._backend

    @property
    def options(self) -> PrimitiveOptions:
        """The options, which may be changed."""
        return self._options

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> QServerPrimitiveJob | NothingToRun:
        """Submit PUBs as one job, or several if they are many. No PUBs have no results.

        Raises what the server refuses them for, naming the PUB.
        """
        wanted = self._options.default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, wanted) for pub in pubs]
        if not coerced:
            return NothingToRun(_read((), ()))
        spec = self._options.for_run(self._backend).whole_spec(jobs_pb2.RESULT_TYPE_EXPVAL)
        jobs = self._backend.submit_pubs(spec, coerced, estimator_messages)
        return QServerPrimitiveJob(jobs, partial(_read, coerced))


def _read(pubs: Sequence[EstimatorPub], results: Sequence[jobs_pb2.PubResult]) -> PrimitiveResult:
    read = [_pub_result(pub, result) for pub, result in zip(pubs, results, strict=True)]
    return PrimitiveResult(read, metadata={"version": 2})


def _pub_result(pub: EstimatorPub, result: jobs_pb2.PubResult) -> PubResult:
    data = DataBin(evs=floats_of(result, "evs"), stds=floats_of(result, "stds"), shape=pub.shape)
    metadata = {
        "target_precision": pub.precision,
        "circuit_metadata": pub.circuit.metadata,
        "simulator_metadata": run_metadata(result.run),
    }
    return PubResult(data, metadata=metadata)
