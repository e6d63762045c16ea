"""A worker as on another machine: a compose project, a network and files of its own, one port to dial."""

import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

from tests.compose.stack import REPOSITORY, Stack

NAME = "elsewhere"
CONTAINER_USER = 10001
FROM_THE_BOX = ("DB_WORKER_USERNAME", "DB_WORKER_PASSWORD", "RABBITMQ_WORKER_USER", "RABBITMQ_WORKER_PASSWORD")


class RemoteWorker:
    """compose.worker.yml, set up as docs/howto/worker-on-another-machine.md says."""

    def __init__(self, stack: Stack) -> None:
        """Make its certificate and its .env. The box's endpoint is open already."""
        self.project = f"{stack.project}-elsewhere"
        self._stack = stack
        self._env_file = stack.folder / "worker.env"
        stack.run(["certs/private-ca.sh", "client", NAME])
        self._certificates = stack.folder / "certificates" / "clients" / NAME
        self._env_file.write_text(
            f"BOX={stack.address}\nWORKER_PORT={stack.worker_port}\nWORKER_NAME={NAME}\n"
            f"WORKER_CERTIFICATES={self._certificates}\nWORKER_MEMORY=3g\nWORKER_CPUS=2\n"
            + "".join(f"{name}={stack.setting(name)}\n" for name in FROM_THE_BOX)
            + self._ownership()
        )

    def _ownership(self) -> str:
        if os.getuid() != 0:
            return f"WORKER_UID={os.getuid()}\nWORKER_GID={os.getgid()}\n"
        for path in (self._certificates, *self._certificates.iterdir()):
            shutil.chown(path, CONTAINER_USER, CONTAINER_USER)
        return ""

    def __enter__(self) -> Self:
        """Start it."""
        self._compose("up", "--detach", "--no-build")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it down, with what it kept."""
        if error is not None:
            error.add_note(f"the worker elsewhere said: {self._compose('logs', '--tail', '40')}")
        self._compose("down", "--volumes", "--timeout", "10")

    def cut_link(self) -> None:
        """Take its network away in the middle of whatever it does: nobody hangs up, nothing comes through any more."""
        self._stack.run(["docker", "network", "disconnect", f"{self.project}_default", f"{self.project}-worker-1"])

    def mend_link(self) -> None:
        """Give it its network back."""
        self._stack.run(["docker", "network", "connect", f"{self.project}_default", f"{self.project}-worker-1"])

    def _compose(self, *arguments: str) -> str:
        # None of the box's environment, which isn't there on another machine.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "PIP_CONFIG_FILE") if name in os.environ}
        command = ["docker", "compose", "--project-name", self.project, "--env-file", str(self._env_file)]
        done = subprocess.run(
            [*command, "-f", "compose.worker.yml", *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != 0:
            raise RuntimeError(f"docker compose {' '.join(arguments)}: {done.stderr[-3000:]}")
        return done.stdout
