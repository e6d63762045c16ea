"""What the sweep of a PUB may be: every check that needs neither the circuit nor its backend."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy

from jobs_server.limits import MAX_NAME_LENGTH
from qserver.errors import InvalidRequest, QServerError, Reason, TooLarge
from qserver.jobs import RunRequest
from qserver.repeated import first_repeated
from qserver.results import ResultType
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import LimitSettings
from qserver.sweeps import VALUE_BYTES, Sweep, broadcast

MAX_AXES = 32
"""Of a table or an array of observables; NumPy had this limit for long."""

MAX_PARAMETERS = 100_000
"""Of one PUB. A circuit with so many free parameters would take seconds to read, and minutes to run."""

_VALUES_OF_A_LOOK = 64 * 1024
"""Others get the interpreter between two looks, not within one: a millisecond, where millions of values take 100."""


def check_sweep_numbers(pub: jobs_pb2.Pub) -> None:
    """Raise TooLarge for more axes or parameters than a PUB may have, before one of them is read."""
    _check_axes("shape", len(pub.shape))
    _check_axes("observables_shape", len(pub.observables_shape))
    if len(pub.parameters) > MAX_PARAMETERS:
        raise TooLarge(f"{len(pub.parameters):,} parameters; the limit is {MAX_PARAMETERS:,}")


def check_pubs(runs: Sequence[RunRequest], limits: LimitSettings) -> None:
    """Raise InvalidRequest or TooLarge naming the PUB in which something doesn't fit, or the sum that is too large."""
    for place, run in enumerate(runs):
        if run.sweep is not None:
            with of_pub(place):
                _check_sweep(run, run.sweep)
    _check_together(runs, limits)


@contextmanager
def of_pub(place: int) -> Iterator[None]:
    """Have an error of ours that leaves the block name the PUB it is about."""
    try:
        yield
    except QServerError as error:
        told = copy(error)  # it may be the answer to others too
        told.message = f"PUB {place}: {error.message}"
        told.args = (told.message,)
        raise told from error


def _check_sweep(run: RunRequest, sweep: Sweep) -> None:
    _check_shape("shape", sweep.shape)
    _check_shape("observables_shape", sweep.observables_shape)
    _check_values(sweep)
    _check_observables(run, sweep)


def _check_together(runs: Sequence[RunRequest], limits: LimitSettings) -> None:
    points = sum(run.sweep.num_points for run in runs if run.sweep is not None)
    if points > limits.max_points:
        raise TooLarge(
            f"the job has {points:,} sets of parameter values; the limit is {limits.max_points:,} (QSERVER_MAX_POINTS)"
        )
    size_bytes = sum(map(_result_bytes, runs))
    if size_bytes > limits.max_result_bytes:
        raise TooLarge(
            f"the job's result is {size_bytes:,} bytes or more; the limit is {limits.max_result_bytes:,} "
            "(QSERVER_MAX_RESULT_BYTES)"
        )


def _check_shape(name: str, shape: tuple[int, ...]) -> None:
    _check_axes(name, len(shape))
    if any(size < 0 for size in shape):
        raise InvalidRequest(f"{name} is {shape}; no size can be below 0")


def _check_axes(name: str, axes: int) -> None:
    if axes > MAX_AXES:
        raise TooLarge(f"{name} has {axes:,} axes; the limit is {MAX_AXES}")


def _check_values(sweep: Sweep) -> None:
    parameters = sweep.parameters
    wanted_bytes = VALUE_BYTES * sweep.num_points * len(parameters)
    if len(sweep.values) != wanted_bytes:
        raise InvalidRequest(
            f"values are {len(sweep.values):,} bytes; {sweep.num_points:,} sets of {len(parameters):,} float64 are "
            f"{wanted_bytes:,}"
        )
    if any(not name or not name.isprintable() for name in parameters):
        raise InvalidRequest("a parameter's name must be printable characters, at least one")
    twice = first_repeated(parameters)
    if twice is not None:
        raise InvalidRequest(f"the parameter {_shown(twice)} is named twice")
    numbers = memoryview(sweep.values).cast("d")
    starts = range(0, len(numbers), _VALUES_OF_A_LOOK)
    if not all(_are_finite(numbers[start : start + _VALUES_OF_A_LOOK]) for start in starts):
        raise InvalidRequest("a parameter's value is NaN or infinite; all must be finite")


def _are_finite(numbers: "memoryview[float]") -> bool:
    # A sum is finite where all values are, unless they overflow it: only then is each looked at.
    return math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))


def _shown(name: str) -> str:
    return repr(name if len(name) <= MAX_NAME_LENGTH else name[:MAX_NAME_LENGTH] + "…")


def _check_observables(run: RunRequest, sweep: Sweep) -> None:
    wanted = math.prod(sweep.observables_shape) if run.observables or sweep.observables_shape else 0
    if len(run.observables) != wanted:
        raise InvalidRequest(
            f"{len(run.observables):,} observables are sent; the shape {sweep.observables_shape} holds {wanted:,}",
            reason=Reason.INVALID_OBSERVABLE,
        )
    broadcast(sweep.shape, sweep.observables_shape)


def _result_bytes(run: RunRequest) -> int:
    """Give what a PUB's result takes at least: of memory a byte a shot, of expval two numbers a value."""
    sweep = run.sweep
    if sweep is None:
        return 0
    if ResultType.EXPVAL in run.result_types:
        return 2 * VALUE_BYTES * math.prod(sweep.result_shape)
    return run.shots * sweep.num_points
