"""Importing this loads what built-in plugins need to inspect and run circuits: for forkservers, and nobody else.

A service that only inspects has no simulator installed; what is absent is left out.
"""

import importlib
from collections.abc import Sequence

from plugins.messages import (
    CheckOptionsRequest,
    DescribeNoiseModelRequest,
    InspectRequest,
    RunCall,
    WarmUpRequest,
)
from plugins.registry import Registry
from qserver.sandbox.codec import prepare

HEAVY_HALVES: Sequence[str] = (
    *("qiskit.qasm2", "qiskit.qasm3", "qiskit.qpy", "qiskit_qasm3_import", "qiskit_aer"),
    *("plugins.aer.inspector", "plugins.aer.noise_models", "plugins.aer.runner"),
    *("plugins.qsim.runner", "plugins.auto.runner"),
)


def load_modules(names: Sequence[str]) -> Sequence[str]:
    """Import what can be imported, and give the names of those that lack a package. Raises whatever else they raise."""
    return [name for name in names if not _load(name)]


def _load(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


load_modules(HEAVY_HALVES)
Registry.built_in()  # the light halves
prepare(InspectRequest, CheckOptionsRequest, DescribeNoiseModelRequest, RunCall, WarmUpRequest)
