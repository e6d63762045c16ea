from dataclasses import replace

import pytest

from plugins.aer.planner import GPU_QUBITS, plan
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason, UnknownBackend
from qserver.jobs import Observable, PauliTerm, RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Resources
from qserver.results import ResultType
from qserver.sweeps import Sweep
from tests.bell import BELL_PROFILE
from tests.unit.aer.profiles import request, wide

LAPTOP = Resources(memory_bytes=4 * 2**30, gpu_memory_bytes=0, cores=4)
WORKSTATION = Resources(memory_bytes=64 * 2**30, gpu_memory_bytes=24 * 2**30, cores=16)
UNKNOWN = Resources(memory_bytes=0, gpu_memory_bytes=0, cores=0)
DEPOLARIZING: JsonObject = {"noise_model": {"name": "depolarizing", "one_qubit_probability": 0.01}}
AMPLITUDE_DAMPING: JsonObject = {"noise_model": {"name": "thermal", "t1_us": 50, "t2_us": 70, "one_qubit_gate_ns": 50}}

EXPVAL, PROBABILITIES, STATEVECTOR = ResultType.EXPVAL, ResultType.PROBABILITIES, ResultType.STATEVECTOR


@pytest.mark.parametrize(
    ("profile", "asked", "method", "why"),
    [
        (BELL_PROFILE, request(), "statevector", "fits in memory"),
        (wide(14, is_clifford=True), request(), "statevector", "fits in memory"),
        (wide(20, is_clifford=True), request(), "stabilizer", "Clifford"),
        (wide(1000, is_clifford=True), request(), "stabilizer", "Clifford"),
        (wide(20, is_clifford=True), request(STATEVECTOR), "statevector", "statevector itself is wanted"),
        (wide(60, entanglement_bits=3), request(), "matrix_product_state", "nothing is truncated"),
        (wide(20), request(options=DEPOLARIZING), "statevector", "trajectories"),
        (wide(5), request(options=DEPOLARIZING), "density_matrix", "without sampling"),
        (wide(9), request(options=DEPOLARIZING, shots=10), "statevector", "trajectories"),
        (wide(9), request(PROBABILITIES, options=DEPOLARIZING, shots=10), "density_matrix", "without sampling"),
        (wide(30, is_clifford=True), request(options=DEPOLARIZING), "stabilizer", "Clifford"),
        (wide(16, is_clifford=True), request(options=AMPLITUDE_DAMPING), "statevector", "trajectories"),
    ],
)
def test_the_automatic_backend_takes_the_cheapest_exact_method_and_says_why(
    profile: CircuitProfile, asked: RunRequest, method: str, why: str
) -> None:
    planned = plan(profile, asked, LAPTOP)

    assert planned.method == method
    assert why in planned.reason


def test_a_small_circuit_runs_beside_others_and_a_large_one_has_all_cores() -> None:
    assert plan(BELL_PROFILE, request(), LAPTOP).threads == 1
    assert plan(wide(24), request(), LAPTOP).threads == 0


def test_the_memory_of_a_dense_state_is_foreseen_exactly() -> None:
    exact = request(backend="aer_statevector", seed=1, shots=1)
    single = replace(exact, options={"float_precision": "single"})

    difference = plan(wide(20), exact, LAPTOP).memory_bytes - plan(wide(20), single, LAPTOP).memory_bytes

    assert difference == 8 * 2**20
    assert plan(wide(10), replace(exact, backend="aer_density_matrix"), LAPTOP).memory_bytes >= 16 * 4**10


def test_a_larger_circuit_is_foreseen_to_take_longer() -> None:
    seconds = [plan(wide(width), request(), LAPTOP).seconds for width in (5, 15, 20, 24)]

    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    "backend", ["aer_statevector", "aer_density_matrix", "aer_stabilizer", "aer_matrix_product_state"]
)
def test_the_terms_of_observables_take_time(backend: str) -> None:
    few, many = ((Observable((PauliTerm("ZZ", 1.0),) * terms),) for terms in (1, 10_000))

    seconds = [
        plan(BELL_PROFILE, request(EXPVAL, backend=backend, observables=observables), LAPTOP).seconds
        for observables in (few, many)
    ]

    assert seconds[0] < 0.01
    assert 0.1 < seconds[1] < 2.0  # 0.2 s were measured


def test_a_term_on_many_amplitudes_takes_longer() -> None:
    narrow, broad = (
        plan(wide(qubits), request(EXPVAL, observables=(Observable((PauliTerm("Z" * qubits, 1.0),) * 100),)), LAPTOP)
        for qubits in (2, 18)
    )

    assert broad.seconds > 0.1 > narrow.seconds


def test_each_trajectory_sums_its_terms_anew() -> None:
    def seconds_of_terms(options: JsonObject) -> float:
        few, many = ((Observable((PauliTerm("Z" * 12, 1.0),) * terms),) for terms in (1, 101))
        asked = request(EXPVAL, backend="aer_statevector", options=options)
        first, second = (plan(wide(12), replace(asked, observables=each), LAPTOP).seconds for each in (few, many))
        return second - first

    assert seconds_of_terms(DEPOLARIZING) > 100 * seconds_of_terms({})


def test_observables_that_stand_beside_the_points_of_a_sweep_are_summed_once_each() -> None:
    observables = (Observable((PauliTerm("Z" * 16, 1.0),)),) * 100
    asked = request(EXPVAL, backend="aer_statevector", observables=observables)
    beside, across = (Sweep((), shape, b"", (100,)) for shape in ((100,), (100, 1)))

    bare, of_pairs, of_all = (
        plan(wide(16), replace(asked, observables=given, sweep=sweep), LAPTOP).seconds
        for given, sweep in (((), beside), (observables, beside), (observables, across))
    )

    assert of_all - bare > 50 * (of_pairs - bare)


def test_a_gpu_is_taken_where_there_is_one_and_the_circuit_is_large_enough() -> None:
    assert plan(wide(GPU_QUBITS), request(), WORKSTATION).device == "GPU"
    assert plan(wide(GPU_QUBITS - 1), request(), WORKSTATION).device == "CPU"
    assert plan(wide(GPU_QUBITS), request(), LAPTOP).device == "CPU"
    assert plan(wide(GPU_QUBITS), request(options={"device": "CPU"}), WORKSTATION).device == "CPU"
    assert plan(BELL_PROFILE, request(options={"device": "GPU"}), WORKSTATION).device == "GPU"


def test_a_clifford_circuit_asked_onto_the_gpu_runs_as_a_statevector() -> None:
    planned = plan(wide(24, is_clifford=True), request(options={"device": "GPU"}), WORKSTATION)

    assert (planned.method, planned.device) == ("statevector", "GPU")


@pytest.mark.parametrize("backend", ["aer", "aer_statevector"])
def test_a_gpu_that_nobody_has_is_refused(backend: str) -> None:
    with pytest.raises(InvalidRequest, match="no worker has a GPU") as refused:
        plan(BELL_PROFILE, request(backend=backend, options={"device": "GPU"}), LAPTOP)

    assert refused.value.reason is Reason.DEVICE_UNAVAILABLE


@pytest.mark.parametrize("backend", ["aer_stabilizer", "aer_matrix_product_state"])
def test_a_method_without_a_gpu_path_is_refused_on_the_gpu(backend: str) -> None:
    with pytest.raises(InvalidRequest, match="runs on the CPU only") as refused:
        plan(BELL_PROFILE, request(backend=backend, options={"device": "GPU"}), WORKSTATION)

    assert refused.value.reason is Reason.DEVICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("profile", "asked", "advice"),
    [
        (wide(40, is_clifford=True), request(backend="aer_statevector"), "aer_stabilizer would fit"),
        (wide(40, entanglement_bits=2), request(backend="aer_statevector"), "aer_matrix_product_state would fit"),
        (wide(16), request(backend="aer_density_matrix"), "aer_statevector would fit"),
        (wide(28), request(backend="aer_statevector", seed=1), "float_precision=single would fit"),
    ],
)
def test_too_much_memory_is_refused_with_what_would_fit(
    profile: CircuitProfile, asked: RunRequest, advice: str
) -> None:
    with pytest.raises(InvalidRequest, match=advice) as refused:
        plan(profile, asked, LAPTOP)

    assert refused.value.reason is Reason.TOO_MUCH_MEMORY
    assert "largest worker has 4.00 GiB (4,294,967,296 bytes)" in refused.value.message


@pytest.mark.parametrize("backend", ["aer", "aer_statevector"])
def test_too_much_memory_is_refused_without_advice_where_nothing_would_fit(backend: str) -> None:
    with pytest.raises(
        InvalidRequest, match=r"60 qubits with the method statevector need about 2\^64 bytes"
    ) as refused:
        plan(wide(60), request(backend=backend), LAPTOP)

    assert refused.value.reason is Reason.TOO_MUCH_MEMORY
    assert "would fit" not in refused.value.message


def test_thousands_of_qubits_are_refused_at_once() -> None:
    with pytest.raises(InvalidRequest, match="need about 2"):
        plan(wide(10_000), request(), LAPTOP)


def test_nothing_is_refused_for_memory_while_no_worker_is_known() -> None:
    planned = plan(wide(80), request(backend="aer_statevector"), UNKNOWN)

    assert planned.memory_bytes == 2**62


def test_a_text_of_unknown_format_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="reads OpenQASM 2, OpenQASM 3 and QPY"):
        plan(None, request(), LAPTOP)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(UnknownBackend, match="no backend 'aer_tensor_network'"):
        plan(BELL_PROFILE, request(backend="aer_tensor_network"), LAPTOP)
