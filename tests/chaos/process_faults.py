"""Harm to the services' own processes."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass

from tests.chaos.ground import Ground, last
from tests.chaos.site import LEASE_SECONDS
from tests.waiting import wait_until

BUSY_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ServiceKilled:
    """A service dies at once; what it started is left to itself."""

    service: str

    @property
    def name(self) -> str:
        """What happens."""
        return f"kill -9 of {self.service}"

    def strike(self, ground: Ground) -> None:
        """Kill it, and see it started again."""
        site = ground.site
        before = site.restarts[self.service]
        site.signal_service(self.service, signal.SIGKILL)
        wait_until(lambda: site.restarts[self.service] > before, what=f"{self.service} is started again")


@dataclass(frozen=True, slots=True)
class SimulatorsKilled:
    """Every process in which a service simulates or parses dies at once."""

    service: str

    @property
    def name(self) -> str:
        """What happens."""
        return f"kill -9 of the {'simulators' if self.service.startswith('worker') else 'inspectors'} of {self.service}"

    def strike(self, ground: Ground) -> None:
        """Kill them, once there are any."""
        wait_until(
            lambda: bool(ground.site.simulators(self.service)),
            timeout_seconds=BUSY_SECONDS,
            what=f"{self.service} has child processes",
        )
        _kill(ground.site.simulators(self.service))


@dataclass(frozen=True, slots=True)
class ForkserversKilled:
    """The processes that start a service's child processes die, and their children with them."""

    service: str

    @property
    def name(self) -> str:
        """What happens."""
        return f"kill -9 of the forkserver of {self.service}"

    def strike(self, ground: Ground) -> None:
        """Kill them."""
        _kill(ground.site.forkservers(self.service))


@dataclass(frozen=True, slots=True)
class WorkerFrozen:
    """A worker that holds leases stops until they are lost, and then goes on as if nothing had been."""

    worker: str

    @property
    def name(self) -> str:
        """What happens."""
        return f"{self.worker} frozen past its lease, then woken"

    def strike(self, ground: Ground) -> None:
        """Freeze it when it runs a long job; wake it, with that job's result in hand, while another worker runs it."""
        wait_until(
            lambda: bool(ground.numbers(_LONG_JOBS, self.worker)),
            timeout_seconds=BUSY_SECONDS,
            what=f"{self.worker} runs a long job",
        )
        ground.site.signal_service(self.worker, signal.SIGSTOP)
        try:
            pointers = ground.numbers(_LONG_JOBS, self.worker)
            last(LEASE_SECONDS)
            wait_until(
                lambda: (
                    bool(ground.numbers(_ELSEWHERE, pointers, self.worker)) or not ground.numbers(_OPEN, pointers)
                ),  # they were lost and done between two looks, or ended before
                what=f"another worker runs a job of {self.worker}",
            )
        finally:
            ground.site.signal_service(self.worker, signal.SIGCONT)


_OF_WORKER = "SELECT jobs.pointer FROM jobs JOIN workers ON workers.id = jobs.worker_id"
_LONG_JOBS = f"{_OF_WORKER} WHERE jobs.memory_bytes >= 4194304 AND workers.name = %s"
"""Small orders have statevectors of less than 4 MiB, long ones of more."""
_ELSEWHERE = f"{_OF_WORKER} WHERE jobs.pointer = ANY(%s) AND workers.name <> %s"
_OPEN = "SELECT pointer FROM jobs WHERE pointer = ANY(%s) AND finished_at IS NULL"


def _kill(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
