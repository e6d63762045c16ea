"""From a profile, a request and what workers have to a plan: pure, and at once."""

from dataclasses import replace

from plugins.aer.checks import check_method, check_request
from plugins.aer.demand import Demand
from plugins.aer.estimates import Estimate, estimate
from plugins.aer.method_choice import Choice, choose_method
from plugins.aer.methods import AUTOMATIC_BACKEND, GPU_METHODS, METHOD_OF_BACKEND, Device, FloatPrecision, Method
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, QServerError, Reason, UnknownBackend
from qserver.jobs import RunRequest
from qserver.plugins import Plan, Resources

GPU_QUBITS = 20
"""`device=auto` takes a GPU from here: below, starting its kernels costs more than the gates."""
ALL_CORES_SECONDS = 0.5
"""A run foreseen to take longer than this on one core gets all of them, alone."""
ALL_CORES_QUBITS = 14
"""Aer's `statevector_parallel_threshold`: below it more threads do nothing for one trajectory."""

MAX_PLANNED_BYTES = 2**62
"""Plans are stored as 64-bit numbers; while no worker is known, nothing is refused, however wide it is."""


def plan(profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
    """Plan one run. Raises InvalidRequest where it can't be met, as `qserver.plugins.Plugin.plan` says."""
    if profile is None:
        raise InvalidRequest(f"backend {request.backend} reads OpenQASM 2, OpenQASM 3 and QPY, no other text")
    demand = Demand.of(profile, request)
    check_request(demand)
    _check_gpu_exists(demand, resources)
    choice = _choose(demand, resources)
    check_method(demand, choice.method)
    device = _device(demand, resources, choice.method)
    foreseen = estimate(demand, choice.method, device)
    _check_memory(demand, resources, choice.method, device, foreseen)
    threads = _threads(demand, choice.method, device, foreseen)
    return Plan(
        method=choice.method.value,
        device=device.value,
        float_precision=demand.options.float_precision.value,
        threads=threads,
        memory_bytes=min(foreseen.memory_bytes, MAX_PLANNED_BYTES),
        seconds=foreseen.seconds,
        reason=f"{choice.reason}; {_placing(device, threads)}",
    )


def _choose(demand: Demand, resources: Resources) -> Choice:
    if demand.request.backend == AUTOMATIC_BACKEND:
        return choose_method(
            demand,
            memory_bytes=resources.memory_bytes,
            only_gpu_methods=demand.options.device is Device.GPU,
        )
    method = METHOD_OF_BACKEND.get(demand.request.backend)
    if method is None:
        raise UnknownBackend(f"the plugin aer has no backend {demand.request.backend!r}")
    return Choice(method, f"method {method} was asked for")


def _check_gpu_exists(demand: Demand, resources: Resources) -> None:
    if demand.options.device is Device.GPU and not resources.has_gpu:
        raise InvalidRequest(
            "device GPU was asked for, and no worker has a GPU; leave the option device out, or set it to CPU",
            reason=Reason.DEVICE_UNAVAILABLE,
        )


def _device(demand: Demand, resources: Resources, method: Method) -> Device:
    """Place the state. Raises InvalidRequest where a GPU was asked for and the method has no GPU path."""
    match demand.options.device:
        case Device.CPU:
            return Device.CPU
        case Device.GPU:
            if method not in GPU_METHODS:
                raise InvalidRequest(
                    f"method {method} runs on the CPU only; a GPU can run {' and '.join(sorted(GPU_METHODS))}",
                    reason=Reason.DEVICE_UNAVAILABLE,
                )
            return Device.GPU
        case Device.AUTO:
            return Device.GPU if _gains_by_gpu(demand, resources, method) else Device.CPU


def _gains_by_gpu(demand: Demand, resources: Resources, method: Method) -> bool:
    if not resources.has_gpu or method not in GPU_METHODS or _amplitude_bits(demand, method) < GPU_QUBITS:
        return False
    return estimate(demand, method, Device.GPU).memory_bytes <= resources.gpu_memory_bytes


def _amplitude_bits(demand: Demand, method: Method) -> int:
    return demand.dense_qubits * (2 if method is Method.DENSITY_MATRIX else 1)


def _threads(demand: Demand, method: Method, device: Device, foreseen: Estimate) -> int:
    if device is Device.GPU or method not in GPU_METHODS or foreseen.seconds < ALL_CORES_SECONDS:
        return 1
    return 0 if _amplitude_bits(demand, method) >= ALL_CORES_QUBITS else 1


def _placing(device: Device, threads: int) -> str:
    if device is Device.GPU:
        return "on the GPU"
    return "one thread, beside others" if threads == 1 else "on many cores"


def _check_memory(demand: Demand, resources: Resources, method: Method, device: Device, foreseen: Estimate) -> None:
    available_bytes = resources.gpu_memory_bytes if device is Device.GPU else resources.memory_bytes
    if available_bytes == 0 or foreseen.memory_bytes <= available_bytes:
        return
    alternative = _fitting_alternative(demand, resources)
    advice = f"; {alternative} would fit" if alternative else ""
    raise InvalidRequest(
        f"{demand.width} with the method {method} need {_gib(foreseen.memory_bytes)} of {device} memory "
        f"and the largest worker has {_gib(available_bytes)}{advice}",
        reason=Reason.TOO_MUCH_MEMORY,
    )


def _fitting_alternative(demand: Demand, resources: Resources) -> str | None:
    """Name a backend, or an option, with which the same request would be planned."""
    for method in (Method.STABILIZER, Method.STATEVECTOR, Method.MATRIX_PRODUCT_STATE):
        if _would_fit(demand, resources, method):
            return f"aer_{method}"
    single = replace(demand, options=replace(demand.options, float_precision=FloatPrecision.SINGLE))
    if _would_fit(single, resources, Method.STATEVECTOR):
        return "float_precision=single"
    return None


def _would_fit(demand: Demand, resources: Resources, method: Method) -> bool:
    try:
        check_method(demand, method)
        device = _device(demand, resources, method)
    except QServerError:
        return False
    available_bytes = resources.gpu_memory_bytes if device is Device.GPU else resources.memory_bytes
    return estimate(demand, method, device).memory_bytes <= available_bytes


def _gib(size_bytes: int) -> str:
    """Write bytes so that people can compare them; huge numbers as a power of two."""
    if size_bytes >= 2**60:
        return f"about 2^{size_bytes.bit_length() - 1} bytes"
    return f"{size_bytes / 2**30:,.2f} GiB ({size_bytes:,} bytes)"
