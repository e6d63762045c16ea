"""Which file plugins may be added, and what they bring: all that adding one needs to know, found without running it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from plugins.file_plugin import pip_process
from plugins.file_plugin.names import check_distribution, normalized
from plugins.file_plugin.plugin import FilePlugin
from plugins.file_plugin.wheel import WheelName, holds_wheel_of, read_backends
from qserver.errors import InvalidRequest, NotFound, PermissionDenied, Unavailable
from qserver.plugins import BackendSpec
from qserver.settings import PluginSettings

DOWNLOAD_SECONDS = 18.0  # of the 20 that adding a plugin may take
EVERY_NAME = "*"


@dataclass(frozen=True, slots=True)
class PluginDescription:
    """A plugin that can be added: `version` is the newest that the package index, or the folder of wheels, has."""

    distribution: str
    version: str
    backends: tuple[BackendSpec, ...]


class PluginCatalog:
    """Looks plugins up. Safe to use from several threads; every call asks the package index anew."""

    def __init__(self, settings: PluginSettings) -> None:
        """Remember the allow-list and the folder of wheels."""
        self._allowed = frozenset(normalized(name) for name in settings.plugin_allow_list)
        self._wheel_folder = settings.plugin_wheel_folder

    def describe(self, name: str) -> PluginDescription:
        """Find a plugin by its distribution's name. Blocks for at most 20 s; changes nothing.

        Raises InvalidRequest (no name of a distribution, or its wheel is no plugin), PermissionDenied (not in the
        allow-list), NotFound (no such wheel) or Unavailable (the package index doesn't answer).
        """
        check_distribution(name)
        self._check_allowed(name)
        with tempfile.TemporaryDirectory(prefix="qserver-wheel-") as folder:
            wheel = self._download(name, Path(folder))
            return _describe(wheel, name)

    def _check_allowed(self, name: str) -> None:
        if name not in self._allowed and EVERY_NAME not in self._allowed:
            names = ", ".join(sorted(self._allowed)) or "nothing"
            raise PermissionDenied(
                f"plugin {name!r} is not in the allow-list, which has {names} (QSERVER_PLUGIN_ALLOW_LIST)"
            )

    def _download(self, name: str, folder: Path) -> Path:
        # A name found in our own folder is never looked for in an index, where a stranger may have taken it.
        is_ours = self._wheel_folder is not None and holds_wheel_of(self._wheel_folder, name)
        pip = pip_process.PipSession(timeout_seconds=DOWNLOAD_SECONDS)
        try:
            pip.download(name, folder=folder, only_from=self._wheel_folder if is_ours else None)
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
