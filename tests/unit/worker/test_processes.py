"""What a simulator's process may see of the machine that it runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.sandboxed import MIB
from qserver.errors import ExecutionError, Reason
from qserver.plugins import Outcome, RunLimits, Success
from qserver.sandbox.forkserver import Forkserver
from tests.unit.worker import fake_plugin
from tests.unit.worker.claims import a_claim
from worker.capacity import Capacity
from worker.groups import Lane, task_of
from worker.processes import LaneProcesses
from worker.selftest import InspectingProcess

LIMITS = RunLimits(memory_bytes=64 * MIB, threads=1, result_bytes=MIB)


@pytest.fixture(scope="module")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(["tests.unit.worker.fake_plugin"]) as server:
        yield server


@pytest.fixture(params=list(Lane))
def process(request: pytest.FixtureRequest, forkserver: Forkserver) -> Iterator[InspectingProcess]:
    capacity = Capacity(cores=1, places=1, memory_bytes=256 * MIB)
    processes = LaneProcesses(
        forkserver, entry=fake_plugin.ENTRY, lane=request.param, capacity=capacity, spawn_file_plugin=None
    )
    process = processes.built_in()
    yield process
    process.close()


def read(process: InspectingProcess, path: Path) -> Outcome:
    (outcome,) = process.run("fake", [task_of(a_claim(source=f"read {path}".encode()))], LIMITS, timeout_seconds=30.0)
    return outcome


@pytest.mark.parametrize("name", ["qserver.db", "logs/worker.log", "plugins/token", ".env"])
def test_a_simulator_reads_nothing_of_the_data_folder(process: InspectingProcess, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("of other people")

    with pytest.raises(ExecutionError, match="PermissionError") as caught:
        read(process, path)

    assert caught.value.reason is Reason.PLUGIN_ERROR


def test_a_simulator_reads_the_code_of_its_plugins(process: InspectingProcess) -> None:
    assert isinstance(read(process, Path(fake_plugin.__file__)), Success)
