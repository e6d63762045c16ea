import math
from dataclasses import replace

import pytest

from plugins.aer.planner import plan
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason
from qserver.jobs import Observable, RunRequest
from qserver.json_types import JsonObject
from qserver.plugins import Resources
from qserver.results import ResultType
from tests.bell import BELL_PROFILE
from tests.unit.aer.profiles import request, wide
from tests.unit.aer.running import observable

SERVER = Resources(memory_bytes=64 * 2**30, gpu_memory_bytes=0, cores=8)
UNMEASURED = replace(BELL_PROFILE, num_clbits=0, num_measured_clbits=0, classical_registers=())
PARAMETRIZED = replace(BELL_PROFILE, parameters=("theta", "phi"))
MID_CIRCUIT = replace(BELL_PROFILE, has_mid_circuit_measurement=True, has_only_final_measurements=False)
NOT_CLIFFORD = replace(BELL_PROFILE, is_clifford=False)
READOUT: JsonObject = {"noise_model": {"name": "readout", "p1_given_0": 0.1}}
DAMPING: JsonObject = {"noise_model": {"name": "thermal", "t1_us": 50, "t2_us": 70, "one_qubit_gate_ns": 50}}
ZZ = observable(ZZ=1.0)

COUNTS, EXPVAL, MEMORY = ResultType.COUNTS, ResultType.EXPVAL, ResultType.MEMORY
PROBABILITIES, STATEVECTOR = ResultType.PROBABILITIES, ResultType.STATEVECTOR


@pytest.mark.parametrize(
    ("profile", "asked", "reason", "sentence"),
    [
        (PARAMETRIZED, request(), Reason.INVALID_CIRCUIT, "2 unbound parameters: theta, phi"),
        (BELL_PROFILE, request(shots=0), Reason.INVALID_REQUEST, "shots is 0"),
        (BELL_PROFILE, request(seed=-1), Reason.INVALID_REQUEST, "seed is -1"),
        (BELL_PROFILE, request(seed=2**63), Reason.INVALID_REQUEST, "seed is"),
        (BELL_PROFILE, request(EXPVAL, observables=(ZZ,), precision=0.0), Reason.INVALID_REQUEST, "precision is 0"),
        (BELL_PROFILE, request(EXPVAL, observables=(ZZ,), precision=math.nan), Reason.INVALID_REQUEST, "precision"),
        (UNMEASURED, request(COUNTS), Reason.UNSUPPORTED_RESULT_TYPE, "measures nothing, so it has no counts"),
        (UNMEASURED, request(MEMORY, PROBABILITIES), Reason.UNSUPPORTED_RESULT_TYPE, "no memory, probabilities"),
        (BELL_PROFILE, request(EXPVAL), Reason.INVALID_OBSERVABLE, "needs at least one observable"),
        (BELL_PROFILE, request(EXPVAL, observables=(Observable(()),)), Reason.INVALID_OBSERVABLE, "has no terms"),
        (
            BELL_PROFILE,
            request(EXPVAL, observables=(ZZ, observable(ZZZ=1))),
            Reason.INVALID_OBSERVABLE,
            "observable 1",
        ),
        (BELL_PROFILE, request(EXPVAL, observables=(observable(ZQ=1),)), Reason.INVALID_OBSERVABLE, "'Q' is no Pauli"),
        (BELL_PROFILE, request(EXPVAL, observables=(observable(zz=1),)), Reason.INVALID_OBSERVABLE, "'z' is no Pauli"),
        (
            BELL_PROFILE,
            request(EXPVAL, observables=(observable(ZZ=math.inf),)),
            Reason.INVALID_OBSERVABLE,
            "coefficient inf is not finite",
        ),
        (MID_CIRCUIT, request(STATEVECTOR), Reason.UNSUPPORTED_RESULT_TYPE, "no single statevector"),
        (BELL_PROFILE, request(STATEVECTOR, options=READOUT), Reason.UNSUPPORTED_RESULT_TYPE, "no single statevector"),
        (wide(23), request(STATEVECTOR), Reason.TOO_LARGE, "statevector of 23 qubits is 134,217,728 bytes"),
        (wide(100), request(MEMORY, shots=10_000_000), Reason.TOO_LARGE, "memory of 10,000,000 shots of 100 bits"),
        (wide(21), request(PROBABILITIES), Reason.TOO_LARGE, "probabilities of 21 measured bits"),
        (MID_CIRCUIT, request(PROBABILITIES), Reason.UNSUPPORTED_RESULT_TYPE, "ask for quasi_dist"),
        (BELL_PROFILE, request(PROBABILITIES, options=READOUT), Reason.UNSUPPORTED_RESULT_TYPE, "measurement itself"),
        (NOT_CLIFFORD, request(backend="aer_stabilizer"), Reason.INVALID_CIRCUIT, "not Clifford"),
        (BELL_PROFILE, request(backend="aer_stabilizer", options=DAMPING), Reason.INVALID_OPTION, "Paulis and resets"),
        (
            BELL_PROFILE,
            request(STATEVECTOR, backend="aer_stabilizer"),
            Reason.UNSUPPORTED_RESULT_TYPE,
            "the method stabilizer has no statevector",
        ),
        (
            BELL_PROFILE,
            request(STATEVECTOR, backend="aer_density_matrix"),
            Reason.UNSUPPORTED_RESULT_TYPE,
            "the method density_matrix has no statevector",
        ),
        (
            MID_CIRCUIT,
            request(EXPVAL, observables=(ZZ,), precision=1e-6),
            Reason.TOO_LARGE,
            "needs 1,000,000,000,000 trajectories",
        ),
        (
            BELL_PROFILE,
            request(options={"noise_model": {"name": "thermal", "t1_us": 10, "t2_us": 30}}),
            Reason.INVALID_OPTION,
            "T2 can't pass 2 * T1",
        ),
        (BELL_PROFILE, request(options={"colour": "red"}), Reason.INVALID_OPTION, "option 'colour' is unknown"),
        (BELL_PROFILE, request(options={"device": "TPU"}), Reason.INVALID_OPTION, "option device is 'TPU'"),
        (
            BELL_PROFILE,
            request(options={"max_bond_dimension": 1.5}),
            Reason.INVALID_OPTION,
            "max_bond_dimension is 1.5",
        ),
        (
            BELL_PROFILE,
            request(options={"truncation_threshold": 2}),
            Reason.INVALID_OPTION,
            "truncation_threshold is 2",
        ),
        (BELL_PROFILE, request(options={"noise_model": 3}), Reason.INVALID_OPTION, "noise_model is no JSON object"),
    ],
)
def test_a_request_that_can_t_be_met_is_refused_with_its_reason(
    profile: CircuitProfile, asked: RunRequest, reason: Reason, sentence: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        plan(profile, asked, SERVER)

    assert refused.value.reason is reason
    assert sentence in refused.value.message


def test_a_statevector_of_the_largest_allowed_width_is_planned() -> None:
    assert plan(wide(22), request(STATEVECTOR), SERVER).method == "statevector"
