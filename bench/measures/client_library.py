"""What the client library takes of the machine that it runs on."""

import time
from collections.abc import Sequence

from qiskit import QuantumCircuit

from bench.checks import WrongOutcomeError
from bench.circuits import BELL
from bench.figures import QSERVER, Comparison, Figure, Found
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import SHOTS
from bench.peers.aer import run_in_a_loop
from bench.tasks import Task
from qserver import Client

_AER = "one-thread Aer"


class ClientLibrary:
    """Bell circuits of Qiskit, each an object of its own, submitted in one call of the client and read back."""

    name = "client"
    warms_itself = False
    jobs = 1000

    def figures(self, scale: float) -> Sequence[Figure]:
        """Give the client's CPU time a circuit: QPY written, sent, waited for, counts read."""
        jobs = Round(1, scale).size(self.jobs)
        what = f"{jobs:,} Bell circuits of Qiskit in one call of the client library, CPU time of the client a circuit"
        return [Figure(what, "ms", [Comparison(QSERVER, _AER, at_most=0.4)])]

    def run(self, house: House, turn: Round) -> Found:
        """Take the time of both processes' CPU."""
        jobs, url = turn.size(self.jobs), house.standalone.url
        figure = self.figures(turn.scale)[0]
        own = _milliseconds_of_client(url, jobs) / jobs
        aer = house.expert.call(milliseconds_of_aer, jobs) / jobs
        return Found({figure.what: {QSERVER: own, _AER: aer}})


def _milliseconds_of_client(url: str, jobs: int) -> float:
    circuits = [_bell() for _ in range(jobs)]
    with Client(url) as client:
        client.submit(_bell(), shots=SHOTS).result()
        started_at = time.process_time()
        counts = [result.counts for result in client.submit(circuits, shots=SHOTS).results()]
        spent = time.process_time() - started_at
    if not all(each.keys() <= {"00", "11"} and sum(each.values()) == SHOTS for each in counts):
        raise WrongOutcomeError("the client library gave counts that no Bell pair has")
    return 1000 * spent


def milliseconds_of_aer(jobs: int) -> float:
    """Give the CPU time of many Bell circuits, parsed and run on one thread in this process."""
    started_at = time.process_time()
    run_in_a_loop([Task(BELL, SHOTS)] * jobs)
    return 1000 * (time.process_time() - started_at)


def _bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit
