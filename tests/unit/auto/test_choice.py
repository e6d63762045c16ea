"""Which engine `auto` takes, and the reason that it gives."""

import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest

from plugins.auto.plugin import AutoPlugin
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject
from qserver.plugins import Plan, Resources
from qserver.results import ResultType
from tests.unit.aer.profiles import request, wide
from tests.unit.aer.running import observable

PLUGIN = AutoPlugin()
EVERYWHERE = frozenset({"aer", "auto", "qsim"})
WORKERS = Resources(memory_bytes=2**34, gpu_memory_bytes=0, cores=4, plugins=EVERYWHERE)
QSIM = "qsim_statevector"


def dense(num_qubits: int) -> CircuitProfile:
    """A circuit of 20 layers of gates on all qubits."""
    return replace(wide(num_qubits), size=30 * num_qubits, depth=40)


def plan(
    profile: CircuitProfile,
    *types: ResultType,
    options: JsonObject | None = None,
    seed: int | None = None,
    resources: Resources = WORKERS,
) -> Plan:
    width = profile.num_qubits
    observables = (observable(**{"Z" * width: 1.0}),) if ResultType.EXPVAL in types else ()
    wanted = request(*types, backend="auto", options=options, seed=seed, observables=observables)
    return PLUGIN.plan(profile, wanted, resources)


def test_a_large_dense_circuit_that_is_sampled_goes_to_qsim() -> None:
    planned = plan(dense(25))

    assert (planned.method, planned.float_precision, planned.threads) == (QSIM, "single", 0)
    assert "auto took qsim" in planned.reason
    assert "far below the noise of 1,000 shots; float_precision=double would take Aer" in planned.reason


NOISE: JsonObject = {"name": "depolarizing", "one_qubit_probability": 0.1}


@pytest.mark.parametrize(
    ("options", "seed", "why"),
    [
        ({"float_precision": "double"}, None, "double precision was asked for"),
        ({"noise_model": NOISE}, None, "it simulates noise"),
        ({}, 7, "a seed asks for Aer's own sampling"),
    ],
)
def test_what_only_aer_can_do_goes_to_aer(options: JsonObject, seed: int | None, why: str) -> None:
    planned = plan(dense(20), options=options, seed=seed)

    assert planned.method == "statevector"
    assert planned.float_precision == "double"
    assert f"auto took Aer: {why}" in planned.reason


@pytest.mark.parametrize("result_type", [ResultType.EXPVAL, ResultType.PROBABILITIES, ResultType.STATEVECTOR])
def test_numbers_are_computed_in_double_precision_unless_single_is_named(result_type: ResultType) -> None:
    unnamed = plan(dense(20), result_type)
    named = plan(dense(20), result_type, options={"float_precision": "single"})

    assert (unnamed.method, unnamed.float_precision) == ("statevector", "double")
    assert f"{result_type} in double precision, as none was named" in unnamed.reason
    assert (named.method, named.float_precision) == (QSIM, "single")
    assert "single precision was asked for" in named.reason


def test_a_small_circuit_goes_to_aer() -> None:
    planned = plan(dense(10))

    assert planned.method == "statevector"
    assert "so small that another engine would gain nothing" in planned.reason


def test_a_clifford_circuit_goes_to_the_tableau() -> None:
    planned = plan(replace(dense(25), is_clifford=True))

    assert planned.method == "stabilizer"
    assert "qsim has nothing but a statevector on the CPU" in planned.reason


@pytest.mark.parametrize(
    "profile",
    [
        replace(dense(20), has_mid_circuit_measurement=True),
        replace(dense(20), has_reset=True),
        replace(dense(20), has_control_flow=True),
    ],
)
def test_what_happens_in_the_middle_goes_to_aer(profile: CircuitProfile) -> None:
    planned = plan(profile)

    assert planned.method != QSIM
    assert "measures, resets or branches in its middle" in planned.reason


def test_a_gpu_is_taken_where_a_worker_has_one() -> None:
    with_gpu = replace(WORKERS, gpu_memory_bytes=2**36)

    assert plan(dense(25), resources=with_gpu).device == "GPU"
    assert "a GPU was asked for" in plan(dense(25), options={"device": "GPU"}, resources=with_gpu).reason
    assert plan(dense(25), options={"device": "CPU"}, resources=with_gpu).method == QSIM


def test_aer_is_taken_where_no_worker_has_qsim() -> None:
    planned = plan(dense(25), resources=replace(WORKERS, plugins=frozenset({"aer", "auto"})))

    assert planned.method == "statevector"
    assert "no worker has qsim" in planned.reason


def test_qsim_is_taken_where_aer_has_no_room_for_double_precision() -> None:
    little = replace(WORKERS, memory_bytes=3 * 2**30)

    planned = plan(dense(28), resources=little)

    assert planned.method == QSIM
    assert "Aer in double precision would not fit in memory" in planned.reason


def test_what_fits_nowhere_is_refused_in_aers_words() -> None:
    with pytest.raises(InvalidRequest, match="32 qubits with the method statevector need 64") as refused:
        plan(dense(32), resources=replace(WORKERS, memory_bytes=2**30))

    assert refused.value.reason is Reason.TOO_MUCH_MEMORY


def test_what_is_wrong_with_a_request_is_said_whichever_engine_it_would_be() -> None:
    with pytest.raises(InvalidRequest, match="measures nothing"):
        plan(replace(dense(25), num_measured_clbits=0))


def test_text_that_nobody_parsed_is_refused_under_the_name_that_was_asked_for() -> None:
    with pytest.raises(InvalidRequest, match="backend auto reads OpenQASM 2, OpenQASM 3 and QPY"):
        PLUGIN.plan(None, request(backend="auto"), WORKERS)


def test_planning_loads_no_engine() -> None:
    program = """
import sys
from plugins.auto.plugin import AutoPlugin
from qserver.circuits import CircuitProfile
from qserver.jobs import RunRequest
from qserver.plugins import Resources
from qserver.results import ResultType
profile = CircuitProfile(25, 25, 40, 900, {}, 300, False, True, False, False, False, 25, (), ())
plugin = AutoPlugin()
plan = plugin.plan(profile, RunRequest("auto", frozenset({ResultType.COUNTS})), Resources(2**34, 0, 2))
print(plan.method, sorted(set(sys.modules) & {"qiskit", "qiskit_aer", "numpy", "scipy", "qsimcirq"}))
"""

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert found.stdout.strip() == "qsim_statevector []"


def test_the_schema_is_valid_and_takes_what_aer_takes() -> None:
    (backend,) = PLUGIN.backends()

    jsonschema.Draft202012Validator.check_schema(backend.options_schema)
    jsonschema.validate({"float_precision": "double", "device": "GPU", "noise_model": NOISE}, backend.options_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"fusion": 1}, backend.options_schema)
