"""Keys that `qserver login` keeps for this user, a server each, in a file that nobody else can read."""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qserver.errors import SettingsError

_OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO


def default_key_file(environment: Mapping[str, str]) -> Path:
    """Say where the file is: $XDG_CONFIG_HOME/qserver/keys.json, or ~/.config/qserver/keys.json."""
    folder = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(folder).expanduser() / "qserver" / "keys.json"


@dataclass(frozen=True, slots=True)
class Login:
    """How to get into a server: by which key (empty where it asks for none), trusting which authority's file."""

    key: str = field(default="", repr=False)
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The file; it need not exist. The server that was logged in to last stands first."""

    path: Path

    def last_server(self) -> str | None:
        """Give the URL that was logged in to last; None where none was."""
        return next(iter(self._read()), None)

    def login_of(self, url: str) -> Login:
        """Give how to get into a server; an empty login where it isn't known."""
        return self._read().get(url, Login())

    def keep(self, url: str, login: Login) -> None:
        """Keep a server's login, and make that server the one meant where none is named."""
        self._write({url: login, **{known: value for known, value in self._read().items() if known != url}})

    def forget(self, url: str) -> bool:
        """Remove a server. Gives whether it was there."""
        known = self._read()
        if url not in known:
            return False
        self._write({each: login for each, login in known.items() if each != url})
        return True

    def _read(self) -> dict[str, Login]:
        """Give logins by URL. Raises SettingsError where the file is not ours alone or no such document."""
        try:
            self._check_mode(self.path.stat().st_mode)
            return {url: _login(each) for url, each in json.loads(self.path.read_bytes())["servers"].items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(f"can't read {self.path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{self.path} is damaged: remove it and log in again") from error

    def _check_mode(self, mode: int) -> None:
        if os.name == "posix" and mode & _OTHERS_MAY_READ:
            raise SettingsError(f"{self.path} holds keys and others may read it: chmod 600 {self.path}")

    def _write(self, logins: Mapping[str, Login]) -> None:
        """Put a whole new file in the place of the old one: never half of one, and never readable by others."""
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump({"servers": {url: asdict(login) for url, login in logins.items()}}, file, indent=2)
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise SettingsError(f"can't write {self.path}: {error.strerror}") from error


def _login(document: Mapping[str, object]) -> Login:
    match document:
        case {"key": str(key), "ca": str() | None as ca}:
            return Login(key, ca)
        case _:
            raise ValueError("no login")
