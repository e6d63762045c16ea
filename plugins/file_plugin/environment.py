"""The environment of one file plugin: a virtual environment of wheels, each checked against a complete hashed lock.

Ready means that its marker is there, and the marker is written last: what a crash leaves half-built is built anew.
Nothing that came with a plugin is run while building: wheels have no build step, and the environment's own interpreter
is never started once packages are in it (a `.pth` file would run), except inside the sandbox.
"""

import json
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugins.file_plugin.allow_list import Pin
from plugins.file_plugin.lock import lock_of
from plugins.file_plugin.pip_process import PackageMissing, PipSession
from plugins.file_plugin.wheel import holds_wheel_of
from qserver.plugin_folder import MARKER_NAME
from qserver.plugins import FilePluginPin

LOCK_NAME = "requirements.txt"


@dataclass(frozen=True, slots=True)
class Environment:
    """A plugin's environment in `folder`, whether it is there yet or not."""

    pin: FilePluginPin
    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter that runs the plugin."""
        return self.folder / "bin" / "python"

    @property
    def is_ready(self) -> bool:
        """Whether it was built to the end, with the Python that we run on."""
        try:
            marker: object = json.loads((self.folder / MARKER_NAME).read_bytes())
        except (OSError, ValueError):
            return False
        return marker == _marker(self.pin) and self.python.exists()

    def build(self, pip: PipSession, allowed: Pin, *, wheel_folder: Path | None) -> None:
        """Build it in its folder, which must not exist, of what is allowed.

        Raises PipFailed, PermissionDenied or OSError; what is left then is not ready.
        """
        pip.make_environment(self.folder)
        downloads = self.folder / "download"
        links = [wheel_folder.expanduser()] if wheel_folder else []
        lock = self.folder / LOCK_NAME
        if allowed.lock is not None:
            shutil.copyfile(allowed.lock, lock)
        else:
            wheel = fetch_wheel(pip, f"{self.pin.name}=={self.pin.version}", downloads, wheel_folder)
            allowed.check_wheel(wheel, self.pin.name)
            lock.write_text(resolved_lock(pip, wheel, find_links=links), encoding="utf-8")
            links = [downloads, *links]
        pip.install(self.python, lock=lock, find_links=links)
        shutil.rmtree(downloads, ignore_errors=True)
        self._mark()

    def _mark(self) -> None:
        half_written = self.folder / f"{MARKER_NAME}.new"
        with half_written.open("w", encoding="utf-8") as file:
            json.dump(_marker(self.pin), file)
            file.flush()
            os.fsync(file.fileno())
        half_written.replace(self.folder / MARKER_NAME)


def fetch_wheel(pip: PipSession, requirement: str, folder: Path, wheel_folder: Path | None) -> Path:
    """Put the wheel of `name` or `name==version` into a folder. Raises PipFailed."""
    # As in the catalog: a name found in our own folder is never looked for in an index.
    is_ours = wheel_folder is not None and holds_wheel_of(wheel_folder, requirement.partition("==")[0])
    pip.download(requirement, folder=folder, only_from=wheel_folder if is_ours else None)
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise PackageMissing(f"pip gave no wheel of {requirement}")
    return wheel


def resolved_lock(pip: PipSession, wheel: Path, *, find_links: Sequence[Path]) -> str:
    """Have pip find all that a wheel requires, and give it as a lock. Raises PipFailed."""
    report = wheel.with_name("report.json")
    pip.resolve(os.fspath(wheel), report=report, find_links=find_links)
    return lock_of(report.read_text(encoding="utf-8"))


def _marker(pin: FilePluginPin) -> object:
    return {"name": pin.name, "version": pin.version, "python": platform.python_version()}
