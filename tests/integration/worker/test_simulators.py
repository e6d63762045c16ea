"""The worker with the simulators it ships: real circuits through real processes."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from database import circuit_hash
from database.records import NewJob
from plugins.registry import PRELOADED_MODULES, Registry
from plugins.sandboxed import spawn_plugin_process
from qserver.circuits import Circuit, CircuitFormat
from qserver.identity import ANONYMOUS
from qserver.jobs import JobRequest, JobStatus, RunRequest
from qserver.plugins import Resources
from qserver.results import ResultType
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.settings import Settings
from tests.unit.qsim.running import needs_qsim
from tests.unit.worker.conftest import house
from tests.unit.worker.house import House, worker_settings
from tests.waiting import seconds_until, wait_until
from worker.service import Worker

__all__ = ["house"]

GIB = 1024**3
RESOURCES = Resources(memory_bytes=2 * GIB, gpu_memory_bytes=0, cores=2)


def ghz(width: int) -> bytes:
    chain = "".join(f"cx q[{qubit}], q[{qubit + 1}];" for qubit in range(width - 1))
    return (
        f'OPENQASM 2.0; include "qelib1.inc"; qreg q[{width}]; creg c[{width}]; h q[0]; {chain} measure q -> c;'
    ).encode()


def slow() -> bytes:
    """25 qubits and many layers: minutes of work."""
    layer = "".join(f"rx(0.1) q[{qubit}]; cx q[{qubit}], q[{(qubit + 1) % 25}];" for qubit in range(25))
    return f'OPENQASM 2.0; include "qelib1.inc"; qreg q[25]; creg c[25]; {layer * 200} measure q -> c;'.encode()


@pytest.fixture(scope="module")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(PRELOADED_MODULES) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = worker_settings(f"sqlite:///{tmp_path / 'qserver.db'}")
    return settings.model_copy(update={"worker": settings.worker.model_copy(update={"simulator_memory_mib": 2048})})


@pytest.fixture
def worker(settings: Settings, house: House, forkserver: Forkserver) -> Iterator[Worker]:
    worker = Worker(settings, house.database, house.broker, forkserver)
    worker.start()
    yield worker
    worker.hurry()
    worker.stop()
    assert not worker.has_failed


def dense(width: int) -> bytes:
    """Twenty layers of rotations and entangling gates on all qubits."""
    layer = "".join(f"rx(0.3) q[{qubit}]; cx q[{qubit}], q[{(qubit + 1) % width}];" for qubit in range(width))
    return (
        f'OPENQASM 2.0; include "qelib1.inc"; qreg q[{width}]; creg c[{width}]; {layer * 20} measure q -> c;'
    ).encode()


def submit(
    house: House, forkserver: Forkserver, source: bytes, *, copies: int = 1, shots: int = 1000, backend: str = "aer"
) -> list[UUID]:
    """Do what admission does: inspect in a child, plan, store. Backend and plugin have one name."""
    plugin = Registry.built_in().plugin(backend)
    with spawn_plugin_process(forkserver, Limits(memory_bytes=GIB)) as process:
        inspection = process.inspect(plugin.name, source, CircuitFormat.OPENQASM2, timeout_seconds=60.0)
    request = RunRequest(backend=backend, result_types=frozenset({ResultType.COUNTS}), shots=shots)
    plan = plugin.plan(inspection.profile, request, RESOURCES)
    circuit = Circuit(CircuitFormat.OPENQASM2, source, inspection)
    return house.store(
        [
            NewJob(
                id=uuid4(),
                identity=ANONYMOUS,
                circuit=circuit,
                circuit_sha256=circuit_hash(circuit.circuit_format, source, reader="aer 1"),
                request=JobRequest(run=request),
                plugin=plugin.name,
                route="cpu",
                plan=plan,
                max_attempts=3,
            )
            for _ in range(copies)
        ]
    )


@pytest.mark.usefixtures("worker")
def test_two_hundred_bell_pairs_give_only_equal_bits(house: House, forkserver: Forkserver) -> None:
    job_ids = submit(house, forkserver, ghz(2), copies=200)

    house.wait_for(job_ids, JobStatus.FINISHED)

    results = [house.result(job_id) for job_id in job_ids]
    assert {outcome for result in results for outcome in result.counts or {}} == {"00", "11"}
    assert {sum((result.counts or {}).values()) for result in results} == {1000}
    # 200,000 fair coins: 0.5 within 5.6 standard deviations but for one run in 10^7.
    zeros = sum((result.counts or {}).get("00", 0) for result in results)
    assert abs(zeros / 200_000 - 0.5) < 5.6 * 0.5 / 200_000**0.5


@pytest.mark.usefixtures("worker")
def test_small_and_large_circuits_run_beside_each_other(house: House, forkserver: Forkserver) -> None:
    job_ids = [
        job_id for width in (2, 20, 3, 22) for job_id in submit(house, forkserver, ghz(width), copies=3, shots=100)
    ]

    house.wait_for(job_ids, JobStatus.FINISHED)

    for job_id in job_ids:
        outcomes = house.result(job_id).counts or {}
        assert all(len(set(outcome)) == 1 for outcome in outcomes)


@needs_qsim
@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("backend", "width"), [("qsim", 2), ("qsim", 20), ("auto", 16), ("auto", 20)])
def test_the_second_engine_runs_in_simulators(house: House, forkserver: Forkserver, backend: str, width: int) -> None:
    job_ids = submit(house, forkserver, dense(width), copies=3, backend=backend)

    house.wait_for(job_ids, JobStatus.FINISHED, within_seconds=100)

    for job_id in job_ids:
        result = house.result(job_id)
        assert (result.run.backend, result.run.plugin) == (backend, "qsim")
        assert sum((result.counts or {}).values()) == 1000


def test_a_simulation_that_is_canceled_frees_its_cores_within_a_second(
    house: House, forkserver: Forkserver, worker: Worker
) -> None:
    assert worker._parts is not None
    board = worker._parts.board

    def seconds_to_free() -> float:
        (job_id,) = submit(house, forkserver, slow())
        wait_until(lambda: any(job_id in run.group.job_ids for run in board.runs()))
        house.cancel(job_id)
        return seconds_until(lambda: not board.runs())

    assert any(seconds_to_free() < 1.0 for _ in range(5))  # once is enough: the machine has other work, too
    house.wait_for(submit(house, forkserver, ghz(2)), JobStatus.FINISHED)
