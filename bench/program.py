"""A program of this repository, or of a peer, as a process of its own."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.servers.owned_process import OwnedProcess
from tests.waiting import wait_until

_REPOSITORY = Path(__file__).parents[1]
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class Program:
    """`python -m MODULE`, in a folder of its own, without settings of QServer that the caller's environment has."""

    def __init__(self, module: str, *arguments: str, **environment: str) -> None:
        """Start it."""
        self._module = module
        self._folder = tempfile.TemporaryDirectory(prefix=f"qserver-bench-{module.rpartition('.')[2]}-")
        self._log = Path(self._folder.name) / "log"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QSERVER_")}
        self._process = OwnedProcess(
            [sys.executable, "-m", module, *arguments],
            environment={**kept, "PYTHONPATH": str(_REPOSITORY), **environment},
            user=None,
            folder=Path(self._folder.name),
            log_path=self._log,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until(self, is_met: Callable[[], bool]) -> None:
        """Wait for it to answer. Raises RuntimeError with what it wrote where it ends, TimeoutError after 60 s."""

        def is_met_by_the_living() -> bool:
            if not self._process.is_alive:
                raise RuntimeError(f"{self._module} ended while starting: {self._log.read_text(errors='replace')}")
            return is_met()

        wait_until(is_met_by_the_living, timeout_seconds=_START_SECONDS, what=f"{self._module} answers")

    def close(self) -> None:
        """Stop it in order."""
        self._process.stop(signal.SIGTERM, timeout_seconds=_STOP_SECONDS)
        self._folder.cleanup()
