"""What is measured, each as seconds of QServer and of its peers in one round, one after the other."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.circuits import small_circuits
from bench.client import Client, counts_spec
from bench.peers.aer import Expert, run_as_documented, run_like_an_expert

SHOTS = 1024
MANY_SHOTS = 100_000
BATCH = 250
CLIENTS = 32
_DOCUMENTED_SHARE = 10
"""Aer as documented runs a tenth of the circuits: a rate is as good as ten times that, and a round is shorter."""


@dataclass(frozen=True, slots=True)
class Parties:
    """Who takes part, all of them warm."""

    qserver: Client
    expert: Expert


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of the table. `run` gives the jobs a second of each party in one round."""

    name: str
    what: str
    target: float
    """The ratio of QServer to the expert that is to be reached."""
    run: Callable[[Parties, int], Mapping[str, float]]


def _rate(number: int, work: Callable[[], object]) -> float:
    started_at = time.perf_counter()
    work()
    return number / (time.perf_counter() - started_at)


def _batches(parties: Parties, seed: int) -> Mapping[str, float]:
    sources = small_circuits(3000, seed=seed)
    few = sources[::_DOCUMENTED_SHARE]
    spec = counts_spec(SHOTS)
    return {
        "qserver": _rate(len(sources), lambda: parties.qserver.run_in_batches(sources, spec, batch=BATCH)),
        "expert": _rate(len(sources), lambda: parties.expert.run(sources, SHOTS)),
        "documented": _rate(len(few), lambda: run_as_documented(few, SHOTS)),
    }


def _one_by_one(parties: Parties, seed: int) -> Mapping[str, float]:
    sources = small_circuits(1000, seed=seed)
    spec = counts_spec(SHOTS)
    return {
        "qserver": _rate(len(sources), lambda: parties.qserver.run_one_by_one(sources, spec, clients=CLIENTS)),
        "expert": _rate(len(sources), lambda: parties.expert.run(sources, SHOTS)),
    }


def _many_shots(parties: Parties, seed: int) -> Mapping[str, float]:
    sources = small_circuits(1000, seed=seed)
    few = sources[:100]
    spec = counts_spec(MANY_SHOTS)
    return {
        "qserver": _rate(len(sources), lambda: parties.qserver.run_in_batches(sources, spec, batch=BATCH)),
        "expert": _rate(len(few), lambda: parties.expert.run(few, MANY_SHOTS)),
    }


def _idle(parties: Parties, seed: int) -> Mapping[str, float]:
    """Give the inverse of the median latency of one job at an idle system, as a rate."""
    sources = small_circuits(60, seed=seed)
    spec = counts_spec(SHOTS)
    return {
        "qserver": _median_rate(sources, lambda source: parties.qserver.run_one(source, spec)),
        "expert": _median_rate(sources, lambda source: run_like_an_expert([source], SHOTS)),
    }


def _median_rate(sources: Sequence[str], work: Callable[[str], object]) -> float:
    rates = sorted(_rate(1, lambda source=source: work(source)) for source in sources)  # type: ignore[misc]
    return rates[len(rates) // 2]


MEASURES = (
    Measure("batches", f"3,000 distinct 2-qubit circuits, {SHOTS:,} shots, {BATCH} a call, all read", 1.6, _batches),
    Measure("one_by_one", f"1,000 of the same from {CLIENTS} clients, one a call", 0.6, _one_by_one),
    Measure("many_shots", f"1,000 of the same at {MANY_SHOTS:,} shots, {BATCH} a call", 30, _many_shots),
    Measure("idle", "one of the same at an idle system, submit to result, median", 0.1, _idle),
)
