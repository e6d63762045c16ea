"""What both primitives are made of: a backend, and options in the words of `qiskit_aer.primitives`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qserver.errors import InvalidRequest, Reason
from qserver.qiskit.backend import QServerBackend
from qserver.qiskit.provider import QServerProvider
from qserver.qiskit.run_options import RunOptions


@dataclass
class PrimitiveOptions:
    """Options of a primitive. Those of a run go before those of the backend."""

    default_precision: float = 0.0
    """Standard error where none is named; 0 is exact. An estimator's."""
    backend_options: dict[str, Any] = field(default_factory=dict)
    """As AerSimulator takes them."""
    run_options: dict[str, Any] = field(default_factory=dict)
    """As AerSimulator.run takes them."""

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> "PrimitiveOptions":
        """Read options. Raises InvalidRequest for a name that isn't one."""
        unknown = sorted(set(options or {}) - {"default_precision", "backend_options", "run_options"})
        if unknown:
            raise InvalidRequest(
                f"a primitive has no option {unknown[0]!r}; it has default_precision, backend_options and run_options",
                reason=Reason.INVALID_OPTION,
            )
        return cls(**(options or {}))

    def for_run(self, backend: QServerBackend, *, seed: int | None = None) -> RunOptions:
        """Give the options of one run. A seed goes before one among the options."""
        return backend.run_options(self.backend_options, self.run_options, {"seed_simulator": seed})


def backend_or_default(backend: QServerBackend | None) -> QServerBackend:
    """Give the backend, or the server's `aer` where none is named: the server that `qserver.Client` would take.

    Raises InvalidRequest for a backend that is no server's.
    """
    if backend is None:
        return QServerProvider().get_backend()
    if not isinstance(backend, QServerBackend):
        raise InvalidRequest(f"backend is {backend!r}; give one of a server, by QServerProvider().get_backend()")
    return backend
