"""The template of a file plugin: from its folder of wheels to results."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.file_plugin.catalog import PluginCatalog
from plugins.file_plugin.installer import FilePluginHost
from qserver.plugins import Failure, FilePluginPin, InstallState, Success
from qserver.results import ResultType
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import MIB, Limits
from qserver.settings import PluginSettings
from tests.integration.file_plugin.conftest import wait_for
from tests.integration.file_plugin.tasks import BELL, LIMITS, make_task


@pytest.fixture
def settings(template_wheels: Path, tmp_path: Path) -> PluginSettings:
    return PluginSettings(
        plugin_allow_list=("coin-plugin",), plugin_wheel_folder=template_wheels, plugin_folder=tmp_path / "plugins"
    )


@pytest.fixture
def host(settings: PluginSettings, forkserver: Forkserver) -> Iterator[FilePluginHost]:
    with FilePluginHost(settings, forkserver, limits=Limits(memory_bytes=512 * MIB)) as host:
        yield host


def test_the_template_is_added_and_gives_every_result_type(settings: PluginSettings, host: FilePluginHost) -> None:
    description = PluginCatalog(settings).describe("coin-plugin")
    host.sync([FilePluginPin(description.distribution, description.version)])
    wait_for(host, "coin-plugin", InstallState.READY)
    every_type = (ResultType.COUNTS, ResultType.QUASI_DIST, ResultType.EXPVAL)
    good = make_task("coin", *every_type, obs=[[["ZZ", 1.0]], [["II", 0.5], ["XX", 2.0]]])
    bad = make_task("coin", source=BELL.replace(b"creg", b"bits"))

    with host.spawn("coin-plugin") as process:
        outcomes = process.run("coin-plugin", [good, bad], LIMITS, timeout_seconds=60)

    assert [backend.name for backend in description.backends] == ["coin"]
    result, failure = outcomes
    assert isinstance(result, Success), result
    assert result.result.counts is not None
    assert sum(result.result.counts.values()) == 1000
    assert result.result.quasi_dist is not None
    assert result.result.quasi_dist.keys() <= {"0", "1", "2", "3"}
    assert result.result.expval == (0.0, 0.5)
    assert isinstance(failure, Failure)
    assert failure.message == "ValueError: the circuit declares 0 classical bits; coin takes 1 to 64"
