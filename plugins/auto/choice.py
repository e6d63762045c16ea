"""Which engine a job is planned for: pure, from its profile, its request and what workers have.

What is decided here is what a user could notice: method, device and precision. Which engine holds a statevector of
single precision is settled where it runs, by figures measured there (`plugins.auto.settling`).
"""

from dataclasses import replace

from plugins.aer import planner as aer_planner
from plugins.aer.demand import Demand
from plugins.aer.methods import AUTOMATIC_BACKEND, Device, FloatPrecision, Method
from plugins.qsim import planner as qsim_planner
from plugins.qsim.backends import BACKEND_NAME as QSIM_BACKEND
from plugins.qsim.backends import PLUGIN_NAME as QSIM
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidRequest, Reason
from qserver.jobs import RunRequest
from qserver.plugins import Plan, Resources
from qserver.results import SAMPLED_RESULT_TYPES

WORTH_SECONDS = 0.02
"""Where Aer is foreseen to be done within this, nothing is worth giving up the double precision for."""
CLEARLY_FASTER = 2.0
"""Estimates are rough: qsim must be foreseen to be so many times faster."""


def plan(profile: CircuitProfile | None, request: RunRequest, resources: Resources) -> Plan:
    """Plan one run, by Aer's planner or qsim's. Raises what they raise."""
    for_aer = replace(request, backend=AUTOMATIC_BACKEND)
    if profile is None:
        return aer_planner.plan(profile, request, resources)
    demand = Demand.of(profile, request)
    objection = _objection(demand, resources)
    if objection:
        return _said(aer_planner.plan(profile, for_aer, resources), f"auto took Aer: {objection}")
    try:
        by_aer = aer_planner.plan(profile, for_aer, resources)
    except InvalidRequest as refusal:
        if refusal.reason is not Reason.TOO_MUCH_MEMORY:
            raise
        return _by_qsim_alone(demand, resources, refusal)
    return _faster(demand, resources, by_aer)


def _objection(demand: Demand, resources: Resources) -> str | None:
    """Say what only Aer can do of what is asked for."""
    if demand.request.sweep is not None:
        return "it is a PUB"
    return _objection_to_request(demand) or _objection_to_circuit(demand.profile) or _objection_to_workers(resources)


def _objection_to_request(demand: Demand) -> str | None:
    request, options = demand.request, demand.options
    if "float_precision" in request.options and options.float_precision is FloatPrecision.DOUBLE:
        return "double precision was asked for"
    if options.noise is not None:
        return "it simulates noise"
    if options.device is Device.GPU:
        return "a GPU was asked for"
    if request.seed is not None:
        return "a seed asks for Aer's own sampling"
    numbers = request.result_types - SAMPLED_RESULT_TYPES
    if numbers and "float_precision" not in request.options:
        return f"{', '.join(sorted(numbers))} in double precision, as none was named (float_precision)"
    return None


def _objection_to_circuit(profile: CircuitProfile) -> str | None:
    if profile.has_control_flow or profile.has_mid_circuit_measurement or profile.has_reset:
        return "the circuit measures, resets or branches in its middle"
    return None


def _objection_to_workers(resources: Resources) -> str | None:
    return "no worker has qsim" if resources.plugins and QSIM not in resources.plugins else None


def _faster(demand: Demand, resources: Resources, by_aer: Plan) -> Plan:
    """Take qsim where Aer would hold a statevector on the CPU and be clearly slower."""
    if by_aer.method != Method.STATEVECTOR or by_aer.device != Device.CPU:
        return _said(by_aer, "auto took Aer: qsim has nothing but a statevector on the CPU")
    if by_aer.seconds < WORTH_SECONDS:
        return _said(by_aer, "auto took Aer: the circuit is so small that another engine would gain nothing")
    by_qsim = _qsim_plan(demand, resources)
    if by_aer.seconds < CLEARLY_FASTER * by_qsim.seconds:
        return _said(by_aer, "auto took Aer: qsim would not be clearly faster")
    return _said(
        by_qsim,
        f"auto took qsim: {by_qsim.seconds:.2g} s foreseen on one core against Aer's {by_aer.seconds:.2g} s; "
        f"{_precision(demand)}",
    )


def _by_qsim_alone(demand: Demand, resources: Resources, refusal: InvalidRequest) -> Plan:
    try:
        by_qsim = _qsim_plan(demand, resources)
    except InvalidRequest:
        raise refusal from None
    return _said(by_qsim, f"auto took qsim: Aer in double precision would not fit in memory; {_precision(demand)}")


def _qsim_plan(demand: Demand, resources: Resources) -> Plan:
    return qsim_planner.plan(demand.profile, replace(demand.request, backend=QSIM_BACKEND), resources)


def _precision(demand: Demand) -> str:
    if "float_precision" in demand.request.options:
        return "single precision was asked for"
    return (
        f"single precision, whose error (about 1e-6) is far below the noise of {demand.request.shots:,} shots; "
        "float_precision=double would take Aer"
    )


def _said(planned: Plan, why: str) -> Plan:
    return replace(planned, reason=f"{why}; {planned.reason}")
