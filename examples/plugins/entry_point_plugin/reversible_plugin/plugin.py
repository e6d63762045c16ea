"""The plugin: its light half answers in the services, its heavy half runs in sandboxed processes."""

import secrets
import time
from collections import Counter
from collections.abc import Sequence

from qserver.circuits import CircuitFormat, CircuitProfile, ClassicalRegister, Inspection
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import BackendSpec, Failure, Outcome, Plan, Resources, RunLimits, Success, Task
from qserver.results import PhaseSeconds, PubResult, ResultType, RunRecord
from reversible_plugin.circuit import ReversibleCircuit, parse

VERSION = "0.1.0"
FLIP_PROBABILITY = "flip_probability"


class ReversiblePlugin:
    """Circuits of x, cx, ccx and swap, on bits."""

    name = "reversible"
    version = VERSION

    # The light half: plain Python over profiles. No engine, no files, no waiting.

    def backends(self) -> Sequence[BackendSpec]:
        """List what it brings. The schema is checked at ingest: nothing else reaches `plan` or `run`."""
        probability: JsonObject = {"type": "number", "minimum": 0, "maximum": 0.5, "default": 0}
        return [
            BackendSpec(
                name="reversible",
                description="reversible circuits on bits, with bits that may be misread",
                result_types=frozenset({ResultType.COUNTS, ResultType.QUASI_DIST}),
                formats=frozenset({CircuitFormat.OPENQASM2}),
                options_schema={
                    "type": "object",
                    "properties": {FLIP_PROBABILITY: probability},
                    "additionalProperties": False,
                },
            )
        ]

    def plan(self, profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
        """Say what one job will take. What can't work is refused here, before it is stored."""
        if profile is None or not profile.has_measurements:
            raise InvalidRequest("the circuit measures nothing", reason=Reason.UNSUPPORTED_RESULT_TYPE)
        flips = request.shots * profile.num_clbits if _flip_probability(request) else 0
        return Plan(
            method="bits",
            device="CPU",
            float_precision="double",
            threads=1,
            memory_bytes=64 * (profile.num_qubits + profile.size),
            seconds=2e-7 * (profile.size + flips),
            reason="every state is one bitstring",
        )

    def batch_key(self, task: Task) -> str | None:
        """Let all jobs travel together: each has a seed of its own here."""
        return "bits"

    # The heavy half: called in a process that may be killed at any moment.

    def check_options(self, options: JsonObject) -> None:
        """Nothing is left to check: no option is named in `sandboxed_options`."""

    def inspect(self, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        """Parse once, at ingest; what is found is stored with the circuit."""
        return Inspection(circuit_format=circuit_format, profile=_profile(parse(_text(source))), qpy=None)

    def run(self, tasks: Sequence[Task], limits: RunLimits) -> Sequence[Outcome]:
        """Give an outcome for each task; one that fails takes no other with it."""
        return [_run(task) for task in tasks]


def _text(source: bytes) -> str:
    try:
        return source.decode()
    except UnicodeDecodeError:
        raise InvalidCircuit("the circuit is no UTF-8 text") from None


def _profile(circuit: ReversibleCircuit) -> CircuitProfile:
    return CircuitProfile(
        num_qubits=circuit.num_qubits,
        num_clbits=circuit.num_clbits,
        depth=len(circuit.gates),
        size=len(circuit.gates) + len(circuit.measured),
        gate_counts=Counter(name for name, _ in circuit.gates),
        num_multi_qubit_gates=sum(len(qubits) > 1 for _, qubits in circuit.gates),
        is_clifford=all(name != "ccx" for name, _ in circuit.gates),
        has_only_final_measurements=True,
        has_mid_circuit_measurement=False,
        has_reset=False,
        has_control_flow=False,
        num_measured_clbits=len(circuit.measured),
        classical_registers=(ClassicalRegister("c", circuit.num_clbits),),
        parameters=(),
    )


def _flip_probability(request: RunRequest) -> float:
    value = request.options.get(FLIP_PROBABILITY, 0)
    return float(value) if isinstance(value, int | float) else 0.0  # the schema lets nothing else pass


def _run(task: Task) -> Outcome:
    from reversible_plugin import engine  # noqa: PLC0415 - a heavy engine is loaded only where circuits run

    started_at = time.perf_counter()
    try:
        circuit = parse(_text(task.circuit.source))
    except InvalidCircuit as error:
        return Failure(key=task.key, reason=error.reason, message=error.message)
    seed = secrets.randbits(32) if task.request.seed is None else task.request.seed
    probability = _flip_probability(task.request)
    counts = engine.sample(engine.run(circuit), shots=task.request.shots, flip_probability=probability, seed=seed)
    return Success(key=task.key, result=_result(task, counts, seed, time.perf_counter() - started_at))


def _result(task: Task, counts: dict[str, int], seed: int, seconds: float) -> PubResult:
    wanted = task.request.result_types
    run = RunRecord(
        backend=task.request.backend,
        method=task.plan.method,
        device=task.plan.device,
        float_precision=task.plan.float_precision,
        shots=task.request.shots,
        seed=seed,
        threads=task.plan.threads,
        reason=task.plan.reason,
        plugin=ReversiblePlugin.name,
        plugin_version=VERSION,
        engine="reversible",
        engine_version=VERSION,
        seconds=PhaseSeconds(simulating=seconds),
    )
    distribution = {str(int(bits, 2)): count / task.request.shots for bits, count in counts.items()}
    return PubResult(
        run=run,
        counts=counts if ResultType.COUNTS in wanted else None,
        quasi_dist=distribution if ResultType.QUASI_DIST in wanted else None,
    )
