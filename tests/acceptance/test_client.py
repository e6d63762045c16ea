"""The client against a whole QServer: what goes in comes out, in every form, and nothing heavy is loaded for it."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qserver import AsyncClient, Client
from qserver.errors import (
    Conflict,
    ExecutionError,
    InvalidCircuit,
    InvalidRequest,
    JobCanceled,
    SomeRefused,
    UnknownBackend,
)
from qserver.jobs import JobStatus
from tests.servers.standalone import REPOSITORY, Standalone

BELL = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
BROKEN = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nhh q[0];'
SLOW = (
    'OPENQASM 3.0; include "stdgates.inc"; qubit[24] q; bit[24] c; '
    + "".join(f"h q[{qubit}]; " for qubit in range(24))
    + "".join(f"cu(0.1, 0.2, 0.3, 0.4) q[{step % 24}], q[{(step + 7) % 24}]; " for step in range(60))
    + "c = measure q;"
)
SERVER_PACKAGES = ("pydantic", "pydantic_settings", "structlog", "pika", "sqlalchemy", "fastapi", "qiskit", "numpy")


@pytest.fixture
def client(box: Standalone) -> Iterator[Client]:
    """A client that knows the URL of HTTP alone."""
    with Client(box.url) as connected:
        yield connected


def test_one_url_is_enough_and_every_type_of_result_comes_back(client: Client) -> None:
    job = client.submit(
        BELL,
        shots=4096,
        results=["counts", "quasi_dist", "expval", "memory", "probabilities", "statevector"],
        observables=["ZZ", {"XX": 0.5, "ZI": 1.0}],
        metadata={"who": "a test"},
    )

    result = job.result(timeout_seconds=60)

    assert set(result.counts) == {"00", "11"}
    assert sum(result.counts.values()) == len(result.memory) == 4096
    assert {bits: result.memory.count(bits) for bits in ("00", "11")} == result.counts
    assert result.quasi_dist == {0: result.counts["00"] / 4096, 3: result.counts["11"] / 4096}
    assert result.expval == pytest.approx((1.0, 0.5))
    assert result.probabilities == pytest.approx({"00": 0.5, "11": 0.5})
    assert np.abs(result.statevector) ** 2 == pytest.approx([0.5, 0, 0, 0.5])
    assert result.run.shots == 4096
    assert job.info().metadata == {"who": "a test"}
    assert [event.status for event in job.events()] == [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FINISHED]


def test_qiskit_and_openqasm_give_the_same_counts_by_the_same_seed(client: Client) -> None:
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])

    jobs = client.submit([circuit, BELL, circuit], seed=7, backend="aer", shots=1000)

    first, second, third = [result.counts for result in jobs.results(timeout_seconds=60)]
    assert first == second == third


def test_a_bad_circuit_is_refused_with_its_place_and_sinks_no_other(client: Client) -> None:
    with pytest.raises(InvalidCircuit) as lone:
        client.submit(BROKEN)
    with pytest.raises(SomeRefused) as some:
        client.submit([BELL, BROKEN])
    with pytest.raises(UnknownBackend, match="registered: aer"):
        client.submit(BELL, backend="nobody")

    assert lone.value.line == 4
    assert client.job(some.value.job_ids[0]).result(timeout_seconds=60).counts
    assert isinstance(some.value.refusals[1], InvalidCircuit)


def test_the_same_name_gets_the_first_job(client: Client) -> None:
    assert client.submit(BELL, request_id="mine") == client.submit(BELL, request_id="mine")
    assert client.submit([BELL, BELL], request_id="ours").ids == client.submit([BELL, BELL], request_id="ours").ids


def test_a_job_that_is_canceled_or_fails_says_so(client: Client) -> None:
    slow, late = client.submit([SLOW, SLOW], backend="aer_statevector")
    impatient = client.submit(SLOW, backend="aer_statevector", time_limit_seconds=0.01)

    slow.cancel()
    late.cancel()

    assert slow.cancel().status is JobStatus.CANCELED
    with pytest.raises(JobCanceled) as canceled:
        slow.result(timeout_seconds=60)
    with pytest.raises(ExecutionError) as failed:
        impatient.result(timeout_seconds=60)
    assert canceled.value.job_id == slow.id
    assert (failed.value.reason, failed.value.job_id) == ("DEADLINE_EXCEEDED", impatient.id)


def test_jobs_are_listed_and_deleted(client: Client) -> None:
    jobs = client.submit([BELL] * 3)
    jobs.results(timeout_seconds=60)

    listed = [job.id for job in client.jobs(statuses=["finished"], limit=3)]
    jobs[0].delete()

    assert listed == list(reversed(jobs.ids))
    assert jobs[0].id not in {job.id for job in client.jobs(limit=None)}
    with pytest.raises(Conflict):
        jobs[1].cancel()


def test_a_job_shows_itself_in_a_notebook(client: Client) -> None:
    job = client.submit(BELL, shots=100, results=["counts", "expval"], observables=["ZZ"])
    job.result(timeout_seconds=60)

    html = job._repr_html_()

    assert job.id in html
    assert "finished" in html
    assert {"00", "11"} == set(re.findall(r"<code>([01]+)</code>", html))
    assert "+1.000000" in html


def test_what_there_is_can_be_read(client: Client) -> None:
    assert {"aer", "auto"} <= {backend.name for backend in client.backends()}
    health, workers, limits = client.health(), client.workers(), client.limits()
    assert isinstance(health, dict)
    assert health["status"] == "ok"
    assert isinstance(workers, list)
    assert workers
    assert isinstance(limits, dict)
    assert limits["max_shots"]
    assert client.plugins()


async def test_asyncio_does_the_same(box: Standalone) -> None:
    async with AsyncClient(box.url) as client:
        jobs = await client.submit([BELL] * 3, shots=10)
        results = await jobs.results(timeout_seconds=60)
        lone = await client.run(BELL, shots=20, timeout_seconds=60)
        listed = [job.id async for job in client.jobs(limit=1)]
        health = await client.health()

    assert [sum(result.counts.values()) for result in (*results, lone)] == [10, 10, 10, 20]
    assert listed == [lone.job_id]
    assert isinstance(health, dict)


def test_the_client_loads_nothing_that_only_servers_need() -> None:
    program = f"import qserver, sys; qserver.Client; print([name for name in {SERVER_PACKAGES} if name in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )

    assert loaded.stdout.strip() == "[]"


def test_an_asyncio_client_says_that_it_belongs_to_its_first_loop(box: Standalone) -> None:
    client = AsyncClient(box.url)

    async def ask_and_close() -> int:
        async with client:
            return len(await client.backends())

    async def ask() -> int:
        return len(await client.backends())

    assert asyncio.run(ask_and_close())
    with pytest.raises(InvalidRequest, match=r"make an AsyncClient in each asyncio\.run"):
        asyncio.run(ask())
