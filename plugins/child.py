"""The program of a process that runs plugins: answers the methods that `plugins.sandboxed` calls.

Only in here is the heavy half of a plugin ever called.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import cast

from plugins.messages import (
    CheckOptionsRequest,
    DescribeNoiseModelRequest,
    Finding,
    InspectReply,
    InspectRequest,
    NoiseModelReply,
    RunCall,
    RunReply,
    WarmUpRequest,
)
from plugins.registry import Registry
from qserver.circuits import CircuitSource
from qserver.json_types import JsonObject
from qserver.plugins import Plugin
from qserver.sandbox.child import Handler, serve
from qserver.sandbox.codec import pack, unpack
from qserver.sandbox.faults import describe_fault

ENTRY = "plugins.child:main"
"""What to ask a forkserver for."""


_Describe = Callable[[JsonObject], JsonObject]


def main() -> None:
    """Answer the parent until it hangs up."""
    serve(handlers(Registry.built_in()))


def handlers(registry: Registry) -> Mapping[str, Handler]:
    """Make the methods of a process that knows these plugins."""
    return {
        "inspect": lambda payload: _inspect(registry, payload),
        "check_options": lambda payload: _check_options(registry, payload),
        "describe_noise_model": lambda payload: _describe_noise_model(registry, payload),
        "run": lambda payload: _run(registry, payload),
        "warm_up": lambda payload: _warm_up(registry, payload),
    }


def _inspect(registry: Registry, payload: bytes) -> bytes:
    request = unpack(InspectRequest, payload)
    plugin = registry.plugin(request.plugin)
    return pack(InspectReply(tuple(_find(plugin, circuit) for circuit in request.circuits)))


def _find(plugin: Plugin, circuit: CircuitSource) -> Finding:
    try:
        return Finding(inspection=plugin.inspect(circuit.source, circuit.circuit_format))
    except BaseException as error:  # noqa: BLE001 - one bad circuit takes no other with it; a Rust panic is one too
        return Finding(fault=describe_fault(error))


def _check_options(registry: Registry, payload: bytes) -> bytes:
    request = unpack(CheckOptionsRequest, payload)
    registry.plugin(request.plugin).check_options(request.options)
    return b""


def _describe_noise_model(registry: Registry, payload: bytes) -> bytes:
    request = unpack(DescribeNoiseModelRequest, payload)
    describe = cast("_Describe", getattr(registry.plugin(request.plugin), "describe_noise_model"))  # noqa: B009 - optional
    return pack(NoiseModelReply(describe(json.loads(request.text))))


def _run(registry: Registry, payload: bytes) -> bytes:
    call = unpack(RunCall, payload)
    os.environ.update(call.limits.environment)
    return pack(RunReply.of(registry.plugin(call.plugin).run(call.read_tasks(), call.limits)))


def _warm_up(registry: Registry, payload: bytes) -> bytes:
    """Find the plugin: what it needs to run is loaded by the forkserver, or by its first task."""
    registry.plugin(unpack(WarmUpRequest, payload).plugin)
    return b""
