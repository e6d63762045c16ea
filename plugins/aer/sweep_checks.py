"""What a sweep must fulfil before anything is planned. Each function raises InvalidRequest with a sentence."""

from plugins.aer.demand import Demand
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason
from qserver.results import ResultType
from qserver.sweeps import Sweep

SWEPT_RESULT_TYPES = frozenset({ResultType.MEMORY, ResultType.EXPVAL})

_SHOWN_PARAMETERS = 5


def check_sweep(demand: Demand, sweep: Sweep) -> None:
    """Check that the table is the circuit's, and that what is asked for can be given for each of its points."""
    _check_result_types(demand)
    _check_names(demand.profile, sweep)


def _check_result_types(demand: Demand) -> None:
    wanted = demand.request.result_types
    if len(wanted) == 1 and wanted <= SWEPT_RESULT_TYPES:
        return
    raise InvalidRequest(
        f"a PUB gives either memory or expval, and {' and '.join(sorted(wanted))} are asked for; "
        "submit a circuit of its own for anything else",
        reason=Reason.UNSUPPORTED_RESULT_TYPE,
    )


def _check_names(profile: CircuitProfile, sweep: Sweep) -> None:
    free, given = set(profile.parameters), set(sweep.parameters)
    if missing := sorted(free - given):
        raise InvalidRequest(f"no values are given for {_named(missing)} of the circuit's {len(free)} parameters")
    if strange := sorted(given - free):
        known = f"its parameters are {_named(sorted(free))}" if free else "it has no parameters"
        raise InvalidRequest(f"values are given for {_named(strange)}, which the circuit doesn't have; {known}")


def _named(names: list[str]) -> str:
    rest = f" and {len(names) - _SHOWN_PARAMETERS} more" if len(names) > _SHOWN_PARAMETERS else ""
    return ", ".join(repr(name) for name in names[:_SHOWN_PARAMETERS]) + rest
