"""A private RabbitMQ server with an Erlang port mapper of its own."""

import os
import secrets
import shutil
import signal
import socket
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

MISSING = "RabbitMQ 3.10 or newer is not installed; `make test` installs it on Debian and Ubuntu"
PROGRAM_VARIABLE = "QSERVER_TEST_RABBITMQ_SERVER"
_HOST = "127.0.0.1"
_PLACES = (
    # The program itself: the one on Debian's PATH is a wrapper that changes to the user rabbitmq and its folders.
    Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),
    Path("/opt/rabbitmq/sbin/rabbitmq-server"),
    Path("/usr/local/sbin/rabbitmq-server"),
)


def find_server() -> Path:
    """Give the path of `rabbitmq-server`: the one named in the environment, else the installed one.

    Raises FileNotFoundError with the remedy in it.
    """
    if named := os.environ.get(PROGRAM_VARIABLE):
        return _named_server(Path(named))
    for place in _PLACES:
        if place.exists() and shutil.which("epmd"):
            return place
    raise FileNotFoundError(MISSING)


def _named_server(program: Path) -> Path:
    if not program.is_file():
        raise FileNotFoundError(f"{program} does not exist ({PROGRAM_VARIABLE})")
    if not shutil.which("epmd"):
        raise FileNotFoundError(f"epmd, Erlang's port mapper, is not on the PATH; {program} needs it")
    return program.absolute()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_HOST, port)) == 0


class RabbitMQServer:
    """RabbitMQ on free ports of 127.0.0.1; its user `guest` may do everything.

    Node name, data, log, cookie, home and port mapper are its own, so any other RabbitMQ on this machine stays unseen.
    """

    def __init__(self) -> None:
        """Choose ports and folder; nothing runs before `start`."""
        self.port = free_port()
        self._management_port = free_port()
        self._mapper_port = free_port()
        self._distribution_port = free_port()
        self._program = find_server()
        self._folder = Path(tempfile.mkdtemp(prefix="qserver-rabbitmq-"))
        self._node: OwnedProcess | None = None
        self._mapper: OwnedProcess | None = None
        self._environment = self._configure()

    @property
    def url(self) -> str:
        """The AMQP URL of the default virtual host."""
        return self.url_of("/")

    def url_of(self, virtual_host: str) -> str:
        """Give the AMQP URL of a virtual host."""
        return f"amqp://guest:guest@{_HOST}:{self.port}/{quote(virtual_host, safe='')}"

    @property
    def management_url(self) -> str:
        """Where its management interface answers."""
        return f"http://{_HOST}:{self._management_port}"

    @property
    def log(self) -> str:
        """What the server has said so far."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        """The node's process id. Raises RuntimeError when it doesn't run."""
        if self._node is None:
            raise RuntimeError("RabbitMQ was not started")
        return self._node.pid

    def start(self) -> None:
        """Start it, with its queues if it ran before, and wait until it answers."""
        if self._mapper is None:
            self._mapper = self._launch(["epmd", "-address", _HOST, "-port", str(self._mapper_port)])
            wait_until(lambda: _listens(self._mapper_port), what="epmd listens")
        self._node = self._launch([str(self._program)])
        wait_until(self._answers, timeout_seconds=90, what="RabbitMQ answers")

    def stop(self) -> None:
        """Stop the node in order; its queues stay for the next `start`."""
        if self._node is not None:
            self._node.stop(signal.SIGTERM, timeout_seconds=60)
            self._node = None

    def kill(self) -> None:
        """Kill the node as a power cut would."""
        if self._node is not None:
            self._node.kill()
            self._node = None

    def restart(self, *, is_killed: bool = False) -> None:
        """Stop (or kill) and start it on the same ports and data."""
        if is_killed:
            self.kill()
        else:
            self.stop()
        self.start()

    def close(self) -> None:
        """End node and port mapper and remove the folder. Safe to repeat."""
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def empty_virtual_host(self) -> Iterator[str]:
        """Create a virtual host for the time of the block; gives its AMQP URL."""
        name = f"test-{uuid.uuid4().hex}"
        self._request("PUT", f"vhosts/{name}")
        try:
            self._request("PUT", f"permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
            yield self.url_of(name)
        finally:
            self._request("DELETE", f"vhosts/{name}")

    def queues(self, url: str) -> list[str]:
        """Name the queues of the virtual host in `url`."""
        answer = self._request("GET", f"queues/{_virtual_host(url)}?columns=name")
        return [queue["name"] for queue in answer.json()]

    def delete_queue(self, url: str, queue: str) -> None:
        """Delete a queue of the virtual host in `url`, messages and consumers included."""
        self._request("DELETE", f"queues/{_virtual_host(url)}/{quote(queue, safe='')}")

    def empty_queue(self, url: str, queue: str) -> None:
        """Remove the ready messages of a queue of the virtual host in `url`."""
        self._request("DELETE", f"queues/{_virtual_host(url)}/{quote(queue, safe='')}/contents")

    def _launch(self, arguments: list[str]) -> OwnedProcess:
        return OwnedProcess(
            arguments, environment=self._environment, user=None, folder=self._folder, log_path=self._folder / "log"
        )

    def _configure(self) -> dict[str, str]:
        """Write the configuration; gives the environment that makes RabbitMQ read it and nothing of the system's."""
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {_HOST}:{self.port}\n"
            f"management.tcp.ip = {_HOST}\n"
            f"management.tcp.port = {self._management_port}\n"
            "management_agent.disable_metrics_collector = true\n"
            "log.console = true\n"
            "log.file = false\n"
            "vm_memory_high_watermark.absolute = 1GB\n"
            "disk_free_limit.absolute = 10MB\n"
        )
        (self._folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o600)
        return {
            # Ours comes first: whoever names a server in the environment puts the Erlang that it needs there.
            "PATH": f"{os.environ.get('PATH', os.defpath)}:{os.defpath}:/usr/local/bin",
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": _HOST,
            "RABBITMQ_NODENAME": f"qserver-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log-files"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "absent"),
            # The start script then becomes the node instead of watching over it: one process id to stop.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _request(self, method: str, path: str, body: dict[str, str] | None = None) -> httpx.Response:
        answer = httpx.request(
            method,
            f"http://{_HOST}:{self._management_port}/api/{path}",
            auth=("guest", "guest"),
            json=body,
            timeout=30,
        )
        return answer.raise_for_status()

    def _answers(self) -> bool:
        if self._node is None or not self._node.is_alive:
            raise RuntimeError(f"RabbitMQ ended while starting: {self.log}")
        # Listeners for clients are the last thing that RabbitMQ starts.
        return _listens(self.port)


def _virtual_host(url: str) -> str:
    return url.rpartition("/")[2]
