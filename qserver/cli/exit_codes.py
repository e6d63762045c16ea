"""What the exit status of `qserver` means, so that scripts can decide by it."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from qserver.errors import (
    ExecutionError,
    MissingPackage,
    NotFound,
    PermissionDenied,
    QServerError,
    QuotaExceeded,
    RequestError,
    RetryableError,
    SettingsError,
    Unauthenticated,
    WaitTimeout,
)


class ExitCode(IntEnum):
    """One for each decision that a script can take."""

    DONE = 0
    FAULT = 1  # something went wrong on the server, or in here
    USAGE = 2  # the command line or a setting is wrong, or a package is missing
    REFUSED = 3  # the request must be changed: a bad circuit, an unknown option, a job that is already over
    FAILED = 4  # a job was run and failed, or was canceled
    NOT_FOUND = 5  # no such job, or no result of it
    NOT_ALLOWED = 6  # no valid key, or one that may not do this
    TRY_LATER = 7  # the server doesn't answer, has no room, or a quota is used up
    NOT_YET = 8  # --timeout passed first; the job goes on
    INTERRUPTED = 130  # Ctrl-C; jobs go on


_BY_ERROR: Mapping[type[QServerError], ExitCode] = MappingProxyType(
    {
        SettingsError: ExitCode.USAGE,
        MissingPackage: ExitCode.USAGE,
        NotFound: ExitCode.NOT_FOUND,
        Unauthenticated: ExitCode.NOT_ALLOWED,
        PermissionDenied: ExitCode.NOT_ALLOWED,
        QuotaExceeded: ExitCode.TRY_LATER,
        RequestError: ExitCode.REFUSED,
        RetryableError: ExitCode.TRY_LATER,
        ExecutionError: ExitCode.FAILED,
        WaitTimeout: ExitCode.NOT_YET,
        QServerError: ExitCode.FAULT,
    }
)


def exit_code_of(error: QServerError) -> ExitCode:
    """Give the status for an error: that of its nearest class."""
    return next(_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _BY_ERROR)
