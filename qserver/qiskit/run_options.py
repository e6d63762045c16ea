"""Aer's options, as people write them, in the server's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from qserver.client.noise import apart, whole
from qserver.client.spec_fields import set_field
from qserver.errors import InvalidRequest, Reason
from qserver.noise_models import without_ids
from qserver.rpc.v1 import jobs_pb2

AUTOMATIC: Final = "automatic"
CHOOSING_BACKEND: Final = "aer"
"""The server's backend that chooses a method by the circuit; each method has a backend of its own beside it."""

METHODS: Final = (AUTOMATIC, "statevector", "density_matrix", "stabilizer", "matrix_product_state")

MEANINGFUL: Final = frozenset(
    {"method", "device", "precision", "noise_model", "seed_simulator", "shots", "memory"}
    | {"matrix_product_state_max_bond_dimension", "matrix_product_state_truncation_threshold"}
)
"""What decides a result, and so travels."""

OF_THE_MACHINE: Final = frozenset(
    {"accept_distributed_results", "batched_shots_gpu", "batched_shots_gpu_max_qubits", "blocking_enable"}
    | {"blocking_qubits", "chunk_swap_buffer_qubits", "cuStateVec_enable", "enable_truncation", "executor"}
    | {"fusion_enable", "fusion_max_qubit", "fusion_threshold", "fusion_verbose", "max_job_size", "max_memory_mb"}
    | {"max_parallel_experiments", "max_parallel_shots", "max_parallel_threads", "max_shot_size", "mps_lapack"}
    | {"mps_log_data", "mps_omp_threads", "mps_parallel_threshold", "num_threads_per_device"}
    | {"runtime_parameter_bind_enable", "shot_branching_enable", "shot_branching_sampling_enable"}
    | {"statevector_parallel_threshold", "statevector_sample_measure_opt", "validation_threshold"}
)
"""What only says how Aer uses a machine: taken, and left to the server, which knows its own."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Which of the server's backends, with which options and seed."""

    backend: str
    options: Mapping[str, Any]
    seed: int | None
    noise_model: bytes = b""  # the text of a large one, which the options name

    def whole_spec(self, *result_types: jobs_pb2.ResultType.ValueType) -> jobs_pb2.JobSpec:
        """Begin the spec of a job that brings its noise model along. Raises as `spec` does."""
        return whole(self.spec(*result_types), self.noise_model)

    def spec(self, *result_types: jobs_pb2.ResultType.ValueType) -> jobs_pb2.JobSpec:
        """Begin the spec of a job whose noise model is sent beside it.

        Raises InvalidRequest for a seed that is no whole number.
        """
        spec = jobs_pb2.JobSpec(
            backend=self.backend,
            result_types=result_types,
            circuit_format=jobs_pb2.CIRCUIT_FORMAT_QPY,
            options=ParseDict(dict(self.options), Struct()),
        )
        set_field(spec, "seed", self.seed)
        return spec


def run_options(backend: str, *layers: Mapping[str, Any]) -> RunOptions:
    """Read layers of Aer's options, a later one before an earlier. Raises InvalidRequest for what no server does."""
    given = {name: value for layer in layers for name, value in layer.items() if value is not None}
    if unknown := sorted(set(given) - MEANINGFUL - OF_THE_MACHINE):
        raise _wrong(f"option {unknown[0]!r} is not one that the server knows; known: {', '.join(sorted(MEANINGFUL))}")
    method_backend = backend_of(backend, given.get("method"))
    if not method_backend.endswith("matrix_product_state"):  # elsewhere they decide nothing, as in Aer
        given = {name: value for name, value in given.items() if not name.startswith("matrix_product_state_")}
    named = {
        "device": _device(given),
        "float_precision": given.get("precision"),
        "noise_model": _noise(given),
        "max_bond_dimension": given.get("matrix_product_state_max_bond_dimension"),
        "truncation_threshold": given.get("matrix_product_state_truncation_threshold"),
    }
    options, noise_model = apart({name: value for name, value in named.items() if value is not None})
    return RunOptions(method_backend, options or {}, given.get("seed_simulator"), noise_model)


def backend_of(backend: str, method: str | None) -> str:
    """Give the backend that runs a method. Raises InvalidRequest where there is none, or this backend has another."""
    if method is None:
        return backend
    if method not in METHODS:
        raise _wrong(f"method {method!r} is not one that the server runs; it runs {', '.join(METHODS)}")
    if method == AUTOMATIC or backend == f"{CHOOSING_BACKEND}_{method}":
        return backend
    if backend != CHOOSING_BACKEND:
        raise _wrong(f"backend {backend} has its own method; for the method {method} use {CHOOSING_BACKEND}_{method}")
    return f"{CHOOSING_BACKEND}_{method}"


def _device(given: Mapping[str, Any]) -> str | None:
    device = given.get("device")
    if device is None:  # AerSimulator takes the CPU then, the server chooses
        return None
    name = str(device)
    return "auto" if name.lower() == "auto" else name.upper()


def _noise(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Write a NoiseModel as Aer does, or pass on a document in the server's own words."""
    noise = given.get("noise_model")
    if noise is None or isinstance(noise, Mapping):
        return noise
    if not hasattr(noise, "is_ideal"):
        raise _wrong(f"noise_model is {noise!r}; it must be a NoiseModel of Aer")
    if noise.is_ideal():
        return None
    return without_ids({"errors": noise.to_dict(serializable=True)["errors"]})


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OPTION)
