"""The server as a Qiskit provider."""

import os
from typing import Any

from qserver.errors import UnknownBackend
from qserver.qiskit.backend import QServerBackend
from qserver.qiskit.transport import Transport


class QServerProvider:
    """A server's backends."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        grpc_url: str | None = None,
    ) -> None:
        """Name the server as `qserver.Client` does: by arguments, QSERVER_URL and its kin, or `qserver login`."""
        self.transport = Transport(url, api_key=api_key, ca=ca, grpc_url=grpc_url)

    def backends(self, name: str | None = None) -> list[QServerBackend]:
        """List the backends that read Qiskit's circuits, or the one of this name."""
        found = [each for each in self.transport.backends() if QServerBackend.reads_circuits(each)]
        return [QServerBackend(self.transport, each) for each in found if name in {None, each.name}]

    def get_backend(self, name: str = "aer", **options: Any) -> QServerBackend:  # noqa: ANN401 - as Qiskit's options are
        """Give a backend, with options that hold for all it runs. Raises UnknownBackend, with what there is."""
        for backend in self.backends(name):
            backend.set_options(**options)
            return backend
        known = ", ".join(backend.name for backend in self.backends())
        raise UnknownBackend(f"the server at {self.transport.url} has no backend {name!r}; it has: {known}")
