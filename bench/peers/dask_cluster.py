"""Dask distributed: a scheduler, two worker processes with one thread each, and `client.map`."""

from collections.abc import Sequence

from distributed import Client

from bench.meter import Part
from bench.peers.aer import run_task
from bench.program import Program
from bench.tasks import Outcome, Task
from tests.servers.ports import free_port

_WORKERS = 2
_START_SECONDS = 60


class DaskCluster:
    """A cluster on this machine and its client, which Dask keeps in this process."""

    def __init__(self) -> None:
        """Start it and wait until all workers are there."""
        address = f"tcp://127.0.0.1:{free_port()}"
        self._scheduler = Program("distributed.cli.dask_scheduler", f"--host={address}", "--no-dashboard")
        workers = (f"--nworkers={_WORKERS}", "--nthreads=1", "--memory-limit=0")
        self._workers = Program("distributed.cli.dask_worker", address, *workers, "--no-dashboard")
        self._client = Client(address, timeout=_START_SECONDS)
        self._client.wait_for_workers(_WORKERS, timeout=_START_SECONDS)

    @property
    def parts(self) -> Sequence[Part]:
        """The scheduler, and the workers with the nanny that watches over them."""
        return [Part("scheduler", self._scheduler.pid), Part("workers", self._workers.pid)]

    def run(self, tasks: Sequence[Task]) -> Sequence[Outcome]:
        """Map all circuits over the workers and gather what comes of them."""
        outcomes: Sequence[Outcome] = self._client.gather(self._client.map(run_task, tasks, pure=False))
        return outcomes

    def close(self) -> None:
        """Stop everything."""
        self._client.close()
        self._workers.close()
        self._scheduler.close()
