"""The services under chaos: behind links that can be cut, and started again when they end, as docker would do it."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx

from qserver.rpc.original import jobs_pb2 as original_pb2
from qserver.rpc.original import jobs_pb2_grpc as original_pb2_grpc
from tests.acceptance.deployment import Deployment
from tests.processes import children_of, descendants_of
from tests.servers.link import Link

LEASE_SECONDS = 6.0
_LOOK_SECONDS = 0.1
_RESTART_PAUSE_SECONDS = 0.5
_PULSE_SECONDS = 15.0
_HOUR = 3600

DISTURBANCES: Mapping[str, tuple[str, ...]] = {
    "jobs_server": ("--twice",),
    "worker-0": ("--clock", str(_HOUR)),
    "janitor": ("--clock", str(-_HOUR)),
}
"""What is wrong with services all the time: every message comes twice, and clocks are one and two hours apart."""


@dataclass(frozen=True, slots=True)
class Links:
    """Every way between two parts, by the parts at its ends."""

    services_to_postgres: Link
    workers_to_postgres: Link
    services_to_rabbitmq: Link
    workers_to_rabbitmq: Link
    anyone_to_jobs_server: Link
    clients_to_rest_api: Link

    def all(self) -> tuple[Link, ...]:
        """Give all of them."""
        return tuple(getattr(self, name) for name in self.__slots__)


class Site(Deployment):
    """The real services. From `start` to `stop` whatever ends is started again."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        """Lay the links; nothing runs before `start`."""
        to_postgres, to_rabbitmq = Link(_port_of(database_url)), Link(_port_of(broker_url))
        workers_to_postgres, workers_to_rabbitmq = Link(_port_of(database_url)), Link(_port_of(broker_url))
        super().__init__(
            _through(to_postgres, database_url),
            _through(to_rabbitmq, broker_url),
            worker_environment={
                "QSERVER_DATABASE_URL": _through(workers_to_postgres, database_url),
                "QSERVER_BROKER_URL": _through(workers_to_rabbitmq, broker_url),
            },
            QSERVER_LEASE_SECONDS=str(LEASE_SECONDS),
            QSERVER_HEARTBEAT_SECONDS="1",
            QSERVER_SIMULATOR_PROCESSES="1",
            QSERVER_INSPECTOR_PROCESSES="1",
        )
        self.links = Links(
            to_postgres,
            workers_to_postgres,
            to_rabbitmq,
            workers_to_rabbitmq,
            Link(self.grpc_port),
            Link(self.http_port),
        )
        self.temporary_folder = self.folder / "temporary"
        self.temporary_folder.mkdir()
        self._environment |= {
            "TMPDIR": str(self.temporary_folder),
            "QSERVER_JOBS_SERVER_ADDRESS": self.grpc_address,
        }
        self.restarts: Counter[str] = Counter()
        self._started_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep_running, name="keeper")

    @property
    def grpc_address(self) -> str:
        """Where clients find gRPC: at the near end of a link."""
        return f"127.0.0.1:{self.links.anyone_to_jobs_server.port}"

    @property
    def http_url(self) -> str:
        """Where clients find HTTP: at the near end of a link."""
        return f"http://127.0.0.1:{self.links.clients_to_rest_api.port}"

    @property
    def service_names(self) -> tuple[str, ...]:
        """Name every service."""
        return ("jobs_server", "rest_api", "janitor", *self.worker_names)

    def start(self) -> None:
        """Start everything, and from then on whatever ends."""
        super().start()
        self._keeper.start()

    def start_service(self, name: str) -> None:
        """Start one service by its name."""
        self._started_at[name] = time.time()
        super().start_service(name)

    def stop(self) -> None:
        """Stop all services in order. Nothing is started again."""
        self._end_keeper()
        super().stop()

    def close(self) -> None:
        """End whatever runs, and the links. Safe to repeat."""
        self._end_keeper()
        super().close()
        for link in self.links.all():
            link.close()

    def signal_service(self, name: str, number: signal.Signals) -> None:
        """Signal a service alone, not its children, once it isn't just being started again."""
        with self._lock:
            super().signal_service(name, number)

    def simulators(self, name: str) -> set[int]:
        """Give the processes in which a service simulates or parses: those at the ends of its tree."""
        service = self._pid(name)
        return {pid for pid in descendants_of(service) - children_of(service) if not children_of(pid)}

    def forkservers(self, name: str) -> set[int]:
        """Give the processes that a service has its simulators or parsers started by."""
        return children_of(self._pid(name))

    def _pid(self, name: str) -> int:
        with self._lock:
            return self._processes[name].pid

    def is_well(self) -> bool:
        """Whether health checks of all services pass, as docker would ask them."""
        return (
            self._is_rest_api_ready()
            and self._does_jobs_server_answer()
            and all(self._has_pulse(name) for name in ("janitor", *self.worker_names))
        )

    def _is_rest_api_ready(self) -> bool:
        answer = self._readiness()
        return answer is not None and answer.status_code == httpx.codes.OK and answer.json()["status"] == "ok"

    def missing_neighbours(self) -> Mapping[str, str]:
        """Give what readiness says of each neighbour that is missing; nothing where rest_api doesn't answer."""
        answer = self._readiness()
        neighbours = [] if answer is None else answer.json()["neighbours"]
        return {each["name"]: each["message"] for each in neighbours if not each["is_ready"]}

    def _readiness(self) -> httpx.Response | None:
        try:
            return httpx.get(f"{self.http_url}/api/v1/health/ready", timeout=5)
        except httpx.TransportError:
            return None

    def _does_jobs_server_answer(self) -> bool:
        with grpc.insecure_channel(self.grpc_address) as channel:
            try:
                health = original_pb2_grpc.JobsStub(channel).HealthCheck(original_pb2.HealthCheckInput(), timeout=5)
            except grpc.RpcError:
                return False
        return bool(health.status == "OK")

    def _has_pulse(self, name: str) -> bool:
        try:
            touched_at = self._pulse_file(name).stat().st_mtime
        except FileNotFoundError:
            return False
        return touched_at > max(self._started_at[name], time.time() - _PULSE_SECONDS)

    def _pulse_file(self, name: str) -> Path:
        return self.folder / f"{name}.pulse"

    def _arguments(self, name: str) -> list[str]:
        disturbances = DISTURBANCES.get(name, ())
        _, module = super()._arguments(name)
        return ["-m", "tests.chaos.disturbed", *disturbances, module] if disturbances else ["-m", module]

    def _own_environment(self, name: str) -> Mapping[str, str]:
        return {**super()._own_environment(name), "QSERVER_PULSE_FILE": str(self._pulse_file(name))}

    def _keep_running(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for name in self.service_names:
                if not self._processes[name].is_alive:
                    self._restart(name)

    def _restart(self, name: str) -> None:
        self._stopping.wait(_RESTART_PAUSE_SECONDS)
        with self._lock:
            self.kill(name)  # what it left of its group, and its guard
            self.start_service(name)
        self.restarts[name] += 1

    def _end_keeper(self) -> None:
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()


def is_left_running(folder: Path) -> list[int]:
    """Give the processes that were started with this folder in their environment and run still, ours left out."""
    mark = str(folder).encode()
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if mark in _environment_of(entry)]


def _environment_of(process: Path) -> bytes:
    if int(process.name) == os.getpid():
        return b""
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""


def _port_of(url: str) -> int:
    port = urlsplit(url).port
    if port is None:
        raise ValueError(f"{url} names no port")
    return port


def _through(link: Link, url: str) -> str:
    """Give the URL by way of the link."""
    return url.replace(f":{_port_of(url)}/", f":{link.port}/", 1)
