"""Everything breaks, again and again, while clients submit. Whatever was accepted ends once, and all mends by itself.

QSERVER_TEST_CHAOS_JOBS=5000 QSERVER_TEST_CHAOS_ROUNDS=4 pytest tests/chaos -s     (`make chaos`)
"""

import itertools
import os
import random
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.chaos import audit
from tests.chaos.catalog import possible_faults
from tests.chaos.clients import Client, Ledger
from tests.chaos.figures import Figures
from tests.chaos.ground import Ground
from tests.chaos.recovery import Recovery
from tests.waiting import wait_until

JOBS = int(os.environ.get("QSERVER_TEST_CHAOS_JOBS", "300"))
ROUNDS = int(os.environ.get("QSERVER_TEST_CHAOS_ROUNDS", "1"))
CLIENTS = 4
LONGEST_SECONDS = 240 + 900 * (ROUNDS - 1) + JOBS
"""For the whole test on a slow machine; a run on two idle cores takes a quarter of it."""

_SECONDS_A_ROUND = 120
_OF_ASYNCIO = '"logger": "asyncio"'
"""The event loop reports what pika raises in it where a socket is reset while it connects; the link tries again."""

_DRAIN_SECONDS = 120.0 + JOBS / 4


def _start_clients(ground: Ground, ledger: Ledger) -> Sequence[Client]:
    """Have clients spread their orders over the time that the faults will take."""
    jobs = JOBS // CLIENTS
    pause_seconds = _SECONDS_A_ROUND * ROUNDS / jobs * 3.5  # a call holds that many orders on average
    clients = [Client(number, ground.site, ledger, jobs=jobs, pause=lambda: pause_seconds) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    return clients


def _open_jobs(ground: Ground) -> int:
    return ground.number("SELECT count(*) FROM jobs WHERE status IN ('pending', 'running')")


def _figures(ground: Ground, ledger: Ledger, recovery: Recovery, seconds: float) -> Figures:
    logs = [ground.site.log(name) for name in ground.site.worker_names]
    with ground.postgres.connect(ground.site.database_name) as connection:
        return Figures(
            seconds=seconds,
            orders=len(ledger.wanted),
            calls=ledger.calls,
            lost_calls=ledger.lost_calls,
            repeated_orders=ledger.repeated_orders,
            outcomes=audit.outcomes(connection),
            attempts=audit.attempts(connection),
            late_results=sum(log.count('"result_refused"') for log in logs),
            restarts=ground.site.restarts,
            strikes=recovery.strikes,
            not_tried="" if ground.disk else "a full disk under PostgreSQL, as this user may mount none",
        )


def _broken_promises(ground: Ground, ledger: Ledger) -> Iterator[str]:
    with ground.postgres.connect(ground.site.database_name) as connection:
        yield from audit.faults_in_answers(ledger)
        yield from audit.faults_in_rows(connection)
        yield from audit.faults_in_outcomes(connection, ledger)
        yield from audit.leftovers(ground.site, connection)


@pytest.mark.timeout(LONGEST_SECONDS)
def test_nothing_accepted_is_lost_or_done_twice_whatever_breaks(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    began_at, ledger = time.monotonic(), Ledger()
    recovery = Recovery(ground, ledger, random.Random("probes"))  # noqa: S311 - repeatable, no secret
    ground.site.start()
    recovery.wait_until_well(what="all is well at first")
    clients = _start_clients(ground, ledger)
    try:
        for fault in itertools.chain.from_iterable([possible_faults(ground)] * ROUNDS):
            recovery.undergo(fault)
        wait_until(
            lambda: all(client.is_done for client in clients),
            timeout_seconds=_DRAIN_SECONDS,
            what="every client has its answers",
        )
    finally:
        for client in clients:
            client.stop()
    recovery.wait_until_done(lambda: _open_jobs(ground))
    ground.site.stop()

    broken = list(_broken_promises(ground, ledger))

    with capsys.disabled():
        print("", *_figures(ground, ledger, recovery, time.monotonic() - began_at).lines(), sep="\n")  # noqa: T201 - for people
    assert broken == []
    assert [line for line in ground.site.faults_in_logs() if _OF_ASYNCIO not in line] == []
