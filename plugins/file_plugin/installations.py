"""Which file plugins a worker is to serve, and how far it is with each: decisions only, made under the owner's lock."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from qserver.plugins import FilePluginPin, InstallState, PluginInstallation

RETRY_SECONDS = 600.0
"""A plugin that could not be installed is tried again after this long: the package index may be back by then."""

INSTALLING = PluginInstallation(InstallState.INSTALLING)
READY = PluginInstallation(InstallState.READY)


@dataclass(frozen=True, slots=True)
class _Entry:
    pin: FilePluginPin
    installation: PluginInstallation
    due_seconds: float | None  # when to (try to) build it; None once it is ready


class Installations:
    """The plugins that are wanted. Not thread-safe: its owner has the lock. Times are of one monotonic clock."""

    def __init__(self) -> None:
        """Want nothing, and know that nobody has said so yet."""
        self._entries: dict[str, _Entry] = {}
        self.is_told = False  # until then nothing that lies on disk is unwanted

    def want(self, pins: Collection[FilePluginPin], ready: Collection[FilePluginPin], *, now: float) -> None:
        """Want exactly `pins`, of which `ready` are built already. What is known of the others stays as it is."""
        self.is_told = True
        known = {entry.pin: entry for entry in self._entries.values()}
        self._entries = {pin.name: known.get(pin) or _new_entry(pin, is_ready=pin in ready, now=now) for pin in pins}

    def pins(self) -> frozenset[FilePluginPin]:
        """Give what is wanted."""
        return frozenset(entry.pin for entry in self._entries.values())

    def due(self, *, now: float) -> FilePluginPin | None:
        """Give the plugin to build next: the one that has waited longest. None if none is due."""
        waiting = [(entry.due_seconds, entry.pin) for entry in self._entries.values() if entry.due_seconds is not None]
        due_seconds, pin = min(waiting, key=lambda pair: pair[0], default=(now, None))
        return pin if due_seconds <= now else None

    def seconds_until_due(self, *, now: float) -> float | None:
        """Tell how long nothing is due; None for ever."""
        times = [entry.due_seconds for entry in self._entries.values() if entry.due_seconds is not None]
        return max(0.0, min(times) - now) if times else None

    def succeed(self, pin: FilePluginPin) -> None:
        """Note that a plugin is ready. Without effect where it is no longer wanted."""
        self._update(pin, installation=READY, due_seconds=None)

    def fail(self, pin: FilePluginPin, message: str, *, now: float) -> None:
        """Note why a plugin can't be had. Without effect where it is no longer wanted."""
        failed = PluginInstallation(InstallState.FAILED, message)
        self._update(pin, installation=failed, due_seconds=now + RETRY_SECONDS)

    def report(self) -> Mapping[str, PluginInstallation]:
        """Map each wanted plugin's name to how far it is."""
        return {name: entry.installation for name, entry in self._entries.items()}

    def find(self, name: str) -> tuple[FilePluginPin, PluginInstallation] | None:
        """Give what is known of one plugin; None where it is not wanted."""
        entry = self._entries.get(name)
        return None if entry is None else (entry.pin, entry.installation)

    def _update(self, pin: FilePluginPin, *, installation: PluginInstallation, due_seconds: float | None) -> None:
        entry = self._entries.get(pin.name)
        if entry is not None and entry.pin == pin:
            self._entries[pin.name] = replace(entry, installation=installation, due_seconds=due_seconds)


def _new_entry(pin: FilePluginPin, *, is_ready: bool, now: float) -> _Entry:
    if is_ready:
        return _Entry(pin, READY, due_seconds=None)
    return _Entry(pin, INSTALLING, due_seconds=now)
