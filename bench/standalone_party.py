"""QServer in one process, used by clients of the original service's contract."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx

from bench.meter import Part
from bench.original_client import OriginalClient
from bench.program import Program
from bench.tasks import Outcome, Task
from tests.servers.ports import free_port

CLIENTS = 16


class StandaloneParty:
    """`python -m standalone up` with a data folder of its own, and its clients."""

    def __init__(self) -> None:
        """Start it and wait until it answers."""
        self._data = tempfile.TemporaryDirectory(prefix="qserver-bench-data-")
        grpc_port, self._http_port = free_port(), free_port()
        ports = (f"--grpc-port={grpc_port}", f"--http-port={self._http_port}")
        self._program = Program("standalone", "up", *ports, f"--data={self._data.name}")
        self._program.wait_until(self._answers)
        self._clients = [OriginalClient(grpc_port=grpc_port, http_port=self._http_port) for _ in range(CLIENTS)]

    @property
    def url(self) -> str:
        """Where HTTP is served."""
        return f"http://127.0.0.1:{self._http_port}"

    @property
    def parts(self) -> Sequence[Part]:
        """The one process, and the sandboxed ones below it."""
        return [Part("standalone", self._program.pid, below="inspectors and simulators")]

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Have all clients add their jobs one a call, and then read the result of each."""
        shares = [tasks[index::CLIENTS] for index in range(CLIENTS)]
        outcomes: list[Outcome] = [Outcome({}, {}, ())] * len(tasks)
        with ThreadPoolExecutor(CLIENTS) as pool:
            for index, share in enumerate(pool.map(OriginalClient.run, self._clients, shares)):
                outcomes[index::CLIENTS] = share
        return outcomes

    def close(self) -> None:
        """Disconnect and stop it."""
        for client in self._clients:
            client.close()
        self._program.close()
        self._data.cleanup()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._http_port}/api/v1/health/").status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False
