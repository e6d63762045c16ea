"""Dask distributed: a scheduler, two worker processes with one thread each, and `client.map`."""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from distributed import Client

from bench.meter import Part
from bench.peers.aer import run_task
from bench.tasks import Outcome, Task
from tests.servers.owned_process import OwnedProcess
from tests.servers.ports import free_port

_WORKERS = 2
_REPOSITORY = Path(__file__).parents[2]


class DaskCluster:
    """A cluster on this machine and its client, which Dask keeps in this process."""

    def __init__(self) -> None:
        """Start it and wait until all workers are there."""
        self._folder = tempfile.TemporaryDirectory(prefix="qserver-bench-dask-")
        address = f"tcp://127.0.0.1:{free_port()}"
        self._scheduler = self._launch("dask_scheduler", f"--host={address}", "--no-dashboard")
        self._workers = self._launch(
            "dask_worker", address, f"--nworkers={_WORKERS}", "--nthreads=1", "--no-dashboard", "--memory-limit=0"
        )
        self._client = Client(address, timeout=60)
        self._client.wait_for_workers(_WORKERS, timeout=60)

    @property
    def parts(self) -> Sequence[Part]:
        """The scheduler, and the workers with the nanny that watches over them."""
        return [Part("dask scheduler", self._scheduler.pid), Part("dask workers", self._workers.pid)]

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Map all circuits over the workers and gather what comes of them."""
        outcomes: Sequence[Outcome] = self._client.gather(self._client.map(run_task, tasks, pure=False))
        return outcomes

    def close(self) -> None:
        """Stop everything."""
        self._client.close()
        for process in (self._workers, self._scheduler):
            process.stop(signal.SIGTERM, timeout_seconds=30)
        self._folder.cleanup()

    def _launch(self, program: str, *arguments: str) -> OwnedProcess:
        return OwnedProcess(
            [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
            environment={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            user=None,
            folder=Path(self._folder.name),
            log_path=Path(self._folder.name) / f"{program}.log",
        )
