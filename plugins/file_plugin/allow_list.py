"""Which plugins an administrator has allowed, and how exactly: by name, version, hash of the wheel, or a complete lock.

    aer-plugin                                          whatever is newest
    aer-plugin==0.0.2                                   this version
    aer-plugin==0.0.2 --hash=sha256:2234f7...           this very wheel; several hashes where there are several wheels
    *                                                   every name

A folder of locks goes further: `aer-plugin.txt` lists every wheel of the plugin's environment with its hashes, in pip's
form. With such a folder, what has no lock in it is refused.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugins.file_plugin.names import check_distribution, is_version, normalized
from qserver.errors import InvalidRequest, PermissionDenied, SettingsError
from qserver.settings import PluginSettings

EVERY_NAME = "*"

_ENTRY = re.compile(r"([A-Za-z0-9._-]+)(?:==([A-Za-z0-9.!+]+))?((?:\s+--hash=sha256:[0-9a-f]{64})*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LINE_GOES_ON = re.compile(r"\s*\\\n\s*")
_MAX_LOCK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pin:
    """How exactly a plugin is allowed. None and nothing leave it open."""

    version: str | None = None
    sha256s: frozenset[str] = frozenset()  # of its own wheels
    lock: Path | None = None

    def requirement(self, name: str) -> str:
        """Say in pip's words what to fetch."""
        return name if self.version is None else f"{name}=={self.version}"

    def check_wheel(self, wheel: Path, name: str) -> None:
        """Raise PermissionDenied unless the wheel has an allowed hash."""
        if not self.sha256s:
            return
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found not in self.sha256s:
            raise PermissionDenied(
                f"{wheel.name} has the SHA-256 {found}; {name} is pinned to another (QSERVER_PLUGIN_ALLOW_LIST, "
                "QSERVER_PLUGIN_LOCK_FOLDER)"
            )


class AllowList:
    """The plugins that may be added. Locks are read when they are asked for, so that one may be put there any time."""

    def __init__(self, settings: PluginSettings) -> None:
        """Read the entries. Raises SettingsError naming one that can't be read."""
        self._pins = _pins(settings.plugin_allow_list)
        folder = settings.plugin_lock_folder
        self._lock_folder = folder.expanduser() if folder else None

    def require(self, name: str) -> Pin:
        """Tell how exactly a plugin is allowed.

        Raises PermissionDenied where it isn't, has no lock where there must be one, or is pinned to two versions.
        """
        pin = self._pins.get(name) or self._pins.get(EVERY_NAME)
        if pin is None:
            names = ", ".join(sorted(self._pins)) or "nothing"
            raise PermissionDenied(
                f"plugin {name!r} is not in the allow-list, which has {names} (QSERVER_PLUGIN_ALLOW_LIST)"
            )
        return pin if self._lock_folder is None else _locked(pin, name, self._lock_folder / f"{name}.txt")

    def pin_of(self, name: str, version: str) -> Pin:
        """Tell how exactly a plugin that was added before is to be built: what is not listed (any more) is open.

        Raises PermissionDenied where it has no lock where there must be one, or its version isn't the pinned one.
        """
        pin = self._pins.get(name) or Pin()
        if self._lock_folder is not None:
            pin = _locked(pin, name, self._lock_folder / f"{name}.txt")
        if pin.version not in {None, version}:
            raise PermissionDenied(
                f"{name} {version} is no longer allowed, {pin.version} is: delete it and add it again"
            )
        return pin


def _pins(entries: Iterable[str]) -> Mapping[str, Pin]:
    found: dict[str, Pin] = {}
    for name, pin in map(_read_entry, entries):
        if name in found:
            raise SettingsError(f"QSERVER_PLUGIN_ALLOW_LIST: {name} stands there twice")
        found[name] = pin
    return found


def _read_entry(entry: str) -> tuple[str, Pin]:
    if entry == EVERY_NAME:
        return EVERY_NAME, Pin()
    found = _ENTRY.fullmatch(entry)
    name, version, hashes = found.groups() if found else (entry, None, "")
    try:
        check_distribution(normalized(name))
    except InvalidRequest as error:
        raise SettingsError(f"QSERVER_PLUGIN_ALLOW_LIST: {error.message}") from error
    if hashes and version is None:
        raise SettingsError(f"QSERVER_PLUGIN_ALLOW_LIST: {entry!r} has a hash and no version: name==version --hash=...")
    return normalized(name), Pin(version, frozenset(_HASH.findall(hashes)))


def _locked(pin: Pin, name: str, lock: Path) -> Pin:
    version, sha256s = _read_lock(lock, name)
    if pin.version not in {None, version}:
        raise PermissionDenied(f"QSERVER_PLUGIN_ALLOW_LIST pins {name} to {pin.version}, the lock {lock} to {version}")
    both = sha256s & pin.sha256s if pin.sha256s else sha256s
    if not both:
        raise PermissionDenied(f"{lock} and QSERVER_PLUGIN_ALLOW_LIST have no wheel of {name} in common")
    return replace(pin, version=version, sha256s=both, lock=lock)


def _read_lock(lock: Path, name: str) -> tuple[str, frozenset[str]]:
    """Find the plugin itself in its lock."""
    try:
        with lock.open(encoding="utf-8") as file:
            text = file.read(_MAX_LOCK_BYTES)
    except FileNotFoundError:
        raise PermissionDenied(f"plugin {name!r} has no lock {lock} (QSERVER_PLUGIN_LOCK_FOLDER)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PermissionDenied(f"the lock {lock} can't be read: {error}") from error
    for line in lock_lines(text):
        found, _, rest = line.partition("==")
        version = re.split(r"[\s;]", rest, maxsplit=1)[0]
        if normalized(found.partition("[")[0].strip()) == name and is_version(version):
            return version, frozenset(_HASH.findall(rest))
    raise PermissionDenied(f"the lock {lock} doesn't name {name}==version")


def lock_lines(text: str) -> Sequence[str]:
    """Give a lock's requirements, each in one line."""
    lines = (line.strip() for line in _LINE_GOES_ON.sub(" ", text).splitlines())
    return [line for line in lines if line and not line.startswith("#")]
