"""From a task to what the engine is to simulate, and what its amplitudes stand for."""

import time
from dataclasses import dataclass

from plugins.aer.circuit_walk import replace
from plugins.aer.demand import Demand
from plugins.aer.final_measurements import active_qubits, split
from plugins.aer.inspector import load_circuit
from plugins.qsim.checks import check_circuit, check_options
from plugins.qsim.engine import Body
from plugins.qsim.gates import written_for_qsim
from qserver.errors import InvalidCircuit
from qserver.plugins import Task


@dataclass(frozen=True, slots=True)
class Preparation:
    """A task, the gates of its circuit, and its final measurements.

    `outcomes` maps each classical bit to its qubit, `places` each qubit that is held to its bit of the state's index.
    """

    task: Task
    demand: Demand
    body: Body
    outcomes: dict[int, int]
    places: dict[int, int]
    loading_seconds: float


def prepare(task: Task) -> Preparation:
    """Load a task's circuit. Raises InvalidCircuit or InvalidRequest."""
    started = time.perf_counter()
    profile = task.circuit.inspection.profile
    if profile is None:
        raise InvalidCircuit("the circuit was never inspected")
    check_circuit(profile)
    demand = Demand(profile, task.request, check_options(task.request.options))
    circuit = replace(load_circuit(task.circuit), written_for_qsim)
    parts = split(circuit)
    register = circuit.qubits
    kept = (active_qubits(circuit) or register[:1]) if demand.can_leave_out_idle_qubits else register
    return Preparation(
        task=task,
        demand=demand,
        body=Body(parts.body, {qubit: place for place, qubit in enumerate(kept)}, float(circuit.global_phase)),
        outcomes=parts.outcomes(),
        places={circuit.find_bit(qubit).index: place for place, qubit in enumerate(kept)},
        loading_seconds=time.perf_counter() - started,
    )
