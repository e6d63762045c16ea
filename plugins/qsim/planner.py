"""From a profile, a request and what workers have to a plan: pure, and at once."""

from plugins.aer.checks import check_method, check_request
from plugins.aer.demand import Demand
from plugins.aer.methods import Device, FloatPrecision, Method
from plugins.qsim.backends import AMPLITUDE_BYTES, BACKEND_NAME, METHOD
from plugins.qsim.checks import MAX_QUBITS, check_circuit, check_options, check_workers
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason, TooLarge
from qserver.jobs import RunRequest
from qserver.plugins import Plan, Resources
from qserver.results import ResultType

AMPLITUDES_PER_SECOND = 5e9
"""Amplitudes times gates on one core, gates fused: 22 qubits, 660 gates in 0.41 s (qsim 0.22, AVX-512)."""
SECONDS_PER_RUN = 3e-4
SECONDS_PER_GATE = 5e-6  # handing it over, most of it in Python
SECONDS_PER_DRAWN_AMPLITUDE = 4e-9
SECONDS_PER_SHOT = 1e-7
SECONDS_PER_TERM = 2e-5  # of an observable, most of it in Python: 16 us at 6 qubits, 40 us at 10
SECONDS_PER_TERM_AMPLITUDE = 1e-8

MANY_CORES_SECONDS = 0.1
"""A run foreseen to take longer than this on one core gets many of them."""
MANY_CORES_QUBITS = 16
"""Below, more threads gain nothing (16 qubits: 3.5 ms with one, 2.5 ms with two)."""

WORKING_BYTES = 32 * 2**20
"""Blocks of amplitudes in double precision, while shots are drawn and observables summed."""
BYTES_PER_SHOT = 64  # an outcome's index, its row of bits and their sorting


def plan(profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
    """Plan one run. Raises InvalidRequest where it can't be met, as `qserver.plugins.Plugin.plan` says."""
    if profile is None:
        raise InvalidRequest(f"backend {BACKEND_NAME} reads OpenQASM 2, OpenQASM 3 and QPY, no other text")
    check_workers(resources)
    demand = Demand(profile, request, check_options(request.options))
    check_circuit(profile)
    check_request(demand)
    check_method(demand, Method.STATEVECTOR)
    memory_bytes = _checked_memory(demand, resources)
    seconds = seconds_of(demand)
    threads = 0 if seconds >= MANY_CORES_SECONDS and demand.dense_qubits >= MANY_CORES_QUBITS else 1
    placing = "on many cores" if threads == 0 else "one thread, beside others"
    return Plan(
        method=METHOD,
        device=Device.CPU.value,
        float_precision=FloatPrecision.SINGLE.value,
        threads=threads,
        memory_bytes=memory_bytes,
        seconds=seconds,
        reason=f"statevector of {demand.width} in single precision, by qsim; {placing}",
    )


def seconds_of(demand: Demand) -> float:
    """Foresee how long a run takes on one core."""
    amplitudes = float(2 ** min(demand.dense_qubits, MAX_QUBITS))
    gates = demand.profile.size + 1
    seconds = SECONDS_PER_RUN + gates * (SECONDS_PER_GATE + amplitudes / AMPLITUDES_PER_SECOND)
    if demand.wants_sample:
        seconds += amplitudes * SECONDS_PER_DRAWN_AMPLITUDE + demand.request.shots * SECONDS_PER_SHOT
    if demand.wants(ResultType.EXPVAL):
        terms = sum(len(observable.terms) for observable in demand.request.observables)
        seconds += terms * (SECONDS_PER_TERM + amplitudes * SECONDS_PER_TERM_AMPLITUDE)
    return seconds


def memory_bytes_of(demand: Demand) -> int:
    """Foresee the memory of a run: the state, and what its results need."""
    total = (AMPLITUDE_BYTES << demand.dense_qubits) + WORKING_BYTES
    if demand.wants_sample:
        total += BYTES_PER_SHOT * demand.request.shots
    if demand.wants(ResultType.PROBABILITIES):
        total += 3 * 8 << demand.profile.num_measured_clbits
    if demand.wants(ResultType.STATEVECTOR):
        total += 2 * AMPLITUDE_BYTES << demand.profile.num_qubits
    return total


def _checked_memory(demand: Demand, resources: Resources) -> int:
    if demand.dense_qubits > MAX_QUBITS:
        raise TooLarge(
            f"{demand.width}; backend {BACKEND_NAME} holds every amplitude and takes up to {MAX_QUBITS} qubits; "
            "the backend aer knows methods for wider circuits"
        )
    needed = memory_bytes_of(demand)
    if resources.memory_bytes and needed > resources.memory_bytes:
        raise InvalidRequest(
            f"{demand.width} need {_gib(needed)} of memory and the largest worker has {_gib(resources.memory_bytes)}; "
            "the backend aer knows methods that may need less",
            reason=Reason.TOO_MUCH_MEMORY,
        )
    return needed


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:,.2f} GiB ({size_bytes:,} bytes)"
