"""Qiskit's sampler on the server."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from qiskit.primitives import BaseSamplerV2, DataBin, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub, SamplerPubLike

from qserver.qiskit.backend import QServerBackend
from qserver.qiskit.bit_arrays import measures, register_arrays, zero_arrays
from qserver.qiskit.messages import bits_of, sampler_messages
from qserver.qiskit.primitive_job import NothingToRun, QServerPrimitiveJob
from qserver.qiskit.primitive_options import PrimitiveOptions, backend_or_default
from qserver.qiskit.run_records import run_metadata
from qserver.rpc.v1 import jobs_pb2

DEFAULT_SHOTS = 1024


class SamplerV2(BaseSamplerV2):  # type: ignore[misc] # Qiskit is untyped
    """Shots, drawn on a server: all points of all PUBs in one job, or in several of `max_pubs` each.

    It takes what `qiskit_aer.primitives.SamplerV2` takes; with a seed it gives the same shots as that does for a PUB of
    its own, by the same method and version of Aer.
    """

    def __init__(
        self,
        *,
        backend: QServerBackend | None = None,
        default_shots: int = DEFAULT_SHOTS,
        seed: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Run on `backend`, or on the backend `aer` of the server that `qserver.Client` would take."""
        self._backend = backend_or_default(backend)
        self._default_shots = default_shots
        self._seed = seed
        self._options = PrimitiveOptions.of(options)

    @classmethod
    def from_backend(cls, backend: QServerBackend, **options: Any) -> "SamplerV2":  # noqa: ANN401 - as Aer's has it
        """Run on this backend, with the options that the constructor takes."""
        return cls(backend=backend, **options)

    @property
    def backend(self) -> QServerBackend:
        """Where it runs."""
        return self._backend

    @property
    def default_shots(self) -> int:
        """How many shots are drawn where nobody says."""
        return self._default_shots

    @property
    def seed(self) -> int | None:
        """The seed, if there is one."""
        return self._seed

    @property
    def options(self) -> PrimitiveOptions:
        """The options, which may be changed."""
        return self._options

    def run(self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None) -> QServerPrimitiveJob | NothingToRun:
        """Submit PUBs as one job, or several if they are many. Raises what the server refuses it for, naming the PUB.

        What measures nothing is not sent: all its bits are 0.
        """
        wanted = self._default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, wanted) for pub in pubs]
        _warn_of_nothing(coerced)
        sent = [pub for pub in coerced if measures(pub.circuit)]
        read = partial(_read, coerced)
        if not sent:
            return NothingToRun(read(()))
        spec = self._options.for_run(self._backend, seed=self._seed).whole_spec(jobs_pb2.RESULT_TYPE_MEMORY)
        jobs = self._backend.submit_pubs(spec, sent, sampler_messages)
        return QServerPrimitiveJob(jobs, read)


def _warn_of_nothing(pubs: Sequence[SamplerPub]) -> None:
    for place, pub in enumerate(pubs):
        if not pub.circuit.cregs:
            warnings.warn(
                f"PUB {place} has no classical registers, and so no result; were measurements forgotten?",
                UserWarning,
                stacklevel=3,
            )


def _read(pubs: Sequence[SamplerPub], results: Sequence[jobs_pb2.PubResult]) -> PrimitiveResult:
    answers = iter(results)
    return PrimitiveResult(list(_pub_results(pubs, answers)), metadata={"version": 2})


def _pub_results(pubs: Sequence[SamplerPub], answers: Iterator[jobs_pb2.PubResult]) -> Iterator[SamplerPubResult]:
    for pub in pubs:
        metadata = {"shots": pub.shots, "circuit_metadata": pub.circuit.metadata}
        if measures(pub.circuit):
            answer = next(answers)
            arrays = register_arrays(pub.circuit, bits_of(answer, "memory"))
            metadata["simulator_metadata"] = run_metadata(answer.run)
        else:
            arrays = zero_arrays(pub.circuit, (*pub.shape, pub.shots))
        yield SamplerPubResult(DataBin(**arrays, shape=pub.shape), metadata=metadata)
