"""The gRPC server: both dialects, health and reflection on one port."""

import asyncio
from pathlib import Path

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from jobs_server.health import HealthReporter
from jobs_server.interceptor import Gate
from jobs_server.original import OriginalService
from jobs_server.transactions import Transactions
from jobs_server.v1 import JobService
from qserver.broker.interface import Broker
from qserver.errors import SettingsError
from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from qserver.settings import Settings

SERVICES = (
    original_pb2.DESCRIPTOR.services_by_name["Jobs"].full_name,
    jobs_pb2.DESCRIPTOR.services_by_name["JobService"].full_name,
)

_MAX_CALLS_OF_A_CONNECTION = 1000
_UNREQUESTED_SECONDS = 86_400
_HANDSHAKE_MILLISECONDS = 20_000
_KEEPALIVE_MILLISECONDS = 30_000
"""A silent connection is probed so often, and is dead where it doesn't answer within half of that."""


class GrpcServer:
    """Listens from `start` to `stop`."""

    def __init__(
        self,
        original: OriginalService,
        v1: JobService,
        *,
        gate: Gate,
        transactions: Transactions,
        broker: Broker,
        settings: Settings,
        inner_door: Path | None = None,
    ) -> None:
        """Serve `original` and `v1` behind `gate`. Must be called in the event loop that will serve."""
        self._settings = settings.jobs_server
        self._inner_door = inner_door
        self._health = HealthReporter(transactions.require_ready, lambda: asyncio.to_thread(broker.ping), SERVICES)
        self._server = aio.server(interceptors=[gate], options=_options(settings.limits.max_call_bytes))
        original_pb2_grpc.add_JobsServicer_to_server(original, self._server)
        # Before the others: of two who serve a method, the first is asked.
        self._server.add_generic_rpc_handlers((_unread_calls(v1),))
        jobs_pb2_grpc.add_JobServiceServicer_to_server(v1, self._server)
        # grpcio's own services come without annotations.
        health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, self._server)  # type: ignore[no-untyped-call]
        names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)  # type: ignore[no-untyped-call]

    async def start(self) -> int:
        """Listen, and give the port. Raises SettingsError where it can't be had."""
        host, port = self._settings.grpc_host, self._settings.grpc_port
        try:
            bound = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise SettingsError(
                f"can't listen on {host}:{port} (QSERVER_GRPC_HOST, QSERVER_GRPC_PORT): is it in use?"
            ) from error
        if self._inner_door is not None:
            self._server.add_insecure_port(f"unix:{self._inner_door}")
        await self._server.start()
        await self._health.start()
        return bound

    async def stop(self) -> None:
        """Take no more calls, and give open ones time to end."""
        await self._health.stop()
        await self._server.stop(self._settings.grpc_drain_seconds)

    async def hurry(self) -> None:
        """Cut `stop` short: end the calls that are still open."""
        await self._server.stop(0)


def _unread_calls(v1: JobService) -> grpc.GenericRpcHandler:
    """Serve the call of which gRPC is to read and write nothing but bytes."""
    service = jobs_pb2.DESCRIPTOR.services_by_name["JobService"].full_name
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(v1.submit_unread)
    return grpc.method_handlers_generic_handler(service, {"SubmitJobs": handler})


def _options(max_call_bytes: int) -> tuple[tuple[str, int], ...]:
    return (
        ("grpc.max_receive_message_length", max_call_bytes),
        # What may be answered is bounded where it is stored: QSERVER_MAX_RESULT_BYTES.
        ("grpc.max_send_message_length", -1),
        # With it, a second server on a port that is in use would start, and get some of the calls.
        ("grpc.so_reuseport", 0),
        # With it, gRPC sheds a connection that opens calls and resets them at once (HTTP/2 rapid reset); without, it
        # queues their remains until it drops the calls of others.
        ("grpc.max_concurrent_streams", _MAX_CALLS_OF_A_CONNECTION),
        # A call that waits to be looked at is answered, if by a refusal, while its client waits: gRPC would drop it
        # after 30 s as CANCELLED, which says that the client gave it up, and which nobody tries again.
        ("grpc.server_max_unrequested_time_in_server", _UNREQUESTED_SECONDS),
        # Who connects must say so in HTTP/2 soon, and go on answering pings, calls or none.
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MILLISECONDS),
        ("grpc.keepalive_permit_without_calls", 1),
        # Notice within a minute a watcher whose machine sleeps or is gone, and let clients notice the same of ours.
        ("grpc.keepalive_time_ms", _KEEPALIVE_MILLISECONDS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MILLISECONDS // 2),
        ("grpc.http2.ping_timeout_ms", _KEEPALIVE_MILLISECONDS // 2),  # else a minute, whatever stands above
        # gRPC would stop probing after two probes in which nothing else was sent: of a job that waits nothing is.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    )
