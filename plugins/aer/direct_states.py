"""Final states of small circuits, made by Aer's state class gate by gate, without its controller.

The controller takes 5 us to take in a gate and 75 us to run a circuit; the state class takes 3 us a gate. It works on
an array of ours, so that nothing is copied out of it.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt
import qiskit_aer
from qiskit_aer.backends import controller_wrappers

from plugins.aer.direct_circuits import DirectCircuit
from plugins.aer.drawing import measured_qubits
from plugins.aer.engine import (
    ENGINE_FAULTS,
    OUT_OF_MEMORY,
    THREAD_LIMIT_VARIABLE,
    EngineData,
    EngineFault,
    EngineOutcome,
    TimedOutcome,
    fault_of,
)
from plugins.aer.expectation import label
from plugins.aer.gate_calls import GATE_CALLS, Amplitudes, NativeState
from plugins.aer.pauli_values import observable_value
from qserver.jobs import Observable

PROBABILITIES, STATEVECTOR = "probabilities", "statevector"

KNOWN_AER_SERIES = frozenset({"0.18"})
"""Versions of Aer whose state class was held against its controller, to the second number."""

NATIVE_STATE: Callable[[], NativeState] | None = getattr(controller_wrappers, "AerStateWrapper", None)
CONFIGURATION: Mapping[str, str] = MappingProxyType(
    {"method": "statevector", "device": "CPU", "precision": "double", "max_parallel_threads": "1"}
)

FAST_CONFIGURATION: Mapping[str, str] = MappingProxyType(
    {**CONFIGURATION, "max_parallel_threads": "2", "parallel_state_update": "2", "statevector_parallel_threshold": "1"}
)
"""Takes the path with OpenMP on one thread (see `engine.threading_options`): a cx on 12 qubits takes 2.4 us, not 13.

A gate on one qubit takes 0.6 us more, and only a state that holds its own memory takes this path: 35 us a circuit.
"""
MIN_FAST_QUBITS = 10

CALLS_AT_A_TIME = 4096
"""A call that waits for `flush` holds about 1.5 KB."""

_PROBE = DirectCircuit(calls=((GATE_CALLS["x"], [0], ()),), kept_qubits=(0,), outcomes={}, phase=0.0)


@dataclass(frozen=True, eq=False, slots=True)
class DirectExperiment:
    """A circuit to be run on the state class, and what is to be told of its final state."""

    circuit: DirectCircuit
    wants_probabilities: bool
    wants_statevector: bool
    observables: tuple[Observable, ...]


@cache
def can_run_directly() -> bool:
    """Whether this Aer has the state class, in a version in which it is known to do what its controller does."""
    if NATIVE_STATE is None or ".".join(qiskit_aer.__version__.split(".")[:2]) not in KNOWN_AER_SERIES:
        return False
    try:
        with closing(_SharedRegister(1)) as register:
            return bool(np.allclose(register.run(_PROBE), [0.0, 1.0]))
    except ENGINE_FAULTS:
        return False


@cache
def has_fast_path() -> bool:
    """Whether OpenMP is held to one thread, and this Aer takes its path where it is told to."""
    if os.environ.get(THREAD_LIMIT_VARIABLE) != "1":
        return False
    try:
        with closing(_FastRegister(1)) as register:
            return bool(np.allclose(register.run(_PROBE), [0.0, 1.0]))
    except ENGINE_FAULTS:
        return False


def run_directly(experiments: Sequence[DirectExperiment]) -> Sequence[TimedOutcome]:
    """Run experiments, those of equal width on one state, and give one outcome for each, in order.

    One that fails takes no other with it.
    """
    by_width: dict[int, list[DirectExperiment]] = defaultdict(list)
    for experiment in experiments:
        by_width[len(experiment.circuit.kept_qubits)].append(experiment)
    outcomes: dict[DirectExperiment, TimedOutcome] = {}
    for num_qubits, group in by_width.items():
        waiting = iter(group)
        while found := dict(_run_until_fault(waiting, num_qubits)):
            outcomes.update(found)
    return [outcomes[experiment] for experiment in experiments]


def _run_until_fault(
    experiments: Iterator[DirectExperiment], num_qubits: int
) -> Iterator[tuple[DirectExperiment, TimedOutcome]]:
    """Run on one state, up to the first that fails: what it leaves of the state is not to be relied on."""
    first = next(experiments, None)
    if first is None:
        return
    is_fast = num_qubits >= MIN_FAST_QUBITS and has_fast_path()
    with closing(_FastRegister(num_qubits) if is_fast else _SharedRegister(num_qubits)) as register:
        for experiment in chain((first,), experiments):
            started = time.perf_counter()
            outcome = _outcome(register, experiment)
            yield experiment, TimedOutcome(outcome, time.perf_counter() - started)
            if isinstance(outcome, EngineFault):
                return


def _outcome(register: "_Register", experiment: DirectExperiment) -> EngineOutcome:
    try:
        return EngineData({}, None, _saved(register.run(experiment.circuit), experiment), 0)
    except MemoryError:
        return OUT_OF_MEMORY
    except ENGINE_FAULTS as error:
        return fault_of(error)


def _saved(amplitudes: Amplitudes, experiment: DirectExperiment) -> Mapping[str, object]:
    """Tell what is wanted of the state, under the labels that the controller's save instructions have."""
    circuit = experiment.circuit
    saved: dict[str, object] = {
        label(place): observable_value(amplitudes, observable, circuit.kept_qubits)
        for place, observable in enumerate(experiment.observables)
    }
    if experiment.wants_statevector:
        saved[STATEVECTOR] = amplitudes * np.exp(1j * circuit.phase)
    if experiment.wants_probabilities:
        saved[PROBABILITIES] = _probabilities(amplitudes, circuit)
    return saved


def _probabilities(amplitudes: Amplitudes, circuit: DirectCircuit) -> npt.NDArray[np.float64]:
    """Give them over the distinct measured qubits in rising order, the lowest being the lowest bit of the index."""
    probabilities = amplitudes.real**2 + amplitudes.imag**2
    measured = measured_qubits(circuit.outcomes)
    if len(measured) == len(circuit.kept_qubits):
        return probabilities
    highest = len(circuit.kept_qubits) - 1
    axes = tuple(highest - place for place, qubit in enumerate(circuit.kept_qubits) if qubit not in measured)
    return np.asarray(probabilities.reshape((2,) * len(circuit.kept_qubits)).sum(axis=axes)).reshape(-1)


class _Register(Protocol):
    """What holds a state of some qubits."""

    def run(self, circuit: DirectCircuit) -> Amplitudes:
        """Give the state that the circuit makes of |0...0>; the next run may overwrite it."""

    def close(self) -> None:
        """Take back what Aer holds."""


class _FastRegister:
    """A state of Aer's that holds its own memory."""

    def __init__(self, num_qubits: int) -> None:
        self._num_qubits = num_qubits
        self._native = _new_state(FAST_CONFIGURATION)

    def run(self, circuit: DirectCircuit) -> Amplitudes:
        self._native.reallocate_qubits(self._num_qubits)
        self._native.initialize()
        _apply(circuit, self._native)
        return self._native.move_to_ndarray()

    def close(self) -> None:
        self._native.clear()


class _SharedRegister:
    """An array of amplitudes that a state of Aer's works on."""

    def __init__(self, num_qubits: int) -> None:
        self._amplitudes = np.zeros(2**num_qubits, dtype=np.complex128)
        self._native = _idle_state()
        if not self._native.initialize_statevector(num_qubits, self._amplitudes, False):
            raise RuntimeError("Aer's state class takes no array of complex128 as its memory")

    def run(self, circuit: DirectCircuit) -> Amplitudes:
        self._amplitudes[:] = 0
        self._amplitudes[0] = 1
        _apply(circuit, self._native)
        return self._amplitudes

    def close(self) -> None:
        # The state would free the array as if it were its own.
        self._native.move_to_buffer()
        self._native.clear()
        _idle_states().append(self._native)


def _apply(circuit: DirectCircuit, native: NativeState) -> None:
    calls = circuit.calls
    for start in range(0, len(calls), CALLS_AT_A_TIME):
        for call, qubits, params in calls[start : start + CALLS_AT_A_TIME]:
            call(native, qubits, params)
        native.flush()


@cache
def _idle_states() -> list[NativeState]:
    """Give the states that nothing works on now: making one takes as long as running two small circuits."""
    return []


def _idle_state() -> NativeState:
    try:
        return _idle_states().pop()
    except IndexError:
        return _new_state(CONFIGURATION)


def _new_state(configuration: Mapping[str, str]) -> NativeState:
    if NATIVE_STATE is None:
        raise RuntimeError(f"Aer {qiskit_aer.__version__} has no state class")
    state = NATIVE_STATE()
    for key, value in configuration.items():
        state.configure(key, value)
    return state
