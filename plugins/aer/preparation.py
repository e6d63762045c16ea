"""From a task to the circuits that the engine is to run for it."""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Qubit
from qiskit_aer.library import SaveProbabilities, SaveStatevector

from plugins.aer.checks import trajectories_for_precision
from plugins.aer.circuit_walk import Rule, definition_of, replace, written_out
from plugins.aer.cliffords import clifford_rule
from plugins.aer.demand import Demand
from plugins.aer.direct_circuits import DirectCircuit, direct_circuit, is_direct, read_calls
from plugins.aer.direct_states import PROBABILITIES, STATEVECTOR, DirectExperiment, can_run_directly
from plugins.aer.drawing import measured_qubits
from plugins.aer.engine import basis, is_misread
from plugins.aer.expectation import append_saves, saved_observables
from plugins.aer.final_measurements import SplitCircuit, active_qubits, split
from plugins.aer.gate_widths import WIDE_GATES
from plugins.aer.inspector import load_circuit
from plugins.aer.methods import Method
from plugins.aer.noise_words import CustomNoise, StoredNoise
from plugins.aer.noisy_gates import noisy_clifford_rule, noisy_rule, unlabelled
from plugins.aer.options import AerOptions
from plugins.aer.source_look import decode
from qserver.circuits import CircuitFormat
from qserver.errors import InvalidCircuit
from qserver.jobs import Observable, RunRequest
from qserver.plugins import Task
from qserver.results import SAMPLED_RESULT_TYPES, ResultType

WIDE_OPERATIONS = frozenset({"diagonal", "mcx", "pauli", "unitary"})


@dataclass(frozen=True, eq=False, slots=True)
class Experiment:
    """One circuit for the engine. Compared by identity: one experiment may serve as sample and as state."""

    circuit: QuantumCircuit
    shots: int
    seed: int | None
    wants_memory: bool = False
    has_saves: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Preparation:
    """A task with its experiments.

    `sampling` gives counts as the engine draws them; `saving` gives probabilities, states and expectation values, from
    as many trajectories as `saving_shots`. The two may be one experiment. `tableau_circuit` makes the stabilizer state
    that counts are drawn from. `is_drawn`: counts come from it or from saved probabilities. `is_original`: the sampled
    circuit is the client's own, so that the engine's seed reproduces its counts.
    """

    task: Task
    demand: Demand
    outcomes: dict[int, int]  # classical bit -> qubit, of final measurements
    observables: tuple[Observable, ...]  # as saved
    sampling: Experiment | None
    saving: Experiment | DirectExperiment | None
    saving_shots: int
    tableau_circuit: QuantumCircuit | None
    is_drawn: bool
    is_deterministic: bool
    is_original: bool
    loading_seconds: float


def prepare(task: Task) -> Preparation:
    """Load a task's circuit and lay out its experiments. Raises InvalidCircuit or InvalidRequest."""
    started = time.perf_counter()
    profile = task.circuit.inspection.profile
    if profile is None:
        raise InvalidCircuit("the circuit was never inspected")
    demand = Demand.of(profile, task.request, noise_model=task.noise_model)
    loaded = _load(task, demand)
    if isinstance(loaded, DirectCircuit):
        return _prepare_direct(task, demand, loaded, started)
    return _layout(task, demand, loaded).prepare(started)


def lay_out(task: Task) -> "Layout":
    """Load a task's circuit, free parameters included, for Aer's controller alone. Raises as `prepare` does."""
    profile = task.circuit.inspection.profile
    if profile is None:
        raise InvalidCircuit("the circuit was never inspected")
    demand = Demand.of(profile, task.request, noise_model=task.noise_model)
    return _layout(task, demand, load_circuit(task.circuit))


def _layout(task: Task, demand: Demand, loaded: QuantumCircuit) -> "Layout":
    method = Method(task.plan.method)
    circuit = _written_for(method, demand.options, loaded)
    parts = split(circuit, keeps_leading_resets=demand.options.noise is not None)
    return Layout(task, demand, method, circuit, parts)


def _load(task: Task, demand: Demand) -> DirectCircuit | QuantumCircuit:
    """Load the circuit: as calls of Aer's state class where it may be, and from the text at once where that reads."""
    if not (is_direct(demand, task.plan) and can_run_directly()):
        return load_circuit(task.circuit)
    keeps_idle_qubits = not demand.can_leave_out_idle_qubits
    if task.circuit.circuit_format is CircuitFormat.OPENQASM2:
        calls = read_calls(decode(task.circuit.source), keeps_idle_qubits=keeps_idle_qubits)
        if calls is not None:
            return calls
    loaded = load_circuit(task.circuit)
    return direct_circuit(loaded, keeps_idle_qubits=keeps_idle_qubits) or loaded


def _prepare_direct(task: Task, demand: Demand, circuit: DirectCircuit, started: float) -> Preparation:
    wanted = task.request.result_types
    observables = _saved_observables(task.request, is_deterministic=True)
    experiment = DirectExperiment(
        circuit=circuit,
        wants_probabilities=demand.wants_sample or ResultType.PROBABILITIES in wanted,
        wants_statevector=ResultType.STATEVECTOR in wanted,
        observables=observables,
    )
    return Preparation(
        task=task,
        demand=demand,
        outcomes=circuit.outcomes,
        observables=observables,
        sampling=None,
        saving=experiment,
        saving_shots=1,
        tableau_circuit=None,
        is_drawn=demand.wants_sample,
        is_deterministic=True,
        is_original=False,
        loading_seconds=time.perf_counter() - started,
    )


def _saved_observables(request: RunRequest, *, is_deterministic: bool) -> tuple[Observable, ...]:
    if ResultType.EXPVAL not in request.result_types:
        return ()
    return saved_observables(request, is_sampled=request.precision is not None and is_deterministic)


def _written_for(method: Method, options: AerOptions, circuit: QuantumCircuit) -> QuantumCircuit:
    for rule in _rules(method, options):
        circuit = replace(circuit, rule)
    return circuit


def _rules(method: Method, options: AerOptions) -> Iterator[Rule]:
    if method is Method.MATRIX_PRODUCT_STATE:
        yield written_out(lambda found: is_misread(found, method))
    if _has_named_noise(options):
        yield unlabelled
        yield written_out(lambda found: found.name == "pauli")
    yield _last_rule(method, options)


def _has_named_noise(options: AerOptions) -> bool:
    return options.noise is not None and not isinstance(options.noise, CustomNoise | StoredNoise)


def _last_rule(method: Method, options: AerOptions) -> Rule:
    if method is Method.STABILIZER:
        return clifford_rule if options.noise is None else noisy_clifford_rule
    allowed = basis(method)
    if options.noise is not None:
        # Named noise follows every gate of one or two qubits: wider ones are written out so that none escapes it.
        return noisy_rule(allowed - WIDE_GATES - WIDE_OPERATIONS if _has_named_noise(options) else allowed)

    def rule(instruction: CircuitInstruction) -> QuantumCircuit | None:
        return None if instruction.name in allowed else definition_of(instruction.operation)

    return rule


@dataclass(frozen=True, slots=True)
class Layout:
    """Lays the experiments of one task out."""

    task: Task
    demand: Demand
    method: Method
    circuit: QuantumCircuit
    parts: SplitCircuit

    def with_observables(self, observables: tuple[Observable, ...]) -> "Layout":
        """Give the layout of a task that asks for these observables."""
        request = dataclasses.replace(self.task.request, observables=observables)
        return dataclasses.replace(
            self,
            task=dataclasses.replace(self.task, request=request),
            demand=dataclasses.replace(self.demand, request=request),
        )

    def prepare(self, started: float) -> Preparation:
        """Give the experiments; loading began at `started`, by `time.perf_counter`."""
        sampling, saving = self._experiments()
        return Preparation(
            task=self.task,
            demand=self.demand,
            outcomes=self.parts.outcomes(),
            observables=self._observables,
            sampling=sampling,
            saving=saving,
            saving_shots=self._saving_shots(),
            tableau_circuit=self.parts.body_circuit(self.circuit, self.circuit.qubits)
            if self._is_drawn_from_tableau
            else None,
            is_drawn=self._is_drawn,
            is_deterministic=self._is_deterministic,
            is_original=sampling is not None and (sampling is not saving or self._keeps_order),
            loading_seconds=time.perf_counter() - started,
        )

    @property
    def _request(self) -> RunRequest:
        return self.task.request

    @property
    def _observables(self) -> tuple[Observable, ...]:
        return _saved_observables(self._request, is_deterministic=self._is_deterministic)

    @property
    def _is_drawn(self) -> bool:
        return self.demand.draws_exactly(self.method)

    @property
    def _is_drawn_from_tableau(self) -> bool:
        return self._is_drawn and self.method is Method.STABILIZER

    @property
    def _is_deterministic(self) -> bool:
        return self.demand.is_deterministic(self.method)

    @property
    def _keeps_order(self) -> bool:
        """Whether body and final measurements, one after the other, are the client's circuit."""
        return self.parts.is_tail and not self.parts.has_leading_resets

    def _experiments(self) -> tuple[Experiment | None, Experiment | None]:
        wanted = self._request.result_types
        is_sampled = self.demand.wants_sample and not self._is_drawn
        is_saved = bool(wanted - SAMPLED_RESULT_TYPES) or (self._is_drawn and not self._is_drawn_from_tableau)
        if not is_saved:
            return (self._sampling(self.circuit) if is_sampled else None), None
        saving_circuit = self._saving_circuit()
        if not is_sampled:
            return None, self._saving(saving_circuit)
        if self._saving_shots() in {1, self._request.shots} and (self._request.seed is None or self._keeps_order):
            for measured in self.parts.measurements:
                saving_circuit.measure(self.circuit.qubits[measured.qubit], self.circuit.clbits[measured.clbit])
            both = self._sampling(saving_circuit, has_saves=True)
            return both, both
        # Measuring after the saves would change the order of Aer's random numbers, or the number of shots.
        return self._sampling(self.circuit), self._saving(saving_circuit)

    def _sampling(self, circuit: QuantumCircuit, *, has_saves: bool = False) -> Experiment:
        wants_memory = ResultType.MEMORY in self._request.result_types
        return Experiment(circuit, self._request.shots, self._request.seed, wants_memory, has_saves)

    def _saving(self, circuit: QuantumCircuit) -> Experiment:
        return Experiment(circuit, self._saving_shots(), self._request.seed, has_saves=True)

    def _saving_shots(self) -> int:
        """Give how often the state must be made: once, or once a trajectory."""
        if self._is_deterministic:
            return 1
        if self._request.precision is None:
            return self._request.shots
        return trajectories_for_precision(self._request.observables, self._request.precision)

    def _saving_circuit(self) -> QuantumCircuit:
        wanted = self._request.result_types
        circuit = self.parts.body_circuit(self.circuit, self._kept_qubits())
        if ResultType.EXPVAL in wanted:
            register = self.circuit.qubits
            append_saves(circuit, self._observables, register, each_shot=not self._is_deterministic)
        if ResultType.STATEVECTOR in wanted:
            circuit.append(SaveStatevector(circuit.num_qubits, label=STATEVECTOR), circuit.qubits, copy=False)
        if ResultType.PROBABILITIES in wanted or (self._is_drawn and not self._is_drawn_from_tableau):
            qubits = [self.circuit.qubits[index] for index in measured_qubits(self.parts.outcomes())]
            circuit.append(SaveProbabilities(len(qubits), label=PROBABILITIES), qubits, copy=False)
        return circuit

    def _kept_qubits(self) -> Sequence[Qubit]:
        """Leave out qubits that nothing touches.

        Aer would leave them out too, but then gives wrong expectation values (its issue 2442), so that this is switched
        off where something is saved.
        """
        register: list[Qubit] = self.circuit.qubits
        if not self.demand.can_leave_out_idle_qubits:
            return register
        return active_qubits(self.circuit) or register[:1]
