"""QServer in one process, as a private server of tests."""

import os
import signal
import sys
from pathlib import Path

import httpx

from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parent.parent.parent
START_SECONDS = 60


class Standalone:
    """`python -m standalone up` on ports and a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Choose ports; nothing runs before `start`. `environment` holds its settings."""
        self._folder = folder
        self._environment = environment
        self._grpc_port, self._http_port = free_port(), free_port()
        self._process: OwnedProcess | None = None
        self.http = httpx.Client(base_url=self.url, timeout=30)

    @property
    def url(self) -> str:
        """Where HTTP is."""
        return f"http://127.0.0.1:{self._http_port}"

    @property
    def grpc_address(self) -> str:
        """Where gRPC is."""
        return f"127.0.0.1:{self._grpc_port}"

    @property
    def arguments(self) -> list[str]:
        """The command line."""
        ports = ["--grpc-port", str(self._grpc_port), "--http-port", str(self._http_port)]
        return [sys.executable, "-m", "standalone", "up", *ports, "--data", str(self._folder)]

    @property
    def log(self) -> str:
        """What it has written."""
        return (self._folder.parent / "standalone.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it, again if it was killed, and wait until it answers."""
        if self._process is not None:
            self._process.kill()  # lets the guard of the dead one go
        self._process = OwnedProcess(
            self.arguments,
            environment=standalone_environment() | self._environment,
            user=None,
            folder=self._folder.parent,
            log_path=self._folder.parent / "standalone.log",
        )
        wait_until(self._answers, timeout_seconds=START_SECONDS, what="standalone answers")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.is_alive, self.log
        try:
            return self.http.get("/api/v1/health/ready").is_success
        except httpx.TransportError:
            return False

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._process is not None
        return self._process.pid

    def kill_alone(self) -> None:
        """Kill the server and nothing else: its children must notice by themselves."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        wait_until(lambda: not self.has_a_process(), what="the server has ended")

    def has_a_process(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive

    def stop(self) -> None:
        """Stop it in order."""
        if self._process is not None and self._process.is_alive:
            self._process.stop(signal.SIGTERM, timeout_seconds=60)

    def close(self) -> None:
        """End it however it stands."""
        self.http.close()
        if self._process is not None:
            self._process.kill()

    def submit(self, circuit: str) -> str:
        """Submit over HTTP; gives the job's id."""
        body = {"backend": "aer_statevector", "circuit": circuit, "result_types": ["counts"], "shots": 100}
        answer = self.http.post("/api/v1/jobs", json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return str(answer.json()["id"])

    def status(self, job_id: str) -> str:
        """Read a job's status."""
        return str(self.http.get(f"/api/v1/job/{job_id}").json()["status"])


def standalone_environment() -> dict[str, str]:
    """Give our own variables without those of QServer."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
    return kept | {"PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default"}
