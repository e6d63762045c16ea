"""What qsim is planned for, and what it refuses, with the sentence that says what to do."""

import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest

from plugins.qsim.plugin import QsimPlugin
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidCircuit, InvalidRequest, Reason, TooLarge
from qserver.jobs import Observable, PauliTerm
from qserver.json_types import JsonObject
from qserver.plugins import Plan, Resources
from qserver.results import ResultType
from tests.bell import BELL_PROFILE
from tests.unit.aer.profiles import request, wide

PLUGIN = QsimPlugin()
EVERYWHERE = frozenset({"aer", "auto", "qsim"})
WORKERS = Resources(memory_bytes=2**34, gpu_memory_bytes=0, cores=4, plugins=EVERYWHERE)


def plan(
    profile: CircuitProfile | None,
    *types: ResultType,
    options: JsonObject | None = None,
    resources: Resources = WORKERS,
    shots: int = 1000,
) -> Plan:
    return PLUGIN.plan(profile, request(*types, backend="qsim", options=options, shots=shots), resources)


def test_importing_and_planning_loads_no_engine() -> None:
    program = """
import sys
from plugins.qsim.plugin import QsimPlugin
from qserver.circuits import CircuitProfile
from qserver.jobs import RunRequest
from qserver.plugins import Resources
from qserver.results import ResultType
profile = CircuitProfile(2, 2, 2, 2, {}, 1, True, True, False, False, False, 2, (), ())
plugin = QsimPlugin()
plugin.backends()
plugin.plan(profile, RunRequest("qsim", frozenset({ResultType.COUNTS})), Resources(2**30, 0, 2))
print(sorted(set(sys.modules) & {"qiskit", "qiskit_aer", "numpy", "scipy", "qsimcirq", "cirq"}))
"""

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == "[]"


def test_the_schema_is_valid_and_describes_every_option() -> None:
    (backend,) = PLUGIN.backends()

    jsonschema.Draft202012Validator.check_schema(backend.options_schema)
    properties = backend.options_schema["properties"]
    assert isinstance(properties, dict)
    assert all("description" in schema for schema in properties.values())


def test_a_small_circuit_takes_one_thread_and_shares_a_call() -> None:
    planned = plan(wide(8))

    assert (planned.threads, planned.device, planned.float_precision) == (1, "CPU", "single")
    assert planned.method == "qsim_statevector"
    assert "8 qubits in single precision, by qsim; one thread" in planned.reason


def test_a_large_circuit_takes_many_cores() -> None:
    planned = plan(wide(24))

    assert planned.threads == 0
    assert "on many cores" in planned.reason


def test_the_terms_of_observables_take_time_on_a_few_qubits_too() -> None:
    few, many = ((Observable((PauliTerm("ZZ", 1.0),) * terms),) for terms in (1, 10_000))

    seconds = [
        PLUGIN.plan(BELL_PROFILE, request(ResultType.EXPVAL, backend="qsim", observables=observables), WORKERS).seconds
        for observables in (few, many)
    ]

    assert seconds[0] < 0.01
    assert seconds[1] > 0.1


def test_memory_is_eight_bytes_an_amplitude_and_what_results_take() -> None:
    state_bytes = 8 * 2**26

    assert state_bytes < plan(wide(26)).memory_bytes < 1.1 * state_bytes


def test_idle_qubits_take_no_memory() -> None:
    planned = plan(replace(wide(35), num_active_qubits=20))

    assert planned.memory_bytes < 2**27


@pytest.mark.parametrize(
    ("options", "reason", "sentence"),
    [
        ({"float_precision": "double"}, Reason.INVALID_OPTION, "single precision only .* use the backend aer"),
        ({"noise_model": {"name": "readout"}}, Reason.INVALID_OPTION, "simulates no noise.* use the backend aer"),
        ({"device": "GPU"}, Reason.DEVICE_UNAVAILABLE, "runs on the CPU only.* use the backend aer"),
        ({"max_bond_dimension": 4}, Reason.INVALID_OPTION, "no option max_bond_dimension; use the backend aer_matrix"),
        ({"fusion": True}, Reason.INVALID_OPTION, "option 'fusion' is unknown"),
    ],
)
def test_options_that_it_can_not_keep_are_refused(options: JsonObject, reason: Reason, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence) as refused:
        plan(BELL_PROFILE, options=options)

    assert refused.value.reason is reason


@pytest.mark.parametrize("options", [{}, {"float_precision": "single"}, {"device": "CPU"}, {"device": "auto"}])
def test_options_that_it_keeps_are_taken(options: JsonObject) -> None:
    assert plan(BELL_PROFILE, options=options).float_precision == "single"


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [
        (replace(BELL_PROFILE, has_control_flow=True), "has control flow"),
        (replace(BELL_PROFILE, has_mid_circuit_measurement=True), "goes on after a measurement"),
        (replace(BELL_PROFILE, has_reset=True), "resets or initializes a qubit that was used before"),
    ],
)
def test_circuits_that_are_no_row_of_gates_are_refused(profile: CircuitProfile, sentence: str) -> None:
    with pytest.raises(InvalidCircuit, match=f"{sentence}.* use the backend aer"):
        plan(profile)


def test_more_qubits_than_memory_holds_are_refused_with_both_sizes() -> None:
    sizes = r"32 qubits need 32\.\d+ GiB .* the largest worker has 16\.00 GiB"
    with pytest.raises(InvalidRequest, match=sizes) as refused:
        plan(wide(32))

    assert refused.value.reason is Reason.TOO_MUCH_MEMORY
    assert "the backend aer knows methods" in refused.value.message


def test_more_qubits_than_qsim_takes_are_refused_where_no_worker_is_known() -> None:
    with pytest.raises(TooLarge, match=r"100 qubits; backend qsim .* up to 40 qubits; the backend aer"):
        plan(wide(100), resources=Resources(0, 0, 0))


def test_nothing_is_refused_for_want_of_workers_while_none_is_known() -> None:
    assert plan(wide(30), resources=Resources(0, 0, 0)).memory_bytes > 2**33


def test_it_is_refused_where_no_worker_has_qsim() -> None:
    with pytest.raises(InvalidRequest, match="no worker can run the backend qsim: its package qsimcirq") as refused:
        plan(BELL_PROFILE, resources=replace(WORKERS, plugins=frozenset({"aer", "auto"})))

    assert refused.value.reason is Reason.PLUGIN_UNAVAILABLE


def test_a_circuit_that_measures_nothing_has_no_counts() -> None:
    with pytest.raises(InvalidRequest, match="measures nothing"):
        plan(replace(BELL_PROFILE, num_measured_clbits=0))


def test_text_that_nobody_parsed_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="reads OpenQASM 2, OpenQASM 3 and QPY"):
        plan(None)


def test_more_terms_and_more_shots_take_longer() -> None:
    assert plan(wide(20), shots=10**6).seconds > plan(wide(20)).seconds
