"""Real pip, real environments, real confined processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plugins.file_plugin.installer import FilePluginHost
from qserver.plugins import InstallState
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import MIB, Limits
from qserver.settings import PluginSettings
from tests.waiting import wait_until

HostMaker = Callable[..., FilePluginHost]


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    with Forkserver() as server:
        yield server


@pytest.fixture(scope="session")
def make_session_host(forkserver: Forkserver) -> Iterator[HostMaker]:
    """Make hosts that are closed when the session ends."""
    with ExitStack() as hosts:
        yield lambda **settings: hosts.enter_context(make_host_on(forkserver, **settings))


@pytest.fixture
def make_host(forkserver: Forkserver, tmp_path: Path) -> Iterator[HostMaker]:
    """Make hosts of the test's own folders: `wheels` has what may be installed, `plugins` what was."""
    folders = {"plugin_folder": tmp_path / "plugins", "plugin_wheel_folder": tmp_path / "wheels"}
    (tmp_path / "wheels").mkdir()
    with ExitStack() as hosts:
        yield lambda **settings: hosts.enter_context(make_host_on(forkserver, **{**folders, **settings}))


def make_host_on(forkserver: Forkserver, **settings: object) -> FilePluginHost:
    limits = Limits(memory_bytes=1024 * MIB)
    return FilePluginHost(PluginSettings.model_validate(settings), forkserver, limits=limits)


def wait_for(host: FilePluginHost, name: str, state: InstallState, *, timeout_seconds: float = 60.0) -> None:
    """Wait until the host reports a state of a plugin, or the opposite one, which fails at once."""
    other = InstallState.FAILED if state is InstallState.READY else InstallState.READY

    def is_settled() -> bool:
        report = host.installations()[name]
        assert report.state is not other, report
        return report.state is state

    wait_until(is_settled, timeout_seconds=timeout_seconds, what=f"{name} is {state}")
