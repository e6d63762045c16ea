"""Which file plugins may be added, and what they bring: all that adding one needs to know, found without running it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from plugins.file_plugin import pip_process
from plugins.file_plugin.allow_list import AllowList, Pin
from plugins.file_plugin.names import check_distribution
from plugins.file_plugin.plugin import FilePlugin
from plugins.file_plugin.wheel import WheelName, holds_wheel_of, read_backends
from qserver.errors import InvalidRequest, NotFound, Unavailable
from qserver.plugins import BackendSpec
from qserver.settings import PluginSettings

DOWNLOAD_SECONDS = 18.0  # of the 20 that adding a plugin may take


@dataclass(frozen=True, slots=True)
class PluginDescription:
    """A plugin that can be added: `version` is the pinned one, or the newest that index or folder of wheels has."""

    distribution: str
    version: str
    backends: tuple[BackendSpec, ...]


class PluginCatalog:
    """Looks plugins up. Safe to use from several threads; every call asks the package index anew."""

    def __init__(self, settings: PluginSettings) -> None:
        """Read the allow-list. Raises SettingsError where that can't be done."""
        self._allow_list = AllowList(settings)
        self._wheel_folder = settings.plugin_wheel_folder

    def describe(self, name: str) -> PluginDescription:
        """Find a plugin by its distribution's name. Blocks for at most 20 s; changes nothing.

        Raises InvalidRequest (no name of a distribution, or its wheel is no plugin), PermissionDenied (not in the
        allow-list, or not the wheel that is pinned there), NotFound (no such wheel) or Unavailable (the package index
        doesn't answer).
        """
        check_distribution(name)
        pin = self._allow_list.require(name)
        with tempfile.TemporaryDirectory(prefix="qserver-wheel-") as folder:
            wheel = self._download(name, pin, Path(folder))
            pin.check_wheel(wheel, name)
            return _describe(wheel, name)

    def _download(self, name: str, pin: Pin, folder: Path) -> Path:
        # A name found in our own folder is never looked for in an index, where a stranger may have taken it.
        is_ours = self._wheel_folder is not None and holds_wheel_of(self._wheel_folder, name)
        pip = pip_process.PipSession(timeout_seconds=DOWNLOAD_SECONDS)
        try:
            pip.download(pin.requirement(name), folder=folder, only_from=self._wheel_folder if is_ours else None)
        except pip_process.PackageMissing as error:
            raise NotFound(f"plugin {name!r} can't be found: {error.message}") from error
        except (pip_process.IndexUnavailable, pip_process.PipTimedOut) as error:
            raise Unavailable(f"plugin {name!r} can't be looked up: {error.message}") from error
        except pip_process.PipFailed as error:
            raise InvalidRequest(f"plugin {name!r} can't be downloaded: {error.message}") from error
        return next(folder.iterdir())


def _describe(wheel: Path, name: str) -> PluginDescription:
    wheel_name = WheelName.parse(wheel.name)
    if wheel_name is None or wheel_name.distribution != name:
        raise InvalidRequest(f"{wheel.name} is no wheel of {name}")
    plugin = FilePlugin(name=name, version=wheel_name.version, backend_names=read_backends(wheel, name))
    return PluginDescription(distribution=name, version=wheel_name.version, backends=tuple(plugin.backends()))
