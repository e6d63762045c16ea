"""What stands around every RPC: who asks, whether they may, and what an error becomes on the wire."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, nullcontext
from types import MappingProxyType
from typing import TypeVar, cast

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc import aio

from jobs_server.call_room import CallRoom
from jobs_server.caller import address_of, current_caller, visitor_of
from jobs_server.errors import INTERNAL, Refusal, is_expected, refusal
from jobs_server.metrics import Metrics
from qserver.access.authenticator import Authenticator
from qserver.access.open_streams import Admission, OpenStreams
from qserver.access.visitor import Visitor
from qserver.errors import InvalidRequest, PermissionDenied, QServerError
from qserver.identity import NOBODY, RPC_RULES, Permission
from qserver.settings import ProxySettings

_log = structlog.get_logger(__name__)

Request = TypeVar("Request")
Response = TypeVar("Response")

Context = aio.ServicerContext[object, object]
Behaviour = Callable[[object, Context], Awaitable[object] | AsyncGenerator[object, None]]
Deserializer = Callable[[bytes], object]

_HANDLER_MAKERS: Mapping[tuple[bool, bool], Callable[..., object]] = MappingProxyType(
    {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
)
"""By whether requests and responses are streams."""

_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_OPEN_STREAMS = frozenset(
    {"/grpc.health.v1.Health/Watch", "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}
)
"""Who opens one of these needs no key, and may keep it open for as long as they like."""


class Gate(aio.ServerInterceptor):
    """Lets a call through to its RPC, as the caller that it is, and turns what the RPC raises into a status."""

    def __init__(
        self,
        authenticator: Authenticator,
        metrics: Metrics,
        settings: ProxySettings,
        *,
        room: CallRoom,
        open_streams: OpenStreams,
    ) -> None:
        """Ask `authenticator` who calls, count refusals in `metrics`; believe the proxies that `settings` name.

        Calls are held in `room`, all but questions after the service's health: whoever asks must learn that it lives.
        No user has all of it.
        Answers that are streams end when `open_streams` finds that their caller may no longer be here.
        """
        self._room = room
        self._open_streams = open_streams
        self._authenticator = authenticator
        self._metrics = metrics
        self._trusted = settings.trusted_proxies

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Response] | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Request, Response] | None":
        """Find the RPC and stand around it; a method that nobody serves stays UNIMPLEMENTED."""
        found = await continuation(handler_call_details)
        if found is None:
            return None
        behaviour = cast(
            "Behaviour", found.unary_unary or found.unary_stream or found.stream_unary or found.stream_stream
        )
        make = _HANDLER_MAKERS[found.request_streaming, found.response_streaming]
        # Of a method that reads its request itself, gRPC knows no way to.
        deserialize = _refusing(cast("Deserializer | None", found.request_deserializer) or _unread)
        # A single request gRPC would read before it calls anything of ours, and answer for a broken one itself.
        guarded = self._guarded(
            handler_call_details.method,
            behaviour if found.request_streaming else _reading(deserialize, behaviour),
        )
        read = deserialize if found.request_streaming else None
        return cast("grpc.RpcMethodHandler[Request, Response]", make(guarded, read, found.response_serializer))

    def _guarded(self, method: str, behaviour: Behaviour) -> Callable[[object, Context], Awaitable[object]]:
        async def guarded(request: object, context: Context) -> object:
            try:
                with self._hold(method, request, context):
                    admission = await self._let_in(method, context)
                    with self._hold_as(admission):
                        return await self._answer(behaviour(request, context), context, admission)
            except QServerError as error:
                answer = self._expected(method, error)
            except aio.AbortError:  # an RPC that ended itself with a status, e.g. the health service
                raise
            except Exception:  # noqa: BLE001 - the outermost loop of a call; the log has the trace
                _log.exception("call_failed", method=method)
                answer = INTERNAL
            self._metrics.refusals.labels(method=method, reason=answer.reason).inc()
            return await context.abort(answer.code, answer.message, answer.trailing_metadata())

        return guarded

    def _hold(self, method: str, request: object, context: Context) -> AbstractContextManager[None]:
        if method == _HEALTH_CHECK:
            return nullcontext()
        if method not in _OPEN_STREAMS:
            return self._room.call(_size_bytes(request))
        return self._room.open_stream(address_of(context.peer(), context.invocation_metadata() or (), self._trusted))

    def _hold_as(self, admission: Admission) -> AbstractContextManager[None]:
        return nullcontext() if admission.caller is NOBODY else self._room.of_client(admission.caller)

    async def _let_in(self, method: str, context: Context) -> Admission:
        """Establish who calls. Raises PermissionDenied where the rules don't let them in, or don't know the method."""
        permission = RPC_RULES.get(method)
        if permission is None:
            raise PermissionDenied(f"no rule says who may call {method}")
        if permission is Permission.NONE:
            current_caller.set(NOBODY)
            return Admission(Visitor(), NOBODY, permission)
        visitor = visitor_of(context.peer(), context.invocation_metadata() or (), self._trusted)
        caller = await self._authenticator.admit(visitor)
        caller.require(permission)
        current_caller.set(caller)
        return Admission(visitor, caller, permission)

    async def _answer(
        self, answer: Awaitable[object] | AsyncGenerator[object, None], context: Context, admission: Admission
    ) -> object:
        """Run an RPC. Streams are written from here, so that one ends at once when its client goes away.

        Raises what the RPC raises; of a stream, also what ends one whose caller may no longer be here.
        """
        if inspect.isawaitable(answer):
            return await answer
        async with aclosing(answer) as stream, aclosing(self._open_streams.cut_short(stream, admission)) as messages:
            async for message in messages:
                await context.write(message)
        return None

    def _expected(self, method: str, error: QServerError) -> Refusal:
        if not is_expected(error):
            _log.error("call_failed", method=method, exc_info=error)
        return refusal(error)


def _refusing(deserialize: Deserializer) -> Deserializer:
    """Read messages so that a broken one, such as text that is no UTF-8, is the client's fault and not ours."""

    def read(message: bytes) -> object:
        try:
            return deserialize(message)
        except DecodeError as error:
            raise InvalidRequest(f"the message can't be read: {error}") from error

    return read


def _unread(message: bytes) -> object:
    return message


def _size_bytes(request: object) -> int:
    """Give how much a single request takes; 0 where it comes in pieces."""
    return len(request) if isinstance(request, bytes) else 0


def _reading(deserialize: Deserializer, behaviour: Behaviour) -> Behaviour:
    def read_first(message: object, context: Context) -> Awaitable[object] | AsyncGenerator[object, None]:
        return behaviour(deserialize(cast("bytes", message)), context)

    return read_first
