"""What a job costs, and what services hold in memory, where many others wait or are over."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import psycopg

from bench.checks import check_outcomes
from bench.circuits import small_circuits
from bench.figures import Comparison, Figure, Found
from bench.grpc_client import to_spec
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import SHOTS
from bench.meter import CLIENT, measure, peak_memory_bytes
from bench.qserver_party import QServerParty
from bench.seeding import Seeder
from bench.servers import connection_string
from bench.tasks import Task
from tests.waiting import wait_until

_EMPTY = "empty"
_WAITING = "jobs waiting"
_FINISHED = "jobs finished"
_STATES = (_EMPTY, _WAITING, _FINISHED)
_GROWTH = "growth"

_SERVICES = ("jobs_server", "inspectors", "rest_api", "janitor", "workers", "simulators")
_MEGABYTE = 1_000_000
_FIRST = 100
"""A priority that runs before what waits."""
_WARMING_JOBS = 300
_DRAINED_SECONDS = 3.0

_COUNT = "SELECT count(*) FILTER (WHERE status = 'finished'), count(*) FILTER (WHERE status = 'pending') FROM jobs"


@dataclass(frozen=True, slots=True)
class _Use:
    """What the work took in one state: milliseconds of CPU a job, and peaks, by part."""

    cpu_milliseconds: Mapping[str, float]
    peak_megabytes: Mapping[str, float]

    @property
    def served_cpu_milliseconds(self) -> float:
        """The CPU time a job of all services and servers."""
        return sum(cost for part, cost in self.cpu_milliseconds.items() if part != CLIENT)


class Backlog:
    """The same work on a deployment with empty tables, with jobs waiting, and with finished ones in the tables."""

    name = "backlog"
    warms_itself = True
    jobs = 3000
    waiting = 100_000
    finished = 1_000_000

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give CPU time a job in each state, and peak memory of each service."""
        turn = Round(1, scale)
        waiting, finished = turn.size(self.waiting), turn.size(self.finished)
        costs = [Comparison(_WAITING, _EMPTY, at_most=1.25), Comparison(_FINISHED, _EMPTY, at_most=1.25)]
        peaks = [
            Figure(f"peak memory of {name} while {waiting:,} jobs wait", "MB", [Comparison(_WAITING)])
            for name in _SERVICES
        ]
        return [
            Figure(f"CPU time a job while {waiting:,} jobs wait, or with {finished:,} finished ones", "ms", costs),
            Figure(
                f"peak memory of jobs_server while {waiting:,} jobs wait, less that of an empty system",
                "MB",
                [Comparison(_GROWTH, at_most=50)],
            ),
            *peaks,
        ]

    def run(self, house: House, turn: Round) -> Found:
        """Do the work in each state, on a deployment started for it."""
        first = turn.number % len(_STATES)
        used = {state: self._use(house, state, turn) for state in _STATES[first:] + _STATES[:first]}
        cost, growth, *peaks = self.figures(turn.scale)
        empty, waiting = used[_EMPTY].peak_megabytes, used[_WAITING].peak_megabytes
        values = {
            cost.what: {state: used[state].served_cpu_milliseconds for state in _STATES},
            growth.what: {_GROWTH: waiting["jobs_server"] - empty["jobs_server"]},
        }
        for service, figure in zip(_SERVICES, peaks, strict=True):
            values[figure.what] = {_EMPTY: empty[service], _WAITING: waiting[service]}
        return Found(values, {f"QServer, {state}": used[state].cpu_milliseconds for state in _STATES})

    def _use(self, house: House, state: str, turn: Round) -> _Use:
        database_url = house.database(state)
        with closing(psycopg.connect(connection_string(database_url), autocommit=True)) as connection:
            if state != _EMPTY:
                self._fill(house, database_url, connection, state, turn)
            with QServerParty.started(house.servers, database_url) as qserver:
                return self._measure(qserver, connection, state, turn)

    def _fill(self, house: House, database_url: str, connection: psycopg.Connection, state: str, turn: Round) -> None:
        """Bring the tables to their size: at first by all rows, later by those that were used up."""
        if not _has_tables(connection):
            with QServerParty.started(house.servers, database_url) as qserver:
                qserver.client.run(_tasks(1, seed=0))  # the pattern
        finished, pending = _count(connection)
        seeder = Seeder(connection)
        if state == _WAITING:
            seeder.add_waiting(turn.size(self.waiting) - pending)
        elif finished < turn.size(self.finished):
            seeder.add_finished(turn.size(self.finished) - finished)

    def _measure(self, qserver: QServerParty, connection: psycopg.Connection, state: str, turn: Round) -> _Use:
        tasks = _tasks(turn.size(self.jobs), seed=turn.seed(f"{self.name}, measured"))
        spec = partial(to_spec, priority=_FIRST)
        qserver.client.run(_tasks(_WARMING_JOBS, seed=turn.seed(f"{self.name}, warming up")), spec)
        other = self._cost_of_waiting_job(qserver, connection, turn) if state == _WAITING else {}
        finished_before, _ = _count(connection)
        measured = measure(qserver.parts, lambda: qserver.client.run(tasks, spec))
        finished, pending = _count(connection)
        check_outcomes(f"QServer, {state}", tasks, measured.given)
        if state == _WAITING and not pending:
            raise RuntimeError("no job waited any more when the measured ones were done: the figure is worth nothing")
        # Workers take up what waits whenever none of the measured jobs has arrived: that isn't their cost.
        others = (finished - finished_before - len(tasks)) / len(tasks)
        costs = {
            part: cost - others * other.get(part, 0)
            for part, cost in measured.cpu_milliseconds_a_job(len(tasks)).items()
        }
        peaks = {part: peak / _MEGABYTE for part, peak in peak_memory_bytes(qserver.parts).items()}
        return _Use(costs, peaks)

    @staticmethod
    def _cost_of_waiting_job(qserver: QServerParty, connection: psycopg.Connection, turn: Round) -> Mapping[str, float]:
        """Give what it takes to dispatch, run and store a job that waits, when nothing else happens."""
        seconds = max(0.5, _DRAINED_SECONDS * turn.scale)
        finished_at_first, _ = _count(connection)
        wait_until(lambda: _count(connection)[0] > finished_at_first, what="waiting jobs are run")
        finished_before, _ = _count(connection)
        measured = measure(qserver.parts, lambda: time.sleep(seconds))
        finished, _ = _count(connection)
        if finished == finished_before:
            raise RuntimeError(f"none of the waiting jobs finished within {seconds:g} s")
        return measured.cpu_milliseconds_a_job(finished - finished_before)


def _tasks(number: int, *, seed: int) -> Sequence[Task]:
    return [Task(source, SHOTS) for source in small_circuits(number, seed=seed)]


def _has_tables(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT to_regclass('jobs') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _count(connection: psycopg.Connection) -> tuple[int, int]:
    """Count finished and pending jobs."""
    finished, pending = connection.execute(_COUNT).fetchone() or (0, 0)
    return finished, pending
