"""QServer: run quantum circuits on a better machine than your laptop.

    from qserver import Client

    job = Client("https://box").submit(circuit, shots=4096)
    print(job.result().counts)

The client is loaded when it is first named: services share this package for its words, and need no client.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qserver.client import AsyncClient, AsyncJob, AsyncJobs, Client, Job, Jobs, Patience, Result

__version__ = "0.1.0"

__all__ = ["AsyncClient", "AsyncJob", "AsyncJobs", "Client", "Job", "Jobs", "Patience", "Result", "__version__"]


def __getattr__(name: str) -> object:
    """Load the client when one of its names is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'qserver' has no attribute {name!r}")
    return getattr(import_module("qserver.client"), name)


def __dir__() -> list[str]:
    """Name what `from qserver import` finds."""
    return sorted({*globals(), *__all__})
