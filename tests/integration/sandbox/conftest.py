"""A simulator and a file plugin, confined as a worker confines them, that try what they are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from plugins.file_plugin.installer import FilePluginHost
from plugins.file_plugin.process import FilePluginProcess
from plugins.registry import PRELOADED_MODULES
from plugins.sandboxed import PluginProcess
from qserver.plugins import Failure, FilePluginPin, InstallState
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.settings import PluginSettings
from tests.integration.file_plugin.conftest import wait_for
from tests.integration.file_plugin.tasks import LIMITS, make_task
from tests.integration.sandbox import intruder, intrusions
from tests.unit.file_plugin.wheels import make_wheel
from worker.capacity import Capacity
from worker.groups import Lane
from worker.processes import LaneProcesses

MIB = 1024 * 1024
SECONDS = 60.0

_PLUGIN = """

class Answer(Exception):
    pass

class Plugin:
    def execute(self, target_backend, qasm_file_path, metadata, result_type):
        raise Answer(attempt(*metadata["attempt"]))
"""
_NAME = "intruding-plugin"


class Intruder(Protocol):
    """Code of somebody else in one of our processes."""

    @property
    def pid(self) -> int:
        """Number of the process."""

    def attempt(self, what: str, *arguments: object) -> str:
        """Try what `intrusions` has under that name, and give the answer. Raises ChildDied where it was killed."""


class SimulatorIntruder:
    """In the process of a lane."""

    def __init__(self, process: PluginProcess) -> None:
        self._child = process._child
        self.pid = self._child.pid

    def attempt(self, what: str, *arguments: object) -> str:
        payload = json.dumps([what, *map(str, arguments)]).encode()
        return self._child.call("attempt", payload, timeout_seconds=SECONDS, max_reply_bytes=MIB).decode()


class FilePluginIntruder:
    """In an environment of its own."""

    def __init__(self, process: FilePluginProcess) -> None:
        self._process = process
        self.pid = process._child.pid

    def attempt(self, what: str, *arguments: object) -> str:
        task = make_task("intruding", attempt=[what, *map(str, arguments)])
        (outcome,) = self._process.run(_NAME, [task], LIMITS, timeout_seconds=SECONDS)
        assert isinstance(outcome, Failure)
        return outcome.message.removeprefix("Answer: ")


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver(PRELOADED_MODULES) as server:
        yield server


@pytest.fixture
def simulator(forkserver: Forkserver) -> Iterator[SimulatorIntruder]:
    capacity = Capacity(cores=2, places=2, memory_bytes=1024 * MIB)
    lane = LaneProcesses(forkserver, entry=intruder.ENTRY, lane=Lane.NARROW, capacity=capacity, spawn_file_plugin=None)
    process = lane.built_in()
    assert isinstance(process, PluginProcess)
    yield SimulatorIntruder(process)
    process.close()


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intruding")
    code = Path(intrusions.__file__).read_text() + _PLUGIN
    make_wheel(folder / "wheels", _NAME, code=code, backends=b"intruding\n")
    return folder


@pytest.fixture
def file_plugin(forkserver: Forkserver, plugin_folder: Path) -> Iterator[FilePluginIntruder]:
    settings = PluginSettings(plugin_folder=plugin_folder / "plugins", plugin_wheel_folder=plugin_folder / "wheels")
    # A thousand processes share pages that count as the memory of each: these must not be what is too much.
    with FilePluginHost(settings, forkserver, limits=Limits(memory_bytes=64 * 1024 * MIB)) as host:
        host.sync([FilePluginPin(_NAME, "1.0")])
        wait_for(host, _NAME, InstallState.READY)
        with host.spawn(_NAME) as process:
            yield FilePluginIntruder(process)


@pytest.fixture(params=["simulator", "file_plugin"])
def intruding(request: pytest.FixtureRequest) -> Intruder:
    """Each of them in turn."""
    found: Intruder = request.getfixturevalue(request.param)
    return found
