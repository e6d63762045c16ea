"""Errors that cross from a child to its parent: a closed table of classes, and words of bounded length.

Standard library only, as in `frames`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from qserver import errors
from qserver.errors import ExecutionError, InvalidCircuit, QServerError, Reason
from qserver.sandbox.frames import BadFrame

MAX_MESSAGE_CHARACTERS = 2000

_PLAIN_CLASSES: Mapping[str, type[QServerError]] = MappingProxyType(
    {
        error_class.__name__: error_class
        for error_class in (
            errors.QServerError,
            errors.RequestError,
            errors.InvalidRequest,
            errors.TooLarge,
            errors.UnknownBackend,
            errors.NotFound,
            errors.AlreadyExists,
            errors.Conflict,
            errors.Unauthenticated,
            errors.PermissionDenied,
            errors.QuotaExceeded,
            errors.RetryableError,
            errors.Unavailable,
            errors.Overloaded,
            errors.ExecutionError,
            errors.JobCanceled,
            errors.WaitTimeout,
            errors.MissingPackage,
            errors.SettingsError,
        )
    }
)
"""Classes that are made from a message and a reason. InvalidCircuit, which also knows a place, stands apart."""


def describe_fault(error: BaseException) -> Mapping[str, str | int | None]:
    """Put an error into plain words for the parent.

    A plugin's own kind of QServerError travels as the class it descends from. What is no QServerError (any other
    exception, a Rust panic) becomes an ExecutionError that names the type.
    """
    if isinstance(error, MemoryError):
        return _fault("ExecutionError", Reason.OUT_OF_MEMORY, "ran out of memory")
    if isinstance(error, InvalidCircuit):
        place = {"line": error.line, "column": error.column}
        return {**_fault("InvalidCircuit", error.reason, error.message), **place}
    if isinstance(error, QServerError):
        return _fault(_nearest_known_class(error), error.reason, error.message)
    return _fault("ExecutionError", Reason.PLUGIN_ERROR, f"{type(error).__name__}: {_text_of(error)}")


def revive_fault(fault: object) -> QServerError:
    """Make the error that a child described. Raises BadFrame where it described none."""
    if not isinstance(fault, dict):
        raise BadFrame("it sent a fault that is no object")
    name, message = fault.get("class"), fault.get("message")
    if not isinstance(name, str) or not isinstance(message, str):
        raise BadFrame("it sent a fault without class or message")
    message = message[:MAX_MESSAGE_CHARACTERS]
    reason = _read_reason(fault.get("reason"))
    if name == "InvalidCircuit":
        return InvalidCircuit(
            message, line=_read_place(fault.get("line")), column=_read_place(fault.get("column")), reason=reason
        )
    return _PLAIN_CLASSES.get(name, ExecutionError)(message, reason=reason)


def _fault(name: str, reason: Reason, message: str) -> dict[str, str | int | None]:
    # Lone surrogates, as in the names of undecodable files, can't be sent as UTF-8.
    clean = message[:MAX_MESSAGE_CHARACTERS].encode("utf-8", "replace").decode()
    return {"class": name, "reason": str(reason), "message": clean}


def _nearest_known_class(error: QServerError) -> str:
    return next(known.__name__ for known in type(error).__mro__ if known in _PLAIN_CLASSES.values())


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a plugin's __str__ may raise anything, and must not take the reply with it
        return "(its message can't be read)"


def _read_reason(value: object) -> Reason:
    try:
        return Reason(str(value))
    except ValueError as error:
        raise BadFrame("it sent a fault with an unknown reason") from error


def _read_place(value: object) -> int | None:
    if value is not None and not isinstance(value, int):
        raise BadFrame("it sent a fault with a place that is no number")
    return value
