"""The real services as processes of their own, on private servers, driven from outside."""

import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import grpc
import httpx

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 60
STOP_SECONDS = 60
_FAULTS = re.compile(r"Traceback \(most recent call last\)|DeprecationWarning|\"level\": \"critical\"")


class Deployment:
    """jobs_server, rest_api, workers and janitor on one database and one broker."""

    def __init__(
        self,
        database_url: str,
        broker_url: str,
        *,
        workers: int = 2,
        worker_environment: Mapping[str, str] = MappingProxyType({}),
        **environment: str,
    ) -> None:
        """Choose ports and a folder; nothing runs before `start`. Workers may come in by a way of their own.

        `environment` holds settings that all services get besides.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="qserver-acceptance-"))
        self.grpc_port = free_port()
        self.http_port = free_port()
        self._workers = workers
        self._worker_environment = worker_environment
        self._processes: dict[str, OwnedProcess] = {}
        self._environment = self._base_environment() | {
            "QSERVER_DATABASE_URL": database_url,
            "QSERVER_BROKER_URL": broker_url,
            "QSERVER_GRPC_PORT": str(self.grpc_port),
            "QSERVER_HTTP_PORT": str(self.http_port),
            "QSERVER_JOBS_SERVER_ADDRESS": f"127.0.0.1:{self.grpc_port}",
            "QSERVER_PLUGIN_FOLDER": str(self.folder / "plugins"),
            "QSERVER_JANITOR_INTERVAL_SECONDS": "2",
            "QSERVER_LEASE_SECONDS": "6",
            "QSERVER_LEASE_RENEW_SECONDS": "2",
            **environment,
        }

    @staticmethod
    def _base_environment() -> dict[str, str]:
        """Give what any process needs, nothing of the developer's own QSERVER_ settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
        return kept | {"PYTHONWARNINGS": "default", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(REPOSITORY)}

    @property
    def database_url(self) -> str:
        """The database's address, for SQLAlchemy."""
        return self._environment["QSERVER_DATABASE_URL"]

    @property
    def database_name(self) -> str:
        """The database's name."""
        return self._environment["QSERVER_DATABASE_URL"].rpartition("/")[2]

    @property
    def grpc_address(self) -> str:
        """Where gRPC is served."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def headers(self) -> dict[str, str]:
        """What says that the administrator asks, where the settings give one a key."""
        key = self._environment.get("QSERVER_ADMIN_KEY")
        return {"authorization": f"Bearer {key}"} if key else {}

    @property
    def http_url(self) -> str:
        """Where HTTP is served."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def worker_names(self) -> list[str]:
        """Names of the worker processes."""
        return [f"worker-{number}" for number in range(self._workers)]

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids of the services that were started, by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def memory_bytes(self, name: str) -> int:
        """Give the resident memory of a service, its children left out."""
        status = Path(f"/proc/{self._processes[name].pid}/status").read_text()
        return 1024 * int(re.findall(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[0])

    def start(self) -> None:
        """Migrate the database, start everything, and wait until all of it is ready."""
        self._migrate()
        for name in ("jobs_server", "rest_api", "janitor", *self.worker_names):
            self.start_service(name)
        wait_until(self.is_ready, timeout_seconds=START_SECONDS, what="services are ready")

    def _migrate(self) -> None:
        migration = self._launch("migrate", ["-m", "database", "prepare"], {})
        wait_until(lambda: not migration.is_alive, timeout_seconds=START_SECONDS, what="the database is migrated")
        migration.kill()

    def start_service(self, name: str) -> None:
        """Start one service by its name; a worker's carries a number."""
        self._processes[name] = self._launch(name, self._arguments(name), self._own_environment(name))

    def _arguments(self, name: str) -> list[str]:
        """Give what follows the interpreter in the command of a service."""
        return ["-m", _module(name)]

    def _own_environment(self, name: str) -> Mapping[str, str]:
        """Give the settings of this service alone."""
        is_worker = _module(name) == "worker"
        return {"QSERVER_WORKER_NAME": name, **self._worker_environment} if is_worker else {}

    def _launch(self, name: str, arguments: list[str], extra: Mapping[str, str]) -> OwnedProcess:
        return OwnedProcess(
            [sys.executable, *arguments],
            environment={**self._environment, **extra},
            user=None,
            folder=self.folder,
            log_path=self.folder / f"{name}.log",
        )

    def is_alive(self, name: str) -> bool:
        """Whether a service runs."""
        return self._processes[name].is_alive

    def signal_service(self, name: str, number: signal.Signals) -> None:
        """Signal a service alone, not its children."""
        self._processes[name].send(number)

    def kill(self, name: str) -> None:
        """End one service as a power cut would."""
        self._processes.pop(name).kill()

    def stop(self) -> None:
        """Stop all services in order, with SIGTERM."""
        for name in ("janitor", "rest_api", "jobs_server", *self.worker_names):
            if name in self._processes:
                self._processes.pop(name).stop(signal.SIGTERM, timeout_seconds=STOP_SECONDS)

    def close(self) -> None:
        """End whatever runs and remove the folder. Safe to repeat."""
        for name in list(self._processes):
            self.kill(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_ready(self) -> bool:
        """Whether both edges answer and every worker has registered. Raises RuntimeError when a service has ended."""
        for name, process in self._processes.items():
            if not process.is_alive:
                raise RuntimeError(f"{name} ended while starting: {self.log(name)}")
        return self._grpc_answers() and self._http_answers()

    def _grpc_answers(self) -> bool:
        with grpc.insecure_channel(self.grpc_address) as channel:
            try:
                health = original_pb2_grpc.JobsStub(channel).HealthCheck(original_pb2.HealthCheckInput(), timeout=2)
            except grpc.RpcError:
                return False
        return bool(health.status == "OK")

    def _http_answers(self) -> bool:
        try:
            workers = httpx.get(f"{self.http_url}/api/v1/workers", headers=self.headers, timeout=2)
        except httpx.TransportError:
            return False
        running = {name for name in self._processes if name.startswith("worker")}
        return workers.status_code == httpx.codes.OK and running <= {worker["name"] for worker in workers.json()}

    def log(self, name: str) -> str:
        """What a service has written."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def faults_in_logs(self) -> list[str]:
        """Lines of any log that a green run must not have: tracebacks, deprecation warnings, critical events."""
        return [
            f"{path.name}: {line}"
            for path in sorted(self.folder.glob("*.log"))
            for line in path.read_text(errors="replace").splitlines()
            if _FAULTS.search(line)
        ]


def _module(name: str) -> str:
    return name.partition("-")[0]
