"""A table of parameter values in one PUB: how long until all its expectation values are there."""

from collections.abc import Sequence

import numpy as np

from bench.checks import WrongOutcomeError
from bench.figures import QSERVER, Comparison, Figure, Found
from bench.house import House
from bench.measures.measure import Round
from bench.peers.estimators import QUBITS, Estimates, estimate_by_aer, estimate_by_qserver
from bench.spread import percentile

_AER = "Aer's estimator in process"
_CALLS = 5
_TOLERANCE = 1e-6


class Sweep:
    """The same table by both estimators, one after the other; the median of five calls, each of other values."""

    name = "sweep"
    warms_itself = False
    points = 200

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give the time of a call."""
        points = Round(1, scale).size(self.points)
        what = f"expectation values of a {QUBITS}-qubit ansatz at {points} points, one PUB, standalone"
        return [Figure(what, "ms", [Comparison(_AER, QSERVER, at_least=1)])]

    def run(self, house: House, turn: Round) -> Found:
        """Time both. Raises WrongOutcomeError where they disagree."""
        points, url = turn.size(self.points), house.standalone.url
        times: dict[str, list[float]] = {QSERVER: [], _AER: []}
        for call in range(_CALLS):
            seed = turn.seed(f"{self.name} {call}")
            by_qserver = house.expert.call(estimate_by_qserver, url, points, seed)
            by_aer = house.expert.call(estimate_by_aer, points, seed)
            _check(by_qserver, by_aer)
            times[QSERVER].append(by_qserver.milliseconds)
            times[_AER].append(by_aer.milliseconds)
        medians = {party: percentile(spent, 50) for party, spent in times.items()}
        return Found({self.figures(turn.scale)[0].what: medians})


def _check(one: Estimates, other: Estimates) -> None:
    if not np.allclose(one.values, other.values, atol=_TOLERANCE):
        worst = float(np.abs(np.array(one.values) - np.array(other.values)).max())
        raise WrongOutcomeError(f"{QSERVER} and {_AER} differ by {worst:g} in an expectation value")
