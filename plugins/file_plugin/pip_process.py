"""pip, run as a process that sees no secret of ours, can be killed, and ends when we do."""

import ensurepip
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from plugins.file_plugin import pip_output
from qserver.errors import QServerError, Reason

_TETHER = Path(__file__).with_name("tether.py")

_KEPT_VARIABLES = frozenset(
    {
        *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "NETRC", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        # Of pip's own only those that say where packages come from: others (PIP_TARGET, PIP_NO_BINARY, ...) would
        # change what is built.
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_PROXY"),
        *("PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_KEYRING_PROVIDER", "PIP_RETRIES", "PIP_TIMEOUT"),
        *("PIP_DEFAULT_TIMEOUT", "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR"),
    }
)
_ALWAYS = ("--quiet", "--no-input", "--disable-pip-version-check", "--only-binary=:all:")


class PipFailed(QServerError):  # noqa: N818 - reads as a claim, like the other errors
    """Pip gave up; the message is its last sentence."""

    default_reason = Reason.PLUGIN_UNAVAILABLE


class PackageMissing(PipFailed):
    """The package index has no wheel that fits."""


class IndexUnavailable(PipFailed):
    """No package index answered."""


class PipTimedOut(PipFailed):
    """The time was up."""


class PipKilled(PipFailed):
    """Somebody called `kill`."""


def clean_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Keep of our environment what finding packages needs, and so nothing that is a secret of the services."""
    return {name: value for name, value in environ.items() if name in _KEPT_VARIABLES}


class PipSession:
    """Calls of pip that share one time limit. `kill` may be called from any thread and ends them for good."""

    def __init__(self, *, timeout_seconds: float, environ: Mapping[str, str] | None = None) -> None:
        """Start the clock; `environ` is what the environment is taken from."""
        self._timeout_seconds = timeout_seconds
        self._ends_at = time.monotonic() + timeout_seconds
        self._environment = clean_environment(os.environ if environ is None else environ)
        self._guard = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_killed = False

    def download(self, requirement: str, *, folder: Path, only_from: Path | None = None) -> None:
        """Put the wheel of one requirement, without its dependencies, into `folder`. Raises PipFailed."""
        source = ("--no-index", f"--find-links={only_from}") if only_from else ()
        self._pip("download", *_ALWAYS, "--no-deps", *source, f"--dest={folder}", "--", requirement)

    def resolve(self, requirement: str, *, report: Path, find_links: Sequence[Path]) -> None:
        """Find all that a requirement needs on an empty environment, and write pip's report. Raises PipFailed."""
        options = ("--dry-run", "--ignore-installed", f"--report={report}")
        self._pip("install", *_ALWAYS, *options, *_links(find_links), "--", requirement)

    def make_environment(self, folder: Path) -> None:
        """Make an empty virtual environment of this interpreter. Raises PipFailed."""
        self._run([sys.executable, "-I", "-m", "venv", "--without-pip", os.fspath(folder)])

    def install(self, python: Path, *, lock: Path, find_links: Sequence[Path]) -> None:
        """Install exactly what a hashed lock lists into the environment of `python`. Raises PipFailed."""
        options = ("--require-hashes", "--no-deps", "--root-user-action=ignore", "--no-warn-script-location")
        self._pip(f"--python={python}", "install", *_ALWAYS, *options, *_links(find_links), f"--requirement={lock}")

    def kill(self) -> None:
        """End the call under way and refuse further ones."""
        with self._guard:
            self._is_killed = True
            if self._process is not None:
                _kill(self._process)

    def _pip(self, *arguments: str) -> None:
        self._run([*pip_command(), *arguments])

    def _run(self, command: Sequence[str]) -> None:
        process = self._start(command)
        try:
            output, _ = process.communicate(timeout=max(0.0, self._ends_at - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill(process)
            raise PipTimedOut(f"took longer than {self._timeout_seconds:g} s") from None
        finally:
            process.communicate()  # after a kill: reap it
            with self._guard:
                self._process = None
        self._check(process.returncode, output)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        with self._guard:
            if self._is_killed:
                raise PipKilled("was stopped")
            self._process = subprocess.Popen(  # noqa: S603 - names and versions in it have been checked
                [sys.executable, "-I", os.fspath(_TETHER), str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=dict(self._environment),
                start_new_session=True,
            )
            return self._process

    def _check(self, status: int, output: str) -> None:
        if status == 0:
            return
        if self._is_killed:
            raise PipKilled("was stopped")
        if pip_output.is_index_silent(output):
            raise IndexUnavailable("the package index doesn't answer")
        sentence = pip_output.sentence_of(output)
        raise PackageMissing(sentence) if pip_output.is_missing(output) else PipFailed(sentence)


def pip_command() -> Sequence[str]:
    """Give the command that is pip: the one beside us, else the copy that Python carries for new environments.

    Raises PipFailed where there is neither.
    """
    if find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    folder = Path(ensurepip.__file__).with_name("_bundled")
    wheels = sorted(folder.glob("pip-*.whl")) if folder.is_dir() else []
    if not wheels:
        raise PipFailed("this Python has no pip: install pip beside the service")
    return [sys.executable, "-I", os.fspath(wheels[-1] / "pip")]


def _links(folders: Sequence[Path]) -> Sequence[str]:
    return [f"--find-links={folder}" for folder in folders]


def _kill(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:  # not reaped, so the number still is its own
        os.killpg(process.pid, signal.SIGKILL)
