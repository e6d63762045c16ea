"""What can go wrong, as a tree of decisions that someone can take.

::

    QServerError
    |- RequestError            the caller must change something; asking again as is won't help
    |  |- InvalidRequest       a value is wrong, missing or impossible
    |  |  |- InvalidCircuit    the circuit can't be read or run; knows line and column
    |  |  |- TooLarge          a size passes a limit
    |  |  |- UnknownBackend    no plugin brings a backend of this name
    |  |  `- NotAskedFor       the job was not asked for this type of result
    |  |- SomeRefused          some circuits of many were refused; the others are jobs
    |  |- NotFound             nothing has this id or name (or it is somebody else's)
    |  |- AlreadyExists        the name or request_id is taken by other content
    |  |- Conflict             the thing is in a state that forbids the change
    |  |- Unauthenticated      no valid key or token was given
    |  |- PermissionDenied     the caller is known, and may not do this
    |  `- QuotaExceeded        a limit of the user or the service is reached for now
    |- RetryableError          the same call may succeed later
    |  |- Unavailable          a neighbour (database, broker, server) doesn't answer
    |  `- Overloaded           we have no room at this moment
    |- ExecutionError          a job is over without a result; its reason says why
    |  `- JobCanceled          somebody stopped it
    |- WaitTimeout             a job is not over yet, and whoever waits for it waited long enough
    |- MissingPackage          the client needs a package that isn't installed
    `- SettingsError           a setting is wrong: the service must not start, the client can't connect

The domain knows no HTTP and no gRPC status: each edge keeps one table from these classes to its own codes.
What travels is the reason, and `error_of` makes the same error of it on the other side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType


class Reason(StrEnum):
    """Machine-readable cause, the same on every interface and in the database."""

    # Why a request was refused.
    INVALID_REQUEST = "INVALID_REQUEST"  #: a field is wrong; the message names it
    INVALID_CIRCUIT = "INVALID_CIRCUIT"  #: the source can't be parsed or run
    INVALID_OPTION = "INVALID_OPTION"  #: unknown option, or a value outside its schema
    INVALID_OBSERVABLE = "INVALID_OBSERVABLE"  #: wrong width, letters or coefficient
    UNKNOWN_BACKEND = "UNKNOWN_BACKEND"  #: no plugin brings a backend of this name
    UNSUPPORTED_RESULT_TYPE = "UNSUPPORTED_RESULT_TYPE"  #: this backend or circuit can't give it
    DEVICE_UNAVAILABLE = "DEVICE_UNAVAILABLE"  #: e.g. a GPU was asked for and no worker has one
    TOO_LARGE = "TOO_LARGE"  #: a size passes a limit
    TOO_MUCH_MEMORY = "TOO_MUCH_MEMORY"  #: no worker could ever hold the state
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CONFLICT = "CONFLICT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    INTERNAL = "INTERNAL"  #: our fault; the log has the trace

    # Why a job waits.
    PLUGIN_INSTALLING = "PLUGIN_INSTALLING"  #: a worker is still building the plugin's environment

    # Why a job ended without a result.
    OUT_OF_MEMORY = "OUT_OF_MEMORY"  #: the simulator passed its memory limit
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"  #: time_limit_seconds passed while it ran
    EXPIRED = "EXPIRED"  #: expires_at came before it started
    WORKER_LOST = "WORKER_LOST"  #: max_attempts workers or simulators died under it
    PLUGIN_ERROR = "PLUGIN_ERROR"  #: the plugin raised; the message is its sentence
    PLUGIN_UNAVAILABLE = "PLUGIN_UNAVAILABLE"  #: the plugin was removed or can't be installed
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"  #: passes QSERVER_MAX_RESULT_BYTES
    CANCELED_BY_USER = "CANCELED_BY_USER"

    # What the client alone finds out.
    WAIT_TIMEOUT = "WAIT_TIMEOUT"  #: the job is not over yet
    MISSING_PACKAGE = "MISSING_PACKAGE"  #: an extra of the SDK isn't installed


class QServerError(Exception):
    """Root of every error raised on purpose. `str(error)` is a sentence for people.

    `job_id` is the job it speaks of, where the client knows one.
    """

    default_reason = Reason.INTERNAL
    job_id: str | None = None

    def __init__(self, message: str, *, reason: Reason | None = None) -> None:
        """Keep the sentence and the reason; without one, the class's own reason holds."""
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason

    @property
    def sentence(self) -> str:
        """What people are told: the message, and the place where one is known."""
        return self.message


class RequestError(QServerError):
    """The caller must change something before asking again."""

    default_reason = Reason.INVALID_REQUEST


class InvalidRequest(RequestError):  # noqa: N818 - names read as claims, as in httpx and grpc
    """A value is wrong, missing or impossible."""


class InvalidCircuit(InvalidRequest):
    """The circuit can't be read or run."""

    default_reason = Reason.INVALID_CIRCUIT

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, reason: Reason | None = None
    ) -> None:
        """Name the place where known: `line` and `column` count from 1."""
        super().__init__(message, reason=reason)
        self.line = line
        self.column = column

    @property
    def sentence(self) -> str:
        """The message behind the place it speaks of, as a compiler says it."""
        places = (f"{name} {value}" for name, value in (("line", self.line), ("column", self.column)) if value)
        return ": ".join(filter(None, (", ".join(places), self.message)))


class TooLarge(InvalidRequest):
    """A size passes a limit; the message names both and the setting."""

    default_reason = Reason.TOO_LARGE


class UnknownBackend(InvalidRequest):
    """No plugin brings a backend of this name."""

    default_reason = Reason.UNKNOWN_BACKEND


class NotAskedFor(InvalidRequest, AttributeError):  # noqa: N818
    """The job was not asked for this type of result."""


class SomeRefused(RequestError):  # noqa: N818
    """Some circuits of a submission were refused; the others are jobs, and run.

    `refusals` are the errors by the circuits' positions, `job_ids` the ids of the jobs by theirs; `retryable` are those
    of the refusals that are a RetryableError: this one is none, as sending all again would run the others twice.
    """

    def __init__(self, message: str, *, refusals: Mapping[int, QServerError], job_ids: Mapping[int, str]) -> None:
        """Keep what became of each circuit."""
        super().__init__(message, reason=next(iter(refusals.values())).reason)
        self.refusals = refusals
        self.job_ids = job_ids

    @property
    def retryable(self) -> Mapping[int, QServerError]:
        """Those of the refusals that the same circuits may get past later; the others need a change."""
        return {place: error for place, error in self.refusals.items() if isinstance(error, RetryableError)}

    def __reduce__(self) -> tuple[object, ...]:
        """Be pickled, and copied, with what became of each circuit."""
        make = partial(type(self), refusals=self.refusals, job_ids=self.job_ids)
        return make, (self.message,), self.__dict__


class NotFound(RequestError):  # noqa: N818
    """Nothing has this id or name, or it belongs to somebody else."""

    default_reason = Reason.NOT_FOUND


class AlreadyExists(RequestError):  # noqa: N818
    """The name or request_id is taken by other content."""

    default_reason = Reason.ALREADY_EXISTS


class Conflict(RequestError):  # noqa: N818
    """The thing is in a state that forbids the change."""

    default_reason = Reason.CONFLICT


class Unauthenticated(RequestError):  # noqa: N818
    """No valid key or token was given."""

    default_reason = Reason.UNAUTHENTICATED


class PermissionDenied(RequestError):  # noqa: N818
    """The caller is known and may not do this."""

    default_reason = Reason.PERMISSION_DENIED


@dataclass(frozen=True, slots=True)
class ReachedLimit:
    """Which limit it was, and when it is worth asking again: at the earliest, where that depends on what runs."""

    name: str  #: its setting is `QSERVER_` and this in capitals
    value: float
    retry_after_seconds: int


class QuotaExceeded(RequestError):  # noqa: N818
    """A limit of the user or of the service is reached for now."""

    default_reason = Reason.QUOTA_EXCEEDED

    def __init__(self, message: str, *, limit: ReachedLimit | None = None, reason: Reason | None = None) -> None:
        """Name the limit, for machines; the message names it for people."""
        super().__init__(message, reason=reason)
        self.limit = limit


class RetryableError(QServerError):
    """The same call may succeed later."""

    default_reason = Reason.UNAVAILABLE


class Unavailable(RetryableError):  # noqa: N818
    """A neighbour (database, broker, server) doesn't answer."""


class Overloaded(RetryableError):  # noqa: N818
    """There is no room at this moment."""

    default_reason = Reason.OVERLOADED


class ExecutionError(QServerError):
    """A job is over and left no result; `reason` says why."""

    default_reason = Reason.PLUGIN_ERROR


class JobCanceled(ExecutionError):  # noqa: N818
    """Somebody stopped the job."""

    default_reason = Reason.CANCELED_BY_USER


class WaitTimeout(QServerError, TimeoutError):  # noqa: N818
    """A job is not over yet: it goes on, and may be waited for again."""

    default_reason = Reason.WAIT_TIMEOUT


class MissingPackage(QServerError, ImportError):  # noqa: N818
    """The client needs a package that isn't installed; the message names it and the extra that brings it."""

    default_reason = Reason.MISSING_PACKAGE


class SettingsError(QServerError):
    """A setting is wrong: the service must not start, the client can't connect."""


_BY_REASON: Mapping[Reason, type[QServerError]] = MappingProxyType(
    {
        Reason.TOO_LARGE: TooLarge,
        Reason.UNKNOWN_BACKEND: UnknownBackend,
        Reason.INVALID_REQUEST: InvalidRequest,
        Reason.INVALID_OPTION: InvalidRequest,
        Reason.TOO_MUCH_MEMORY: InvalidRequest,
        Reason.INVALID_OBSERVABLE: InvalidRequest,
        Reason.UNSUPPORTED_RESULT_TYPE: InvalidRequest,
        Reason.DEVICE_UNAVAILABLE: InvalidRequest,
        Reason.NOT_FOUND: NotFound,
        Reason.ALREADY_EXISTS: AlreadyExists,
        Reason.CONFLICT: Conflict,
        Reason.UNAUTHENTICATED: Unauthenticated,
        Reason.PERMISSION_DENIED: PermissionDenied,
        Reason.QUOTA_EXCEEDED: QuotaExceeded,
        Reason.UNAVAILABLE: Unavailable,
        Reason.OVERLOADED: Overloaded,
        Reason.OUT_OF_MEMORY: ExecutionError,
        Reason.DEADLINE_EXCEEDED: ExecutionError,
        Reason.EXPIRED: ExecutionError,
        Reason.WORKER_LOST: ExecutionError,
        Reason.PLUGIN_ERROR: ExecutionError,
        Reason.PLUGIN_UNAVAILABLE: ExecutionError,
        Reason.RESULT_TOO_LARGE: ExecutionError,
        Reason.CANCELED_BY_USER: JobCanceled,
    }
)
"""The class that a reason is told by. INVALID_CIRCUIT stands apart: it knows a place."""


def error_of(reason: Reason, message: str, *, line: int | None = None, column: int | None = None) -> QServerError:
    """Make the error that the other side raised of what it told; a reason without a class gives the root."""
    if reason is Reason.INVALID_CIRCUIT:
        return InvalidCircuit(message, line=line, column=column)
    return _BY_REASON.get(reason, QServerError)(message, reason=reason)
