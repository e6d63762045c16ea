"""The only place that calls Aer: settings in, data or a fault for each circuit out."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import qiskit_aer
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction
from qiskit.exceptions import QiskitError
from qiskit.result.models import ExperimentResult
from qiskit_aer import AerSimulator
from qiskit_aer.jobs import AerJob

from plugins.aer.engine_names import OPERATION_NAMES, STANDARD_GATE_NAMES
from plugins.aer.methods import Device, Method
from plugins.aer.noise_models import build_noise
from plugins.aer.noise_words import StoredNoise
from plugins.aer.options import AerOptions
from qserver.errors import QServerError, Reason
from qserver.plugins import Plan, RunLimits

ENGINE_NAME = "qiskit-aer"
ENGINE_VERSION: str = qiskit_aer.__version__
CACHED_SIMULATORS = 64
CACHED_HEAVY_SIMULATORS = 8
"""Simulators with the noise model of a device: together they hold no more than so many of these."""
MAX_MESSAGE_CHARACTERS = 500
MIB = 2**20
THREAD_LIMIT_VARIABLE = "OMP_THREAD_LIMIT"
FAST_PATH_QUBITS = 10
"""From here the fast path gains something; Aer's own threshold is 14."""

# What Aer's Python side raises for a circuit that it can't assemble or run, besides its own AerError, a QiskitError.
ENGINE_FAULTS = (QiskitError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)

# What Aer says (0.18) where it leaves out qubits since it sees nothing measured that depends on them (it looks for
# measurements outside of blocks only), and then misses them in a block of control flow, or the block's end.
# It is no fault of the circuit: with all its qubits it runs.
_TRUNCATION_FAULTS = ("unordered_map::at", "Invalid jump destination")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """All that makes two simulators differ. `threads` is at least 1, `memory_mib` too."""

    method: Method
    device: Device
    options: AerOptions
    threads: int
    memory_mib: int

    @classmethod
    def of(cls, plan: Plan, options: AerOptions, limits: RunLimits) -> "EngineSettings":
        """Put together what the plan, the request and the process's limits say."""
        return cls(
            method=Method(plan.method),
            device=Device(plan.device),
            options=options,
            threads=max(1, limits.threads),
            memory_mib=max(1, limits.memory_bytes // MIB),
        )


@dataclass(frozen=True, slots=True)
class EngineFault:
    """Why one circuit has no data."""

    reason: Reason
    message: str


OUT_OF_MEMORY = EngineFault(Reason.OUT_OF_MEMORY, "Aer ran out of memory")


@dataclass(frozen=True, slots=True)
class EngineData:
    """What one circuit gave.

    `counts` has hexadecimal integers as keys, `memory` the same for each shot, `saved` what save instructions asked
    for, by label. `seed` is the one that the engine used.
    """

    counts: Mapping[str, int]
    memory: Sequence[str] | None
    saved: Mapping[str, Any]
    seed: int

    def numbers(self, label: str) -> npt.NDArray[np.float64]:
        """Give what was saved under `label`: an array of real numbers, of no dimension for one."""
        return np.asarray(self.saved[label], dtype=np.float64)

    def amplitudes(self, label: str) -> npt.NDArray[np.complexfloating]:
        """Give a saved statevector."""
        return np.asarray(self.saved[label])


EngineOutcome = EngineData | EngineFault


@dataclass(frozen=True, slots=True)
class TimedOutcome:
    """What an experiment came to. `seconds` is its share of the call of the engine that it was part of."""

    outcome: EngineOutcome
    seconds: float


_Outcomes = EngineFault | Sequence[EngineOutcome]


def simulate(
    circuits: Sequence[QuantumCircuit],
    settings: EngineSettings,
    *,
    shots: int,
    seed: int | None,
    wants_memory: bool,
    has_saves: bool,
) -> Sequence[EngineOutcome]:
    """Run circuits in one call of the engine and give one outcome for each, in order.

    Where the engine refuses the whole list because of one of them, they run again one by one. `has_saves` says that the
    circuits save something: then Aer mustn't leave out idle qubits, or its expectation values are wrong (issue 2442).
    """
    try:
        simulator = simulator_of(settings)
    except QServerError as error:
        return [EngineFault(error.reason, error.message)] * len(circuits)
    except ENGINE_FAULTS as error:
        return [EngineFault(Reason.PLUGIN_ERROR, f"Aer can't be set up: {_words(error)}")] * len(circuits)
    call = functools.partial(
        simulator.run,
        shots=shots,
        seed_simulator=seed,
        memory=wants_memory,
        enable_truncation=not has_saves,
    )
    if len(circuits) == 1:
        return [_alone(call, circuits[0])]
    outcomes = _call(call, circuits)
    return [_alone(call, circuit) for circuit in circuits] if isinstance(outcomes, EngineFault) else outcomes


def _call(call: Callable[..., AerJob], circuits: Sequence[QuantumCircuit]) -> _Outcomes:
    try:
        result = call(list(circuits)).result()
    except MemoryError:
        return OUT_OF_MEMORY
    except ENGINE_FAULTS as error:
        return fault_of(error)
    if len(result.results) != len(circuits):
        return EngineFault(Reason.PLUGIN_ERROR, f"Aer gave no results: {str(result.status)[:MAX_MESSAGE_CHARACTERS]}")
    return [outcome_of(experiment) for experiment in result.results]


def _alone(call: Callable[..., AerJob], circuit: QuantumCircuit) -> EngineOutcome:
    found = _only(_call(call, [circuit]))
    if isinstance(found, EngineFault) and any(words in found.message for words in _TRUNCATION_FAULTS):
        return _only(_call(functools.partial(call, enable_truncation=False), [circuit]))
    return found


def fault_of(error: Exception) -> EngineFault:
    """Say what Aer raised of a circuit."""
    return EngineFault(Reason.PLUGIN_ERROR, f"Aer can't run the circuit: {_words(error)}")


def _words(error: Exception) -> str:
    message = error.message if isinstance(error, QiskitError) else str(error)
    return str(message)[:MAX_MESSAGE_CHARACTERS]


def _only(outcomes: _Outcomes) -> EngineOutcome:
    return outcomes if isinstance(outcomes, EngineFault) else outcomes[0]


@functools.cache
def basis(method: Method) -> frozenset[str]:
    """Name the operations of circuits that Aer runs with this method as they are."""
    known = STANDARD_GATE_NAMES | OPERATION_NAMES
    return (frozenset(AerSimulator(method=method).configuration().basis_gates) & known) | {"measure", "barrier"}


def threading_options(threads: int, environment: Mapping[str, str]) -> Mapping[str, int]:
    """Give Aer's options for so many threads.

    With one, Aer takes a serial path that is several times slower for gates on two qubits. Where OpenMP is held to one
    thread anyway, as workers do for simulators beside others, Aer is asked for two, and takes its fast path on one
    core: a QFT of 14 qubits takes 12 ms instead of 20, with the same counts (0.18.2).
    """
    if threads > 1 or environment.get(THREAD_LIMIT_VARIABLE) != "1":
        return {"max_parallel_threads": threads}
    # More shots at once would hold more states at once.
    return {"max_parallel_threads": 2, "max_parallel_shots": 1, "statevector_parallel_threshold": FAST_PATH_QUBITS}


def is_misread(instruction: CircuitInstruction, method: Method) -> bool:
    """Tell of an operation that Aer takes and gives wrong numbers for: it must be written out.

    A matrix product state in which two or more qubits, but not all, are initialized loses its norm (0.18.2).
    """
    return method is Method.MATRIX_PRODUCT_STATE and instruction.name == "initialize" and len(instruction.qubits) > 1


def simulator_of(settings: EngineSettings) -> AerSimulator:
    """Make a simulator once for equal settings: building a noise model costs more than running a small circuit."""
    is_heavy = isinstance(settings.options.noise, StoredNoise)
    return _heavy_simulator(settings) if is_heavy else kept_simulator(settings)


def _simulator(settings: EngineSettings) -> AerSimulator:
    options = settings.options
    simulator = AerSimulator(
        method=settings.method.value,
        device=settings.device.value,
        precision=options.float_precision.value,
        **threading_options(settings.threads, os.environ),
        max_memory_mb=settings.memory_mib,
        noise_model=None if options.noise is None else build_noise(options.noise),
    )
    if options.max_bond_dimension is not None:
        simulator.set_options(matrix_product_state_max_bond_dimension=options.max_bond_dimension)
    if options.truncation_threshold is not None:
        simulator.set_options(matrix_product_state_truncation_threshold=options.truncation_threshold)
    return simulator


kept_simulator = functools.lru_cache(maxsize=CACHED_SIMULATORS)(_simulator)
_heavy_simulator = functools.lru_cache(maxsize=CACHED_HEAVY_SIMULATORS)(_simulator)


def outcome_of(experiment: ExperimentResult) -> EngineOutcome:
    """Read what Aer gives of one circuit, or of one point of a sweep."""
    if experiment.success:
        saved = dict(experiment.data.to_dict())
        return EngineData(saved.pop("counts", {}), saved.pop("memory", None), saved, int(experiment.seed_simulator))
    message = str(experiment.status).removeprefix("ERROR: ").strip()
    # Aer has no code for it, only these words (0.17 and 0.18, `controllers/aer_controller.hpp`).
    is_memory = "insufficient memory" in message.lower()
    return EngineFault(
        Reason.OUT_OF_MEMORY if is_memory else Reason.PLUGIN_ERROR, f"Aer: {message[:MAX_MESSAGE_CHARACTERS]}"
    )
