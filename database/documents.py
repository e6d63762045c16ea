"""Requests, plans and descriptions as JSON documents, and back. Defaults are left out: most jobs are plain."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import NotRequired, TypedDict, cast

from database.records import InstallState, PluginInstallation
from database.sweep_documents import SweepDocument, encode_sweep
from qserver.circuits import CircuitFormat, CircuitProfile, ClassicalRegister
from qserver.jobs import DEFAULT_PRIORITY, JobRequest, Observable, PauliTerm, RunRequest
from qserver.json_types import JsonObject
from qserver.noise_models import told_by_hash
from qserver.plugins import Plan
from qserver.results import ResultType


class RequestDocument(TypedDict):
    """What a client says about a job, less the inputs of its circuits."""

    backend: str
    result_types: list[str]
    seed: NotRequired[int]
    options: NotRequired[JsonObject]
    metadata: NotRequired[JsonObject]
    priority: NotRequired[int]
    time_limit_seconds: NotRequired[float]
    expires_at: NotRequired[str]
    request_id: NotRequired[str]
    circuit_format: NotRequired[str]
    cache: NotRequired[bool]
    num_pubs: NotRequired[int]


class PlanDocument(TypedDict):
    """A plan, as it stands."""

    method: str
    device: str
    float_precision: str
    threads: int
    memory_bytes: int
    seconds: float
    reason: str


class InputsDocument(TypedDict):
    """The inputs of one PUB. An observable is its terms, each a Pauli string and a coefficient."""

    shots: int
    precision: NotRequired[float]
    observables: NotRequired[list[list[tuple[str, float]]]]
    sweep: NotRequired[SweepDocument]
    plan: NotRequired[PlanDocument]  # of a PUB; that of the one circuit of a plain job is its job's


def encode_request(request: JobRequest) -> JsonObject:
    """Write all but the inputs."""
    run = request.run
    document: dict[str, object] = {"backend": run.backend, "result_types": sorted(run.result_types)}
    optional: dict[str, object] = {
        "seed": run.seed,
        "options": run.options or None,
        "metadata": run.metadata or None,
        "priority": request.priority or None,
        "time_limit_seconds": request.time_limit_seconds,
        "expires_at": None if request.expires_at is None else request.expires_at.isoformat(),
        "request_id": request.request_id,
        "circuit_format": request.circuit_format,
        "cache": request.cache or None,
        "num_pubs": request.num_pubs,
    }
    document.update((name, value) for name, value in optional.items() if value is not None)
    return cast("JsonObject", document)


def encode_inputs(run: RunRequest) -> JsonObject:
    """Write the inputs of a job's one PUB."""
    document: dict[str, object] = {"shots": run.shots}
    if run.precision is not None:
        document["precision"] = run.precision
    if run.observables:
        document["observables"] = [
            [[term.pauli, term.coefficient] for term in observable.terms] for observable in run.observables
        ]
    if run.sweep is not None:
        document["sweep"] = encode_sweep(run.sweep)
    return cast("JsonObject", document)


def decode_request(request: RequestDocument, inputs: InputsDocument) -> JobRequest:
    """Read both parts, without a sweep: its values are read where the job is to be run."""
    expires_at = request.get("expires_at")
    return JobRequest(
        run=_decode_run(request, inputs),
        priority=request.get("priority", DEFAULT_PRIORITY),
        time_limit_seconds=request.get("time_limit_seconds"),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        request_id=request.get("request_id"),
        circuit_format=CircuitFormat(request["circuit_format"]) if "circuit_format" in request else None,
        cache=request.get("cache", False),
        num_pubs=request.get("num_pubs"),
    )


def _decode_run(request: RequestDocument, inputs: InputsDocument) -> RunRequest:
    return RunRequest(
        backend=request["backend"],
        result_types=frozenset(map(ResultType, request["result_types"])),
        shots=inputs["shots"],
        seed=request.get("seed"),
        precision=inputs.get("precision"),
        observables=tuple(map(_decode_observable, inputs.get("observables", ()))),
        options=request.get("options", {}),
        metadata=request.get("metadata", {}),
    )


def decode_inputs(run: RunRequest, inputs: InputsDocument) -> RunRequest:
    """Give what a PUB asks for of a job that begins with `run`, without its sweep."""
    return replace(
        run,
        shots=inputs["shots"],
        precision=inputs.get("precision"),
        observables=tuple(map(_decode_observable, inputs.get("observables", ()))),
    )


def _decode_observable(terms: list[tuple[str, float]]) -> Observable:
    # `jsonb` may give a whole coefficient back as an int.
    return Observable(tuple(PauliTerm(pauli, float(coefficient)) for pauli, coefficient in terms))


def content_hash(source: bytes, request: JobRequest) -> bytes:
    """Give the SHA-256 of all that a submission says, to tell a repeated one from another under the same request_id.

    Nothing counts that the server finds out for itself, such as the format: what it knows of backends may change
    between the two. A large noise model counts by its hash: it may have been sent whole, and then be referred to.
    """
    said = replace(request, circuit_format=None, run=replace(request.run, options=told_by_hash(request.run.options)))
    words = dumps([encode_request(said), encode_inputs(said.run)], sort_keys=True, separators=(",", ":"))
    return sha256(sha256(source).digest() + words.encode()).digest()


def encode_plan(plan: Plan) -> JsonObject:
    """Write a plan."""
    document = PlanDocument(
        method=plan.method,
        device=plan.device,
        float_precision=plan.float_precision,
        threads=plan.threads,
        memory_bytes=plan.memory_bytes,
        seconds=plan.seconds,
        reason=plan.reason,
    )
    return cast("JsonObject", document)


def decode_plan(document: PlanDocument) -> Plan:
    """Read a plan."""
    return Plan(**document)


class ProfileDocument(TypedDict):
    """A profile, as it stands; a register is its name and size."""

    num_qubits: int
    num_clbits: int
    depth: int
    size: int
    gate_counts: dict[str, int]
    num_multi_qubit_gates: int
    is_clifford: bool
    has_only_final_measurements: bool
    has_mid_circuit_measurement: bool
    has_reset: bool
    has_control_flow: bool
    num_measured_clbits: int
    classical_registers: list[tuple[str, int]]
    parameters: list[str]
    basis_counts: dict[str, int]
    max_interaction_distance: int
    entanglement_bits: int | None
    num_active_qubits: int | None


def encode_profile(profile: CircuitProfile) -> JsonObject:
    """Write a profile."""
    document = ProfileDocument(
        num_qubits=profile.num_qubits,
        num_clbits=profile.num_clbits,
        depth=profile.depth,
        size=profile.size,
        gate_counts=dict(profile.gate_counts),
        num_multi_qubit_gates=profile.num_multi_qubit_gates,
        is_clifford=profile.is_clifford,
        has_only_final_measurements=profile.has_only_final_measurements,
        has_mid_circuit_measurement=profile.has_mid_circuit_measurement,
        has_reset=profile.has_reset,
        has_control_flow=profile.has_control_flow,
        num_measured_clbits=profile.num_measured_clbits,
        classical_registers=[(register.name, register.size) for register in profile.classical_registers],
        parameters=list(profile.parameters),
        basis_counts=dict(profile.basis_counts),
        max_interaction_distance=profile.max_interaction_distance,
        entanglement_bits=profile.entanglement_bits,
        num_active_qubits=profile.num_active_qubits,
    )
    return cast("JsonObject", document)


def decode_profile(document: ProfileDocument) -> CircuitProfile:
    """Read a profile."""
    return CircuitProfile(
        num_qubits=document["num_qubits"],
        num_clbits=document["num_clbits"],
        depth=document["depth"],
        size=document["size"],
        gate_counts=document["gate_counts"],
        num_multi_qubit_gates=document["num_multi_qubit_gates"],
        is_clifford=document["is_clifford"],
        has_only_final_measurements=document["has_only_final_measurements"],
        has_mid_circuit_measurement=document["has_mid_circuit_measurement"],
        has_reset=document["has_reset"],
        has_control_flow=document["has_control_flow"],
        num_measured_clbits=document["num_measured_clbits"],
        classical_registers=tuple(ClassicalRegister(name, size) for name, size in document["classical_registers"]),
        parameters=tuple(document["parameters"]),
        basis_counts=document["basis_counts"],
        max_interaction_distance=document["max_interaction_distance"],
        entanglement_bits=document["entanglement_bits"],
        num_active_qubits=document["num_active_qubits"],
    )


class InstallationDocument(TypedDict):
    """How far a worker is with a file plugin."""

    state: str
    message: str | None


def encode_installations(installations: Mapping[str, PluginInstallation]) -> JsonObject:
    """Write a worker's report, by plugin."""
    return {
        name: {"state": installation.state, "message": installation.message}
        for name, installation in installations.items()
    }


def decode_installations(document: dict[str, InstallationDocument]) -> dict[str, PluginInstallation]:
    """Read a worker's report, by plugin."""
    return {
        name: PluginInstallation(InstallState(report["state"]), report["message"]) for name, report in document.items()
    }
