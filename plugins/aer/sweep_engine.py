"""Calls of Aer for a whole table of parameter values: one circuit in, data or a fault for each point out."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from qiskit.circuit import Parameter
from qiskit_aer import AerSimulator

from plugins.aer.engine import (
    ENGINE_FAULTS,
    OUT_OF_MEMORY,
    EngineFault,
    EngineOutcome,
    EngineSettings,
    fault_of,
    outcome_of,
    simulator_of,
)
from plugins.aer.preparation import Experiment
from qserver.errors import QServerError
from qserver.jobs import MAX_SEED
from qserver.sweeps import Sweep

SEED_STEP = 2113
"""Aer gives point i of a table the seed `seed + 2113 * i`; blocks of a table go on where the last one ended."""

Points = npt.NDArray[np.float64]


def points_of(sweep: Sweep) -> Points:
    """Give the table as an array of the shape `(points, parameters)`."""
    values = np.frombuffer(sweep.values, dtype="<f8")
    return values.reshape(sweep.num_points, len(sweep.parameters))


def simulate_points(
    experiment: Experiment,
    settings: EngineSettings,
    parameters: Sequence[str],
    points: Points,
    *,
    first: int,
    is_deterministic: bool,
) -> Sequence[EngineOutcome]:
    """Run an experiment at each point and give one outcome for each, in order.

    `parameters` names the columns of `points`, whose first row is point `first` of its table. `is_deterministic` says
    that one run gives the final state: only then may the engine bind while it runs, which is faster. With control flow
    it would abort the process (0.18.2), and with batched shots on several GPUs give wrong numbers (issue 2244).
    """
    try:
        result = _call(experiment, simulator_of(settings), parameters, points, first, is_deterministic=is_deterministic)
    except MemoryError:
        return [OUT_OF_MEMORY] * len(points)
    except QServerError as error:
        return [EngineFault(error.reason, error.message)] * len(points)
    except ENGINE_FAULTS as error:
        return [fault_of(error)] * len(points)
    if len(result) != len(points):
        raise ValueError(f"Aer gave {len(result)} results for {len(points)} points")
    return result


def _call(
    experiment: Experiment,
    simulator: AerSimulator,
    parameters: Sequence[str],
    points: Points,
    first: int,
    *,
    is_deterministic: bool,
) -> Sequence[EngineOutcome]:
    circuit = experiment.circuit
    has_control_flow = circuit.has_control_flow_op()
    binds = _binds(circuit.parameters, parameters, points)
    job = simulator.run(
        circuit if binds else [circuit] * len(points),
        parameter_binds=[binds] if binds else None,
        runtime_parameter_bind_enable=bool(binds) and is_deterministic and not has_control_flow,
        shots=experiment.shots,
        seed_simulator=None if experiment.seed is None else (experiment.seed + SEED_STEP * first) % (MAX_SEED + 1),
        memory=experiment.wants_memory,
        enable_truncation=not (experiment.has_saves or has_control_flow),
    )
    return [outcome_of(found) for found in job.result().results]


def _binds(free: Sequence[Parameter], parameters: Sequence[str], points: Points) -> Mapping[Parameter, list[float]]:
    """Give each free parameter its column. One that the layout lost, as an idle gate's, is left out."""
    column = {name: place for place, name in enumerate(parameters)}
    return {parameter: points[:, column[parameter.name]].tolist() for parameter in free}
