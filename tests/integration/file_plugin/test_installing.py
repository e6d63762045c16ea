"""From a registered plugin to an environment, and away again."""

import re
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from qserver.errors import ExecutionError, Reason, Unavailable
from qserver.plugin_folder import MARKER_NAME
from qserver.plugins import FilePluginPin, InstallState, Success
from tests.integration.file_plugin.conftest import HostMaker, wait_for
from tests.integration.file_plugin.tasks import LIMITS, make_task
from tests.unit.file_plugin.wheels import make_wheel
from tests.waiting import wait_until

TINY = FilePluginPin("tiny-plugin", "1.0")


@pytest.fixture
def wheels(make_host: HostMaker, tmp_path: Path) -> Path:  # noqa: ARG001 - which makes the folder
    return tmp_path / "wheels"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    return tmp_path / "plugins" / "worker-0" / "tiny-plugin-1.0"


def test_a_wheel_from_the_folder_becomes_an_environment_that_runs(make_host: HostMaker, wheels: Path) -> None:
    make_wheel(wheels)
    host = make_host()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.READY)
    with host.spawn("tiny-plugin") as process:
        [outcome] = process.run("tiny-plugin", [make_task("tiny")], LIMITS, timeout_seconds=30)
    assert isinstance(outcome, Success)
    assert outcome.result.counts == {"0": 1000}


def test_all_that_a_plugin_requires_is_locked_by_hash(make_host: HostMaker, wheels: Path, environment: Path) -> None:
    make_wheel(wheels, requires=["its-library>=2"])
    make_wheel(wheels, "its-library", version="2.1", backends=None)
    host = make_host()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.READY)
    lock = (environment / "requirements.txt").read_text().splitlines()
    assert [re.sub("[0-9a-f]{64}$", "HASH", line) for line in lock] == [
        "its-library==2.1 --hash=sha256:HASH",
        "tiny-plugin==1.0 --hash=sha256:HASH",
    ]


def test_a_worker_that_comes_back_uses_what_it_built(make_host: HostMaker, wheels: Path, environment: Path) -> None:
    make_wheel(wheels)
    first = make_host()
    first.sync([TINY])
    wait_for(first, "tiny-plugin", InstallState.READY)
    first.close()
    built_at = (environment / MARKER_NAME).stat().st_mtime_ns

    second = make_host()
    second.sync([TINY])

    assert second.installations()["tiny-plugin"].state is InstallState.READY
    assert (environment / MARKER_NAME).stat().st_mtime_ns == built_at


@pytest.mark.parametrize("marker", [None, b"", b'{"name": "tiny-plugin", "version": "1.0", "python": "2.7.18"}'])
def test_an_environment_half_built_or_of_another_python_is_built_anew(
    make_host: HostMaker, wheels: Path, environment: Path, marker: bytes | None
) -> None:
    make_wheel(wheels)
    environment.mkdir(parents=True)
    (environment / "leftover").touch()
    if marker is not None:
        (environment / MARKER_NAME).write_bytes(marker)
    host = make_host()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.READY)
    assert not (environment / "leftover").exists()


def test_a_removed_plugin_leaves_no_process_and_no_file(make_host: HostMaker, wheels: Path, environment: Path) -> None:
    make_wheel(wheels)
    host = make_host()
    host.sync([TINY])
    wait_for(host, "tiny-plugin", InstallState.READY)

    with host.spawn("tiny-plugin") as process:
        host.sync([])

        wait_until(lambda: not process.is_alive, timeout_seconds=20, what="its process is gone")
        wait_until(
            lambda: [path.name for path in environment.parent.iterdir()] == ["lock"],
            timeout_seconds=20,
            what="its folder is gone",
        )
    with pytest.raises(ExecutionError, match="plugin tiny-plugin is not registered"):
        host.spawn("tiny-plugin")


def test_nothing_is_removed_before_the_worker_knows_what_is_registered(
    make_host: HostMaker, wheels: Path, environment: Path
) -> None:
    make_wheel(wheels)
    with make_host() as first:
        first.sync([TINY])
        wait_for(first, "tiny-plugin", InstallState.READY)

    with make_host():
        pass

    assert environment.exists()


def test_no_code_of_a_plugin_runs_while_it_is_installed(make_host: HostMaker, wheels: Path, tmp_path: Path) -> None:
    make_wheel(wheels, code=f"open({str(tmp_path / 'ran')!r}, 'w')")
    host = make_host()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.READY)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("requires", "sentence"),
    [
        (["no-such-thing-of-qserver==1"], r"no wheel of no-such-thing-of-qserver==1 fits Python 3\.\d+ on Linux"),
        (["only-source"], "no wheel of only-source fits"),
        (["its-library>=2", "its-library<2"], "conflicting"),
    ],
)
def test_what_can_not_be_installed_is_told_in_the_installer_s_words(
    make_host: HostMaker, wheels: Path, requires: list[str], sentence: str
) -> None:
    make_wheel(wheels, requires=requires)
    make_wheel(wheels, "its-library", version="2.1", backends=None)
    (wheels / "only-source-1.0.tar.gz").write_bytes(b"never opened: building it would run its code")
    host = make_host()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.FAILED)
    assert re.search(sentence, host.installations()["tiny-plugin"].message or "")
    with pytest.raises(ExecutionError, match="plugin tiny-plugin can't be installed: ") as caught:
        host.spawn("tiny-plugin")
    assert caught.value.reason is Reason.PLUGIN_UNAVAILABLE


def test_an_installation_that_takes_too_long_fails_with_the_limit(make_host: HostMaker, wheels: Path) -> None:
    make_wheel(wheels)
    host = make_host(plugin_install_seconds=0.01)

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.FAILED)
    assert host.installations()["tiny-plugin"].message == "took longer than 0.01 s"


def test_a_plugin_removed_while_it_is_installed_is_given_up_at_once(
    make_host: HostMaker, wheels: Path, environment: Path
) -> None:
    make_wheel(wheels)
    host = make_host()
    host.sync([TINY])
    wait_until(environment.exists, timeout_seconds=20, what="it is being built")
    with pytest.raises(Unavailable, match="is still being installed"):
        host.spawn("tiny-plugin")

    host.sync([])

    wait_until(lambda: not environment.exists(), timeout_seconds=20, what="what was built is gone")
    assert host.installations() == {}


def test_another_version_takes_the_place_of_the_first(make_host: HostMaker, wheels: Path, environment: Path) -> None:
    make_wheel(wheels)
    make_wheel(wheels, version="2.0")
    host = make_host()
    host.sync([TINY])
    wait_for(host, "tiny-plugin", InstallState.READY)

    host.sync([FilePluginPin("tiny-plugin", "2.0")])

    wait_for(host, "tiny-plugin", InstallState.READY)
    wait_until(lambda: not environment.exists(), timeout_seconds=20, what="the first is gone")


def test_a_folder_of_wheels_that_went_away_is_told_by_its_setting(make_host: HostMaker, wheels: Path) -> None:
    host = make_host()
    wheels.rmdir()

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.FAILED)
    assert "QSERVER_PLUGIN_WHEEL_FOLDER" in (host.installations()["tiny-plugin"].message or "")


def test_a_plugin_folder_that_was_deleted_keeps_no_plugin_waiting(
    make_host: HostMaker, wheels: Path, environment: Path
) -> None:
    make_wheel(wheels)
    host = make_host()
    shutil.rmtree(environment.parent)

    host.sync([TINY])

    wait_for(host, "tiny-plugin", InstallState.READY)


def test_an_environment_that_can_not_be_removed_is_told_and_left(make_host: HostMaker, tmp_path: Path) -> None:
    host = make_host()

    with capture_logs() as logs:
        host._discard(tmp_path / "missing")

    assert logs[0]["event"] == "file_plugin_not_removed"
    assert host._immovable == {"missing"}


def test_closing_does_not_wait_for_an_installation(make_host: HostMaker, wheels: Path, environment: Path) -> None:
    make_wheel(wheels)
    host = make_host()
    host.sync([TINY])
    wait_until(environment.exists, timeout_seconds=20, what="it is being built")

    host.close()

    assert not (environment / MARKER_NAME).exists()
