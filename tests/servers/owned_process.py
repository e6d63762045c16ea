"""A server program in a session of its own that never outlives the tests, however they end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The guard reads a line from the pipe that only we hold. A line means that the server was stopped in order. End of file
# means that we died without stopping it (kill -9, a second Ctrl-C): the guard ends the group and removes the folder.
_GUARD = """
read -r line && exit 0
kill -s "$1" -- "-$2"
turns=0
while kill -0 -- "-$2" 2>/dev/null && [ "$turns" -lt 100 ]; do sleep 0.1; turns=$((turns + 1)); done
kill -s KILL -- "-$2"
rm -rf -- "$3"
"""


class OwnedProcess:
    """A program with its own process group, so that Ctrl-C in the terminal reaches the tests alone."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        user: str | None,
        folder: Path,
        log_path: Path,
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start it, output appended to `log_path`. `last_signal` and removing `folder` are the guard's if we die."""
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                env=dict(environment),
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", last_signal.name.removeprefix("SIG"), str(self.pid), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process id, which is its group's id too."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Signal the program alone, not its children."""
        if self.is_alive:
            os.kill(self.pid, number)

    def stop(self, number: signal.Signals, *, timeout_seconds: float) -> None:
        """Ask it to end and wait; what is left of its group after `timeout_seconds` is killed."""
        self.send(number)
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._sweep()

    def kill(self) -> None:
        """End it and its group at once, as a power cut would."""
        if self.is_alive:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(10)
        self._sweep()

    def _sweep(self) -> None:
        """Kill what the program left behind in its group, and let the guard go."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._guard.poll() is None:
            self._guard.communicate(b"stopped\n", timeout=10)
