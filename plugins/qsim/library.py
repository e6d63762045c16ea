"""The compiled half of the package qsimcirq, without the rest of it.

`import qsimcirq` imports Cirq, and with it pandas, SymPy, Matplotlib and NetworkX: 320 MB and seconds, for a
translation from Cirq's circuits that nobody needs here. What it wraps is one extension module for each instruction set,
which stands on NumPy alone and loads in 2 ms: see docs/decisions/0016.
"""

import functools
import importlib.util
from collections.abc import Sequence
from importlib.machinery import PathFinder
from importlib.metadata import version
from types import ModuleType

from qserver.errors import ExecutionError, Reason

DISTRIBUTION = "qsimcirq"
EXTENSIONS = ("qsim_avx512", "qsim_avx2", "qsim_sse", "qsim_basic")
"""By what `qsim_decide.detect_instructions()` answers: 0, 1, 2, and anything else (qsimcirq 0.22, `__init__.py`)."""


def is_installed() -> bool:
    """Whether the package is there; nothing of it is imported."""
    return importlib.util.find_spec(DISTRIBUTION) is not None


@functools.cache
def extension() -> ModuleType:
    """Load the extension for this processor, once. Raises ExecutionError(PLUGIN_UNAVAILABLE) where there is none."""
    package = importlib.util.find_spec(DISTRIBUTION)  # finds it without running it
    if package is None or package.submodule_search_locations is None:
        raise ExecutionError(
            f"this worker has no package {DISTRIBUTION}; use the backend aer or auto", reason=Reason.PLUGIN_UNAVAILABLE
        )
    places = list(package.submodule_search_locations)
    found = _load("qsim_decide", places).detect_instructions()
    return _load(EXTENSIONS[found if 0 <= found < len(EXTENSIONS) else -1], places)


@functools.cache
def engine_version() -> str:
    """Give the version of the package."""
    return version(DISTRIBUTION)


def _load(name: str, places: Sequence[str]) -> ModuleType:
    spec = PathFinder.find_spec(name, places)
    if spec is None or spec.loader is None:
        raise ExecutionError(
            f"the package {DISTRIBUTION} {engine_version()} has no module {name}", reason=Reason.PLUGIN_UNAVAILABLE
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
