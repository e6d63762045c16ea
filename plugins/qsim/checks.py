"""What qsim can't do, refused before anything runs, with the backend that can."""

from plugins.aer.methods import Device, FloatPrecision
from plugins.aer.options import AerOptions, parse_options
from plugins.qsim.backends import BACKEND_NAME, PLUGIN_NAME
from qserver.circuits import CircuitProfile
from qserver.errors import InvalidCircuit, InvalidRequest, Reason
from qserver.json_types import JsonObject
from qserver.plugins import Resources

MAX_QUBITS = 40
"""As many as qsim promises (its documentation of 0.22, "Choosing hardware for your qsim simulation")."""


def check_options(options: JsonObject) -> AerOptions:
    """Give the options as qsim keeps to them. Raises InvalidRequest naming what it can't do."""
    parsed = parse_options({"float_precision": FloatPrecision.SINGLE, **options})
    if parsed.float_precision is FloatPrecision.DOUBLE:
        raise _refused(
            f"backend {BACKEND_NAME} computes in single precision only (about 7 digits), and float_precision is "
            "double; use the backend aer, or leave the option out",
            Reason.INVALID_OPTION,
        )
    if parsed.noise is not None:
        raise _refused(
            f"backend {BACKEND_NAME} simulates no noise, and a noise_model was given; use the backend aer",
            Reason.INVALID_OPTION,
        )
    if parsed.device is Device.GPU:
        raise _refused(
            f"backend {BACKEND_NAME} runs on the CPU only, and device is GPU; use the backend aer, or leave the option "
            "out",
            Reason.DEVICE_UNAVAILABLE,
        )
    for name in ("max_bond_dimension", "truncation_threshold"):
        if name in options:
            raise _refused(
                f"backend {BACKEND_NAME} has no option {name}; use the backend aer_matrix_product_state",
                Reason.INVALID_OPTION,
            )
    return parsed


def check_circuit(profile: CircuitProfile) -> None:
    """Refuse what is no row of gates with its measurements at the end. Raises InvalidCircuit or InvalidRequest."""
    for is_there, what in (
        (profile.has_control_flow, "has control flow (if, for, switch)"),
        (profile.has_mid_circuit_measurement, "goes on after a measurement"),
        (profile.has_reset, "resets or initializes a qubit that was used before"),
    ):
        if is_there:
            raise InvalidCircuit(
                f"the circuit {what}; backend {BACKEND_NAME} runs gates with measurements behind them and nothing "
                "else; use the backend aer"
            )


def check_workers(resources: Resources) -> None:
    """Raise InvalidRequest where workers are known and none of them has qsim."""
    if resources.plugins and PLUGIN_NAME not in resources.plugins:
        raise _refused(
            f"no worker can run the backend {BACKEND_NAME}: its package qsimcirq is installed on none; "
            "use the backend aer or auto",
            Reason.PLUGIN_UNAVAILABLE,
        )


def _refused(message: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(message, reason=reason)
