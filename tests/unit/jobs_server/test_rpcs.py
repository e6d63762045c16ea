"""Every RPC that the server tells of, and who may call it."""

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc import aio
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from jobs_server.server import SERVICES
from qserver.identity import RPC_RULES, Permission
from qserver.rpc.original import jobs_pb2 as original_pb2
from tests.unit.jobs_server.served import (
    Served,
    stream,
)


async def reflect(
    served: Served, request: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    """Ask the reflection service one thing."""
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    return await anext(aiter(stub.ServerReflectionInfo(stream([request]))))


async def methods(served: Served) -> set[str]:
    """Name every RPC that the server tells of, by reflection."""
    listed = await reflect(served, reflection_pb2.ServerReflectionRequest(list_services=""))
    found: set[str] = set()
    for service in listed.list_services_response.service:
        descriptor = descriptor_pool.Default().FindServiceByName(service.name)
        found |= {f"/{service.name}/{method.name}" for method in descriptor.methods}
    return found


async def test_every_rpc_has_a_rule_and_every_rule_an_rpc(served: Served) -> None:
    served_methods = await methods(served)

    assert served_methods == set(RPC_RULES)


async def test_an_rpc_without_a_rule_is_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    rules: dict[str, Permission] = {**RPC_RULES}
    del rules["/Jobs/HealthCheck"]
    monkeypatch.setattr("jobs_server.interceptor.RPC_RULES", rules)

    with pytest.raises(aio.AioRpcError) as caught:
        await served.original.HealthCheck(original_pb2.HealthCheckInput())

    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "no rule says who may call /Jobs/HealthCheck" in (caught.value.details() or "")


async def test_a_method_that_nobody_serves_is_unimplemented(served: Served) -> None:
    call: aio.UnaryUnaryMultiCallable[bytes, bytes] = served.channel.unary_unary("/Jobs/Nothing")

    with pytest.raises(aio.AioRpcError) as caught:
        await call(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_reflection_describes_both_dialects(served: Served) -> None:
    for service in SERVICES:
        answer = await reflect(served, reflection_pb2.ServerReflectionRequest(file_containing_symbol=service))

        assert answer.file_descriptor_response.file_descriptor_proto
