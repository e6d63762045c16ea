"""How many jobs a second, from the first submission until the last result has been read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.checks import check_agreement, check_outcomes
from bench.circuits import mixed_tasks, small_circuits
from bench.figures import QSERVER, Comparison, Figure, Found
from bench.house import House
from bench.measures.measure import Round
from bench.meter import Measured, Part, measure
from bench.peers.aer import run_as_documented
from bench.tasks import Outcome, Task

SHOTS = 1024
MANY_SHOTS = 100_000
CLIENTS = 32

EXPERT = "expert"
CELERY = "Celery"
DASK = "Dask"
DEFAULTS = "Aer's defaults"
LOOP = "one-thread loop"

Run = Callable[[Sequence[Task]], Sequence[Outcome]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who runs the tasks, and how. One that is much slower runs a share: as good a rate, and a shorter round."""

    enter: Callable[[House], tuple[Sequence[Part], Run]]
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """Everybody runs the same circuits, one after the other, beginning with another one each round."""

    name: str
    what: str
    jobs: int
    make: Callable[[int, int], Sequence[Task]]
    """Gives tasks by their number and a seed."""
    contestants: dict[str, Contestant]
    comparisons: Sequence[Comparison]
    warms_itself: bool = False

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give the one figure, jobs a second."""
        jobs = Round(1, scale).size(self.jobs)
        return [Figure(self.what.format(jobs=jobs), "jobs/s", self.comparisons)]

    def run(self, house: House, turn: Round) -> Found:
        """Time everybody. Raises WrongOutcomeError where somebody's results can't be right."""
        tasks = self.make(turn.size(self.jobs), turn.seed(self.name))
        runs: dict[str, Measured[Sequence[Outcome]]] = {}
        sizes: dict[str, int] = {}
        for party in self._order(turn.number):
            some = _share(tasks, self.contestants[party].share)
            runs[party] = self._time(party, house, some)
            sizes[party] = len(some)
        self._compare(runs)
        rates = {party: sizes[party] / runs[party].seconds for party in self.contestants}
        cpu = {party: runs[party].cpu_milliseconds_a_job(sizes[party]) for party in self.contestants}
        return Found({self.figures(turn.scale)[0].what: rates}, cpu)

    def _order(self, number: int) -> Sequence[str]:
        parties = list(self.contestants)
        first = number % len(parties)
        return parties[first:] + parties[:first]

    def _time(self, party: str, house: House, tasks: Sequence[Task]) -> Measured[Sequence[Outcome]]:
        parts, run = self.contestants[party].enter(house)
        measured = measure(parts, lambda: run(tasks))
        check_outcomes(party, tasks, measured.given)
        return measured

    def _compare(self, runs: dict[str, Measured[Sequence[Outcome]]]) -> None:
        whole = {party: run.given for party, run in runs.items() if self.contestants[party].share == 1}
        for party, outcomes in whole.items():
            check_agreement(party, outcomes, whole[QSERVER])


def _share(tasks: Sequence[Task], share: float) -> Sequence[Task]:
    return tasks[:: round(1 / share)]


def _small(number: int, seed: int) -> Sequence[Task]:
    return [Task(source, SHOTS) for source in small_circuits(number, seed=seed)]


def _identical(number: int, seed: int) -> Sequence[Task]:
    return [Task(small_circuits(1, seed=seed)[0], SHOTS)] * number


def _small_with_many_shots(number: int, seed: int) -> Sequence[Task]:
    return [Task(source, MANY_SHOTS) for source in small_circuits(number, seed=seed)]


def _mixed(number: int, seed: int) -> Sequence[Task]:
    return mixed_tasks(number, seed=seed, shots=SHOTS)


def _qserver(house: House) -> tuple[Sequence[Part], Run]:
    return house.qserver.parts, house.qserver.client.run


def _qserver_one_by_one(house: House) -> tuple[Sequence[Part], Run]:
    return house.qserver.parts, lambda tasks: house.qserver.client.run_one_by_one(tasks, clients=CLIENTS)


def _qserver_in_turns(house: House) -> tuple[Sequence[Part], Run]:
    return house.qserver.parts, lambda tasks: house.qserver.client.run_in_turns(tasks, clients=CLIENTS)


def _standalone(house: House) -> tuple[Sequence[Part], Run]:
    return house.standalone.parts, house.standalone.run


def _expert(house: House) -> tuple[Sequence[Part], Run]:
    return house.expert.parts, house.expert.run


def _loop(house: House) -> tuple[Sequence[Part], Run]:
    return house.expert.parts, house.expert.run_in_a_loop


def _defaults(house: House) -> tuple[Sequence[Part], Run]:
    return house.expert.parts, lambda tasks: house.expert.call(run_as_documented, tasks)


def _celery_parts(house: House) -> Sequence[Part]:
    return [*house.servers.parts, *house.celery.parts]


def _celery(house: House) -> tuple[Sequence[Part], Run]:
    return _celery_parts(house), house.celery.run


def _celery_one_by_one(house: House) -> tuple[Sequence[Part], Run]:
    return _celery_parts(house), lambda tasks: house.celery.run(tasks, publishers=CLIENTS)


def _celery_in_turns(house: House) -> tuple[Sequence[Part], Run]:
    return _celery_parts(house), lambda tasks: house.celery.run_in_turns(tasks, clients=CLIENTS)


def _dask(house: House) -> tuple[Sequence[Part], Run]:
    return house.dask.parts, house.dask.run


BATCHES = Throughput(
    "batches",
    f"{{jobs:,}} distinct 2-qubit circuits, {SHOTS:,} shots, in batches, all results read",
    3000,
    _small,
    {
        QSERVER: Contestant(_qserver),
        EXPERT: Contestant(_expert),
        CELERY: Contestant(_celery),
        DASK: Contestant(_dask),
        DEFAULTS: Contestant(_defaults, share=0.1),
    },
    [
        Comparison(QSERVER, EXPERT, at_least=1.6),
        Comparison(QSERVER, CELERY, at_least=6),
        Comparison(QSERVER, DASK),
        Comparison(QSERVER, DEFAULTS),
    ],
)
IDENTICAL = Throughput(
    "identical",
    f"{{jobs:,}} times the same 2-qubit circuit, {SHOTS:,} shots, in batches, no seed, no cache",
    3000,
    _identical,
    {QSERVER: Contestant(_qserver), EXPERT: Contestant(_expert), CELERY: Contestant(_celery)},
    [Comparison(QSERVER, EXPERT), Comparison(QSERVER, CELERY)],
)
ONE_BY_ONE = Throughput(
    "one_by_one",
    f"{{jobs:,}} distinct 2-qubit circuits from {CLIENTS} clients, one job a call",
    3000,
    _small,
    {QSERVER: Contestant(_qserver_one_by_one), EXPERT: Contestant(_expert), CELERY: Contestant(_celery_one_by_one)},
    [Comparison(QSERVER, EXPERT, at_least=0.6), Comparison(QSERVER, CELERY, at_least=2)],
)
IN_TURNS = Throughput(
    "in_turns",
    f"{{jobs:,}} distinct 2-qubit circuits from {CLIENTS} clients, each waiting for its result before the next",
    3000,
    _small,
    {QSERVER: Contestant(_qserver_in_turns), EXPERT: Contestant(_expert), CELERY: Contestant(_celery_in_turns)},
    [Comparison(QSERVER, EXPERT), Comparison(QSERVER, CELERY)],
)
STANDALONE = Throughput(
    "standalone",
    "standalone, the original's AddJob and results by HTTP, {jobs:,} circuits from 16 clients",
    1000,
    _small,
    {QSERVER: Contestant(_standalone), LOOP: Contestant(_loop)},
    [Comparison(QSERVER, LOOP, at_least=0.5)],
)
STANDALONE_MANY_SHOTS = Throughput(
    "standalone_many_shots",
    f"the same at {MANY_SHOTS:,} shots",
    1000,
    _small_with_many_shots,
    {QSERVER: Contestant(_standalone), LOOP: Contestant(_loop, share=0.1)},
    [Comparison(QSERVER, LOOP, at_least=10)],
)
MIXED = Throughput(
    "mixed",
    "{jobs:,} distinct circuits of 2 to 12 qubits, depth 5 to 60, counts, quasi_dist and expval",
    1000,
    _mixed,
    {
        QSERVER: Contestant(_qserver),
        EXPERT: Contestant(_expert),
        CELERY: Contestant(_celery),
        DASK: Contestant(_dask),
    },
    [
        Comparison(QSERVER, EXPERT, at_least=1.3),
        Comparison(QSERVER, CELERY, at_least=3),
        Comparison(QSERVER, DASK),
    ],
)
MANY_SHOTS_BATCHES = Throughput(
    "many_shots",
    f"{{jobs:,}} distinct 2-qubit circuits, {MANY_SHOTS:,} shots, in batches",
    3000,
    _small_with_many_shots,
    {QSERVER: Contestant(_qserver), EXPERT: Contestant(_expert, share=0.1)},
    [Comparison(QSERVER, EXPERT, at_least=30)],
)
