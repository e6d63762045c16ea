"""QServer in one process, used by clients of the original service's contract."""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import httpx

from bench.meter import Part
from bench.original_client import OriginalClient
from bench.tasks import Outcome, Task
from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

CLIENTS = 16
_REPOSITORY = Path(__file__).parents[1]


class StandaloneParty:
    """`python -m standalone up` with a data folder of its own."""

    def __init__(self) -> None:
        """Start it and wait until it answers."""
        self._folder = tempfile.TemporaryDirectory(prefix="qserver-bench-standalone-")
        grpc_port, self._http_port = free_port(), free_port()
        ports = [f"--grpc-port={grpc_port}", f"--http-port={self._http_port}"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
        self._process = OwnedProcess(
            [sys.executable, "-m", "standalone", "up", *ports, f"--data={self._folder.name}/data"],
            environment={**kept, "PYTHONPATH": str(_REPOSITORY)},
            user=None,
            folder=Path(self._folder.name),
            log_path=Path(self._folder.name) / "log",
        )
        wait_until(self._answers, timeout_seconds=60, what="standalone answers")
        self._clients = [OriginalClient(grpc_port=grpc_port, http_port=self._http_port) for _ in range(CLIENTS)]

    @property
    def parts(self) -> Sequence[Part]:
        """The one process, and the sandboxed ones below it."""
        return [Part("standalone", self._process.pid, below="inspectors and simulators")]

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Have 16 clients add their jobs one a call, and then read the result of each."""
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
        self._process.stop(signal.SIGTERM, timeout_seconds=60)
        self._folder.cleanup()

    def _answers(self) -> bool:
        if not self._process.is_alive:
            log = (Path(self._folder.name) / "log").read_text(errors="replace")
            raise RuntimeError(f"standalone ended while starting: {log}")
        try:
            return httpx.get(f"http://127.0.0.1:{self._http_port}/api/v1/health/").status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False
