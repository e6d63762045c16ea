"""How long it takes until everything is well again after a fault, without anybody's help."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.clients import Ledger
from tests.chaos.doors import Doors, Lost
from tests.chaos.ground import Fault, Ground
from tests.chaos.orders import Order, a_probe, long_orders
from tests.waiting import wait_until

MOST_SECONDS = float(os.environ.get("QSERVER_TEST_CHAOS_RECOVERY_SECONDS", "180"))
"""The promise is a minute, and `make chaos` holds to it; `make test` may share its machine with others."""

_LONG_ORDERS = 6
_RUNNING = "SELECT count(*) FROM jobs WHERE status = 'running'"


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that struck: how long it lasted, and how long it then took until all was well."""

    fault: str
    lasted_seconds: float
    recovery_seconds: float


class Recovery:
    """Lets faults strike one after another, and waits after each until health checks pass and a new job finishes."""

    def __init__(self, ground: Ground, ledger: Ledger, dice: random.Random) -> None:
        """Order the jobs that prove it in the books of `ledger`."""
        self._ground = ground
        self._ledger = ledger
        self._dice = dice
        self.strikes: list[Strike] = []

    def undergo(self, fault: Fault) -> None:
        """Strike while workers are busy, and see all well again. Raises TimeoutError where that takes too long."""
        self._keep_workers_busy()
        began_at = time.monotonic()
        fault.strike(self._ground)
        over_at = time.monotonic()
        self.wait_until_well(what=f"all is well after: {fault.name}")
        self.strikes.append(Strike(fault.name, over_at - began_at, time.monotonic() - over_at))
        print(self.strikes[-1])  # noqa: T201 - seen where the test fails

    def _keep_workers_busy(self) -> None:
        doors, wanted = Doors(self._ground.site), long_orders(_LONG_ORDERS, self._dice)
        self._ledger.want(wanted)
        try:
            wait_until(
                lambda: not self._ledger.send(doors.as_batch, wanted),
                timeout_seconds=MOST_SECONDS,
                what="work is taken",
            )
        finally:
            doors.close()
        wait_until(lambda: self._ground.number(_RUNNING) > 0, timeout_seconds=MOST_SECONDS, what="a job runs")

    def wait_until_well(self, *, what: str) -> None:
        """Wait for health checks, and for a job that is submitted now."""
        deadline = time.monotonic() + MOST_SECONDS
        wait_until(self._ground.site.is_well, timeout_seconds=MOST_SECONDS, what=what)
        doors = Doors(self._ground.site)
        try:
            probe = a_probe(self._dice)
            self._ledger.want([probe])
            wait_until(
                lambda: self._has_finished(probe, doors), timeout_seconds=max(0, deadline - time.monotonic()), what=what
            )
        finally:
            doors.close()

    def wait_until_done(self, open_jobs: Callable[[], int]) -> None:
        """Wait until no job waits or runs, as long as their number falls."""
        number = open_jobs()
        while number:
            before = number
            wait_until(
                lambda before=before: open_jobs() < before,  # type: ignore[misc]
                timeout_seconds=MOST_SECONDS,
                what=f"one more of {before} open jobs is over",
            )
            number = open_jobs()

    def _has_finished(self, probe: Order, doors: Doors) -> bool:
        if probe.request_id not in self._ledger.answers and self._ledger.send(doors.as_batch, [probe]):
            return False
        try:
            return doors.is_finished(self._ledger.job_of(probe))
        except Lost:
            return False
