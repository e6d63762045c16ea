"""Whether this service answers, for container engines: `python -m jobs_server.healthcheck`. Status 0, or 1 with why.

It asks for no neighbour: one that is away must not make every service look broken. And it is asked for often, so it
loads as little as it can.
"""

import os
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_SECONDS = 15
LIVENESS = "liveness"
"""As `jobs_server.health` names it."""


def main() -> int:
    """Ask the standard health service on the port that the settings name, by way of loopback."""
    with grpc.insecure_channel(f"127.0.0.1:{os.environ.get('QSERVER_GRPC_PORT', '50051')}") as channel:
        health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]  # generated
        try:
            answer = health.Check(health_pb2.HealthCheckRequest(service=LIVENESS), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            print(f"no answer: {error.code().name}")  # noqa: T201 - a command line's answer
            return 1
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main())
