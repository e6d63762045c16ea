"""A backend of the server as Qiskit's BackendV2."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from qiskit import QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, Options
from qiskit.transpiler import Target

from qserver.errors import InvalidRequest
from qserver.qiskit.circuit_job import QServerJob
from qserver.qiskit.circuit_runs import Binds, CircuitRun, bound
from qserver.qiskit.run_options import MEANINGFUL, OF_THE_MACHINE, RunOptions, backend_of, run_options
from qserver.qiskit.server_jobs import ServerJobs
from qserver.qiskit.target import target_of
from qserver.qiskit.transport import Transport
from qserver.rpc.v1 import jobs_pb2

PUBS_OF_OLDER_SERVERS: Final = 1000
"""So many a job take servers that don't say."""

AnyPub = TypeVar("AnyPub", EstimatorPub, SamplerPub)
Writer: TypeAlias = Callable[[Sequence[AnyPub], Sequence[int]], Iterable[jobs_pb2.Pub]]
"""Writes PUBs as messages, with circuits in one of these versions of QPY."""


class QServerBackend(BackendV2):  # type: ignore[misc] # Qiskit is untyped
    """Where circuits run: a method of simulation on the server, or the backend `aer`, which chooses one."""

    simulator = True
    """Read by IBM's primitives, which refuse rotations that no real device has of what isn't one."""

    def __init__(self, transport: Transport, described: jobs_pb2.Backend) -> None:
        """Be what the server describes."""
        super().__init__(name=described.name, description=described.description)
        self.transport = transport
        self.qpy_versions = tuple(described.qpy_versions)
        self.max_pubs = described.max_pubs or PUBS_OF_OLDER_SERVERS
        self._max_qubits = described.max_qubits if described.HasField("max_qubits") else None
        self._target: Target | None = None
        self._basis: tuple[str, Any] | None = None

    def __repr__(self) -> str:
        """Name it and its server."""
        return f"QServerBackend({self.name!r} at {self.transport.url})"

    @staticmethod
    def reads_circuits(described: jobs_pb2.Backend) -> bool:
        """Whether a backend of the server takes Qiskit's circuits."""
        return jobs_pb2.CIRCUIT_FORMAT_QPY in described.circuit_formats

    @property
    def target(self) -> Target:
        """What the backend runs by its method; with a noise model, only gates that the model knows, as in Aer."""
        noise = self.options.get("noise_model")
        basis = (backend_of(self.name, self.options.get("method")), getattr(noise, "basis_gates", None))
        if self._target is None or self._basis != basis:
            self._basis = basis
            self._target = target_of(basis[0], max_qubits=self._max_qubits, noisy_gates=basis[1])
        return self._target

    @property
    def max_circuits(self) -> int | None:
        """No limit: more circuits than a call holds are sent in several."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options(shots=1024, memory=False, **dict.fromkeys(MEANINGFUL - {"shots", "memory"} | OF_THE_MACHINE))

    def run_options(self, *layers: Mapping[str, Any]) -> RunOptions:
        """Put options of a run over the backend's own. Raises InvalidRequest for what no server does."""
        return run_options(self.name, dict(self.options), *layers)

    def submit_pubs(self, spec: jobs_pb2.JobSpec, pubs: Sequence[AnyPub], write: Writer[AnyPub]) -> ServerJobs:
        """Submit PUBs as one job, or as several in a row where the server takes fewer in one.

        Raises what the server refuses one of them for, naming the PUB; then none goes on.
        """
        starts = range(0, len(pubs), self.max_pubs)
        lists = (write(pubs[start : start + self.max_pubs], self.qpy_versions) for start in starts)
        return ServerJobs(self.transport, self.transport.submit_pub_lists(spec, lists))

    def run(
        self,
        run_input: QuantumCircuit | Sequence[QuantumCircuit],
        parameter_binds: Sequence[Binds] | None = None,
        **options: Any,  # noqa: ANN401 - as Qiskit's options are
    ) -> QServerJob:
        """Submit circuits, a job each, and give a handle of all. Raises what one of them is refused for, naming it.

        Measurements give counts; save_statevector, save_expectation_value, save_probabilities at the end of a circuit
        become result types. Options are AerSimulator's; those that only say how Aer uses a machine count for nothing.
        """
        circuits = _circuits(run_input)
        asked = self.run_options(options)
        wanted = dict(self.options) | {name: value for name, value in options.items() if value is not None}
        runs = [
            CircuitRun.of(circuit, shots=wanted["shots"], wants_memory=wanted["memory"])
            for circuit in bound(circuits, parameter_binds)
        ]
        submissions = [run.submission(asked, self.qpy_versions, place=place) for place, run in enumerate(runs)]
        jobs = ServerJobs(self.transport, self.transport.submit_jobs(submissions, asked.noise_model))
        return QServerJob(self, jobs, runs)


def _circuits(run_input: QuantumCircuit | Iterable[QuantumCircuit]) -> list[QuantumCircuit]:
    """Give one circuit or many as a list. Raises InvalidRequest for anything else."""
    if isinstance(run_input, QuantumCircuit):
        return [run_input]
    circuits = list(run_input) if isinstance(run_input, Iterable) else [run_input]
    for place, circuit in enumerate(circuits):
        if not isinstance(circuit, QuantumCircuit):
            raise InvalidRequest(f"circuit {place} is of the type {type(circuit).__qualname__}, no QuantumCircuit")
    return circuits
